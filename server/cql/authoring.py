"""The lint of CQL: what an author must avoid because this engine would answer wrongly or slowly.

The rules read the ELM, so that formatting and comments do not matter. A rule with false alarms is left out.
"""

from collections.abc import Callable, Iterator
from typing import Any

from server.cql.elm import Node, definitions
from server.cql.nullness import Nullness
from server.errors import PolicyProblem

GENERATED = "FHIRHelpers"  # conversions only, written by server/cql/js/fhirhelpers.mjs
_LONG = "{urn:hl7-org:elm-types:r1}Long"
_DECIMAL = "{urn:hl7-org:elm-types:r1}Decimal"
_COMPARISONS = {"Equal", "NotEqual", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}
_ARITHMETIC = {"Add", "Subtract", "Multiply", "Divide"}
_TOLERANCE = 0.001
_MISSING = {"LowBoundary", "HighBoundary", "Precision"}
_NUMBERS = {"{urn:hl7-org:elm-types:r1}Integer", _DECIMAL}
_POSITIONS = {("Substring", "startIndex"), ("Substring", "length"), ("Round", "precision")}
_LONGEST_LINE = 120


def lint_cql(source: str, elm: dict[str, Any], file: str) -> list[PolicyProblem]:
    """Every rule that a library breaks, with line:column and remedy. `elm` with its `library` wrapper.

    Each rule stands for a fault that was measured on the engine or seen in a policy.
    """
    library = elm["library"]
    if library["identifier"]["id"] == GENERATED:
        return []
    lines = source.splitlines()
    nullness = Nullness(library)
    found = [*_long_lines(lines), *_bare_numbers(library), *_library_rules(library)]
    for node, place in _nodes(library.get("statements"), ""):
        found += [(place, text) for rule in _NODE_RULES if (text := rule(node)) is not None]
        if _removes_duplicates(node) and not _says_distinct(node, lines):
            text = (
                'compares every two results and drops equal ones; write "return all", or "return distinct" to mean it'
            )
            found.append((place, text))
        # if one of the lists is null, the engine returns null for the whole expression and reports no error
        if node.get("type") == "Flatten" and nullness.keeps_lists_apart(node):
            text = "keeps its lists apart when one is null; write flatten ((...) L where L is not null return all L)"
            found.append((place, f"flatten {text}"))
    return [PolicyProblem(file, place, text) for place, text in dict.fromkeys(found)]


def _library_rules(library: Node) -> Iterator[tuple[str, str]]:
    for include in definitions(library, "includes"):
        if not include.get("version"):
            yield _place(include, ""), f"include {include['path']} has no version; a decision must name what it ran"
    defines = [d for d in definitions(library, "statements") if d.get("type") != "FunctionDef"]
    for define in defines:
        if define.get("context") != "Patient":
            yield _place(define, ""), f'"{define["name"]}" stands before "context Patient"; move it below'
    yield from _hidden_names(library, {d["name"] for d in defines})
    yield from _overloads(library)


def _hidden_names(library: Node, defines: set[str]) -> Iterator[tuple[str, str]]:
    """Aliases with the name of a define. When such an alias has no value, the engine takes the define's value."""
    for node, place in _nodes(library.get("statements"), ""):
        names = [node.get("alias"), node.get("identifier")]
        names += [o["name"] for o in node.get("operand") or () if node.get("type") == "FunctionDef"]
        for name in names:
            if name in defines:
                yield place, f'"{name}" is an alias and a define; name the alias otherwise'


def _overloads(library: Node) -> Iterator[tuple[str, str]]:
    """Overloaded functions. The engine chooses an overload by the values it is given, and null fits each of them."""
    seen: set[tuple[str, int]] = set()
    for function in definitions(library, "statements"):
        if function.get("type") == "FunctionDef":
            key = (function["name"], len(function.get("operand") or ()))
            if key in seen:
                yield _place(function, ""), f'"{function["name"]}" is overloaded: a null takes the last; use two names'
            seen.add(key)


