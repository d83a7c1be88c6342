"""Makes server/fhir/r4-elements.json: `python -m tests.fhir.r4_elements hl7.fhir.r4.core-4.0.1.tgz`.

Only facts are taken: the names of types and elements, their cardinality and their types. HL7 gives them as CC0.
"""

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from server.fhir.r4 import FILE

Json = dict[str, Any]
_CARDINALITY = {(0, "1"): "?", (1, "1"): "1", (0, "*"): "*", (1, "*"): "+"}
_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_INLINE = {"BackboneElement", "Element"}  # an element of this type defines its own children


def made_from(package: Path) -> str:
    """The text of the file, as server/fhir/r4.py describes it: one line a type, sorted."""
    types: dict[str, list[str]] = {}
    for definition in sorted(_definitions(package), key=lambda d: str(d["type"])):
        own = {e["id"] for e in definition["differential"]["element"]}
        base = definition.get("baseDefinition", "/").rsplit("/", 1)[-1]
        types[definition["type"]] = [_head(definition, base)]
        for element in definition["snapshot"]["element"][1:]:
            owner, name = element["path"].rsplit(".", 1)
            if owner != definition["type"] and owner not in types:
                parent = next(e for e in definition["snapshot"]["element"] if e["path"] == owner)
                types[owner] = [parent["type"][0]["code"]]
            if element["id"] in own:
                types[owner].append(_said(element, name))
    everything = types["Extension"][-1].split(" ")[-1]
    texts = {name: "; ".join(said).replace(everything, "any") for name, said in types.items()} | {"any": everything}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(text)}" for name, text in sorted(texts.items()))
    return f"{{\n{lines}\n}}\n"


def _definitions(package: Path) -> Iterator[Json]:
    """Every resource and complex type, less profiles."""
    with tarfile.open(package) as files:
        for member in files:
            if not member.name.startswith("package/StructureDefinition-"):
                continue
            file = files.extractfile(member)
            found = json.load(file) if file else {}
            made = found.get("derivation", "specialization") == "specialization"
            if made and found["kind"] in {"resource", "complex-type"}:
                yield found


def _head(definition: Json, base: str) -> str:
    """What a type is made from; `resource` in front of the types that may stand for themselves."""
    return f"resource {base}" if definition["kind"] == "resource" and not definition["abstract"] else base


def _said(element: Json, name: str) -> str:
    cardinality = _CARDINALITY[element["min"], element["max"]]
    if "contentReference" in element:
        types = [element["contentReference"].removeprefix("#")]
    else:
        types = [_type(t) for t in element["type"]]
    if set(types) <= _INLINE:
        types = [element["path"]]
    if element["path"] == "Resource.id":
        types = ["id"]  # the definition says string; the guide's text and HL7's validator hold it to id
    return f"{name} {cardinality} {'|'.join(types)}"


def _type(said: Json) -> str:
    """The FHIR type of an element; `id` and `url` are told as types of FHIRPath, with the FHIR type beside."""
    found = (e.get("valueUrl") or e.get("valueUri") for e in said.get("extension", ()) if e["url"] == _FHIR_TYPE)
    return str(next(found, None) or said["code"])


if __name__ == "__main__":
    FILE.write_text(made_from(Path(sys.argv[1])), encoding="utf-8")
