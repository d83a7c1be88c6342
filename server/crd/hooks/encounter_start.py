"""encounter-start: a stay or visit begins; what the plan wants to know of it is told early."""

from server.crd.order_answers import answer_secondary
from server.crd.prefetch import ENCOUNTER_PREFETCH, WANTS
from server.crd.service import CdsService

SERVICE = CdsService(
    "crd-encounter-start",
    "encounter-start",
    "Coverage requirements of a stay",
    "Tells when a stay or visit begins whether {plan} covers it and asks for prior authorization.",
    ENCOUNTER_PREFETCH,
    WANTS,
    answer_secondary,
)
