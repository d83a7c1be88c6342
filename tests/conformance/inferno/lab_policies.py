"""Policies that only the lab serves, as data: a form with every element a DTR form may carry, and an adaptive form.

Their ELM is made by `node server/cql/js/compile.mjs tests/conformance/inferno/policies/cql/*/*.cql`.
"""

import shutil
from pathlib import Path

from server.settings import ROOT

_OURS = Path(__file__).parent / "policies"


def folders(root: Path) -> dict[str, str]:
    """Settings for a policy tree under `root`: all that the product serves, and the lab's policies beside it."""
    for name in ("cql", "questionnaires"):
        shutil.copytree(ROOT / name, root / name)
        shutil.copytree(_OURS / name, root / name, dirs_exist_ok=True)
    return {"policies": str(root / "cql"), "questionnaires": str(root / "questionnaires")}
