"""Cards: what coverage-information cannot tell the person who signs, and no more (crd section 1.11)."""

from collections.abc import Sequence
from typing import Any

from server.clock import NewId
from server.crd.coverage_answer import CoverageAnswer
from server.crd.coverage_information import TEMPORARY
from server.crd.hook_request import HookConfiguration
from server.crd.order import DraftOrder
from server.fhir.version import Version
from server.policy.plan import Plan

SUMMARY_LIMIT = 139
"""Characters. Some clients take 140 as too long already (T-28)."""

_TOPICS = {
    Version.V2_0: TEMPORARY,
    Version.V2_2: "http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
}
_INDICATORS = ("critical", "warning", "info")


def cards_for(
    order: DraftOrder, answer: CoverageAnswer, version: Version, plan: Plan, new_id: NewId
) -> list[dict[str, Any]]:
    """The cards about one order: often none.

    claim: the order's code stands for any drug, and the person who orders can name the drug at once. guideline: a link
    to the policy's page, under 2.0 only: 2.2 has it in coverage-information, which no card should repeat (C-56).
    """
    cards = []
    if answer.catalogue_entry and answer.catalogue_entry.placeholder:
        cards.append(
            _card(
                "claim",
                "Claim",
                f"{plan.name}: name the drug of this order by its RxNorm or NDC code",
                f"Applies to **{order.name}**. {answer.catalogue_entry.reason}",
            )
        )
    policy = answer.policy
    if policy and policy.url and version is Version.V2_0 and answer.information.pa_needed == "auth-needed":
        card = _card(
            "guideline",
            "Guideline",
            f"{policy.display}: prior authorization criteria of {plan.name}",
            f"Applies to **{order.name}**. The page lists what the plan looks at before it authorizes it.",
        )
        card["links"] = [{"label": policy.title, "url": policy.url, "type": "absolute"}]
        cards.append(card)
    return [_complete(card, order, version, plan, new_id) for card in cards]


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


def _complete(card: dict[str, Any], order: DraftOrder, version: Version, plan: Plan, new_id: NewId) -> dict[str, Any]:
    topic = {"system": _TOPICS[version], **card["source"]["topic"]}
    about: Any = order.reference if version is Version.V2_0 else {"reference": order.reference}
    return {
        "uuid": new_id(),
        **card,
        "source": {"label": plan.name, "topic": topic},
        "extension": {"davinci-crd.associated-resource": [about]},
    }
