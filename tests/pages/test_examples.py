"""The requests that /docs and the welcome page suggest come from the first policy folder that has them."""

from pathlib import Path

import pytest

from server.errors import PolicyProblems
from server.pages.examples import example_files, read_examples


def a_demo(folder: Path, policy: str, **files: str) -> None:
    demo = folder / policy / "demo"
    demo.mkdir(parents=True)
    for name, text in files.items():
        (demo / f"{name.replace('_', '-')}.json").write_text(text)


def test_the_first_demo_that_has_the_journey(tmp_path: Path) -> None:
    """Every request of one folder, so that they fit together; a folder without the journey is passed over."""
    a_demo(tmp_path, "a-policy", submit='{"from": "a"}')
    a_demo(tmp_path, "b-policy", order_sign='{"hook": "b"}', submit='{"from": "b"}', expand='{"url": "b"}')
    a_demo(tmp_path, "c-policy", order_sign='{"hook": "c"}', submit='{"from": "c"}')
    found = read_examples(example_files(tmp_path))
    assert found == {"order-sign": {"hook": "b"}, "submit": {"from": "b"}, "expand": {"url": "b"}}


def test_without_a_demo_there_is_none(tmp_path: Path) -> None:
    """A folder of policies needs no demo."""
    assert example_files(tmp_path) == {}


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    """It is a problem of policy data, with its file, and not a fault."""
    a_demo(tmp_path, "a-policy", order_sign="{", submit="{}")
    with pytest.raises(PolicyProblems, match=r"order-sign\.json: is no JSON"):
        read_examples(example_files(tmp_path))
