"""The base R4 structure of a request: every problem at once, each with its place. Input values are never repeated.

Two checkers stand behind one function: fhirkit, quick enough for every request, and fhir.resources.R4B where fhirkit
has no wheel. Neither knows the calendar and fhirkit does not know ids, so that part is ours.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any, TypeAlias

from server.errors import MAX_PROBLEMS, Problem

Checker = Callable[[bytes, dict[str, Any]], list[Problem]]
_Place: TypeAlias = "tuple[_Place, str | int] | None"

_DATE_NAME = re.compile(  # every element of R4 that holds a date, dateTime or instant
    r"(?:.*Date|.*DateTime|.*Instant|authored|authoredOn|created|creation|date|dateTime|detected|effectiveTime|end|event|"
    r"expiry|issued|last(?:Modified|Occurrence|Performed|Updated)|onset|received|receivedTime|recorded|recordedOn|sent|"
    r"start|started|timestamp|useBy|validTo|whenHandedOver|whenPrepared)"
)
_ENOUGH = 10 * MAX_PROBLEMS  # looking for more only keeps others waiting
_LOOKS_LIKE_A_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")

# what the checkers say -> IssueType and our words: theirs repeat the value that was sent
_WORDS: tuple[tuple[str, str, str], ...] = (
    ("required element missing", "required", "A mandatory element is missing; send it."),
    ("an empty array", "structure", "An empty array is no FHIR JSON; leave the element out or fill it."),
    ("null", "structure", "`null` is no FHIR JSON here; leave the element out."),
    ("an empty string", "structure", "An empty string is no FHIR value; leave the element out."),
    ("the key appears more than once", "structure", "The same key stands twice in one object; send it once."),
    ("only one type may be given", "structure", "Two types of value were given where one is allowed; send one."),
    ("a resource needs a resourceType", "structure", "A resource has no `resourceType`; name its type."),
    ("expected", "structure", "The JSON type is wrong here: {}. Send the type that FHIR R4 gives this element."),
)


def structure_problems(raw: bytes, parsed: dict[str, Any]) -> list[Problem]:
    """What in a resource is not base FHIR R4: types, cardinality, formats, ids, days that do not exist.

    All of it, unless there is more than anybody would read: then more than MAX_PROBLEMS, and not all of it.

    raw and parsed are the same JSON object. `expression` starts with the resource type (`Bundle.entry[0]...`).
    Elements that R4 does not know are passed over (pas P-21); profiles, bindings and invariants are not looked at.
    """
    problems = _check(raw, parsed)
    if len(problems) > MAX_PROBLEMS:
        return problems
    places = {p.expression for p in problems}
    return problems + [p for p in islice(_ids_and_days(parsed), _ENOUGH) if p.expression not in places]


def real_day(text: Any) -> date | None:
    """The day of a FHIR date, dateTime or instant; None for a partial date or one that the calendar does not have."""
    if not isinstance(text, str) or not _LOOKS_LIKE_A_DAY.match(text):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _ids_and_days(parsed: dict[str, Any]) -> Iterator[Problem]:
    root = str(parsed.get("resourceType", "Resource"))
    stack: list[tuple[Any, _Place]] = [(parsed, None)]
    while stack:
        node, place = stack.pop()
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in pairs:
            if type(value) is not str:  # what parsing gives is of these exact types
                if type(value) is dict or type(value) is list:
                    stack.append((value, (place, key)))
            elif key == "id" and "resourceType" in node and not _ID.fullmatch(value):
                text = "A resource id has letters, digits, `-` and `.` only, at most 64; send such an id."
                yield Problem("value", text, _path(root, (place, key)))
            elif (
                value[4:5] == "-"
                and _LOOKS_LIKE_A_DAY.match(value)
                and _is_date(key, place)
                and real_day(value) is None
            ):
                yield Problem(
                    "value", "This day does not exist in the calendar; send a real date.", _path(root, (place, key))
                )


def _is_date(key: str | int, place: _Place) -> bool:
    """Whether an element is a date by its name; a list element (Timing.event) goes by the name of its list."""
    name = key if isinstance(key, str) else place[1] if place else ""
    return isinstance(name, str) and _names_a_date(name)


@lru_cache(1024)
def _names_a_date(name: str) -> bool:
    return _DATE_NAME.fullmatch(name) is not None


def _path(root: str, place: _Place) -> str:
    parts: list[str] = []
    while place is not None:
        place, key = place
        parts.append(f"[{key}]" if isinstance(key, int) else f".{key}")
    return root + "".join(reversed(parts))


def _words(message: str, place: str) -> Problem:
    for start, code, text in _WORDS:
        if message.startswith(start):
            return Problem(code, text.format(message), place)
    if "resource type" in message:
        return Problem("structure", "This resource type does not exist in FHIR R4; send another.", place)
    return Problem("value", "The value does not have the form that FHIR R4 asks for here; correct it.", place)


def _fhirkit() -> Checker:
    import fhirkit  # noqa: PLC0415 - a platform without its wheel must still start

    def check(raw: bytes, parsed: dict[str, Any]) -> list[Problem]:  # noqa: ARG001 - the bytes are quicker
        try:
            issues = fhirkit.validate(raw)
        except fhirkit.ParseError:
            return [Problem("structure", "The body is no FHIR JSON; send one resource as JSON.", severity="fatal")]
        wrong = (i for i in issues if i.severity == "error" and i.message != "unknown element")
        return [_words(i.message, i.path) for i in islice(wrong, _ENOUGH)]

    return check


def _r4b() -> Checker:
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415 - costs 0.15 s and 24 MB where not needed
    from pydantic import ValidationError  # noqa: PLC0415 - likewise

    def known(resource: Mapping[str, Any]) -> bool:
        try:
            return bool(get_fhir_model_class(resource["resourceType"]))
        except (KeyError, ValueError, TypeError):
            return False

    def check(raw: bytes, parsed: dict[str, Any]) -> list[Problem]:  # noqa: ARG001 - see fhirkit
        root = str(parsed.get("resourceType", "Resource"))
        problems = list(_what_r4b_lets_pass(parsed, root, known))
        try:
            get_fhir_model_class(root).model_validate(parsed)
        except ValidationError as error:
            found = (_of_pydantic(root, e) for e in error.errors(include_input=False, include_url=False))
            problems += [p for p in found if p is not None]
        except (KeyError, ValueError, TypeError):
            pass  # a resource type that R4B does not know, already told
        return problems

    return check


def _of_pydantic(root: str, error: Mapping[str, Any]) -> Problem | None:
    place: _Place = None
    for part in error["loc"]:
        if part != "root":  # pydantic's name for "this is no object at all"
            place = (place, part)
    kind, path = str(error["type"]), _path(root, place)
    if "extra" in kind:
        return None
    if "missing" in kind:
        return _words("required element missing", path)
    if kind.endswith(("_type", "_parsing")) and "date" not in kind:
        return Problem("structure", "The JSON type is wrong here. Send the type that FHIR R4 gives this element.", path)
    return _words("", path)


def _what_r4b_lets_pass(
    parsed: dict[str, Any], root: str, known: Callable[[Mapping[str, Any]], bool]
) -> Iterator[Problem]:
    """Empty and nested arrays, nulls and resource types, which R4B drops in silence or fails on."""
    stack: list[tuple[Any, _Place]] = [(parsed, None)]
    while stack:
        node, place = stack.pop()
        if not node and isinstance(node, list):
            yield _words("an empty array", _path(root, place))
        if isinstance(node, dict) and (place is None or place[1] == "resource" or "resourceType" in node):
            if "resourceType" not in node:
                yield _words("a resource needs a resourceType", _path(root, place))
            elif not known(node):
                yield _words("resource type", _path(root, place))
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(node, list) and isinstance(value, list):
                yield _words("expected a value, found an array", _path(root, (place, key)))
            elif isinstance(value, (dict, list)):
                stack.append((value, (place, key)))
            elif value is None and not _is_gap(node):
                yield _words("null", _path(root, (place, key)))


def _is_gap(node: Any) -> bool:
    """Whether a null in it keeps the place of a primitive that has an extension only."""
    return isinstance(node, list) and any(v is not None and not isinstance(v, dict) for v in node)


try:
    _check: Checker = _fhirkit()
except ImportError:  # pragma: no cover - platforms without a wheel
    _check = _r4b()
