"""Remedies of who prescribes and of where it is given; several criteria share them."""

from server.policy.model import State
from tests.remedies.model import Part, Remedy, remedy
from tests.remedies.sent import TEXT, answering, consultation, first_day, note, place
from tests.spoilings.model import Json
from tests.spoilings.request import all_of, concept, first, item, order

UNMET, UNKNOWN, REVIEW = State.UNMET, State.UNKNOWN, State.REVIEW
NUCC = "http://nucc.org/provider-taxonomy"
UNSTABLE = answering(site_exception=["E2"], site_exception_detail="As noted.", site_exception_record=TEXT)


def role_in_force(bundle: Json) -> None:
    """A role of who orders, in force, that shows rheumatology; the team names it."""
    for old in all_of(bundle, "PractitionerRole"):
        old.pop("period", None)
        old["active"] = True
        old["practitioner"] = dict(order(bundle)["requester"])
        old["specialty"] = [concept(NUCC, "207RR0500X")]


def prescribed_by(bundle: Json) -> None:
    answering(prescriber_specialty="rheumatology")(bundle)


def no_first_day(bundle: Json) -> None:
    item(bundle).pop("servicedDate", None)
    answering(service_start=[])(bundle)
    first(bundle, "Patient")["birthDate"] = "2009-01-05"
    answering(birth_date="2009-01-05")(bundle)


def only_the_year_of_birth(bundle: Json) -> None:
    first(bundle, "Patient")["birthDate"] = "2009"
    answering(birth_date=[])(bundle)


def full_birth_date(bundle: Json) -> None:
    first(bundle, "Patient")["birthDate"] = "2009-06-14"


def specialist(criterion: str, who: str) -> tuple[Remedy, ...]:
    details = "with name, NPI, specialty and day."
    return (
        remedy(
            criterion,
            UNMET,
            Part("A physician decides. "),
            Part(f"A consultation with {who} settles it: answer who was consulted, {details}", consultation()),
        ),
        remedy(
            criterion,
            UNKNOWN,
            Part("Answer the specialty of the prescriber", prescribed_by, where="specialty, and no role"),
            Part(
                f"; if that is none of {who}, answer whether one was consulted: {details}",
                consultation(prescriber_specialty="other-physician"),
            ),
        ),
        remedy(
            criterion,
            REVIEW,
            Part("A nurse compares the answers with the roles on record and with the day of the consultation"),
            Part(
                "; a role in force that shows the specialty answered",
                role_in_force,
                where="Prescriber, answered: rheumatology",
            ),
            Part(
                ", or corrected answers, settle it.",
                consultation(prescriber_specialty="other-physician"),
                where="Prescriber, ",
            ),
        ),
    )


ROWS = (
    *specialist("RA-I-2", "a rheumatologist"),
    *specialist("CAPS-I-2", "a rheumatologist, a geneticist or a dermatologist"),
    *specialist("DIRA-I-2", "a rheumatologist, a geneticist or a physician specialised in inflammatory conditions"),
    *specialist("SJIA-I-2", "a rheumatologist"),
    *specialist("STILL-I-2", "a rheumatologist"),
    remedy(
        "Site Of Care",
        UNMET,
        Part("A physician decides. "),
        Part("A place of service outside a hospital settles it", place("11")),
        Part("; so does a documented reason for a hospital.", UNSTABLE),
    ),
    remedy(
        "Site Of Care",
        UNKNOWN,
        Part("Send what is named as missing: the place of service", place("11"), where="the place of service, and"),
        Part("; for a hospital also whether a reason requires it", UNSTABLE, where="whether a reason requires"),
        Part(
            ", the kind of coverage",
            answering(coverage_kind="commercial"),
            becomes=UNMET,
            where="the kind of coverage, and",
        ),
        Part(
            ", the full date of birth",
            full_birth_date,
            where="The date of birth is not complete",
            made=only_the_year_of_birth,
        ),
        Part(
            " and the first day of service",
            first_day,
            where="No first day of service",
            made=no_first_day,
        ),
        Part(
            "; for an earlier reaction whether Kineret was taken before",
            answering(taken_before="yes"),
            where="taken before",
        ),
        Part(
            "; for an impairment whether somebody can help at home.",
            answering(caregiver_available=False),
            where="help at home",
        ),
    ),
    remedy(
        "Site Of Care",
        REVIEW,
        Part("A nurse looks at place, coverage, age or reason"),
        Part(
            "; where a reason for a hospital is claimed, a clinical note of the last year that shows it settles it.",
            note,
            where="clinically unstable",
        ),
    ),
)
