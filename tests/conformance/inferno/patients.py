"""Our own synthetic patients, as the inputs of the suites use them: the charts of the Kineret policy."""

import json
import uuid
from functools import cache
from typing import Any

from server.clock import now
from server.demo.requests import Chart, dated, renewed
from server.settings import ROOT

_CHARTS = ROOT / "cql" / "kineret-201603" / "charts"


@cache
def _bundle(name: str) -> str:
    return (_CHARTS / f"{name}.json").read_text(encoding="utf-8")


def chart(name: str, member: str = "") -> Chart:
    """The chart of that name, made today; any other may change it. With `member`, another member's."""
    bundle: dict[str, Any] = dated(json.loads(_bundle(name)), now().date())
    return Chart(renewed(bundle, member) if member else bundle)


def identifier(*names: object) -> str:
    """The same id for the same names, so that two runs send the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, names))))
