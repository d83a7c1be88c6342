"""appointment-book: what is booked, or the order that it is booked for, is answered."""

from server.crd.order_answers import answer_primary
from server.crd.prefetch import APPOINTMENT_PREFETCH, WANTS
from server.crd.service import CdsService

SERVICE = CdsService(
    "crd-appointment-book",
    "appointment-book",
    "Coverage requirements at booking",
    "Tells for each appointment whether {plan} covers what it is for, whether that needs prior authorization, "
    "and which form collects what the decision needs.",
    APPOINTMENT_PREFETCH,
    WANTS,
    answer_primary,
)
