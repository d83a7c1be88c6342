"""Writes the files that the welcome page suggests: `python -m tests.demo.demo_files`, after a chart has changed.

They are the first story's request and the order-sign hook that an EHR would make of the same chart.
"""

from pathlib import Path

import orjson

from server.demo.requests import Chart, order_sign
from server.demo.walk import stories_of
from server.policy.library import PolicyLibrary
from server.settings import Settings


def demo_files(settings: Settings) -> dict[Path, bytes]:
    """The content of each demo file, by its path."""
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    (folder,) = settings.policies.glob("*/demo")
    first = next(stories_of(policies, settings.policies)).request
    made = {"order-sign.json": order_sign(Chart(first)), "submit.json": first}
    return {folder / name: orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n" for name, body in made.items()}


if __name__ == "__main__":
    for file, content in demo_files(Settings()).items():
        file.write_bytes(content)
