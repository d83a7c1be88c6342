"""FHIR R4's primitives: what JSON type and form a value has, with the calendar. No text repeats a value."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

Fault = tuple[str, str]
"""An IssueType code, and a text with the remedy."""
Check = Callable[[Any], Fault | None]


def real_day(text: Any) -> date | None:
    """The day of a FHIR date, dateTime or instant; None for a partial date or one that the calendar does not have."""
    if not isinstance(text, str) or not _STARTS_WITH_A_DAY.match(text):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def instant(moment: datetime) -> str:
    """A FHIR instant, with its zone (pas P-100)."""
    return moment.isoformat(timespec="milliseconds")


def _text(kind: str, pattern: str, form: str) -> Check:
    """A primitive that is text of a form. pattern must match in linear time: who sends chooses the text."""
    fits = re.compile(pattern).fullmatch
    wrong_type = _wrong_type(f"R4 has a {kind} in this place, which is text; send it in quotes")
    wrong_form: Fault = ("value", f"This is no {kind} as R4 writes it ({form}); correct it.")

    def check(value: Any) -> Fault | None:
        if type(value) is not str:
            return wrong_type
        if fits(value) is None:
            return wrong_form if value else _EMPTY
        return None

    return check


def _day(kind: str, pattern: str, form: str) -> Check:
    form_of = _text(kind, pattern, form)

    def check(value: Any) -> Fault | None:
        return form_of(value) or (_NO_SUCH_DAY if len(value) >= _FULL_DAY and real_day(value) is None else None)

    return check


def _whole(kind: str, least: int, form: str) -> Check:
    wrong_type = _wrong_type(f"R4 has a whole number ({kind}) in this place; send one without quotes or decimal point")
    wrong_form: Fault = ("value", f"This is no {kind} as R4 has it ({form}); correct it.")

    def check(value: Any) -> Fault | None:
        if type(value) is not int:
            return wrong_type
        return None if least <= value <= _MOST else wrong_form

    return check


def _boolean(value: Any) -> Fault | None:
    return None if type(value) is bool else _NO_BOOLEAN


def _decimal(value: Any) -> Fault | None:
    return None if type(value) in (float, int) else _NO_DECIMAL


def _base64(value: Any) -> Fault | None:
    """Documents may be megabytes: one look at the characters, one count."""
    if type(value) is not str:
        return _NO_BASE64
    packed = value if value.isalnum() else "".join(value.split())
    if not packed:
        return _EMPTY
    return _BAD_BASE64 if len(packed) % 4 or _BASE64.fullmatch(packed) is None else None


def _wrong_type(what: str) -> Fault:
    return "structure", f"The JSON type is wrong here: {what}."


_MOST = 2**31 - 1
_FULL_DAY = 10  # characters of YYYY-MM-DD
_STARTS_WITH_A_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BASE64 = re.compile(r"[0-9A-Za-z+/]*={0,2}")
_EMPTY: Fault = ("structure", "An empty string is no FHIR value; leave the element out.")
_NO_SUCH_DAY: Fault = ("value", "This day does not exist in the calendar; send a real date.")
_NO_BOOLEAN = _wrong_type("R4 has a boolean in this place; send true or false without quotes")
_NO_DECIMAL = _wrong_type("R4 has a decimal in this place; send a number without quotes")
_NO_BASE64 = _wrong_type("R4 has a base64Binary in this place, which is text; send it in quotes")
_BAD_BASE64: Fault = (
    "value",
    "This is no base64 (A-Z, a-z, 0-9, + and /, padded with = to a multiple of 4); encode it.",
)

_DATE = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])"
_HOURS = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_ZONE = r"(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_ANYTHING = r"(?s:.+)"
_URI = (r"\S+", "without white space")
_INSTANT = "YYYY-MM-DDThh:mm:ss and Z or +hh:mm"

PRIMITIVES: Mapping[str, Check] = {
    "base64Binary": _base64,
    "boolean": _boolean,
    "canonical": _text("canonical", *_URI),
    "code": _text("code", r"\S+( \S+)*", "without white space at its ends, and single spaces inside"),
    "date": _day("date", rf"{_DATE})?)?", "YYYY, YYYY-MM or YYYY-MM-DD"),
    "dateTime": _day("dateTime", rf"{_DATE}(T{_HOURS}{_ZONE})?)?)?", f"YYYY, YYYY-MM, YYYY-MM-DD or {_INSTANT}"),
    "decimal": _decimal,
    "id": _text("id", r"[A-Za-z0-9\-.]{1,64}", "letters, digits, `-` and `.` only, at most 64"),
    "instant": _day("instant", rf"{_DATE}T{_HOURS}{_ZONE}))", _INSTANT),
    "integer": _whole("integer", -_MOST - 1, "32 bits"),
    "markdown": _text("markdown", _ANYTHING, "text"),
    "oid": _text("oid", r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+", "urn:oid:2.16..."),
    "positiveInt": _whole("positiveInt", 1, "1 or more, 31 bits"),
    "string": _text("string", _ANYTHING, "text"),
    "time": _text("time", _HOURS, "hh:mm:ss"),
    "unsignedInt": _whole("unsignedInt", 0, "0 or more, 31 bits"),
    "uri": _text("uri", *_URI),
    "url": _text("url", *_URI),
    "uuid": _text(
        "uuid", r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "urn:uuid: and a UUID in small letters"
    ),
    "xhtml": _text("xhtml", _ANYTHING, "text"),
}
