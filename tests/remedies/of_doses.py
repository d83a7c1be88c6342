"""Remedies of the doses, by day and by weight."""

from server.policy.model import State
from tests.remedies.model import Follow, Part, remedy
from tests.remedies.sent import answering, dosed, note, together, weighed
from tests.spoilings.model import Json
from tests.spoilings.request import answered

UNMET, UNKNOWN, REVIEW = State.UNMET, State.UNKNOWN, State.REVIEW


def dose_corrected(milligrams: float) -> Follow:
    """Answer and order say the same."""
    return together(answering(dose_mg_per_day=milligrams), dosed(milligrams))


def weight_corrected(kilograms: float) -> Follow:
    return together(answering(weight_kg=kilograms), weighed(kilograms))


def start_corrected(bundle: Json) -> None:
    answering(start_dose_mg_per_day=32)(bundle)
    dosed(128)(bundle)


def once_a_day(bundle: Json) -> None:
    answering(doses_per_day=1)(bundle)
    dosed(answered(bundle, "dose-mg-per-day") or 128)(bundle)


ROWS = (
    remedy(
        "DOSE-RA",
        UNMET,
        Part("A physician decides on a dose above 100 mg a day"),
        Part("; a corrected dose settles it.", dose_corrected(100)),
    ),
    remedy(
        "DOSE-RA",
        UNKNOWN,
        Part("Answer the highest daily dose in milligrams", answering(dose_mg_per_day=100)),
        Part(", or send an order with its dosage.", dosed(100)),
    ),
    remedy(
        "DOSE-RA",
        REVIEW,
        Part("A nurse compares the dose answered with the doses ordered, and looks at quantity and route"),
        Part("; an answer and an order that agree on 100 mg a day or less settle it.", dose_corrected(100)),
    ),
    remedy(
        "DOSE-CAPS-MAX",
        UNMET,
        Part("A physician decides on a dose above 8 mg/kg a day"),
        Part("; a corrected dose", dose_corrected(128)),
        Part(" or weight settles it.", weight_corrected(40)),
    ),
    remedy(
        "DOSE-CAPS-MAX",
        UNKNOWN,
        Part("Send the body weight of the last 90 days", weighed(32), where="does not say the body weight"),
        Part(" (or answer it)", answering(weight_kg=32), where="does not say the body weight"),
        Part(
            " and the highest daily dose in milligrams.",
            answering(dose_mg_per_day=128),
            where="does not say the highest daily dose",
        ),
    ),
    remedy(
        "DOSE-CAPS-MAX",
        REVIEW,
        Part("A nurse compares doses and weights of answer and record, and looks at what cannot be or cannot be read"),
        Part(
            "; an answer and a record that agree settle it.",
            together(dose_corrected(128), weight_corrected(32)),
        ),
    ),
    remedy(
        "DOSE-CAPS-START",
        REVIEW,
        Part("A nurse looks at the start and the weight"),
        Part("; a corrected start dose", start_corrected, where="67.2 mg"),
        Part(" or weight settles it", weight_corrected(32), where="cannot be"),
        Part(", and for a start above 2 mg/kg a note says why.", note, becomes=REVIEW, where="67.2 mg"),
    ),
    remedy(
        "DOSE-CAPS-FREQ",
        REVIEW,
        Part("A nurse looks at the more frequent dosing"),
        Part("; a corrected number of doses settles it", once_a_day),
        Part(", and otherwise a note says why it is needed.", note, becomes=REVIEW),
    ),
    remedy(
        "DOSE-SOFT",
        REVIEW,
        Part("A nurse looks at dose, weight and route"),
        Part(
            "; an answer and a record that agree within 8 mg/kg a day settle it",
            together(dose_corrected(24), weight_corrected(8)),
        ),
        Part(", and for a higher dose a note says why.", note, becomes=REVIEW, where="72 mg"),
    ),
)