def _long_lines(lines: list[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, start=1):
        if len(line) > _LONGEST_LINE:
            yield f"{number}:{_LONGEST_LINE + 1}", f"is longer than {_LONGEST_LINE} characters; break the line"


def _bare_numbers(library: Node) -> Iterator[tuple[str, str]]:
    """Numbers that stand in the middle of an expression, where nobody says what they are or who set them.

    What is no threshold passes: 0, 1 and a tolerance, a position in a list or a text, a define that only names a number
    or a list of them, and a table from texts to numbers (`case unit when 'wk' then 7.0 ...`).
    """
    for define in definitions(library, "statements"):
        named = define.get("expression") or {}
        names = [named, *(named.get("element") or ())]
        for literal, place in _numbers(named, _place(define, "")):
            if not any(literal is name for name in names):
                text = "is a bare number; make it a parameter that policy.toml sets and cites, or a define with a name"
                yield place, f"{literal['value']} {text}"


def _numbers(node: Any, place: str) -> Iterator[tuple[Node, str]]:
    if isinstance(node, list):
        for child in node:
            yield from _numbers(child, place)
    elif isinstance(node, dict):
        place = _place(node, place)
        if _is_threshold(node):
            yield node, place
        for key, child in node.items():
            yield from _numbers(_without_facts(node, key, child), place)


def _without_facts(node: Node, key: str, child: Any) -> Any:
    """A member of a node, without the numbers in it that are positions or the entries of a table."""
    if key in {"annotation", "signature", "resultTypeSpecifier"} or (node.get("type"), key) in _POSITIONS:
        return None
    if key == "operand" and node.get("type") == "Indexer":
        return child[0]
    if key == "caseItem" and _is_table(node):
        return [item["then"] for item in child if item["then"].get("type") != "Literal"]
    return child


def _is_threshold(node: Node) -> bool:
    """A number of CQL, or a quantity such as 90 days."""
    if node.get("type") == "Literal":
        return node.get("valueType") in _NUMBERS and not _says_nothing(float(node["value"]))
    return node.get("type") == "Quantity" and not _says_nothing(float(node.get("value", 0)))


def _says_nothing(number: float) -> bool:
    """None, one, or a tolerance."""
    return number < _TOLERANCE or number == 1


def _is_table(node: Node) -> bool:
    """A `case` that looks a text up among texts."""
    items = node.get("caseItem") or ()
    texts = all(i["when"].get("valueType") == "{urn:hl7-org:elm-types:r1}String" for i in items)
    return node.get("type") == "Case" and "comparand" in node and texts


def _long(node: Node) -> str | None:
    if _LONG in (node.get("valueType"), node.get("name"), node.get("resultTypeName")) or node.get("type") == "ToLong":
        return "is a Long, which the engine adds as text; use Integer or Decimal"
    return None


def _decimals(node: Node) -> str | None:
    """The engine computes Decimals as binary fractions: its 0.1 + 0.2 is not 0.3."""
    if node.get("type") not in _COMPARISONS:
        return None
    computed = any(_is_computed(o) for o in node.get("operand") or ())
    return "compares a computed Decimal, which is not exact; compare Round(..., 8)" if computed else None


def _is_computed(node: Node) -> bool:
    """Whether a node is Decimal arithmetic, other than adding or subtracting a tolerance."""
    if node.get("type") not in _ARITHMETIC or node.get("resultTypeName") != _DECIMAL:
        return False
    literals = [float(o["value"]) for o in node["operand"] if o.get("type") == "Literal"]
    return not (node["type"] in {"Add", "Subtract"} and any(0 < value < _TOLERANCE for value in literals))


def _conversion(node: Node) -> str | None:
    if node.get("type") == "FunctionRef" and node.get("name") == "ToString" and node.get("libraryName"):
        return "converts a FHIR code or string implicitly, by trying 251 functions; write .value after it"
    return None


def _message(node: Node) -> str | None:
    severity = node.get("severity") if node.get("type") == "Message" else None
    if isinstance(severity, dict) and severity.get("value") == "Error":
        return "a Message of severity Error ends the evaluation of every criterion; let the state be 'review'"
    return None


def _unknown_operator(node: Node) -> str | None:
    return f"{node['type']} is not in the engine; do without" if node.get("type") in _MISSING else None


_NODE_RULES: tuple[Callable[[Node], str | None], ...] = (
    _long,
    _decimals,
    _conversion,
    _message,
    _unknown_operator,
)


def _removes_duplicates(node: Node) -> bool:
    """Whether a query over a list lacks `return all`. Unlike the standard, this engine then drops duplicates."""
    if node.get("type") != "Query" or node.get("aggregate"):
        return False
    types = [s["expression"].get("resultTypeSpecifier", {}).get("type") for s in node["source"]]
    over_list = "ListTypeSpecifier" in types
    return over_list and (node.get("return") or {}).get("distinct", True) is not False


def _says_distinct(node: Node, lines: list[str]) -> bool:
    place = _place(node.get("return") or {}, "")
    if not place:
        return False
    line, column = map(int, place.split(":"))
    return lines[line - 1][column - 1 :].split()[:2] == ["return", "distinct"]


def _place(node: Node, otherwise: str) -> str:
    """line:column at which a node starts; `otherwise` for a node without a place of its own."""
    return str(node.get("locator") or "").partition("-")[0] or otherwise


def _nodes(node: Any, place: str) -> Iterator[tuple[Node, str]]:
    """Every node of the ELM that is code, with its place. Annotations and inferred types are skipped."""
    if isinstance(node, dict):
        place = _place(node, place)
        yield node, place
        for key, child in node.items():
            if key not in {"annotation", "signature", "resultTypeSpecifier"}:
                yield from _nodes(child, place)
    elif isinstance(node, list):
        for child in node:
            yield from _nodes(child, place)
