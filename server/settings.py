"""Every setting, each an environment variable `VITRUVIAN_<NAME>`. Only app.py and __main__.py read them."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
_TOKEN_CHARACTERS = 24
_BASE_URL = re.compile(r"https?://[\w.\-:\[\]]+(?:/[^\s\"'<>?#]*)?")


class Settings(BaseSettings):
    """The defaults serve the demo: loopback, an embedded database, the demo plan."""

    model_config = SettingsConfigDict(env_prefix="VITRUVIAN_", extra="ignore")

    authentication: bool = Field(
        default=False,
        description="Callers must show who they are. Without it: loopback only, and every caller sees all.",
    )
    host: str = Field(
        "127.0.0.1", description="Address to listen on. Others than loopback need authentication and TLS."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    base_url: str = Field("", description="Public URL of this server, as partners see it. Default: http://HOST:PORT.")
    tls_certificate: Path | None = Field(None, description="PEM file of the certificate chain; with it, TLS is spoken.")
    tls_key: Path | None = Field(None, description="PEM file of the certificate's private key.")
    database_url: str = Field(
        "sqlite:///var/vitruvian.db", description="`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`."
    )
    redis_url: str = Field(
        "", description="`redis://HOST:PORT/0`, shared by several servers on one database; a single one needs none."
    )
    plan: Path = Field(ROOT / "cql/plans/vitruvian-demo.toml", description="The plan file: payer, members, catalogue.")
    sandbox: Path | None = Field(
        None, description="File of members whose answers are scripted, for partners' tests; with a database of its own."
    )
    policies: Path = Field(ROOT / "cql", description="Folder of policy folders.")
    questionnaires: Path = Field(ROOT / "questionnaires", description="Folder of form folders.")
    engine_script: Path = Field(ROOT / "build/cql-engine.js", description="The CQL engine, built by `make setup`.")
    isolates: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1), ge=1, description="CQL engines in parallel; one per core."
    )
    cql_timeout_seconds: float = Field(
        2.0, gt=0, allow_inf_nan=False, description="After this an evaluation is stopped and a person looks."
    )
    cql_memory_mb: int = Field(512, ge=128, description="Memory limit of one CQL engine.")
    max_body_bytes: int = Field(10 * 2**20, ge=1024, description="Larger requests are refused with 413.")
    metrics_token: SecretStr | None = Field(
        None,
        description="What is sent to `/metrics` as `Authorization: Bearer TOKEN`. Without one, it answers only while "
        "authentication is off.",
    )
    log_level: str = Field("info", description="debug, info, warning or error.")
    log_json: bool = Field(default=False, description="One JSON object a line, for a log collector.")

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, url: str) -> str:
        if url and not _BASE_URL.fullmatch(url):
            raise ValueError("this is no address; write http://HOST or https://HOST, with a port or a path if need be.")
        return url

    @field_validator("metrics_token")
    @classmethod
    def _hard_to_guess(cls, token: SecretStr | None) -> SecretStr | None:
        if token and len(token.get_secret_value()) < _TOKEN_CHARACTERS:
            raise ValueError(f"it is too short to be a secret; use {_TOKEN_CHARACTERS} random characters or more.")
        return token

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.lower() not in {"debug", "info", "warning", "error"}:
            raise ValueError(f"{level} is no log level; use debug, info, warning or error.")
        return level.lower()

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("set both VITRUVIAN_TLS_CERTIFICATE and VITRUVIAN_TLS_KEY to speak TLS, or neither.")
        for file in (self.tls_certificate, self.tls_key):
            if file and not file.is_file():
                raise ValueError(f"{file} is not there; name the PEM files of the certificate and its key.")
        return self

    @model_validator(mode="after")
    def _default_base_url(self) -> Self:
        scheme = "https" if self.tls_certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.base_url = (self.base_url or f"{scheme}://{host}:{self.port}").rstrip("/")
        return self

    @model_validator(mode="after")
    def _safe_outside(self) -> Self:
        """After the default of the base URL: it says whether partners come by TLS, ours or a proxy's."""
        if self.host == "localhost" or _is_loopback(self.host):
            return self
        outside = f"VITRUVIAN_HOST: {self.host} is reachable from outside"
        if not self.authentication:
            raise ValueError(
                f"{outside}, and callers are not authenticated. Set VITRUVIAN_AUTHENTICATION=true and register "
                "clients, or use 127.0.0.1, ::1 or localhost, and let a proxy that does authenticate forward to it."
            )
        if not self.base_url.startswith("https://") or _is_anywhere(self.base_url):
            raise ValueError(
                f"{outside}, so partners must come by TLS. Set VITRUVIAN_BASE_URL to the https address that they call, "
                "and VITRUVIAN_TLS_CERTIFICATE and VITRUVIAN_TLS_KEY unless a proxy in front speaks TLS."
            )
        if self.plan == type(self).model_fields["plan"].default:
            raise ValueError(
                f"{outside}, and the demo plan's reviewers have passwords that anybody can read. Set VITRUVIAN_PLAN to "
                "a plan file of your own."
            )
        return self


def _is_anywhere(url: str) -> bool:
    """Whether an address names every interface, which nobody can call."""
    host = re.sub(r":\d+$", "", url.partition("://")[2].partition("/")[0])
    return host in ("0.0.0.0", "[::]")  # noqa: S104 - compared, not bound


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
