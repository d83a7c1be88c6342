"""Policies that only the lab serves, as data: a form with every element a DTR form may carry, and an adaptive form.

Their ELM is made by `node server/cql/js/compile.mjs tests/conformance/inferno/policies/cql/*/*.cql`.
"""

import shutil
from pathlib import Path

from server.settings import ROOT

_CARDS = "[cards]\n"
_EVERY_CARD = """policy_pages = true
smart_app = "https://payer.example.org/form/launch"
form_tasks = true
"""
_OURS = Path(__file__).parent / "policies"


def folders(root: Path) -> dict[str, str]:
    """Settings for a policy tree under `root`: all that the product serves, and the lab's policies beside it.

    The plan is the demo plan, with the lab's additions.
    """
    for name in ("cql", "questionnaires"):
        shutil.copytree(ROOT / name, root / name)
        shutil.copytree(_OURS / name, root / name, dirs_exist_ok=True)
    demo = (ROOT / "cql/plans/vitruvian-demo.toml").read_text(encoding="utf-8")
    added = (_OURS / "plan.toml").read_text(encoding="utf-8")
    plan = root / "plan.toml"
    text = f"keep_documents = true\n{demo.replace(_CARDS, _CARDS + _EVERY_CARD)}{added}"
    plan.write_text(text, encoding="utf-8")
    return {"policies": str(root / "cql"), "questionnaires": str(root / "questionnaires"), "plan": str(plan)}
