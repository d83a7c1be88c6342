"""What makes a request the same one again, and what makes it another (pas P-51, T-3)."""

from copy import deepcopy
from typing import Any

import orjson
import pytest

from server.fhir.version import Version
from server.pas.request.submit import read_submit
from tests.requests.bundle import CLINIC, EHR, a_bundle, claim_of, item_changed
from tests.requests.world import a_request

Json = dict[str, Any]


def narrated(bundle: Json) -> None:
    for resource in [e["resource"] for e in bundle["entry"]]:
        resource["text"] = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}


def quantity(value: Any) -> Json:
    return {"quantity": {"value": value}}


SAME: list[tuple[str, Any]] = [
    ("Bundle.id", lambda b: b.update(id="another")),
    ("Bundle.meta", lambda b: b["meta"].update(lastUpdated="2026-11-24T09:00:00Z")),
    ("Bundle.timestamp", lambda b: b.update(timestamp="2026-11-24T09:00:00Z")),
    ("narratives", narrated),
    ("entries turned round", lambda b: b["entry"].append(b["entry"].pop(2))),
    ("a whole number with a point", lambda b: item_changed(b, **quantity(3.0))),
]
OTHERWISE: list[tuple[str, Any]] = [
    ("another number", lambda b: item_changed(b, **quantity(3.5))),
    ("a text that looks like a number", lambda b: item_changed(b, quantity={"value": 3, "unit": ",3.0,"})),
    ("words of a concept", lambda b: claim_of(b)["priority"].update(text="soon")),
    ("meta of a resource", lambda b: claim_of(b)["meta"].update(profile=["http://example.org/p"])),
    ("another entry", lambda b: b["entry"].pop()),
    ("another address", lambda b: b["entry"][-1].update(fullUrl=f"{EHR}/Organization/elsewhere")),
    ("another identifier", lambda b: b["identifier"].update(value="another")),
]


def test_a_transaction_is_known_by_its_content_not_its_key_order() -> None:
    """The same content in another key order is the same transaction; any other content is not (pas T-3)."""
    bundle = a_bundle()
    turned = dict(reversed(list(bundle.items())))
    other = item_changed(deepcopy(bundle), servicedDate="2027-01-16")
    assert a_request(bundle).transaction == a_request(turned).transaction
    assert a_request(bundle).transaction != a_request(other).transaction
    assert a_request(bundle).transaction.client == CLINIC


def test_parameters_and_a_bare_bundle_say_the_same() -> None:
    """The `resource` wrapper changes nothing but the transport, so both are one transaction."""
    bundle = a_bundle()
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": bundle}]}
    assert a_request(wrapped).transaction == a_request(bundle).transaction


@pytest.mark.parametrize(
    ("spoil", "same"),
    [*((s, True) for _, s in SAME), *((s, False) for _, s in OTHERWISE)],
    ids=[name for name, _ in SAME + OTHERWISE],
)
def test_a_trivially_different_resend_is_the_same_transaction(spoil: Any, *, same: bool) -> None:
    """What a sender's software changes by itself makes no new request; anything that is said does (pas T-3)."""
    bundle = item_changed(a_bundle(), **quantity(3))
    bundle["entry"].append(
        {"fullUrl": f"{EHR}/Basic/b", "resource": {"resourceType": "Basic", "id": "b", "code": {"text": "b"}}}
    )
    changed = deepcopy(bundle)
    spoil(changed)
    assert (a_request(changed).transaction == a_request(bundle).transaction) is same


def test_however_a_number_is_written_it_is_one() -> None:
    """1, 1.0, 1.00 and 10e-1 are one number, also where a text nearby looks like one."""
    raw = orjson.dumps(item_changed(a_bundle(), quantity={"value": 31, "unit": ",31.0,"}))
    known = set()
    for written in (b"31", b"31.0", b"31.00", b"310e-1"):
        text = raw.replace(b'"value":31,', b'"value":' + written + b",")
        request = read_submit(text, orjson.loads(text), Version.V2_2).request()
        known.add(request.transaction)
    assert len(known) == 1
