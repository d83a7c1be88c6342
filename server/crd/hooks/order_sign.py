"""order-sign: the orders that are about to be signed are answered, each with the form that its authorization needs."""

from server.crd.order_answers import answer_primary
from server.crd.prefetch import ORDER_PREFETCH, WANTS
from server.crd.service import CdsService

SERVICE = CdsService(
    "crd-order-sign",
    "order-sign",
    "Coverage requirements at signing",
    "Tells for each order to be signed whether {plan} covers it, whether it needs prior authorization, "
    "and which form collects what the decision needs.",
    ORDER_PREFETCH,
    WANTS,
    answer_primary,
)
