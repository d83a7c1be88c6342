"""`add-client`, `remove-client`, `doctor`: a client comes and goes, and whoever runs it learns why it is not let in."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import structlog
from pydantic import ValidationError

from server.__main__ import main
from server.policy.plan_file import load_plan
from server.settings import ROOT, Settings
from tests import made_up
from tests.clients import CLINIC, OTHER, System, ec_key, key_set, plan_with, publishing, rsa_key
from tests.serving import serving

Run = Callable[..., tuple[int, str, str]]
SYSTEM = System("added", CLINIC, rsa_key("added-1"))
LISTED = System("listed", OTHER, ec_key("listed-1"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs a command over one record and a plan with one client. Gives the exit code, stdout and stderr."""
    before = [(s, signal.getsignal(s)) for s in (signal.SIGTERM, signal.SIGINT)]
    settings = {"database_url": f"sqlite:///{tmp_path}/r.db", "plan": plan_with(tmp_path, LISTED)}
    (tmp_path / "keys.json").write_text(json.dumps(key_set(SYSTEM.key)))

    def command(*arguments: str, **changes: object) -> tuple[int, str, str]:
        for name, value in {**settings, **changes}.items():
            monkeypatch.setenv(f"VITRUVIAN_{name.upper()}", str(value))
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    yield command
    structlog.reset_defaults()
    for number, handler in before:
        signal.signal(number, handler)


def add(folder: Path, *more: str, name: str = "added") -> list[str]:
    keys = ["--keys", str(folder / "keys.json")]
    usual = ["--name", "An EHR", "--npi", CLINIC, *keys, "--hooks", "--scopes", "system/Questionnaire.rs"]
    return ["add-client", name, *usual, *more]


