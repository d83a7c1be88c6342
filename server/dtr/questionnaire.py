"""A policy's form as each guide version wants to see it (dtr section 0, D-100..D-103, T-1, T-2)."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import orjson

from server.fhir.codes import DTR
from server.fhir.read import Resource, extension_value
from server.fhir.version import Version
from server.form.expression import CQF_LIBRARY, CQL_LANGUAGES, cqf_libraries, named_define

VERSION_ALGORITHM = {
    "url": "http://hl7.org/fhir/StructureDefinition/artifact-versionAlgorithm",
    "valueCoding": {"system": "http://hl7.org/fhir/version-algorithm", "code": "semver"},
}
_ALTERNATIVE = {
    Version.V2_0: "http://hl7.org/fhir/us/ecr/StructureDefinition/us-ph-alternative-expression-extension",
    Version.V2_2: f"{DTR}alternativeExpression",
}
_ONLY_2_2 = {
    VERSION_ALGORITHM["url"],
    f"{DTR}questionnaireAudience",
    f"{DTR}request-specific",
    f"{DTR}estimated-completion-time",
}
UNIT_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitValueSet"
_SUPPORT = "http://hl7.org/fhir/StructureDefinition/questionnaire-support"

Pin = Callable[[str], str]
"""A canonical with the version that the package holds: `url` or `url|version` -> `url|version`."""


def questionnaire_resource(source: Mapping[str, Any], version: Version, pin: Pin) -> Resource:
    """The Questionnaire of one guide version, from the form as its file holds it.

    2.2: pinned cqf-library, `text/cql-identifier`, versionAlgorithm. 2.0: the plain cqf-library and `text/cql` that its
    clients compare as strings, a narrative, and none of the extensions that came with 2.2.
    """
    form: Resource = {k: v for k, v in source.items() if k not in {"meta", "extension", "item", "text"}}
    root = [e for e in source.get("extension") or () if e.get("url") != VERSION_ALGORITHM["url"]]
    root = [VERSION_ALGORITHM, *root] if version is Version.V2_2 else [e for e in root if e["url"] not in _ONLY_2_2]
    libraries = cqf_libraries(source)
    only = libraries[0].split("|", 1)[0].rsplit("/", 1)[-1] if len(libraries) == 1 else None
    text = source.get("text") or (narrative(source) if version is Version.V2_0 else None)
    rendered = {
        "resourceType": "Questionnaire",
        "meta": {"profile": [f"{DTR}dtr-std-questionnaire"]},
        **({"text": text} if text else {}),
        "extension": [_root_extension(e, version, pin, only) for e in root],
        **{k: v for k, v in form.items() if k != "resourceType"},
        "item": [_item(i, version, pin, only) for i in source.get("item") or ()],
    }
    return {k: v for k, v in rendered.items() if v != []}


def narrative(source: Mapping[str, Any]) -> dict[str, str]:
    """The questions as a plain list, for readers that show nothing else (dtr D-100)."""

    def listed(items: Any) -> str:
        rows = "".join(f"<li>{escape(str(i.get('text') or ''))}{listed(i.get('item'))}</li>" for i in items or ())
        return f"<ul>{rows}</ul>" if rows else ""

    title = escape(str(source.get("title") or source.get("name") or "Questionnaire"))
    body = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{title}</p>{listed(source.get("item"))}</div>'
    return {"status": "generated", "div": body}


def _root_extension(extension: Mapping[str, Any], version: Version, pin: Pin, only: str | None) -> dict[str, Any]:
    if extension.get("url") == CQF_LIBRARY:
        canonical = pin(str(extension.get("valueCanonical")))
        return {"url": CQF_LIBRARY, "valueCanonical": canonical if version is Version.V2_2 else canonical.split("|")[0]}
    return dict(_expressions(extension, version, only))


def _item(item: Mapping[str, Any], version: Version, pin: Pin, only: str | None) -> dict[str, Any]:
    rendered = {k: v for k, v in item.items() if k not in {"extension", "item"}}
    if item.get("extension"):
        rendered["extension"] = [_item_extension(e, version, pin, only) for e in item["extension"]]
    if "answerValueSet" in rendered and not str(rendered["answerValueSet"]).startswith("#"):
        rendered["answerValueSet"] = pin(str(rendered["answerValueSet"]))
    if item.get("item"):
        rendered["item"] = [_item(i, version, pin, only) for i in item["item"]]
    return rendered


def _item_extension(extension: Mapping[str, Any], version: Version, pin: Pin, only: str | None) -> dict[str, Any]:
    url = extension["url"]
    if url == UNIT_VALUE_SET:
        return {"url": url, "valueCanonical": pin(str(extension.get("valueCanonical")))}
    if url == f"{_SUPPORT}Hyperlink" and version is Version.V2_0:
        return {"url": f"{_SUPPORT}Link", "valueUri": extension_value(extension, "link")}
    return dict(_expressions(extension, version, only))


def _expressions(tree: Any, version: Version, only: str | None) -> Any:
    """The tree with every CQL Expression in the version's language and with its ELM beside it (dtr D-94)."""
    if isinstance(tree, list):
        return [_expressions(t, version, only) for t in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.get("language") in CQL_LANGUAGES and "expression" in tree:
        return _expression(tree, version, only)
    return {k: _expressions(v, version, only) for k, v in tree.items()}


def _expression(expression: Mapping[str, Any], version: Version, only: str | None) -> dict[str, Any]:
    kept = [e for e in expression.get("extension") or () if e.get("url") not in _ALTERNATIVE.values()]
    define = named_define(expression)
    language = "text/cql"
    if define and (library := define[0] or only):
        elm = {"type": "ExpressionRef", "libraryName": library, "name": define[1]}
        alternative = {"language": "application/elm+json", "expression": orjson.dumps(elm).decode()}
        kept.append({"url": _ALTERNATIVE[version], "valueExpression": alternative})
        language = "text/cql-identifier" if version is Version.V2_2 else language
    rest = {k: v for k, v in expression.items() if k not in {"extension", "language"}}
    return {**({"extension": kept} if kept else {}), "language": language, **rest}
