"""A policy's form: a FHIR Questionnaire as its file holds it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from server.fhir.codes import QUESTIONNAIRE_ADAPTIVE
from server.fhir.read import dicts, extension_value

FormItem = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """A FHIR Questionnaire of a policy, as its file holds it."""

    url: str
    version: str
    questionnaire: Mapping[str, Any]

    @property
    def canonical(self) -> str:
        return f"{self.url}|{self.version}"

    @property
    def adaptive(self) -> bool:
        """Asked group by group: the file carries SDC's questionnaireAdaptive extension as true."""
        return extension_value(self.questionnaire, QUESTIONNAIRE_ADAPTIVE) is True

    @cached_property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """The linkIds above each linkId, outermost first."""
        return {item["linkId"]: tuple(p["linkId"] for p in parents) for parents, item in form_items(self.questionnaire)}

    @cached_property
    def items(self) -> Mapping[str, FormItem]:
        """Every item by its linkId."""
        return {item["linkId"]: item for _, item in form_items(self.questionnaire)}


def form_items(questionnaire: Mapping[str, Any]) -> Iterator[tuple[tuple[FormItem, ...], FormItem]]:
    """Every item of a form in its order, each with its parents, outermost first. Anything else is skipped."""
    return _below((), questionnaire)


def _below(parents: tuple[FormItem, ...], holder: FormItem) -> Iterator[tuple[tuple[FormItem, ...], FormItem]]:
    for item in dicts(holder.get("item")):
        yield parents, item
        yield from _below((*parents, item), item)
