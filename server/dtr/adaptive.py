"""A form that is asked group by group, as its package announces it and as each answer contains it (dtr 1.4)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from server.dtr.questionnaire import narrative
from server.fhir.codes import DTR, QUESTIONNAIRE_ADAPTIVE
from server.fhir.read import Resource, dicts
from server.fhir.version import Version
from server.form.adaptive import Asking
from server.form.response import contained_form

PATH = "/adaptive"
"""What the form names as its address: clients call it as it is, or with an operation behind it (dtr T-11)."""

_ID = "form"


class AdaptiveForm:
    """rendered: the whole form in the shape of this version. No client gets it in one piece."""

    def __init__(self, asking: Asking, rendered: Resource, version: Version, base: str) -> None:
        self.asking = asking
        self._version = version
        address = {"url": QUESTIONNAIRE_ADAPTIVE, "valueUrl": f"{base}{PATH}"}
        others = [e for e in rendered.get("extension") or () if e["url"] != QUESTIONNAIRE_ADAPTIVE]
        self._rendered = {**rendered, "extension": [*others, address]}

    def search_resource(self) -> Resource:
        """What a package holds: adapt-search, whose questions are to be asked for.

        2.2.0 forbids items in it; 2.0.1 clients look for logic that fills something, so it begins with the first item
        of the form (dtr D-52, T-3).
        """
        items = self._rendered["item"][:1] if self._version is Version.V2_0 else []
        return self._shown(items, f"{DTR}dtr-questionnaire-adapt-search")

    def contained(self, asked: Collection[str], id_: str = _ID) -> Resource:
        """The Questionnaire that a response contains, with the items of these linkIds.

        2.0.1 knows neither `url` nor `enableWhen` in it, 2.2.0 wants the one and allows the other (dtr T-13).
        """
        shown = self._shown(_chosen(self._rendered["item"], asked, self._version), f"{DTR}dtr-questionnaire-adapt")
        derived = f"{shown['url']}|{shown['version']}"
        if self._version is Version.V2_0:
            shown = {k: v for k, v in shown.items() if k not in {"url", "version"}}
        return {**shown, "id": id_, "derivedFrom": [derived]}

    def draft(self, response: Resource) -> Resource:
        """The first response, from the draft of the whole form.

        2.2.0: nothing is asked yet. 2.0.1 wants an item in it: the first of the form, with what is known of it.
        """
        draft: Resource = {k: v for k, v in response.items() if k != "item"}
        asked: Collection[str] = ()
        if self._version is Version.V2_0:
            first = self._rendered["item"][0]
            known = [i for i in response.get("item") or () if i["linkId"] == first["linkId"]]
            draft["item"] = known or [{k: first[k] for k in ("linkId", "text") if k in first}]
            asked = self.asking.first(draft)
        elif "meta" in draft:
            draft["meta"] = {"profile": [f"{DTR}dtr-questionnaireresponse-adapt"]}
        return {**draft, "contained": [self.contained(asked)], "questionnaire": f"#{_ID}"}

    def answer(self, response: Resource, at: str) -> Resource:
        """What `$next-question` answers: the cleaned response, with the next items in the form that it contains.

        at: FHIRPath of the response. Raises InvalidRequest, see Asking.next.
        """
        sent = contained_form(response) or {}
        id_ = sent["id"] if isinstance(sent.get("id"), str) and sent["id"] else _ID
        asked = self.asking.next(response, frozenset(_links(sent.get("item"))), at)
        others = [c for c in dicts(response.get("contained")) if c is not sent]
        return {
            **asked.response,
            "contained": [self.contained(asked.asked, id_), *others],
            "questionnaire": f"#{id_}",
            "status": "completed" if asked.completed else "in-progress",
        }

    def _shown(self, items: list[dict[str, Any]], profile: str) -> Resource:
        about = {k: v for k, v in self._rendered.items() if k not in {"item", "text", "meta"}}
        shown: Resource = {"resourceType": about.pop("resourceType"), "meta": {"profile": [profile]}}
        if self._version is Version.V2_0:
            shown["text"] = narrative({**about, "item": items})
        return {**shown, **about, **({"item": items} if items else {})}


def _chosen(items: Iterable[Mapping[str, Any]], asked: Collection[str], version: Version) -> list[dict[str, Any]]:
    hidden = {"enableWhen", "enableBehavior", "item"} if version is Version.V2_0 else {"item"}
    found = []
    for item in items:
        if item["linkId"] in asked:
            below = _chosen(item.get("item") or (), asked, version)
            found.append({**{k: v for k, v in item.items() if k not in hidden}, **({"item": below} if below else {})})
    return found


def _links(items: Any) -> Iterator[str]:
    """The linkIds of a form that a client sent and may have changed."""
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield str(item.get("linkId"))
            yield from _links(item.get("item"))
