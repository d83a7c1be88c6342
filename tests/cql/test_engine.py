"""What the CQL engine answers: three-valued logic, values as plain data, parameters, time."""

import json
import os
import subprocess
import sys
from datetime import date
from typing import Any

import pytest

from server.cql.engine import Asked, CqlEngine, Run
from server.errors import EngineError
from tests.cql.conftest import LIBRARIES, ROOT, NewEngine

PATIENT = {"resourceType": "Patient", "id": "p1", "birthDate": "2008-06-15"}
BUNDLE: dict[str, Any] = {"resourceType": "Bundle", "entry": [{"resource": PATIENT}]}
DAY = {"Request Date": date(2026, 6, 14)}


def evaluate(engine: CqlEngine, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    return engine.evaluate("Logic|1.0.0", BUNDLE, DAY if parameters is None else parameters)


@pytest.fixture(scope="module")
def values(engine: CqlEngine) -> dict[str, Any]:
    return evaluate(engine)


@pytest.mark.parametrize(
    ("define", "expected"),
    [
        ("true and null", None),
        ("false and null", False),
        ("true or null", True),
        ("false or null", None),
        ("not null", None),
        ("null = null", None),
        ("null is null", True),
        ("partial date before a day of it", None),
        ("partial date before a later day", True),
        ("uncertain days are at least 28", True),
        ("uncertain days are at least 29", None),
        ("uncertain days are at least 59", False),
        ("exists only null", False),
        ("comparison with nothing", None),
    ],
)
def test_logic_has_three_values(values: dict[str, Any], define: str, expected: Any) -> None:
    """What is not known stays unknown: it becomes neither true nor false on the way out."""
    assert values[define] is expected


@pytest.mark.parametrize(
    ("define", "expected"),
    [
        ("a date", "2026-02-01"),
        ("a month", "2026-02"),
        ("a quantity", {"value": 5, "unit": "mg"}),
        ("a code", {"code": "gout", "system": "http://codes.example/conditions", "display": None}),
        ("an interval", {"low": "2026-01-01", "high": "2026-02-01", "lowClosed": True, "highClosed": False}),
        ("a tuple", {"name": "x", "missing": None}),
        ("a resource", {"reference": "Patient/p1"}),
        ("a FHIR primitive", "2008-06-15"),
    ],
)
def test_values_are_plain_data(values: dict[str, Any], define: str, expected: Any) -> None:
    """Every CQL value comes back as JSON data; dates keep their precision, a resource is named and not copied."""
    assert values[define] == expected


def test_every_define_of_the_main_library_and_no_other_is_answered(values: dict[str, Any]) -> None:
    """The answer holds each define of the library asked for, and none of the libraries it includes."""
    elm = json.loads((LIBRARIES / "Logic.elm.json").read_text())["library"]
    assert set(values) == {d["name"] for d in elm["statements"]["def"]} - {"Patient"}


@pytest.mark.parametrize(
    ("define", "parameters", "expected"),
    [
        ("Request Date given", {"Request Date": date(2026, 6, 14)}, "2026-06-14"),
        ("Request Date given", {"Request Date": "2026-06-14"}, "2026-06-14"),
        ("Request Date given", {}, None),
        ("Service Date given", {"Service Date": date(2026, 2, 1)}, "2026-02-01"),
        ("Service Date given", {}, "2026-01-31"),
        ("Service Date given", {"Service Date": None}, None),
        ("Days given", {"Days": 14}, 14),
        ("Days given", {}, 90),
        ("Name given", {"Name": "2026-02-01"}, "2026-02-01"),
        ("Name given", {}, None),
        ("Included parameter", {"Threshold": 3}, 3),
        ("Included parameter", {}, 7),
        ("Days given", {"Nobody declares this": 1}, 90),
    ],
)
def test_parameters_reach_the_libraries_that_declare_them(
    engine: CqlEngine, define: str, parameters: dict[str, Any], expected: Any
) -> None:
    """A given parameter has its declared type, one not given its default or null; an undeclared one is ignored."""
    assert evaluate(engine, parameters)[define] == expected


@pytest.mark.parametrize(("code", "found"), [("m2", True), ("m-2", True), ("m3", False)])
def test_a_code_is_found_in_either_spelling(engine: CqlEngine, code: str, *, found: bool) -> None:
    """A value set holds its codes as its file writes them and as they are normalised; a record may have either."""
    concept = {"coding": [{"system": "http://codes.example/medicines", "code": code}]}
    request = {"resourceType": "MedicationRequest", "id": "m", "medicationCodeableConcept": concept}
    bundle = {"resourceType": "Bundle", "entry": [*BUNDLE["entry"], {"resource": request}]}
    assert engine.evaluate("Logic|1.0.0", bundle, DAY)["Medicine requests"] == (["m"] if found else [])


def test_now_is_the_day_of_the_request(values: dict[str, Any], engine: CqlEngine) -> None:
    """The same record gives the same answer on any day: Now() is the request date, and an age is counted from it."""
    assert values["a moment"] == "2026-06-14T00:00:00.000+00:00"
    assert values["Age"] == 17
    assert evaluate(engine, {"Request Date": date(2026, 6, 15)})["Age"] == 18


def test_the_time_zone_of_the_machine_does_not_reach_an_answer(values: dict[str, Any]) -> None:
    """A server in another zone decides alike; and its interpreter ends once the engine is closed."""
    program = (
        "import json; from tests.cql.conftest import *; from tests.cql.test_engine import evaluate\n"
        "engine = CqlEngine(SCRIPT.read_text(), CQL, VALUE_SETS, isolates=1, timeout_seconds=9, memory_mb=256)\n"
        "print(json.dumps(evaluate(engine))); engine.close()"
    )
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        environment = {**os.environ, "TZ": zone}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=60)  # noqa: S603
        assert json.loads(done.stdout) == values


