"""The bodies that the bench sends, from the charts of every policy: each its own transaction and member."""

import itertools
import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import orjson

from server.clock import now
from server.demo.requests import Chart, dated, inquiry, order_sign, questionnaire_package, renewed
from server.fhir.read import Resource

CHARTS = Path(__file__).resolve().parents[2] / "cql"
_MARK, _AGAIN = "@@@@@@@@", "########"


@dataclass(frozen=True, slots=True)
class Template:
    """A body with places to fill: `with_mark` makes it one transaction of one member."""

    text: bytes

    @classmethod
    def of(cls, body: object) -> "Template":
        return cls(orjson.dumps(body))

    def with_mark(self, number: int) -> bytes:
        return self.text.replace(_MARK.encode(), f"{number:08x}".encode())


class Bodies:
    """Endless distinct requests of each kind, taking the charts in turn.

    Every submit is new; an inquiry asks for a member whose request was submitted before, over and over.
    """

    def __init__(self, charts: Sequence[Resource]) -> None:
        marked = [Chart(renewed(chart, _MARK)) for chart in charts]
        self._submit = [Template.of(chart.bundle) for chart in marked]
        self._update = [Template.of(_update(chart)) for chart in marked]
        self._inquire = [Template.of(inquiry(chart, _MARK)) for chart in marked]
        self._order_sign = [Template.of(order_sign(chart)) for chart in marked]
        self._package = [Template.of(questionnaire_package(chart, None)) for chart in marked]
        self._numbers = itertools.count(1)
        self._submitted: list[tuple[int, int]] = []

    def submit(self, count: int) -> list[bytes]:
        made = []
        for _ in range(count):
            number = next(self._numbers)
            chart = number % len(self._submit)
            self._submitted.append((number, chart))
            made.append(self._submit[chart].with_mark(number))
        return made

    def update(self, count: int) -> list[bytes]:
        """Each changes a request that was submitted before, as a transaction of its own."""
        known = itertools.islice(itertools.cycle(self._submitted), count)
        numbers = ((submitted, next(self._numbers)) for submitted in known)
        return [
            self._update[chart].with_mark(number).replace(_AGAIN.encode(), f"{again:08x}".encode())
            for (number, chart), again in numbers
        ]

    def inquire(self, count: int) -> list[bytes]:
        known = itertools.islice(itertools.cycle(self._submitted), count)
        return [self._inquire[chart].with_mark(number) for number, chart in known]

    def order_sign(self, count: int) -> list[bytes]:
        return self._filled(self._order_sign, count)

    def package(self, count: int) -> list[bytes]:
        return self._filled(self._package, count)

    def _filled(self, templates: Sequence[Template], count: int) -> list[bytes]:
        numbers = (next(self._numbers) for _ in range(count))
        return [templates[n % len(templates)].with_mark(n) for n in numbers]


def _update(chart: Chart) -> Resource:
    """The request once more, with another trace number, and with its order changed: it is judged again."""
    body: Resource = deepcopy(chart.bundle)
    body["identifier"]["value"] += f"-{_AGAIN}"
    claim = body["entry"][0]["resource"]
    claim["related"] = [{"claim": {"identifier": claim["identifier"][0]}}]
    order = next(e["resource"] for e in body["entry"] if e["resource"].get("id") == chart.order["id"])
    order["identifier"] = [{"system": "urn:example:order", "value": _AGAIN}]
    return body


def charts() -> Iterator[Resource]:
    """Every chart in every policy folder, in order of its name, made today."""
    for file in sorted(CHARTS.glob("*/charts/*.json")):
        bundle: Resource = json.loads(file.read_bytes())
        yield dated(bundle, now().date())
