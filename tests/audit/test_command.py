"""verify-audit and export-audit on the command line, on both databases."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from sqlalchemy import create_engine, text

from server.__main__ import main
from server.store.sql import open_store
from tests.requests.cases import opening

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; gives the exit code, stdout and stderr."""
    monkeypatch.setenv("VITRUVIAN_DATABASE_URL", database_url)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def ids(database_url: str) -> list[str]:
    """A record of two decisions and three reads; the ids of its cases."""
    store = open_store(database_url)
    opened = [str(store.append(opening())) for _ in range(2)]
    store.audit("read", [*opened, opened[0]], {"by": "read", "caller": "clinic"})
    store.close()
    return opened


def tamper(url: str, *statements: str) -> None:
    """What someone does who may write to the database."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.mark.usefixtures("ids")
def test_a_whole_record_is_whole_and_its_head_can_be_given_back(run: Run) -> None:
    """Exit code 0, the number of rows, and a head that verifies."""
    code, out, _ = run("verify-audit")
    said, head = out.splitlines()
    assert (code, said) == (0, "5 audit rows, 0 problems")
    assert run("verify-audit", "--head", head.removeprefix("head: "))[:2] == (0, out)


COPY = "SELECT chain, {number}, at, event, subject, detail, hash FROM audit WHERE number = 2"
TAMPERED = {
    "changed": (["UPDATE audit SET detail = '{}' WHERE number = 2"], "Chain 0, row 2 (decision of "),
    "missing": (["DELETE FROM audit WHERE number = 3"], "Chain 0: row 3 is missing.\n"),
    "cut off": (
        ["DELETE FROM audit WHERE number > 3"],
        "Chain 0: its end is cut off; it has 3 rows, and its head says 5.",
    ),
    "inserted": (
        [f"INSERT INTO audit {COPY.format(number=6)}"],
        "Chain 0, row 6 (decision of ",
    ),
    "reordered": (
        [
            "UPDATE audit SET number = 99 WHERE number = 2",
            "UPDATE audit SET number = 2 WHERE number = 3",
            "UPDATE audit SET number = 3 WHERE number = 99",
        ],
        "Chain 0, row 2 (read of ",
    ),
    "emptied": (["DELETE FROM audit"], "Chain 0: its end is cut off; it has 0 rows, and its head says 5."),
    "head moved": (["UPDATE audit_head SET number = 4 WHERE chain = 0"], "Chain 0: rows after 4 were inserted"),
}


@pytest.mark.usefixtures("ids")
@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_done_to_the_rows_is_said(run: Run, database_url: str, how: str) -> None:
    """Exit code 1, which row and what in words, and no head that one might keep."""
    statements, words = TAMPERED[how]
    tamper(database_url, *statements)
    code, out, _ = run("verify-audit")
    assert code == 1
    assert out.startswith(words)
    assert "head: " not in out


@pytest.mark.usefixtures("ids")
def test_a_tail_cut_off_with_its_head_is_seen_by_a_kept_head(run: Run, database_url: str) -> None:
    """The chain alone looks whole."""
    head = run("verify-audit")[1].splitlines()[1].removeprefix("head: ")
    back = "UPDATE audit_head SET number = 4, hash = (SELECT hash FROM audit WHERE number = 4) WHERE chain = 0"
    tamper(database_url, back, "DELETE FROM audit WHERE number = 5")
    assert run("verify-audit")[0] == 0
    code, out, _ = run("verify-audit", "--head", head)
    assert code == 1
    assert out.startswith("Chain 0: row 5, of which a head was kept, is missing.\n")


@pytest.mark.usefixtures("ids")
def test_many_problems_are_not_all_printed(run: Run, database_url: str) -> None:
    """A hundred lines, and how many more."""
    store = open_store(database_url)
    store.audit("read", ["x"] * 200, {"caller": "clinic"})
    store.close()
    tamper(database_url, "UPDATE audit SET detail = '{}'")
    code, out, _ = run("verify-audit")
    assert code == 1
    assert out.splitlines()[100:] == ["and 105 problems more.", "205 audit rows, 205 problems"]


def test_what_cannot_be_verified_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No head, no such database, or one that no server has opened: one line, exit code 1, and nothing made."""
    code, _, err = run("verify-audit", "--head", "nonsense")
    assert (code, err) == (1, "--head is no head; give back what `verify-audit` printed after `head:`.\n")
    code, _, err = run("verify-audit")
    assert code == 1
    assert len(err.splitlines()) == 1
    monkeypatch.setenv("VITRUVIAN_DATABASE_URL", f"sqlite:///{tmp_path}/none/r.db")
    code, _, err = run("export-audit")
    assert code == 1
    assert "cannot be opened" in err
    assert list(tmp_path.iterdir()) == []


def test_the_rows_are_exported(run: Run, ids: list[str], tmp_path: Path) -> None:
    """A resource a line, to standard output or to a file."""
    code, out, _ = run("export-audit")
    events = [orjson.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [e["resourceType"] for e in events] == ["AuditEvent"] * 5
    assert [e["entity"][0]["what"]["reference"] for e in events] == [
        f"ClaimResponse/{case}" for case in (*ids, *ids, ids[0])
    ]
    file = tmp_path / "events.ndjson"
    assert run("export-audit", "--out", str(file))[:2] == (0, "")
    assert file.read_text() == out


@pytest.mark.usefixtures("ids")
def test_an_export_starts_when_it_is_told_to(run: Run, tmp_path: Path) -> None:
    """The decisions are of a day long ago, the reads of today; what is no time or file is refused."""
    decided = next(orjson.loads(line)["recorded"] for line in run("export-audit")[1].splitlines())
    assert len(run("export-audit", "--since", decided)[1].splitlines()) == 5
    assert len(run("export-audit", "--since", "2026-03-02")[1].splitlines()) == 3
    assert len(run("export-audit", "--since", "2999-01-01T00:00:00+02:00")[1].splitlines()) == 0
    code, _, err = run("export-audit", "--since", "soon")
    assert (code, err.startswith("--since is no day or moment")) == (1, True)
    code, _, err = run("export-audit", "--out", str(tmp_path))
    assert (code, "cannot be written" in err) == (1, True)
