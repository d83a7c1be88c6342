"""The examples of a policy folder's `demo/`: what the welcome page and /docs suggest to send."""

from pathlib import Path
from typing import Any

import orjson

from server.errors import PolicyProblem, PolicyProblems

ORDER_SIGN, SUBMIT = "order-sign", "submit"


def example_files(folder: Path) -> dict[str, Path]:
    """Every request in the first `demo/` that has those of the journey, by its name without `.json`; else none.

    folder: of the policy folders.
    """
    for demo in sorted(folder.glob("*/demo")):
        found = {file.stem: file for file in sorted(demo.glob("*.json"))}
        if {ORDER_SIGN, SUBMIT} <= found.keys():
            return found
    return {}


def read_examples(files: dict[str, Path]) -> dict[str, Any]:
    """The body of each file by its name. Raises PolicyProblems for a file that is no JSON."""
    return {name: _read(file) for name, file in files.items()}


def _read(file: Path) -> Any:
    try:
        return orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise PolicyProblems(
            [PolicyProblem(str(file), "", f"is no JSON ({error}); send what an EHR would send, or remove the file.")]
        ) from error