def test_a_client_comes_and_goes(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that runs lets it in, tells why it did not, and keeps it out again; others are not touched."""
    monkeypatch.setattr("server.auth.registry.EVERY", 0.0)  # the server looks at once
    monkeypatch.setattr("server.auth.access_token.SEEN", timedelta())
    folders = {**made_up.folders(tmp_path), "authentication": True, "plan": plan_with(tmp_path, LISTED)}
    with serving(f"sqlite:///{tmp_path}/r.db", settings=folders) as url:
        form = f"{url}/auth/token"

        def token() -> httpx.Response:
            return httpx.post(form, data=SYSTEM.form(form, "system/Questionnaire.rs"))

        assert token().status_code == 401
        code, said, _ = run(*add(tmp_path), base_url=url, authentication="true")
        assert (code, "within ten seconds" in said) == (0, True)
        got = token()
        assert got.status_code == 200
        headers = {"authorization": f"Bearer {got.json()['access_token']}"}
        assert httpx.get(f"{url}/fhir/2.2/Questionnaire", headers=headers).status_code == 200
        stale = httpx.post(form, data=SYSTEM.form(form + "/"))
        assert stale.status_code == 401
        code, said, _ = run("doctor", "added", base_url=url, authentication="true")
        assert code == 0
        assert "added (An EHR), added by add-client" in said
        assert f"organizations: {CLINIC}" in said
        assert f"aud {form}" in said
        assert "keys given: added-1 (RS384)" in said
        assert "/auth/token: The audience (aud) is not the address that was called, letter for letter." in said
        assert "off" not in said
        code, said, _ = run("remove-client", "added", base_url=url, authentication="true")
        assert (code, "can no longer call" in said) == (0, True)
        assert token().status_code == 401
        assert httpx.get(f"{url}/fhir/2.2/Questionnaire", headers=headers).status_code == 401
        assert httpx.post(form, data=LISTED.form(form)).status_code == 200


def test_the_doctor_looks_at_everybody(tmp_path: Path, run: Run) -> None:
    """Each client with its keys, as they can be had now; what is wrong with a key; and that nothing is looked at."""
    with publishing(rsa_key("far-1"), rsa_key("far-2", 1024)) as place:
        assert run(*add(tmp_path, "--jwks-url", place.url, "--jwks-url", "https://127.0.0.1:1/none"))[0] == 0
        code, said, _ = run("doctor")
    assert code == 0
    assert said.startswith("Authentication is off here")
    assert "listed (A system), of the plan file" in said
    assert "keys given: listed-1 (ES384)" in said
    assert f"keys at {place.url}: far-1 (RS384); far-2 has 1024 bits; RSA keys have 2048 to 8192" in said
    assert "keys at https://127.0.0.1:1/none: cannot be had" in said
    assert said.endswith("Nobody known\n  refused lately: nothing\n")


def test_the_doctor_knows_no_stranger(run: Run) -> None:
    """A name that is nobody's is said to be so."""
    assert run("doctor", "stranger") == (1, "", "No client is called stranger; `doctor` without a name lists all.\n")
    code, _, said = run("remove-client", "listed")
    assert (code, "removed there" in said) == (1, True)


WRONG: dict[str, tuple[list[str], str]] = {
    "an id that is none": (["--name", "x"], "is no id"),
    "no organization": (["--npi", "12"], "is no NPI"),
    "a scope of a person": (["--scopes", "user/Claim.read"], '"user/Claim.read" is no scope'),
    "an algorithm": (["--algorithm", "HS256"], "RS384"),
    "an address": (["--jwks-url", "ftp://x"], "is no address"),
    "no key file": (["--keys", "{folder}/none.json"], "cannot be read"),
    "a file without keys": (["--keys", "{folder}/none-in-it.json"], "is no JSON Web Key Set"),
    "a private key": (["--keys", "{folder}/private.json"], "holds a private or a shared key"),
    "a key too short": (["--keys", "{folder}/short.json"], "has 1024 bits"),
    "the issuer of another": (["--issuer", "listed"], "is another client's, or its issuer is"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_added_is_named(tmp_path: Path, run: Run, wrong: str) -> None:
    """In a line that says what mends it; nobody is added."""
    (tmp_path / "none-in-it.json").write_text("[]")
    (tmp_path / "private.json").write_text(json.dumps({"keys": [{**SYSTEM.key.jwk(), "d": "AQAB"}]}))
    (tmp_path / "short.json").write_text(json.dumps(key_set(rsa_key("short", 1024))))
    more, said = WRONG[wrong]
    name = "x y" if wrong.startswith("an id") else "added"
    code, _, words = run(*add(tmp_path, *(m.format(folder=tmp_path) for m in more), name=name))
    assert (code, said in words) == (1, True), words
    assert run("doctor", name)[0] == 1


def test_a_client_of_the_plan_is_changed_there(tmp_path: Path, run: Run) -> None:
    """The record shadows nobody of the file."""
    code, _, words = run(*add(tmp_path, name="listed"))
    assert (code, "is another client's" in words) == (1, True)


OUTSIDE: dict[str, tuple[dict[str, object], str]] = {
    "without authentication": ({}, "VITRUVIAN_AUTHENTICATION=true"),
    "without TLS": ({"authentication": True, "base_url": "http://payer.example"}, "partners must come by TLS"),
    "at no address": ({"authentication": True}, "partners must come by TLS"),
    "as nobody can call it": ({"authentication": True, "base_url": "https://0.0.0.0:443"}, "partners must come by TLS"),
    "with the demo's passwords": (
        {"authentication": True, "base_url": "https://payer.example"},
        "passwords that anybody can read",
    ),
}


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "payer.example"])  # noqa: S104 - refused
def test_an_address_that_others_reach_must_be_safe(host: str, name: str) -> None:
    """What is missing is said, with the setting that mends it."""
    settings, said = OUTSIDE[name]
    with pytest.raises(ValidationError, match=said) as refused:
        Settings.model_validate({"host": host, **settings})
    assert f"VITRUVIAN_HOST: {host} is reachable from outside" in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_loopback_needs_nothing(host: str) -> None:
    """`make run` is as it was; and authentication may be tried there."""
    assert not Settings.model_validate({"host": host}).authentication
    assert Settings.model_validate({"host": host, "authentication": "true"}).authentication


def test_a_server_for_others_may_be_had() -> None:
    """With authentication, an https address, and a plan of its own."""
    wanted = {"host": "0.0.0.0", "authentication": True, "base_url": "https://payer.example", "plan": "mine.toml"}  # noqa: S104
    assert Settings.model_validate(wanted).host == wanted["host"]


def test_the_demo_plan_lists_no_client(tmp_path: Path) -> None:
    """Nobody is let in who was not registered; the table that it shows in a comment is one that loads."""
    demo = ROOT / "cql/plans/vitruvian-demo.toml"
    assert load_plan(demo).registered == ()
    shown = re.findall(r"^# (\[\[client\]\]|\w+ = .*)$", demo.read_text(encoding="utf-8"), re.MULTILINE)
    (client,) = load_plan(plan_with(tmp_path, text="\n" + "\n".join(shown))).registered
    assert (client.id, client.hooks, len(client.scopes)) == ("good-clinic", True, 4)