def test_the_engine_says_which_release_it_is(engine: CqlEngine) -> None:
    """Every decision records the engine; its name comes with the script, and is that of the package that is locked."""
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/cql-execution"]
    assert engine.name == f"cql-execution {locked['version']}"


def test_a_script_of_another_make_names_no_release(new_engine: NewEngine) -> None:
    """What does not say its release is not given one."""
    assert new_engine(script="var elsewhere = 1;").name == "cql-execution"


def _condition(id_: str, code: str) -> dict[str, Any]:
    coding = {"system": "http://codes.example/conditions", "code": code}
    return {"resourceType": "Condition", "id": id_, "code": {"coding": [coding]}}


def test_runs_over_a_shared_record_do_not_see_each_other(engine: CqlEngine) -> None:
    """Each run gives what it would give alone over the shared resources and its own: own first, in their order."""
    shared = {"entry": [{"resource": PATIENT}, {"resource": _condition("s", "ra")}]}
    owns: list[tuple[dict[str, Any], ...]] = [(), (_condition("a", "gout"),), (_condition("b", "other"),)]
    together = engine.run_each("Logic|1.0.0", shared, [Run(own, {**DAY, "Days": n}) for n, own in enumerate(owns)])
    alone = [
        engine.evaluate(
            "Logic|1.0.0", {"entry": [*({"resource": r} for r in own), *shared["entry"]]}, {**DAY, "Days": n}
        )
        for n, own in enumerate(owns)
    ]
    assert list(together) == alone
    assert alone[0] != alone[1]


def test_only_what_is_asked_is_worked_out(engine: CqlEngine) -> None:
    """A define whose condition is not true has no value, and cannot fail; the condition has one."""
    exception = [Run((), {"How": "exception"})]
    asked = [Asked("Warning"), Asked("Exception", where="Secret")]
    assert engine.run_each("Failing|1.0.0", BUNDLE, exception, asked) == [{"Warning": "fine", "Secret": None}]
    (failed,) = engine.run_each("Failing|1.0.0", BUNDLE, exception, [*asked, Asked("Exception", where="Value set")])
    assert isinstance(failed, EngineError)


def test_a_run_that_fails_leaves_the_others_their_answers(engine: CqlEngine) -> None:
    """What fails in one run is that run's alone."""
    hows = ("not", "exception", "not")
    found = engine.run_each("Failing|1.0.0", BUNDLE, [Run((), {"How": how}) for how in hows])
    assert [isinstance(f, EngineError) for f in found] == [False, True, False]
