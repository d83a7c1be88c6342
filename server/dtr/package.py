"""The answer of `$questionnaire-package`: package Bundles and an outcome, put together from bytes (dtr D-31..D-46)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson

from server.dtr.package_resources import FormPackage
from server.errors import Problem
from server.fhir.codes import DTR
from server.fhir.read import Resource
from server.fhir.version import Version
from server.outcomes import operation_outcome

_BUNDLE = orjson.dumps([f"{DTR}DTR-QPackageBundle"])
_OUTPUT = orjson.dumps([f"{DTR}dtr-qpackage-output-parameters"])
_NAMES = {Version.V2_0: (b"PackageBundle", b"operationOutcome"), Version.V2_2: (b"packagebundle", b"outcome")}


def package_bundle(package: FormPackage, draft: Resource, draft_id: str, now: datetime) -> bytes:
    """One form's Bundle: Questionnaire first, the draft, then each Library and ValueSet once (dtr D-31..D-38).

    Everything but the draft was rendered when the server started.
    """
    entries = (
        package.questionnaire.entry(now.date()),
        b'{"fullUrl":"urn:uuid:%b","resource":%b}' % (draft_id.encode(), orjson.dumps(draft)),
        *(a.entry(now.date()) for a in package.others),
    )
    return b'{"resourceType":"Bundle","meta":{"profile":%b},"type":"collection","timestamp":"%b","entry":[%b]}' % (
        _BUNDLE,
        now.isoformat(timespec="seconds").encode(),
        b",".join(entries),
    )


def package_answer(version: Version, bundles: Sequence[bytes], problems: Iterable[Problem]) -> bytes:
    """The body of a 200 answer (dtr section 0, T-6, T-7).

    2.0: the bare Bundle when there is exactly one and nothing to say, else Parameters. 2.2: always Parameters, with at
    most one outcome. Parameters without a Bundle do not fit 2.0.1's output profile, so they do not claim it.
    """
    said = list(dict.fromkeys(problems))
    if version is Version.V2_0 and len(bundles) == 1 and not said:
        return bundles[0]
    name, outcome = _NAMES[version]
    parts = [b'{"name":"%b","resource":%b}' % (name, bundle) for bundle in bundles]
    if said:
        parts.append(b'{"name":"%b","resource":%b}' % (outcome, orjson.dumps(operation_outcome(said))))
    meta = b'"meta":{"profile":%b},' % _OUTPUT if bundles or version is Version.V2_2 else b""
    return b'{"resourceType":"Parameters",%b"parameter":[%b]}' % (meta, b",".join(parts))
