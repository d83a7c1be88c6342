"""The commands that pages and documents show, sent as curl would send them."""

import shlex
from pathlib import Path

import httpx


def curl(command: str) -> httpx.Response:
    """The answer to a curl command with a URL, --header and --data @FILE; files by the current folder."""
    name, url, *options = shlex.split(command.replace("\\\n", " "))
    assert name == "curl"
    given = dict(zip(options[::2], options[1::2], strict=True))
    if "--data" not in given:
        return httpx.get(url)
    key, _, value = given["--header"].partition(": ")
    return httpx.post(url, headers={key: value}, content=Path(given["--data"].removeprefix("@")).read_bytes())
