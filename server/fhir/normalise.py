"""Rewrites codings for CQL, which compares text: one spelling of each system, NDC as 11 digits."""

import re
from typing import Any

import orjson

from server.fhir.codes import NDC, system_of
from server.fhir.read import Resource, ndc11, ndc_readings

_SYSTEM = re.compile(rb'"system":"([^"\\]*)"')
_NDC = NDC.encode()
_READ_NDC = re.compile(rb'"system":"%b","code":"[0-9]{11}"' % re.escape(_NDC))
"""An NDC as CQL compares it. Most are sent so, and a resource with no other NDC need not be walked."""


def normalised(text: bytes) -> Resource:
    """The resource of a compact JSON text (orjson's form), its codings normalised."""
    for written in set(_SYSTEM.findall(text)):
        system = system_of(written.decode()).encode()
        if system != written:
            text = text.replace(b'"system":"%b"' % written, b'"system":"%b"' % system)
    resource: Resource = orjson.loads(text)
    if text.count(_NDC) > len(_READ_NDC.findall(text)):
        _normalise_ndc(resource)
    return resource


def _normalise_ndc(node: Any) -> None:
    if isinstance(node, list):
        for child in node:
            _normalise_ndc(child)
    elif isinstance(node, dict):
        codings = node.get("coding")
        if isinstance(codings, list):
            node["coding"] = [reading for c in codings for reading in _readings(c)]
        elif node.get("system") == NDC and isinstance(node.get("code"), str):
            node["code"] = ndc11(node["code"])
        for key, child in node.items():
            if key != "coding":
                _normalise_ndc(child)


def _readings(coding: Any) -> list[Any]:
    """The coding; several for ten digits without hyphens, one for each NDC that they may mean."""
    if isinstance(coding, dict) and coding.get("system") == NDC and isinstance(coding.get("code"), str):
        return [{**coding, "code": code} for code in ndc_readings(coding["code"])]
    return [coding]
