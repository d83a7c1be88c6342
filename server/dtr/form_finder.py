"""Which forms a package request gets, and what its sender is told besides (dtr D-23..D-30, D-42..D-44, T-30)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import orjson

from server.auth.caller import Caller
from server.dtr.package_request import PackageRequest
from server.errors import Problem, Unprocessable
from server.fhir.coverage import member_ids
from server.fhir.order import deciding_day, order_codings
from server.fhir.read import Resource, dicts, reference, type_and_id
from server.fhir.version import Version
from server.policy.library import PolicyLibrary
from server.policy.model import Edition, Form, Policy
from server.policy.plan import MemberStatus, Plan
from server.store.ports import Assertion, Store


@dataclass(frozen=True, slots=True)
class WantedForm:
    """One form to be packaged, with the orders it is for. edition: the one that CRD told this client, if it did."""

    policy: Policy
    edition: Edition
    orders: tuple[Resource, ...]

    @property
    def form(self) -> Form:
        return self.edition.form


@dataclass(frozen=True, slots=True)
class FoundForms:
    """What a request gets.

    forms: by canonical. coverages, member_ids: of members of this plan. notices: what the client is told besides.
    """

    forms: Mapping[str, WantedForm]
    coverages: tuple[Resource, ...]
    member_ids: tuple[str, ...]
    notices: tuple[Problem, ...]


class FormFinder:
    """Finds the forms of a request. It looks up one remembered CRD answer, and does nothing else outside itself."""

    def __init__(self, version: Version, policies: PolicyLibrary, plan: Plan, store: Store) -> None:
        self._version = version
        self._policies = policies
        self._plan = plan
        self._store = store

    def find(self, request: PackageRequest, caller: Caller, today: date) -> FoundForms:
        """The forms of a request. Raises Unprocessable for an unknown coverage or context (dtr D-44, T-30)."""
        notices: list[Problem] = []
        problems: list[Problem] = []
        coverages = self._coverages(request, notices, problems)
        ids = tuple(dict.fromkeys(i for c in coverages for i in member_ids(c, _patient(c, request))))
        assertion = self._assertion(request, ids, caller, problems)
        if problems:
            raise Unprocessable(problems)
        orders = [o.value for o in request.orders]
        if not orders and assertion is not None:
            remembered = orjson.loads(assertion.order)  # empty where a request came without its order
            orders = [remembered] if "resourceType" in remembered else []
        by_order = self._by_orders(request, orders, assertion, today, notices)
        asked = self._by_canonical(request, assertion, notices)
        return FoundForms(self._wanted(request, orders, by_order, asked), tuple(coverages), ids, tuple(notices))

    def _wanted(
        self,
        request: PackageRequest,
        orders: list[Resource],
        by_order: list[tuple[Policy, Edition, Resource | None]],
        asked: list[tuple[Policy, Edition]],
    ) -> dict[str, WantedForm]:
        """The forms asked for, then those that the orders need. A form that no order needs is for all of them."""
        # 2.0.1: the union of what was asked for; 2.2.0: canonicals limit the answer (dtr D-27)
        limited = bool(request.questionnaires) and self._version is Version.V2_2
        named = {edition.form.url for _, edition in asked}  # another version of it would break D-28
        chosen: dict[str, tuple[Policy, Edition]] = {}
        for policy, edition in asked:
            chosen.setdefault(edition.form.canonical, (policy, edition))
        of: dict[str, list[Resource]] = {}
        for policy, edition, order in by_order:
            canonical = edition.form.canonical
            if canonical not in chosen and not limited and edition.form.url not in named:
                chosen[canonical] = (policy, edition)
            if canonical in chosen and order is not None and order not in of.setdefault(canonical, []):
                of[canonical].append(order)
        return {c: WantedForm(policy, edition, tuple(of.get(c) or orders)) for c, (policy, edition) in chosen.items()}

    def _coverages(self, request: PackageRequest, notices: list[Problem], problems: list[Problem]) -> list[Resource]:
        """The coverages of members of this plan; the one that the orders name comes first."""
        known = []
        for sent in request.coverages:
            ids = member_ids(sent.value, _patient(sent.value, request))
            status = self._plan.member(ids) if ids else MemberStatus.ACTIVE  # an omitted id is no error (conf-12)
            if status is MemberStatus.UNKNOWN:
                text = "This plan has no such member; check the member id, or ask the payer that this coverage names."
                problems.append(Problem("not-found", text, sent.at))
                continue
            if status is MemberStatus.INACTIVE:
                text = "This coverage has ended; a request for authorization under it will not be accepted."
                notices.append(Problem("business-rule", text, severity="warning"))
            known.append(sent.value)
        if known and problems:  # one of several coverages is ours: that one is answered
            notices += [Problem(p.code, p.text, severity="warning") for p in problems]
            problems.clear()
        insured = {type_and_id(reference(i)) for o in request.orders for i in dicts(o.value.get("insurance"))}
        return sorted(known, key=lambda c: f"Coverage/{c.get('id')}" not in insured)

    def _assertion(
        self, request: PackageRequest, ids: tuple[str, ...], caller: Caller, problems: list[Problem]
    ) -> Assertion | None:
        """What CRD remembered under the context. One of another member, or of another's caller, counts as unknown."""
        context = request.context
        if context is None:
            return None
        assertion = self._store.assertion(context.value)
        own = assertion is not None and caller.may_see(assertion.sees or ())
        if assertion is not None and own and _same_person(assertion, ids, request):
            return assertion
        text = (
            "This context is not known for this coverage; send the coverage-assertion-id of the order's "
            "coverage information, or send the order itself."
        )
        problems.append(Problem("not-found", text, context.at))
        return None

    def _by_orders(
        self,
        request: PackageRequest,
        orders: list[Resource],
        assertion: Assertion | None,
        today: date,
        notices: list[Problem],
    ) -> list[tuple[Policy, Edition, Resource | None]]:
        said = self._said_by_crd(assertion)
        chosen: list[tuple[Policy, Edition, Resource | None]] = [(*said, None)] if said and not orders else []
        unrelated = 0
        for order in orders:
            day = deciding_day(None, order, today)
            found = self._policies.for_order(order_codings(order, request.resolve), day)
            policy = found.policy
            if assertion is not None and said is None and (policy is None or policy.id == assertion.policy_id):
                continue  # CRD asked nothing for this order, e.g. because an authorization is in force
            if said is not None and (policy is None or policy.id == said[0].id) and not found.other:
                chosen.append((*said, order))
                continue
            unrelated += said is not None
            if policy is not None and found.edition is not None:
                chosen.append((policy, found.edition, order))
            elif policy is not None:
                notices.append(_not_in_force(policy))
            else:
                notices.append(_unrecognised(maybe=bool(found.possible)))
        if said is not None and orders and unrelated == len(orders):
            text = "None of the orders is the one this context was given for; send that order, or leave out `context`."
            raise Unprocessable([Problem("business-rule", text, request.context.at if request.context else None)])
        if assertion is not None and said is None:
            text = "The coverage information of this context asked for no form: no documentation is needed for it."
            notices.append(Problem("informational", text, severity="information"))
        return chosen

    def _said_by_crd(self, assertion: Assertion | None) -> tuple[Policy, Edition] | None:
        """The policy and edition that CRD remembered, so that both stages answer from the same one."""
        if assertion is None or assertion.form is None or assertion.policy_id is None or assertion.edition is None:
            return None
        policy = self._policies.policy(assertion.policy_id)
        edition = self._policies.edition(assertion.policy_id, assertion.edition)
        return (policy, edition) if policy and edition else self._policies.by_form(assertion.form)

    def _by_canonical(
        self, request: PackageRequest, assertion: Assertion | None, notices: list[Problem]
    ) -> list[tuple[Policy, Edition]]:
        chosen: list[tuple[Policy, Edition]] = []
        said = self._said_by_crd(assertion)
        for asked in request.questionnaires:
            same = said is not None and said[1].form.url == asked.value
            known = said if same else self._policies.by_form(asked.value)
            if known is not None:
                chosen.append(known)
            else:
                text = (
                    "A questionnaire that was asked for is not on this server; leave out its version, or ask by order."
                )
                notices.append(Problem("not-found", text, asked.at, severity="warning"))
        return chosen


