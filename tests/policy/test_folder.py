"""A policy folder that does not hold together: the file, the place in it, what is wrong and what mends it."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.form.expression import CQF_LIBRARY
from server.policy.folder import Loader
from tests import made_up

Break = Callable[[Path], object]

POLICY = "cql/novestra-9"
TOML, FORM = f"{POLICY}/policy.toml", "questionnaires/novestra-9/novestra-1.0.0.json"
VALUES, CQL, ELM = (
    f"{POLICY}/value-sets/novestra-product.json",
    f"{POLICY}/Novestra9.cql",
    f"{POLICY}/Novestra9.elm.json",
)
EDITION, SCORE = "edition 2025-01-01", "edition 2025-01-01.criterion SCORE"
ABSENT = "there is no such file; add it, or name another in policy.toml"
UNDECLARED = "is declared by no library that the edition runs; declare it, or take it out"
DRUG, NOPE = "http://www.nlm.nih.gov/research/umls/rxnorm|90000009", "https://payer.example/Library/Nope"


def toml(old: str, new: str) -> Break:
    return text(TOML, old, new)


def text(file: str, old: str, new: str) -> Break:
    def change(root: Path) -> None:
        before = (root / file).read_text()
        assert old in before
        (root / file).write_text(before.replace(old, new))

    return change


def put(file: str, content: str) -> Break:
    return lambda root: (root / file).write_text(content)


def resource(file: str, **changes: Any) -> Break:
    return lambda root: (root / file).write_text(json.dumps({**json.loads((root / file).read_bytes()), **changes}))


def gone(file: str) -> Break:
    return lambda root: (root / file).unlink()


def a_folder(file: str) -> Break:
    def change(root: Path) -> None:
        (root / file).unlink(missing_ok=True)
        (root / file).mkdir()

    return change


def copied(file: str, to: str) -> Break:
    return lambda root: shutil.copy(root / file, root / to)


def both(*ways: Break) -> Break:
    return lambda root: [way(root) for way in ways]


def elm(kind: str, *definitions: dict[str, Any]) -> Break:
    def change(root: Path) -> None:
        compiled = json.loads((root / ELM).read_bytes())
        compiled["library"].setdefault(kind, {"def": []})["def"] += definitions
        (root / ELM).write_text(json.dumps(compiled))

    return change


def second_edition(effective: str, version: str = "other") -> Break:
    def change(root: Path) -> None:
        _, bar, first = (root / TOML).read_text().partition("[[edition]]")
        with (root / TOML).open("a") as file:
            file.write(
                "\n" + bar + first.replace('"2025-01-01"', f'"{version}"').replace("= 2025-01-01", f"= {effective}")
            )

    return change


def second_policy(root: Path) -> None:
    shutil.copytree(root / POLICY, root / "cql/other-1", ignore=shutil.ignore_patterns("Novestra9*", "value-sets"))
    shutil.copytree(root / "questionnaires/novestra-9", root / "questionnaires/other-1")
    (root / "cql/other-1/value-sets").mkdir()
    values = json.loads((root / VALUES).read_bytes()) | {"url": "https://payer.example/ValueSet/other"}
    (root / "cql/other-1/value-sets/novestra-product.json").write_text(json.dumps(values))
    for kind in ("cql", "elm.json"):
        changed = (root / POLICY / f"Novestra9.{kind}").read_text().replace("Novestra9", "Other1")
        (root / f"cql/other-1/Other1.{kind}").write_text(changed)
    compiled = json.loads((root / "cql/other-1/Other1.elm.json").read_bytes())
    compiled["sourceSha256"] = hashlib.sha256((root / "cql/other-1/Other1.cql").read_bytes()).hexdigest()
    (root / "cql/other-1/Other1.elm.json").write_text(json.dumps(compiled))
    mine = (root / "cql/other-1/policy.toml").read_text()
    mine = mine.replace('"novestra-9"', '"other-1"').replace('"Novestra9"', '"Other1"')
    (root / "cql/other-1/policy.toml").write_text(mine)


def grouped(*more: Break) -> Break:
    """The criterion's define and one remedy said by a group, and then changed further."""
    remedy = 'remedy.unmet = "A physician decides whether a higher score is acceptable."\n'
    group = f'[[edition.group]]\nid = "G"\ndefine = "SCORE"\n{remedy}\n[[edition.criterion]]\ngroup = "G"'
    return both(toml(remedy, ""), toml("[[edition.criterion]]", group), *more)


