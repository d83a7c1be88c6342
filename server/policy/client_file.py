"""[[client]] of a plan file: the systems that may call. `python -m server add-client` keeps to the same rules."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from server.policy.client import Client
from server.policy.client_key import PublicKey, public_key
from server.policy.scope import read_scope
from server.policy.toml_file import Count, Flag, Npi, Said, Shape, Some, Text, TomlTable, twice

ClientId = Annotated[
    Text, Shape(r"[A-Za-z0-9][A-Za-z0-9._\-]{1,99}", "is no id; use letters, digits, dots, hyphens, 2 to 100 of them")
]
_Algorithm = Literal["RS384", "ES384", "RS256"]
_USUAL: tuple[_Algorithm, ...] = ("RS384", "ES384")
_Issuer = Annotated[Text, Shape(r"[!-~]{1,300}", "is no issuer; it has at most 300 characters and no blanks")]
_Url = Annotated[Text, Shape(r"https?://[!-~]{1,1900}", "is no address; write https://HOST/PATH")]


class KeyTable(TomlTable):
    """A public key, as JSON Web Keys have it."""

    kid: Text = Field(description="The name that tokens give it.")
    kty: Literal["RSA", "EC"]
    alg: Text | None = Field(None, description="The one algorithm that it is used with.")
    use: Text | None = Field(None, description="sig, if anything.")
    n: Text | None = Field(None, description="RSA: the modulus.")
    e: Text | None = Field(None, description="RSA: the exponent.")
    crv: Text | None = Field(None, description="EC: P-384.")
    x: Text | None = None
    y: Text | None = None

    def contradictions(self) -> Said:
        found = self.key()
        if isinstance(found, str):
            yield "kid", f'the key "{self.kid}" {found}'

    def key(self) -> PublicKey | str:
        return public_key(self.model_dump(exclude_none=True))


class ClientTable(TomlTable):
    """A system that may call."""

    id: ClientId = Field(description="What its tokens at the token endpoint are issued by: iss and sub.")
    name: Text = Field(description="What people call it.")
    npis: Some[Npi] = Field(description="The organizations it speaks for; it sees their requests, and no others.")
    issuer: _Issuer | None = Field(None, description="iss of its hook calls; without it, its id.")
    jwks_urls: tuple[_Url, ...] = Field((), description="Where its keys are; the values of jku that are followed.")
    key: tuple[KeyTable, ...] = Field((), description="Its public keys, where they are not to be fetched.")
    algorithms: Some[_Algorithm] = Field(_USUAL, description="What it may sign with.")
    hooks: Flag = Field(default=False, description="true: it may call the CDS services.")
    scopes: tuple[Text, ...] = Field((), description="What it may ask for at the token endpoint.")
    per_minute: Count = Field(600, description="The most requests in a minute; more are refused with 429.")
    max_body_bytes: Count | None = Field(None, description="Its larger requests are refused with 413.")

    def contradictions(self) -> Said:
        if self.id == "loopback":
            yield "id", "is what callers are called without authentication; take another"
        if not self.jwks_urls and not self.key:
            yield "jwks_urls", "must be given, or a [[client.key]]: its signatures are checked with them"
        if not self.hooks and not self.scopes:
            yield "scopes", "must be given, or hooks = true: a client that may do nothing needs no entry"
        for scope in self.scopes:
            if read_scope(scope) is None:
                yield "scopes", f'"{scope}" is no scope; write system/Claim.crs or system/Claim.read'
        for kid in twice(k.kid for k in self.key):
            yield "key", f'two keys are named "{kid}"; leave one'

    def client(self) -> Client:
        return Client(
            id=self.id,
            name=self.name,
            npis=frozenset(self.npis),
            issuer=self.issuer or self.id,
            jwks_urls=self.jwks_urls,
            keys=tuple(found for k in self.key if isinstance(found := k.key(), PublicKey)),
            algorithms=frozenset(self.algorithms),
            hooks=self.hooks,
            scopes=self.scopes,
            per_minute=self.per_minute,
            max_body_bytes=self.max_body_bytes,
        )


def client_of(table: Mapping[str, Any]) -> Client:
    """The client of a table that was checked before it was kept, as JSON."""
    return ClientTable.model_validate(dict(table)).client()


def clashes(clients: Iterable[ClientTable]) -> Said:
    """Clients that could be taken for each other."""
    listed = list(clients)
    for id_ in twice(c.id for c in listed):
        yield f"client {id_}", "stands twice; leave one"
    for issuer in twice(c.issuer or c.id for c in listed):
        yield "client", f'two have the issuer "{issuer}"; hook calls could not be told apart'
