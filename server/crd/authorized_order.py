"""Whether a draft order is what a standing authorization was given for: compared part by part, and never guessed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from server.crd.gather import HookCall
from server.crd.likeness import folded, not_above, plain, same, same_concept
from server.crd.order import CONCEPTS, REFERENCES, SUBJECTS, DraftOrder
from server.crd.order_days import days_of, part_of, without_days
from server.decision.case import Case, CaseItem
from server.decision.request import AuthorizationRequest
from server.fhir.primitives import real_day
from server.fhir.read import Resource, codings, dicts, npis, reference
from server.policy.model import Edition, Policy
from server.store.ports import ActiveAuthorization

_OPEN = ("draft", "active")
_ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_STANDS = frozenset({"active", "recurrence", "relapse", "confirmed"})
"""Of a Condition that is a reason: the codes of its two statuses that leave it one."""

_COMPARED = frozenset(
    {
        *CONCEPTS, *REFERENCES, *SUBJECTS, "contained", "dispenseRequest", "dosageInstruction", "intent",
        "occurrenceDateTime", "occurrencePeriod", "reasonCode", "reasonReference", "requester", "status", "text",
    }
)  # fmt: skip
"""The parts of an order with a comparison of their own. What is not named here must be as it was authorized."""
_SAYS_NOTHING = frozenset(
    {
        "authoredOn", "basedOn", "encounter", "eventHistory", "extension", "groupIdentifier", "id", "identifier",
        "insurance", "language", "meta", "priorPrescription", "priority", "recorder", "relevantHistory", "replaces",
        "requisition", "resourceType", "supportingInfo", "supportingInformation",
    }
)  # fmt: skip
"""The parts that differ from one order to the next of the same thing."""
_OF_A_MEDICATION = frozenset({"code", "extension", "id", "identifier", "language", "meta", "resourceType", "text"})
_OF_A_CONDITION = _OF_A_MEDICATION | {
    "asserter", "category", "clinicalStatus", "encounter", "onsetDateTime", "recordedDate", "recorder", "subject",
    "verificationStatus",
}  # fmt: skip
_WORDS = frozenset({"text", "patientInstruction"})
"""What an instruction says in words. The new one need not: what is authorized was read with them."""
_AMOUNTS = ("quantity", "expectedSupplyDuration", "initialFill")


@dataclass(frozen=True, slots=True)
class Kept:
    """An authorization that stands, with its case; None for one of a time when nothing was kept of a case.

    edition: the policy's, in force on the day for which it was looked up.
    """

    authorization: ActiveAuthorization
    case: Case | None
    policy: Policy
    edition: Edition | None

    @property
    def says_nothing(self) -> frozenset[str]:
        """The tokens that name no product by themselves: placeholders, and the codes that it is billed by."""
        billed = {code.token for code in self.edition.billing_codes} if self.edition else set()
        return self.policy.placeholders | billed


def different(order: DraftOrder, call: HookCall, kept: Kept) -> str | None:
    """What of an order is not shown to be as it was authorized, in words that end a sentence; None for nothing.

    What cannot be read, or was not kept in a way that can be compared, counts as different.
    """
    case, number = kept.case, kept.authorization.number
    item = next((i for i in case.items if i.number == number), None) if case else None
    if case is None or item is None or item.requested.order is None:
        return "no order was kept with it that this one could be compared with"
    if not item.approved:
        return "what it authorizes is not what had been asked for"
    return _Comparison(order, call, kept, case.request, item, item.requested.order).difference()


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One order beside the authorized one."""

    draft: DraftOrder
    call: HookCall
    kept: Kept
    request: AuthorizationRequest
    item: CaseItem
    old: Resource

    @property
    def new(self) -> Resource:
        return self.draft.resource

    def difference(self) -> str | None:
        checks = (
            (self._is_open, "by its status and intent it is no order to be carried out"),
            (self._product, "its product is not named by the codes and words of the authorized order alone"),
            (self._prescriber, "it is not shown to be signed for who ordered then"),
            (self._reason, "its reason is not told, or is not shown to be that of the authorized order"),
            (self._dosage, "its dosage is not shown to be that of the authorized order, or below it"),
            (self._days, "not all of its days are shown to be days of the authorization"),
            (self._dispensed, "it is not shown to hand over no more than the authorized order"),
        )
        other = (f"the authorized order had no such {name}" for name in self._others())
        return next((words for holds, words in checks if not holds()), None) or next(other, None)

    # -- what a Reference of either order leads to ------------------------------------------------------------------

    def _plain(self, element: Any) -> Any:
        return plain(element, lambda e: self.call.index.resolve(e, self.new))

    def _plain_old(self, element: Any) -> Any:
        return plain(element, lambda e: self.request.index.resolve(e, self.old))

    def _found(self, key: str) -> tuple[Resource | None, Resource | None]:
        old = self.request.index.resolve(self.old.get(key), self.old)
        return self.call.index.resolve(self.new.get(key), self.new), old

    def _as_before(self, key: str) -> bool:
        return same(self._plain(self.new.get(key)), self._plain_old(self.old.get(key)))

    # -- the parts -----------------------------------------------------------------------------------------------------

    def _is_open(self) -> bool:
        same_kind = self.new.get("resourceType") == self.old.get("resourceType")
        return same_kind and self.new.get("status") in _OPEN and self.new.get("intent") in _ORDERS

    def _product(self) -> bool:
        known = {c.token for c in self.item.requested.codes} | self.kept.says_nothing
        beside = {"coding": [{"system": t.partition("|")[0], "code": t.partition("|")[2]} for t in known]}
        before = [beside, *(self.old[k] for k in CONCEPTS if k in self.old)]
        words = {folded(self.kept.policy.display)} | {folded(c.display) for c in self.item.requested.codes if c.display}
        concepts = [self.new[k] for k in CONCEPTS if k in self.new]
        for key in (k for k in REFERENCES if k in self.new):
            new, old = self._found(key)
            old = old or {}
            before += [old.get("code"), {"text": part_of(self.old, key).get("display")}]
            if new is None or not all(k in old and same(new[k], old[k]) for k in _special(new)):
                return False
            concepts += [new.get("code"), *_labels(self.new[key])]
        named = all(same_concept(c, *before, names=frozenset(words)) for c in concepts)
        return bool(concepts) and named and {c.token for c in self.draft.codings} <= known

    def _prescriber(self) -> bool:
        new, old = self._found("requester")
        element = self.new.get("requester")
        if not isinstance(element, dict):
            return False
        known = _npis(old, self.request.index) or self.request.npis
        told = _npis(new, self.call.index) + npis({"identifier": element.get("identifier")})
        return set(told) <= set(known) if told else reference(element) is not None and self._as_before("requester")

    def _reason(self) -> bool:
        old = list(dicts(self.old.get("reasonCode"))) + [
            (self.request.index.resolve(r, self.old) or {}).get("code") for r in dicts(self.old.get("reasonReference"))
        ]
        old = [c for c in old if c] or list(_diagnoses(self.request, self.item))
        told = self.new.get("reasonCode") or []
        references = self.new.get("reasonReference") or []
        if not isinstance(told, list) or not isinstance(references, list):
            return False
        if not told and not references:  # which the authorized order may have left to the Claim, too
            return not self.old.get("reasonCode") and not self.old.get("reasonReference")
        before = self._plain_old(dicts(self.old.get("reasonReference")))
        return all(same_concept(c, *old) for c in told) and all(self._condition(r, old, before) for r in references)

    def _condition(self, element: Any, old: list[Any], before: list[Any]) -> bool:
        found = self.call.index.resolve(element, self.new)
        if found is None:
            return self._plain(element) in before
        statuses = {c.code for k in ("clinicalStatus", "verificationStatus") for c in codings(found.get(k))}
        told = all(codings(found[k]) for k in ("clinicalStatus", "verificationStatus") if k in found)
        plain_one = told and statuses <= _STANDS and found.keys() <= _OF_A_CONDITION
        return plain_one and self.call.is_patient(found.get("subject"), found) and same_concept(found.get("code"), *old)

    def _dosage(self) -> bool:
        new, old = (without_days(o.get("dosageInstruction")) for o in (self.new, self.old))
        if new is None or old is None or len(new) != len(old):
            return False
        pairs = zip(map(self._plain, new), map(self._plain_old, old), strict=True)
        return all(_dosed_alike(n, {k: v for k, v in o.items() if k not in _WORDS or k in n}) for n, o in pairs)

    def _days(self) -> bool:
        first, last = self.kept.authorization.period
        return all(day is not None and first <= day <= last for day in map(real_day, days_of(self.new)))

    def _dispensed(self) -> bool:
        new, old = self.new.get("dispenseRequest", {}), self.old.get("dispenseRequest") or {}
        if not isinstance(new, dict):
            return False
        repeats, before = new.get("numberOfRepeats", 0), old.get("numberOfRepeats", 0)
        if type(repeats) is not int or not 0 <= repeats <= before:
            return False
        rest = new.keys() - {"validityPeriod", "numberOfRepeats"}
        return all(
            k in old and (not_above if k in _AMOUNTS else same)(self._plain(new[k]), self._plain_old(old[k]))
            for k in rest
        )

    def _others(self) -> Iterator[str]:
        """The names of the other parts that are not as they were."""
        for key in sorted(self.new.keys() - _COMPARED - _SAYS_NOTHING):
            to_be_done = key == "doNotPerform" and self.new[key] is False
            if not to_be_done and not (key in self.old and self._as_before(key)):
                yield f"`{key}`"
        narrative = self.new.get("text")
        if narrative is not None and not (isinstance(narrative, dict) and narrative.get("status") == "generated"):
            yield "narrative"
        used = {reference(self.new.get(k)) for k in (*REFERENCES, "requester")}
        used |= {reference(r) for r in dicts(self.new.get("reasonReference"))}
        contained = self.new.get("contained", [])
        for part in contained if isinstance(contained, list) else [contained]:
            if not isinstance(part, dict) or f"#{part.get('id')}" not in used:
                yield "contained resource"


