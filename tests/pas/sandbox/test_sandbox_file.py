"""What is wrong with a sandbox file is said at once; a file cannot script what its reviewer may not decide."""

from pathlib import Path

import pytest

from server.errors import PolicyProblems
from server.pas.sandbox.sandbox_file import load_sandbox
from server.settings import ROOT

HEAD = """
name = "x"

[[reviewer]]
id = "nurse"
role = "nurse"
npi = "1999999943"

[[reviewer]]
id = "director"
role = "medical-director"
npi = "1999999984"
name = "Dana Example, MD"
specialty = "207R00000X"

[[member]]
id = "A"
title = "one"
outcome = "pend-physician"
"""
RULING = '[member.ruling]\nreviewer = "{who}"\nverdict = "{verdict}"\nreasons = ["Because."]\nreason_code = "0F"\n'


def problems(folder: Path, text: str) -> str:
    file = folder / "sandbox.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyProblems) as raised:
        load_sandbox(file)
    return str(raised.value)


def test_the_demos_file_is_right() -> None:
    """The file that comes with the server has a member for each kind of answer."""
    assert len(load_sandbox(ROOT / "cql/plans/vitruvian-demo-sandbox.toml").scripts) == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + RULING.format(who="nurse", verdict="deny"), "Only a physician or the medical director denies"),
        (HEAD + RULING.format(who="nurse", verdict="approve"), "waits for the decision of a physician"),
        (HEAD + RULING.format(who="director", verdict="wave"), '"wave" must be one of approve, modify or deny'),
        (HEAD + RULING.format(who="director", verdict="ask"), '"ask" must be one of approve, modify or deny'),
        (HEAD + RULING.format(who="nobody", verdict="deny"), "is no [[reviewer]] of this file"),
        (HEAD.replace("pend-physician", "deny"), '"deny" must be one of approve'),
        (HEAD.replace("pend-physician", "approve") + RULING.format(who="director", verdict="deny"), "approved already"),
        (HEAD + "after_seconds = 5\n", "add [member.ruling]"),
        (HEAD + 'elements_2_2 = "absent.json"\n', "absent.json cannot be read"),
        (HEAD + "typo = 1\n", "is not a key that is read here"),
        (HEAD + '[[member]]\nid = "A"\ntitle = "two"\noutcome = "approve"\n', "stands twice"),
        (HEAD.replace("1999999984", "12"), '"12" is no NPI; an NPI has 10 digits'),
        ("name = ", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Each mistake is named with the file and what is allowed."""
    told = problems(tmp_path, text)
    assert said in told
    assert "sandbox.toml" in told


@pytest.mark.parametrize(
    ("template", "said"),
    [('{"response": {"id": "${nobody}"}}', "names nobody"), ('{"response": {"id": "5 $"}}', "stands for nothing")],
)
def test_a_template_is_read_before_it_is_served(tmp_path: Path, template: str, said: str) -> None:
    """What a template cannot be filled with is told at start, not when a partner asks."""
    (tmp_path / "elements.json").write_text(template, encoding="utf-8")
    assert said in problems(tmp_path, HEAD + 'elements_2_2 = "elements.json"\n')


def test_everything_that_is_wrong_is_told(tmp_path: Path) -> None:
    """Two mistakes give two problems."""
    told = problems(tmp_path, HEAD.replace("pend-physician", "deny") + "typo = 1\n")
    assert len(told.splitlines()) == 2


def test_an_absent_file_names_its_setting(tmp_path: Path) -> None:
    """A file that is not there is told with the variable that names it."""
    with pytest.raises(PolicyProblems, match="VITRUVIAN_SANDBOX"):
        load_sandbox(tmp_path / "absent.toml")
