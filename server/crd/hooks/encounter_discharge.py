"""encounter-discharge: a stay ends; what holds for it is told once more, for the claim."""

from server.crd.order_answers import answer_secondary
from server.crd.prefetch import ENCOUNTER_PREFETCH, WANTS
from server.crd.service import CdsService

SERVICE = CdsService(
    "crd-encounter-discharge",
    "encounter-discharge",
    "Coverage requirements at discharge",
    "Tells when a stay ends whether {plan} covers it and asks for prior authorization of it.",
    ENCOUNTER_PREFETCH,
    WANTS,
    answer_secondary,
)
