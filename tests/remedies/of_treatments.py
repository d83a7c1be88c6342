"""Remedies of what was tried before, of the disease itself and of how it has responded."""

from datetime import timedelta

from server.policy.model import State
from tests.remedies.model import Part, remedy
from tests.remedies.sent import (
    ADALIMUMAB,
    IBUPROFEN,
    METHOTREXATE,
    PREDNISONE,
    TEXT,
    answering,
    created,
    fill,
    first_day,
    first_day_answered,
    listing,
    note,
    together,
    trial,
)
from tests.spoilings.model import Json
from tests.spoilings.request import add, concept, first, patient_reference

UNMET, UNKNOWN, REVIEW = State.UNMET, State.UNKNOWN, State.REVIEW
ACTIVE = answering(systemic_features=True, severity="moderate", mas_concern=False)


def taken_as_answered(bundle: Json) -> None:
    """The one statement of the chart shows a course of half a year that ended before the request."""
    statement = first(bundle, "MedicationStatement")
    last = created(bundle) - timedelta(100)
    statement["effectivePeriod"] = {"start": (last - timedelta(180)).isoformat(), "end": last.isoformat()}


def birth_date(bundle: Json) -> None:
    first(bundle, "Patient")["birthDate"] = "1971-06-14"


def report(bundle: Json) -> None:
    add(
        bundle,
        {
            "resourceType": "DiagnosticReport",
            "id": "report-sent",
            "status": "final",
            "code": concept("http://loinc.org", "51969-4") | {"text": "IL1RN sequencing"},
            "subject": patient_reference(bundle),
            "effectiveDateTime": (created(bundle) - timedelta(5)).isoformat(),
            "conclusion": "Homozygous pathogenic variant of IL1RN.",
        },
    )


CONFIRMED = answering(
    genetic_confirmed="yes", test_fda_approved="yes", genetic_test="Sample Laboratory, IL1RN panel, 2026-10-12"
)
REPORTED = together(report, answering(genetic_report=TEXT, genetic_test="Sample Laboratory, IL1RN panel, 2026-10-12"))

ROWS = (
    remedy(
        "RA-I-1",
        UNMET,
        Part("A physician decides. "),
        Part("If a biologic or targeted synthetic DMARD was taken for 90 days", listing(trial(ADALIMUMAB, days=90))),
        Part(
            " or not tolerated, add it with dates and outcome",
            listing(trial(ADALIMUMAB, days=10, outcome="intolerant")),
        ),
        Part(
            "; methotrexate and other conventional DMARDs do not count.",
            listing(trial(METHOTREXATE, days=400)),
            becomes=UNMET,
        ),
    ),
    remedy(
        "RA-I-1",
        UNKNOWN,
        Part(
            "List each biologic or targeted synthetic DMARD taken: medicine, condition, first and last day, "
            "and how it went.",
            listing(trial(ADALIMUMAB)),
        ),
    ),
    remedy(
        "RA-I-1",
        REVIEW,
        Part("A nurse looks at the medicine, its condition or its days"),
        Part("; statements", taken_as_answered, where="120 days, did not work well enough (the record shows 60 days)"),
        Part(
            " or fills that show the days answered settle it.",
            fill("327361", days_ago=300, days=180),
            where="the record shows 56 days",
        ),
    ),
    remedy(
        "RA-AGE",
        UNKNOWN,
        Part(
            "Send what is named as missing: the full date of birth (of the patient",
            birth_date,
            where="date of birth",
        ),
        Part(", or in the form)", answering(birth_date="1971-06-14"), where="date of birth"),
        Part(
            " or the first day of service (in the claim item",
            first_day,
            becomes=REVIEW,
            where="No first day of service",
        ),
        Part(", or in the form).", first_day_answered, becomes=REVIEW, where="No first day of service"),
    ),
    remedy(
        "RA-AGE",
        REVIEW,
        Part("A nurse checks the diagnosis of an adult disease in a patient under 18, or which date of birth is right"),
        Part(
            "; where one is wrong, a corrected one settles it.",
            together(birth_date, answering(birth_date="1971-06-14")),
        ),
    ),
    remedy(
        "Response",
        UNMET,
        Part("A physician decides; "),
        Part("send what has changed under Kineret.", note, becomes=UNMET),
    ),
    remedy(
        "Response",
        UNKNOWN,
        Part(
            "Answer in the form that the treatment continues, and how the patient has responded to Kineret.",
            answering(request_type="continuation", response="current"),
        ),
    ),
    remedy(
        "CAPS-I-1",
        UNKNOWN,
        Part("Answer which form of CAPS the patient has.", answering(caps_form="MWS")),
    ),
    remedy(
        "CAPS-I-1",
        REVIEW,
        Part("A nurse looks at the form of CAPS, which is none of the three that the policy names."),
    ),
    remedy(
        "DIRA-I-1",
        UNMET,
        Part("A physician decides. "),
        Part("Send the genetic report, and say what is known of the test.", REPORTED, becomes=UNMET),
    ),
    remedy(
        "DIRA-I-1",
        UNKNOWN,
        Part("Answer whether a genetic test confirms DIRA and whether the FDA has approved that test", CONFIRMED),
        Part(
            "; once a pending result is there, send it and answer so.",
            together(report, CONFIRMED),
            where="answered: pending",
        ),
    ),
    remedy(
        "DIRA-I-1",
        REVIEW,
        Part("A nurse looks at the test and its report"),
        Part("; send the report, with the name of the laboratory and of the test.", REPORTED, becomes=REVIEW),
    ),
    remedy(
        "SJIA-I-1",
        UNMET,
        Part("A physician decides. "),
        Part("If a systemic medicine,", listing(trial(PREDNISONE, days=14))),
        Part(" a biologic,", listing(trial(ADALIMUMAB, days=30))),
        Part(" or an NSAID for 30 days was tried, add it", listing(trial(IBUPROFEN, days=30))),
        Part("; or answer how active the disease is.", ACTIVE),
    ),
    remedy(
        "SJIA-I-1",
        UNKNOWN,
        Part("List what was tried, with dates and outcome", listing(trial(IBUPROFEN))),
        Part(
            ", and answer the questions on systemic features, severity, active joints and macrophage activation "
            "syndrome.",
            ACTIVE,
        ),
    ),
    remedy(
        "SJIA-I-1",
        REVIEW,
        Part("A nurse looks at the medicine tried or at what the record says of it"),
        Part("; one of the other options settles it.", ACTIVE),
    ),
    remedy(
        "STILL-I-1",
        UNMET,
        Part("A physician decides. "),
        Part(
            "If a corticosteroid and, for 60 days, a conventional DMARD were tried, add both",
            listing(trial(PREDNISONE, days=14), trial(METHOTREXATE, days=60)),
        ),
        Part("; or answer how active the disease is.", ACTIVE),
    ),
    remedy(
        "STILL-I-1",
        UNKNOWN,
        Part(
            "List the corticosteroid and the conventional DMARD tried, with dates and outcome",
            listing(trial(PREDNISONE, days=14), trial(METHOTREXATE, days=60)),
        ),
        Part(
            ", and answer the questions on systemic features, severity and macrophage activation syndrome.",
            ACTIVE,
        ),
    ),
    remedy(
        "STILL-I-1",
        REVIEW,
        Part("A nurse looks at the medicine tried or at what the record says of it"),
        Part("; one of the other options settles it.", ACTIVE),
    ),
)