BROKEN: dict[str, tuple[Break, list[str]]] = {
    # folder.py
    "no folder": (
        lambda root: shutil.rmtree(root / "cql"),
        ["cql: there is no such folder; point VITRUVIAN_POLICIES at the policies"],
    ),
    "no policy": (
        lambda root: shutil.rmtree(root / POLICY),
        ["cql: holds no policy; point VITRUVIAN_POLICIES at the folder of the policy folders"],
    ),
    "no policy.toml": (
        gone(TOML),
        [f"{TOML}: there is no such file; every folder here is a policy"],
    ),
    "policy.toml a folder": (
        a_folder(TOML),
        [f"{TOML}: cannot be read (Is a directory); it must be a file of yours"],
    ),
    "policy.toml no TOML": (
        put(TOML, "id = "),
        [f"{TOML}: is not TOML in UTF-8: Invalid value (at end of document)"],
    ),
    "another id": (
        toml('id = "novestra-9"', 'id = "novestra-8"'),
        [f"{TOML}: id: must equal the folder's name, novestra-9"],
    ),
    "no title": (
        toml('title = "Novestra, policy 9"', ""),
        [f"{TOML}: title: is missing; give a text"],
    ),
    "an empty display": (
        toml('display = "Novestra"', 'display = " "'),
        [f"{TOML}: display: must be a text that is not empty"],
    ),
    "a key nobody reads": (
        toml('display = "Novestra"', 'display = "Novestra"\ncolour = "red"'),
        [f"{TOML}: colour: is not a key that is read here; see cql/README.md"],
    ),
    "a key of the order that nobody reads": (
        toml("[order]", "[order]\ncolour = 1"),
        [f"{TOML}: order.colour: is not a key that is read here; see cql/README.md"],
    ),
    "no order": (
        toml('[order]\nidentified_by = ["novestra-product"]', ""),
        [f"{TOML}: order: is missing; add a table [order]"],
    ),
    "identified by nothing": (
        toml('["novestra-product"]', "[]"),
        [f"{TOML}: order.identified_by: must be a list with at least one"],
    ),
    "identified by a number": (
        toml('["novestra-product"]', "[5]"),
        [f"{TOML}: order.identified_by 1: must be a text that is not empty"],
    ),
    "identified by a value set that is not there": (
        toml('["novestra-product"]', '["nope"]'),
        [f"{POLICY}/value-sets/nope.json: {ABSENT}"],
    ),
    "a placeholder that is no list": (
        toml("[order]", '[order]\nplaceholders = "x"'),
        [f"{TOML}: order.placeholders: must be a list, in [ ]"],
    ),
    "no edition": (
        lambda root: put(TOML, (root / TOML).read_text().partition("[[edition]]")[0])(root),
        [f"{TOML}: edition: is missing; add at least one [[edition]]"],
    ),
    "no version": (
        toml('version = "2025-01-01"\n', ""),
        [f"{TOML}: edition 1.version: is missing; give a text"],
    ),
    "effective as text": (
        toml("effective = 2025-01-01", 'effective = "2025-01-01"'),
        [f"{TOML}: {EDITION}.effective: must be a date, written 2024-01-18 without quotes"],
    ),
    "effective with a time": (
        toml("effective = 2025-01-01", "effective = 2025-01-01T00:00:00Z"),
        [f"{TOML}: {EDITION}.effective: must be a date, written 2024-01-18 without quotes"],
    ),
    "no such library": (
        toml('library = "Novestra9"', 'library = "Nope"'),
        [f"{TOML}: {EDITION}.library: there is no {POLICY}/Nope.cql; name a library of this folder"],
    ),
    "no such form": (
        toml('form = "novestra-1.0.0"', 'form = "novestra-9.9.9"'),
        [f"questionnaires/novestra-9/novestra-9.9.9.json: {ABSENT}"],
    ),
    "no form": (
        toml('form = "novestra-1.0.0"\n', ""),
        [f"{TOML}: {EDITION}.form: is missing; give a text"],
    ),
    "an unknown parameter": (
        toml('"Highest Score" = 10', '"Lowest Score" = 10'),
        [f"{TOML}: {EDITION}.parameters.Lowest Score: {UNDECLARED}"],
    ),
    "parameters that are no table": (
        toml('[edition.parameters]\n"Highest Score" = 10', "parameters = 5"),
        [f"{TOML}: {EDITION}.parameters: must be a table"],
    ),
    "validity by no define": (
        toml('when = "Is Asked For"', 'when = "Is Free"'),
        [f"{TOML}: {EDITION}.validity 1.when: no define 'Is Free' in {CQL}; name one that it has"],
    ),
    "a start by no define": (
        toml('form = "novestra-1.0.0"', 'form = "novestra-1.0.0"\nstarts = "First Day"'),
        [f"{TOML}: {EDITION}.starts: no define 'First Day' in {CQL}; name one that it has"],
    ),
    "validity of no days": (
        toml("days = 30", "days = 0"),
        [f"{TOML}: {EDITION}.validity 1.days: must be above 0"],
    ),
    "validity of too many days": (
        toml("days = 30", "days = 99999"),
        [f"{TOML}: {EDITION}.validity 1.days: must be at most 36500"],
    ),
    "no validity": (
        toml('[[edition.validity]]\nwhen = "Is Asked For"\ndays = 30', ""),
        [f"{TOML}: {EDITION}.validity: is missing; add at least one [[edition.validity]]"],
    ),
    "approved by nobody": (
        toml('form = "nov', 'approved_by = "robot"\nform = "nov'),
        [f'{TOML}: {EDITION}.approved_by: "robot" must be one of machine or nurse'],
    ),
    "billing codes of no shape": (
        toml('form = "nov', 'billing = ["J3590", "XX", "99213", "0001U"]\nform = "nov'),
        [f'{TOML}: {EDITION}.billing 2: "XX" is no code of HCPCS or CPT; write one, like A1234 or 12345'],
    ),
    "an older edition first": (
        second_edition("2026-01-01"),
        [f"{TOML}: edition: editions stand newest first, each with its own effective date"],
    ),
    "two editions of one day": (
        second_edition("2025-01-01"),
        [f"{TOML}: edition: editions stand newest first, each with its own effective date"],
    ),
    "two editions of one version": (
        second_edition("2024-01-01", "2025-01-01"),
        [f"{TOML}: edition: a version stands twice; decisions name it, so give each edition its own"],
    ),
    "one code for two policies": (
        second_policy,
        [f"cql/other-1/policy.toml: order.identified_by: {DRUG} already names novestra-9; leave it with one"],
    ),
    # declared.py
    "a define that is not there": (
        toml('id = "SCORE"', 'id = "SCORE"\ndefine = "Score Is Fine"'),
        [f"{TOML}: {SCORE}.define: no define 'Score Is Fine' in {CQL}; name one that it has"],
    ),
    "an id that is no define": (
        toml('id = "SCORE"', 'id = "POINTS"'),
        [f"{TOML}: {EDITION}.criterion POINTS.define: no define 'POINTS' in {CQL}; name one that it has"],
    ),
    "a condition that is not there": (
        toml('id = "SCORE"', 'id = "SCORE"\napplies = "Is Odd"'),
        [f"{TOML}: {SCORE}.applies: no define 'Is Odd' in {CQL}; name one that it has"],
    ),
    "a define without a state": (
        text(ELM, '"name":"state"', '"name":"status"'),
        [
            (
                f"{TOML}: {SCORE}.define: 'SCORE' gives Tuple{{evidence List<Tuple{{ref String, said String}}>, "
                "status String}; give Tuple { state, evidence }, as cql/README.md says"
            )
        ],
    ),
    "a define of another type": (
        toml('id = "SCORE"', 'id = "SCORE"\ndefine = "Score"'),
        [
            f"{TOML}: {SCORE}.define: 'Score' gives Integer; give Tuple {{ state, evidence }}, as cql/README.md says",
        ],
    ),
    "a Boolean that is to be met": (
        toml('id = "SCORE"', 'id = "SCORE"\ndefine = "Is Asked For"'),
        [
            (
                f"{TOML}: {SCORE}.define: 'Is Asked For' gives a Boolean, and `states` holds more than unmet and "
                "unknown; give Tuple { state, evidence }"
            )
        ],
    ),
    "no sentence": (
        toml('sentence = "The test score is low enough."\n', ""),
        [f"{TOML}: {SCORE}.sentence: is missing; give a text"],
    ),
    "no states": (
        toml('states = ["met", "unmet", "unknown", "review"]\n', ""),
        [f"{TOML}: {SCORE}.states: is missing; give a list with at least one"],
    ),
    "an unknown state": (
        toml('["met", "unmet"', '["met", "perhaps", "unmet"'),
        [f'{TOML}: {SCORE}.states 2: "perhaps" must be one of met, unmet, unknown or review'],
    ),
    "a state twice": (
        toml('["met", "unmet"', '["met", "unmet", "unmet"'),
        [f"{TOML}: {SCORE}.states: unmet stands twice; list each state once"],
    ),
    "no remedy": (
        toml("remedy.unmet", "# "),
        [f"{TOML}: {SCORE}.remedy.unmet: is missing; say what would settle it when unmet"],
    ),
    "a remedy for what it cannot be": (
        toml('"unmet", "unknown"', '"unknown"'),
        [f"{TOML}: {SCORE}.remedy.unmet: is of a state that `states` does not list; list it there, or take it out"],
    ),
    "an unmet that goes to nobody": (
        toml("cites =", 'when_unmet = "nurse"\ncites ='),
        [f'{TOML}: {SCORE}.when_unmet: "nurse" must be one of physician or medical-director'],
    ),
    "a criterion twice": (
        lambda root: put(TOML, (t := (root / TOML).read_text()) + t[t.index("[[edition.criterion]]") :])(root),
        [f"{TOML}: {SCORE}.id: stands twice in this edition; give each criterion its own id"],
    ),
    # groups
    "a group that is not there": (
        grouped(toml('group = "G"', 'group = "H"')),
        [f'{TOML}: {SCORE}.group: "H" is no group of this edition; there are: G'],
    ),
    "no group at all": (
        toml('id = "SCORE"', 'id = "SCORE"\ngroup = "G"'),
        [f'{TOML}: {SCORE}.group: "G" is no group of this edition; there are: none, so add it'],
    ),
    "a group of nobody": (
        grouped(toml("[edition.parameters]", '[[edition.group]]\nid = "H"\n[edition.parameters]')),
        [f"{TOML}: {EDITION}.group H.id: is the group of no criterion; name it in one, or take it out"],
    ),
    "a group twice": (
        grouped(toml("[edition.parameters]", '[[edition.group]]\nid = "G"\n[edition.parameters]')),
        [f"{TOML}: {EDITION}.group G.id: stands twice in this edition; give each group its own id"],
    ),
    "what neither criterion nor group says": (
        grouped(toml('sentence = "The test score is low enough."\n', "")),
        [f"{TOML}: {SCORE}.sentence: is missing; give a text"],
    ),
    "a group's define that is not there": (
        grouped(toml('define = "SCORE"', 'define = "Score Is Fine"')),
        [f"{TOML}: {EDITION}.group G.define: no define 'Score Is Fine' in {CQL}; name one that it has"],
    ),
    "a group's mistyped key": (
        grouped(toml('id = "G"', 'id = "G"\nsentense = "x"')),
        [f"{TOML}: {EDITION}.group G.sentense: is not a key that is read here; see cql/README.md"],
    ),
    # referenced_files.py
    "CQL changed since": (
        text(CQL, "'score'", "'points'"),
        [f"{ELM}: sourceSha256: Novestra9.cql changed since; run `make elm` and commit what it writes"],
    ),
    "no ELM": (
        gone(ELM),
        [f"{ELM}: there is no such file; run `make elm` and commit what it writes"],
    ),
    "ELM without defines": (
        elm("statements", {}),
        [f"{ELM}: library: is no ELM as it is compiled; run `make elm` and commit what it writes"],
    ),
    "a library twice": (
        both(copied(CQL, "cql/shared/Novestra9.cql"), copied(ELM, "cql/shared/Novestra9.elm.json")),
        [f"{CQL}: library: Novestra9|1.0.0 is also cql/shared/Novestra9.cql; rename one"],
    ),
    "an include that is not there": (
        elm("includes", {"localIdentifier": "X", "path": "X", "version": "1"}),
        [f"{CQL}: include: X|1 is no library of shared/ or a policy folder; add it, or include one there is"],
    ),
    "a value set that is not there": (
        elm("valueSets", {"name": "X", "id": "http://x/ValueSet/x"}),
        [f"{CQL}: valueset: http://x/ValueSet/x is in no value-sets folder; add it"],
    ),
    "a value set twice": (
        copied(VALUES, f"{POLICY}/value-sets/again.json"),
        [f"{VALUES}: url: https://payer.example/ValueSet/novestra-product stands in another file too; keep one"],
    ),
    "a value set without codes": (
        resource(VALUES, expansion={"timestamp": "2026-01-01"}),
        [f"{VALUES}: must be a ValueSet with url, version and expansion.contains"],
    ),
    "a code without a system": (
        resource(VALUES, expansion={"timestamp": "2026-01-01", "contains": [{"code": "5"}]}),
        [f"{VALUES}: expansion.contains[0]: must have a system and a code; give it both, or take it out"],
    ),
    "a form that is no object": (
        put(FORM, "[]"),
        [f"{FORM}: must hold one JSON object"],
    ),
    "a form that is no JSON": (
        put(FORM, "{"),
        [f"{FORM}: is not JSON: unexpected end of data: line 1 column 2 (char 1)"],
    ),
    "a form without a version": (
        resource(FORM, version=None),
        [
            f"{FORM}: Questionnaire.version: `null` is no FHIR JSON here; leave the element out.",
            f"{FORM}: version: is missing; a form is named by its url and version",
        ],
    ),
    "a form that is asked nothing": (
        resource(FORM, item=[]),
        [
            f"{FORM}: Questionnaire.item: `item` is an empty array, which is no FHIR JSON; fill it or leave it out.",
            f"{FORM}: must be a Questionnaire with url, version and item",
        ],
    ),
    "a form with a library that is not there": (
        resource(FORM, extension=[{"url": CQF_LIBRARY, "valueCanonical": NOPE}]),
        [f"{FORM}: cqf-library: {NOPE} is no library there is; end it with the name of one, or with name|version"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_told_word_by_word(tmp_path: Path, name: str) -> None:
    """These lines, and nothing else."""
    way, said = BROKEN[name]
    settings = made_up.folders(tmp_path)
    way(tmp_path)
    loader = Loader(settings["policies"], settings["questionnaires"])
    loader.policies()
    assert [str(p).replace(f"{tmp_path}/", "") for p in loader.files.problems] == said


def test_a_group_says_what_its_criteria_leave_out(tmp_path: Path) -> None:
    """Remedies state by state; and what a criterion says itself counts more."""
    settings = made_up.folders(tmp_path)
    before = Loader(settings["policies"], settings["questionnaires"]).policies()
    grouped(toml('id = "G"', 'id = "G"\nsentence = "Not this."\nremedy.unknown = "Nor this."'))(tmp_path)
    loader = Loader(settings["policies"], settings["questionnaires"])
    assert loader.policies() == before
    assert loader.files.problems == []


def test_nothing_is_wrong_with_the_made_up_policy(tmp_path: Path) -> None:
    """Unbroken, it has no problem."""
    settings = made_up.folders(tmp_path)
    loader = Loader(settings["policies"], settings["questionnaires"])
    assert [p.id for p in loader.policies()] == ["novestra-9"]
    assert loader.files.problems == []
