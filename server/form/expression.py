"""Reads the expressions of a form: the libraries they name, and the define that drafts an item's first answer."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from server.fhir.read import extension_value, extensions
from server.form.model import form_items

CQF_LIBRARY = "http://hl7.org/fhir/StructureDefinition/cqf-library"
INITIAL_EXPRESSION = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-initialExpression"
CQL_LANGUAGES = {"text/cql", "text/cql-identifier", "text/cql.identifier", "text/cql-expression"}
_IDENTIFIER = re.compile(r'^(?:"(?P<library>[^".]+)"\.)?(?:"(?P<quoted>[^"]+)"|(?P<plain>[A-Za-z_]\w*))$')


def cqf_libraries(questionnaire: Mapping[str, Any]) -> tuple[str, ...]:
    """The canonicals of the libraries that a form's expressions use, as its file names them."""
    found = (e.get("valueCanonical") for e in extensions(questionnaire, CQF_LIBRARY))
    return tuple(c for c in found if isinstance(c, str))


def define_of(item: Mapping[str, Any]) -> tuple[str | None, str] | None:
    """Library name (None: the form's first) and define of an item's initialExpression; None without one."""
    expression = extension_value(item, INITIAL_EXPRESSION)
    if not isinstance(expression, dict) or expression.get("language") not in CQL_LANGUAGES:
        return None
    return named_define(expression)


def named_define(expression: Mapping[str, Any]) -> tuple[str | None, str] | None:
    """Library name (or None) and define that a FHIR Expression in CQL names; None for CQL that is more than a name."""
    match = _IDENTIFIER.match(str(expression.get("expression") or "").strip())
    return (match["library"], match["quoted"] or match["plain"]) if match else None


def expression_problems(
    questionnaire: Mapping[str, Any], defines: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, str]]:
    """Place and text of every library and define that a form names and that does not exist.

    Such a form would have an empty draft, and nobody would be told. defines: of all libraries, by `name|version`.
    """
    known: dict[str, frozenset[str]] = {}
    for canonical in cqf_libraries(questionnaire):
        url, _, version = canonical.partition("|")
        name = url.rsplit("/", 1)[-1]
        keys = [key for key in defines if _is(key, name, version)]
        known[name] = frozenset(define for key in keys for define in defines[key])
        if not keys:
            text = f"{canonical} is no library there is; end it with the name of one, or with name|version"
            yield "cqf-library", text
    for _, item in form_items(questionnaire):
        define = define_of(item)
        if define is None:
            continue
        place, library = f"item {item.get('linkId')}.initialExpression", define[0] or next(iter(known), "")
        if library not in known:
            yield place, f"{define[1]!r} is of no library that the form names; add its cqf-library"
        elif known[library] and define[1] not in known[library]:
            yield place, f"{library} has no define {define[1]!r}; name one that it has"


def _is(key: str, name: str, version: str) -> bool:
    return key == f"{name}|{version}" if version else key.partition("|")[0] == name
