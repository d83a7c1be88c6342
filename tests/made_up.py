"""A made-up policy of a made-up drug (tests/made_up_policy: data files only), and requests for it."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

from server.settings import ROOT

DATA = Path(__file__).parent / "made_up_policy"


def folders(root: Path) -> dict[str, Path]:
    """A policy tree under `root` that holds the shared helpers and the made-up policy; values for Settings."""
    policies, questionnaires = root / "cql", root / "questionnaires"
    shutil.copytree(DATA / "cql", policies)
    shutil.copytree(DATA / "questionnaires", questionnaires)
    shutil.copytree(ROOT / "cql/shared", policies / "shared")
    return {"policies": policies, "questionnaires": questionnaires}


def request(score: int | None = 3, transaction: str = "a") -> dict[str, Any]:
    """A PAS request Bundle; the entries are Claim, order, answers, Patient, Coverage, payer, clinic."""
    bundle: dict[str, Any] = json.loads((DATA / "cql/novestra-9/charts/initial.json").read_bytes())
    bundle["identifier"]["value"] = transaction
    response = bundle["entry"][2]["resource"]
    if score is None:
        del response["item"]
    else:
        response["item"][0]["answer"][0]["valueInteger"] = score
    return bundle


def follow(root: Path, effective: date, highest: int = 20) -> None:
    """Adds a newer edition to the made-up policy under `root`: another highest score, and form version 2.0.0."""
    file = root / "cql/novestra-9/policy.toml"
    head, bar, first = file.read_text().partition("[[edition]]")
    newer = first.replace("2025-01-01", effective.isoformat()).replace("novestra-1.0.0", "novestra-2.0.0")
    newer = newer.replace('"Highest Score" = 10', f'"Highest Score" = {highest}')
    file.write_text(head + bar + newer + "\n" + bar + first)
    forms = root / "questionnaires/novestra-9"
    form = (forms / "novestra-1.0.0.json").read_text()
    (forms / "novestra-2.0.0.json").write_text(form.replace('"1.0.0"', '"2.0.0"'))