def _same_person(assertion: Assertion, ids: tuple[str, ...], request: PackageRequest) -> bool:
    """Compares the member ids; where one side has none, the patients that the coverages name.

    A remembered id may come from a Patient that is not sent here; then the id of the remembered Coverage counts too.
    """
    coverage = orjson.loads(assertion.coverage) or {}
    if ids and assertion.member_ids:
        return not {*assertion.member_ids, *member_ids(coverage, None)}.isdisjoint(ids)
    remembered = reference(coverage.get("beneficiary"))
    return remembered is not None and any(
        reference(c.value.get("beneficiary")) == remembered for c in request.coverages
    )


def _patient(coverage: Resource, request: PackageRequest) -> Resource | None:
    target = request.resolve(coverage.get("beneficiary"), coverage)
    return target if target and target.get("resourceType") == "Patient" else None


def _not_in_force(policy: Policy) -> Problem:
    text = (
        f"No form is there: the policy {policy.title} was not in force yet when an order starts; check its first day."
    )
    return Problem("informational", text, severity="information")


def _unrecognised(*, maybe: bool) -> Problem:
    if maybe:
        text = "The code of an order stands for many drugs; add the code of the drug itself (RxNorm or NDC)."
        return Problem("incomplete", text, severity="warning")
    text = "No form is needed for an order that was sent: no policy of this plan names its code."
    return Problem("informational", text, severity="information")
