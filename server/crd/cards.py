"""Cards: what coverage-information cannot tell the person who signs, and no more (crd section 1.11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson

from server.clock import NewId
from server.crd.coverage import OrderCoverage
from server.crd.coverage_answer import CoverageAnswer
from server.crd.coverage_information import TEMPORARY
from server.crd.hook_request import HookConfiguration
from server.crd.order import DraftOrder
from server.crd.suggestion import beside, form_task, instead, suggested
from server.fhir.version import Version
from server.policy.plan import Plan

Card = dict[str, Any]

SUMMARY_LIMIT = 139
"""Characters. Some clients take 140 as too long already (T-28)."""

_TOPICS = {
    Version.V2_0: TEMPORARY,
    Version.V2_2: "http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
}
_INDICATORS = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class Told:
    """What the cards of one call have in common. today: the day of the call."""

    version: Version
    plan: Plan
    new_id: NewId
    today: date


def cards_for(order: DraftOrder, coverage: OrderCoverage, answer: CoverageAnswer, told: Told) -> list[dict[str, Any]]:
    """The cards about one order: often none.

    claim: the order's code stands for any drug, and the person who orders can name the drug at once. guideline: a link
    to the policy's page; under 2.2 it is in coverage-information, which no card should repeat (C-56), unless the plan
    wants it so. limits: an authorization that ends soon. The rest is what the plan's file asks for.
    """
    makers = (_claim, _policy_page, _renewal, _app, _form_task, _alternative, _companion)
    cards = [card for make in makers if (card := make(order, coverage, answer, told)) is not None]
    return [_complete(card, order, told) for card in cards]


def _claim(order: DraftOrder, _: OrderCoverage, answer: CoverageAnswer, told: Told) -> Card | None:
    entry = answer.catalogue_entry
    if entry is None or not entry.placeholder:
        return None
    summary = f"{told.plan.name}: name the drug of this order by its RxNorm or NDC code"
    return _card("claim", "Claim", summary, f"Applies to **{order.name}**. {entry.reason}")


def _policy_page(order: DraftOrder, _: OrderCoverage, answer: CoverageAnswer, told: Told) -> Card | None:
    policy = answer.policy
    wanted = told.version is Version.V2_0 or told.plan.cards.policy_pages
    if not (policy and policy.url and wanted and answer.information.pa_needed == "auth-needed"):
        return None
    card = _card(
        "guideline",
        "Guideline",
        f"{policy.display}: prior authorization criteria of {told.plan.name}",
        f"Applies to **{order.name}**. The page lists what the plan looks at before it authorizes it.",
    )
    return card | {"links": [{"label": policy.title, "url": policy.url, "type": "absolute"}]}


def _renewal(order: DraftOrder, _: OrderCoverage, answer: CoverageAnswer, told: Told) -> Card | None:
    """An authorization that ends soon is renewed in time by the form of the day after it (C-72)."""
    ends, days = answer.authorized_until, told.plan.cards.renewal_days
    if ends is None or not days or ends > told.today + timedelta(days=days):
        return None
    following = answer.policy.edition_on(ends + timedelta(days=1)) if answer.policy else None
    form = f" by the form {following.form.canonical}" if following else ""
    number = answer.information.satisfied_pa_id
    return _card(
        "limits",
        "Limits",
        f"Authorization {number} ends on {ends}: ask for its continuation in time",
        f"Applies to **{order.name}**. It is authorized until {ends}. If treatment goes on, send the request for "
        f"continuation before then{form}.",
    )


def _app(order: DraftOrder, _: OrderCoverage, answer: CoverageAnswer, told: Told) -> Card | None:
    """The link that opens the form, with what the app needs to find it."""
    said = answer.information
    if told.plan.cards.smart_app is None or not said.questionnaires:
        return None
    context = {
        "coverageAssertionId": said.assertion_id,
        "questionnaire": said.questionnaires,
        "order": order.reference,
        "coverage": said.coverage,
    }
    card = _card(
        "coverage-info",
        "Coverage Information",
        f"{told.plan.name}: open the form for this order",
        f"Applies to **{order.name}**. The app fills in what the chart says, and asks for the rest.",
    )
    link = {"label": "Open the form", "url": told.plan.cards.smart_app, "type": "smart"}
    return card | {"links": [link | {"appContext": orjson.dumps(context).decode()}]}


def _form_task(order: DraftOrder, coverage: OrderCoverage, answer: CoverageAnswer, told: Told) -> Card | None:
    if not (told.plan.cards.form_tasks and answer.information.questionnaires):
        return None
    task = form_task(order, coverage, answer.information.questionnaires[0], told.version, told.today)
    card = _card(
        "coverage-info",
        "Coverage Information",
        f"{told.plan.name}: put the form for this order on the task list",
        f"Applies to **{order.name}**. For who has no app for forms: the task names the form to fill in.",
    )
    return card | suggested("Add the task", "Add the task to fill in the form", "create", task, told.new_id)


def _alternative(order: DraftOrder, _: OrderCoverage, answer: CoverageAnswer, told: Told) -> Card | None:
    other = answer.catalogue_entry.alternative if answer.catalogue_entry else None
    resource = other and instead(order, other)
    if not other or not resource:
        return None
    name = other.code.display or other.code.code
    card = _card(
        "therapy-alternatives-opt",
        "Optional Therapy Alternatives",
        f"{told.plan.name} would rather see: {name}",
        f"Applies to **{order.name}**. {other.reason}",
    )
    return card | suggested(f"Order {name} instead", f"Change the order to {name}", "update", resource, told.new_id)


def _companion(order: DraftOrder, _: OrderCoverage, answer: CoverageAnswer, told: Told) -> Card | None:
    other = answer.catalogue_entry.companion if answer.catalogue_entry else None
    if not other or answer.information.dependencies:  # it is there already (C-7)
        return None
    name = other.code.display or other.code.code
    card = _card(
        "clinical-reminder",
        "Clinical Reminder",
        f"{told.plan.name}: {name} goes with this order",
        f"Applies to **{order.name}**. {other.reason}",
    )
    resource = beside(order, other, told.today)
    return card | suggested(f"Order {name} too", f"Add an order for {name}", "create", resource, told.new_id)


def cards_wanted(cards: Sequence[dict[str, Any]], configuration: HookConfiguration) -> list[dict[str, Any]]:
    """The cards that the caller wants, the weightiest first, at most `max-cards` of them (crd C-28, T-13)."""
    kept = [c for c in cards if configuration.wants(c["source"]["topic"]["code"])]
    kept.sort(key=lambda c: (_INDICATORS.index(c["indicator"]), c["source"]["topic"]["code"]))
    return kept[: configuration.max_cards]


def _card(topic: str, display: str, summary: str, detail: str) -> dict[str, Any]:
    short = summary if len(summary) <= SUMMARY_LIMIT else summary[: SUMMARY_LIMIT - 3].rstrip() + "..."
    return {
        "summary": short,
        "indicator": "info",
        "detail": detail,
        "source": {"topic": {"code": topic, "display": display}},
    }


def _complete(card: Card, order: DraftOrder, told: Told) -> Card:
    topic = {"system": _TOPICS[told.version], **card["source"]["topic"]}
    about: Any = order.reference if told.version is Version.V2_0 else {"reference": order.reference}
    return {
        "uuid": told.new_id(),
        **card,
        "source": {"label": told.plan.name, "topic": topic},
        "extension": {"davinci-crd.associated-resource": [about]},
    }