def _dosed_alike(new: Resource, old: Resource) -> bool:
    """A dose that is said in words as well would be lowered in the words too, which nobody reads here."""
    return same(new, old) or (new.keys().isdisjoint(_WORDS) and not_above(new, old))


def _diagnoses(request: AuthorizationRequest, item: CaseItem) -> Iterator[Any]:
    """The diagnoses of a Claim that belong to an item."""
    wanted = item.requested.raw.get("diagnosisSequence")
    for diagnosis in dicts(request.claim.get("diagnosis")):
        if not wanted or diagnosis.get("sequence") in wanted:
            yield diagnosis.get("diagnosisCodeableConcept")


def _npis(party: Resource | None, index: Any) -> tuple[str, ...]:
    """The NPIs of who ordered: their own, or those of the person of a role."""
    return npis(party) + npis(index.resolve(party.get("practitioner"), party)) if party else ()


def _special(medication: Resource) -> list[str]:
    """What a Medication says beside its code."""
    return [k for k in medication if k not in _OF_A_MEDICATION and not (k == "status" and medication[k] == "active")]


def _labels(element: Any) -> list[Resource]:
    """What a Reference calls the thing, as a concept."""
    label = element.get("display") if isinstance(element, dict) else None
    return [{"text": str(label)}] if label is not None else []
