"""Remedies of what every request is judged by, from the product to what is taken beside it."""

from datetime import timedelta

from server.policy.model import State
from tests.remedies.model import Part, remedy
from tests.remedies.sent import (
    ago,
    answering,
    certification_type,
    codes_corrected,
    created,
    diagnosis_of_the_claim,
    fill,
    first_day,
    first_day_answered,
    kind_of_request,
    note,
    package_code,
    product_ordered,
    service,
    together,
)
from tests.spoilings.model import Json
from tests.spoilings.request import HCPCS, all_of, concept, first, item, order

UNMET, UNKNOWN, REVIEW = State.UNMET, State.UNKNOWN, State.REVIEW


def billed(bundle: Json) -> None:
    item(bundle)["productOrService"] = concept(HCPCS, "J3590")
    answering(billing_code="J3590")(bundle)


def answered_of_these_days(bundle: Json) -> None:
    day = min(created(bundle), service(bundle)) - timedelta(1)
    first(bundle, "QuestionnaireResponse")["authored"] = f"{day.isoformat()}T09:00:00Z"


def days_corrected(bundle: Json) -> None:
    first_day(bundle)
    answering(service_start=item(bundle)["servicedDate"])(bundle)


def order_in_force(bundle: Json) -> None:
    day = min(created(bundle), service(bundle)) - timedelta(1)
    order(bundle).update(status="active", intent="order", authoredOn=day.isoformat())
    until = service(bundle) + timedelta(180)
    period = {"start": day.isoformat(), "end": until.isoformat()}
    dispensed = order(bundle).get("dispenseRequest", {})
    order(bundle)["dispenseRequest"] = {**dispensed, "validityPeriod": period}
    item(bundle)["quantity"]["value"] = 1


def record_corrected(bundle: Json) -> None:
    for key in ("deceasedBoolean", "deceasedDateTime"):
        first(bundle, "Patient").pop(key, None)
    for coverage in all_of(bundle, "Coverage"):
        coverage["status"] = "active"
        coverage.pop("period", None)


ROWS = (
    remedy(
        "PROD-1",
        UNKNOWN,
        Part("Send the National Drug Code of the package in the claim item's detail", package_code),
        Part(", or an order that names the medicine by its RxNorm code.", product_ordered),
    ),
    remedy(
        "PROD-1",
        REVIEW,
        Part("A nurse checks every code that the product is named or billed by"),
        Part(
            "; J3490 or J3590, the National Drug Code of Kineret and an order of Kineret, without a code of anything "
            "else beside them, settle it.",
            together(billed, package_code, product_ordered),
        ),
    ),
    remedy(
        "IND-1",
        UNKNOWN,
        Part("Answer which condition Kineret is for.", answering(indication="RA")),
    ),
    remedy(
        "TYPE-1",
        UNKNOWN,
        Part(
            "Answer whether this is a first request or a continuation, and whether the patient takes Kineret now",
            kind_of_request,
            where="Answered: initial therapy",
        ),
        Part(
            "; or send the certification type and the last fill of Kineret.",
            together(certification_type, fill("727714", days_ago=15, days=28)),
            where="continuation therapy; Certification type",
        ),
    ),
    remedy(
        "TYPE-1",
        REVIEW,
        Part("A nurse clears up whether treatment is new, running or interrupted"),
        Part("; a corrected answer", kind_of_request),
        Part(
            " or the date of the last fill settles it.",
            fill("727714", days_ago=15, days=28),
            where="takes Kineret now; The last known fill",
        ),
    ),
    remedy(
        "DX-1",
        UNKNOWN,
        Part("Send the ICD-10-CM code of the condition as a diagnosis of the claim.", diagnosis_of_the_claim),
    ),
    remedy(
        "DX-1",
        REVIEW,
        Part("A nurse compares the condition answered with the codes and conditions sent"),
        Part("; corrected codes", codes_corrected),
        Part(
            ", or a corrected answer, settle it.",
            answering(indication="STILL", diagnosis_code="M06.1"),
            where="Diagnosis code M06.1 (Rheumatoid",
        ),
    ),
    remedy(
        "ATTEST-1",
        UNKNOWN,
        Part(
            "Complete the form: answer its attestation with yes, and name who attests.",
            answering(attest=True, attester="Robin Sample, prescriber"),
        ),
    ),
    remedy(
        "ATTEST-1",
        REVIEW,
        Part("A nurse looks at when the form was answered"),
        Part(
            "; answers of the last 180 days, none after the first day of service, settle it.",
            answered_of_these_days,
        ),
    ),
    remedy(
        "DATE-1",
        UNKNOWN,
        Part("Send the first day of service in the claim item", first_day),
        Part(", or answer it in the form.", first_day_answered),
    ),
    remedy(
        "DATE-1",
        REVIEW,
        Part("A nurse looks at days that are far from the day of receipt"),
        Part("; corrected days settle it.", days_corrected),
    ),
    remedy(
        "ORDER-1",
        REVIEW,
        Part("A nurse looks at the order"),
        Part(
            "; an active order (its intent: order) of the last year settles it, in force on the first day of service "
            "and with a quantity that can be.",
            order_in_force,
        ),
    ),
    remedy(
        "MEMBER-1",
        REVIEW,
        Part("A nurse checks member and coverage"),
        Part("; a corrected record settles it.", record_corrected),
    ),
    remedy(
        "EXC-CONC",
        UNMET,
        Part("A physician weighs the combination. "),
        Part(
            "If the other medicine stops before the first dose, answer that and name the day: "
            "a nurse then confirms it.",
            lambda bundle: answering(
                concurrent_any=False,
                concurrent_which=[],
                stopping_first=True,
                stopping_which="327361",
                stopping_date=ago(bundle, -5),
            )(bundle),
            becomes=REVIEW,
        ),
    ),
    remedy(
        "EXC-CONC",
        UNKNOWN,
        Part(
            "Answer whether another biologic or targeted synthetic DMARD will be taken with Kineret.",
            answering(concurrent_any=False),
        ),
    ),
    remedy(
        "EXC-CONC",
        REVIEW,
        Part(
            "A nurse confirms that the other medicine stops before the first dose of Kineret, "
            "or that the record is out of date."
        ),
    ),
    remedy(
        "Not Covered",
        UNMET,
        Part("A physician decides on this case"),
        Part("; send what speaks for Kineret here and what else was tried.", note, becomes=UNMET),
    ),
    remedy(
        "EXC-COVID",
        UNMET,
        Part("The Medical Director decides on every request that has to do with COVID-19; nothing needs to be sent."),
    ),
    remedy(
        "EXC-COVID",
        UNKNOWN,
        Part("Answer whether COVID-19 caused the cytokine release syndrome.", answering(crs_covid="no")),
    ),
    remedy(
        "EXC-COVID",
        REVIEW,
        Part(
            "A nurse clears up whether the condition after COVID-19, or the inflammatory syndrome, is what is treated."
        ),
    ),
    remedy(
        "EXC-UNLISTED",
        UNMET,
        Part("A physician decides case by case"),
        Part("; send evidence that Kineret works here and why it is needed.", note, becomes=UNMET),
    ),
)
