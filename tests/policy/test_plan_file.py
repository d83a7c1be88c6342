"""Plan files: read whole, and refused with every problem at once."""

import ipaddress
from pathlib import Path

import pytest

from server.errors import PolicyProblems
from server.fhir.codes import HCPCS, NDC
from server.fhir.read import Coding
from server.policy.card_rules import CardRules
from server.policy.outgoing import Address, AllowedHost, FetchRules, OutgoingRules
from server.policy.plan import MemberStatus
from server.policy.plan_file import load_plan

DEMO = Path("cql/plans/vitruvian-demo.toml")

TOP = """
name = "A plan"
payer_id = "A"
payer_id_system = "http://payer.example/id"
npi = "1999999992"
phone = "+1-555-0100"
assertion_days = 30
"""
MEMBERS = '\n[members]\nunlisted = "active"\n'
SERVICE = """
[[service]]
id = "Beds"
codes = ["http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets|E0250"]
covered = "covered"
pa_needed = "no-auth"
reason = "Covered."
"""


def _problems(folder: Path, text: str) -> list[tuple[str, str]]:
    file = folder / "plan.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyProblems) as caught:
        load_plan(file)
    assert all(p.file == str(file) for p in caught.value.problems)
    return [(p.place, p.text) for p in caught.value.problems]


def test_the_demo_plan_is_who_it_says() -> None:
    """The payer, its identifiers, and the clinic it knows, as partners are told."""
    plan = load_plan(DEMO)
    assert (plan.name, plan.payer_id, plan.npi) == ("Vitruvian Demo Health Plan", "VITRUVIAN-DEMO", "1999999992")
    assert plan.payer_id_system == "http://vitruvian.example/payer-id"
    assert plan.clients == {"1888888884"}


def test_the_demo_plan_takes_any_member_but_its_exceptions() -> None:
    """Whoever is not listed is enrolled; the listed ones are unknown or have left."""
    plan = load_plan(DEMO)
    assert plan.member(["anyone"]) is MemberStatus.ACTIVE
    assert plan.member(["W-UNKNOWN-1"]) is MemberStatus.UNKNOWN
    assert plan.member(["W-INACTIVE-1"]) is MemberStatus.INACTIVE
    assert plan.member([]) is MemberStatus.UNKNOWN


def test_the_demo_catalogue_asks_for_an_unnamed_drug() -> None:
    """An unclassified code alone is conditional and asks for the drug; beside a named drug it says nothing."""
    plan = load_plan(DEMO)
    code = [Coding(HCPCS, "J3590")]
    entry = plan.entry_for(code)
    assert entry is not None
    assert (entry.covered, entry.info_needed, entry.placeholder) == ("conditional", ("detail-code",), True)
    assert plan.entry_for(code, named=True) is None


def test_codes_are_read_as_on_the_wire(tmp_path: Path) -> None:
    """Short names stand for systems; aliases and NDC spellings are folded as in requests."""
    file = tmp_path / "plan.toml"
    codes = 'codes = ["ndc|0990-0123-04", "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets|E0250"]'
    text = TOP + MEMBERS + f'[systems]\nndc = "{NDC}"\n' + SERVICE
    file.write_text(text.replace(SERVICE.splitlines()[3], codes), encoding="utf-8")
    assert load_plan(file).catalogue[0].tokens == {f"{NDC}|00990012304", f"{HCPCS}|E0250"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (TOP.replace('name = "A plan"', "") + MEMBERS + SERVICE, "name"),
        (TOP.replace("1999999992", "123") + MEMBERS, "npi"),
        (TOP.replace("30", "0") + MEMBERS, "assertion_days"),
        (TOP + 'clients = ["x"]\n' + MEMBERS, "clients 1"),
        (TOP + "[members]\n", "members.unlisted"),
        (TOP + MEMBERS.replace("active", "perhaps"), "members.unlisted"),
        (TOP + MEMBERS + '[members.listed]\n"W-1" = "gone"\n', "members.listed.W-1"),
        (TOP + "colour = 1\n" + MEMBERS, "colour"),
        (TOP + MEMBERS + "[systems]\nx = 1\n", "systems.x"),
        (TOP + MEMBERS + SERVICE.replace('"covered"', '"maybe"'), "service Beds.covered"),
        (TOP + MEMBERS + SERVICE.replace("no-auth", "satisfied"), "service Beds.pa_needed"),
        (TOP + MEMBERS + SERVICE.replace('pa_needed = "no-auth"', ""), "service Beds.pa_needed"),
        (TOP + MEMBERS + SERVICE.replace('"covered"', '"not-covered"'), "service Beds.pa_needed"),
        (TOP + MEMBERS + SERVICE.replace("no-auth", "conditional"), "service Beds.info_needed"),
        (TOP + MEMBERS + SERVICE + 'info_needed = ["performer"]\n', "service Beds.info_needed"),
        (TOP + MEMBERS + SERVICE + 'contracted = ["1234567893"]\n', "service Beds.contracted"),
        (TOP + MEMBERS + SERVICE.replace("http://www.cms.gov", "cms"), "service Beds.codes"),
        (TOP + MEMBERS + SERVICE + SERVICE, "service Beds.codes"),
        (TOP + MEMBERS + SERVICE + "placeholder = 1\n", "service Beds.placeholder"),
        (TOP + MEMBERS + SERVICE.replace('reason = "Covered."', ""), "service Beds.reason"),
    ],
)
def test_each_mistake_is_named_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    """One mistake, one problem, where it stands."""
    assert {where for where, _ in _problems(tmp_path, text)} == {place}


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Whoever writes a plan mends it in one round."""
    found = _problems(tmp_path, "colour = 1\n[[service]]\nid = 'x'\n")
    assert {"name", "npi", "members", "colour", "service x.codes", "service x.reason"} <= {place for place, _ in found}


@pytest.mark.parametrize("text", ["name = ", "\udcff"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    """Neither a syntax error nor wrong bytes are a crash."""
    file = tmp_path / "plan.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(PolicyProblems, match="TOML"):
        load_plan(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message says which setting names it."""
    with pytest.raises(PolicyProblems, match="VITRUVIAN_PLAN"):
        load_plan(tmp_path / "none.toml")


def test_whom_the_demo_plan_lets_the_server_call() -> None:
    """Subscribers on this machine, also without TLS, and public https; nobody else."""
    rules = load_plan(DEMO).outgoing
    loopback, private = ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("10.0.0.1")
    for url in ("http://127.0.0.1:9000/hook", "http://localhost:9000/hook"):
        here = rules.read(url)
        assert isinstance(here, Address)
        assert rules.permits(here, loopback)
        assert not rules.permits(here, private)
    elsewhere = rules.read("https://ehr.example.org/")
    assert isinstance(elsewhere, Address)
    assert not rules.permits(elsewhere, loopback)
    assert isinstance(rules.read("http://ehr.example.org/"), str)


def test_a_plan_that_says_nothing_calls_public_https(tmp_path: Path) -> None:
    """No host on other terms; one that shuts the door opens it to those that it lists alone."""
    file = tmp_path / "plan.toml"
    file.write_text(TOP + MEMBERS, encoding="utf-8")
    assert load_plan(file).outgoing == OutgoingRules()
    listed = '[[outgoing.host]]\nname = "ehr.test"\nports = [8443]\nnetworks = ["10.1.0.0/16"]\n'
    file.write_text(TOP + MEMBERS + "[outgoing]\nunlisted = false\n" + listed, encoding="utf-8")
    host = AllowedHost("ehr.test", ports=(8443,), networks=(ipaddress.ip_network("10.1.0.0/16"),))
    assert load_plan(file).outgoing == OutgoingRules(unlisted=False, hosts=(host,))


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ('name = "https://ehr.test"', "outgoing.host 1.name"),
        ('name = "EHR.test"', "outgoing.host 1.name"),
        ('name = "ehr.test"\nnetworks = ["10.1.0.1/16"]', "outgoing.host 1.networks"),
        ('name = "ehr.test"\nnetworks = ["anywhere"]', "outgoing.host 1.networks"),
        ('name = "ehr.test"\nports = [0]', "outgoing.host 1.ports 1"),
        ('name = "ehr.test"\nports = [65536]', "outgoing.host 1.ports"),
        ('name = "ehr.test"\nhttps = true', "outgoing.host 1.https"),
    ],
)
def test_a_host_that_is_none_is_refused(tmp_path: Path, host: str, place: str) -> None:
    """At its place, before anything is served."""
    ((where, _),) = _problems(tmp_path, TOP + MEMBERS + f"[[outgoing.host]]\n{host}\n")
    assert where == place


def test_a_plan_says_which_cards_it_wants_and_how_much_it_asks_of_an_ehr(tmp_path: Path) -> None:
    """Nothing beside coverage information, and the usual measure, where it says nothing."""
    file = tmp_path / "plan.toml"
    file.write_text(TOP + MEMBERS, encoding="utf-8")
    assert (load_plan(file).cards, load_plan(file).fetch) == (CardRules(), FetchRules())
    more = (
        '[cards]\nform_tasks = true\nsmart_app = "https://payer.example/app"\n[fetch]\nmilliseconds = 900\nbytes = 10\n'
    )
    file.write_text(TOP + MEMBERS + more, encoding="utf-8")
    plan = load_plan(file)
    assert plan.cards == CardRules(smart_app="https://payer.example/app", form_tasks=True, renewal_days=30)
    assert plan.fetch == FetchRules(milliseconds=900, size=10)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[fetch]\nmilliseconds = 5_000", "fetch.milliseconds"),
        ("[fetch]\nqueries = 0", "fetch.queries"),
        ('[cards]\nsmart_app = "javascript:x"', "cards.smart_app"),
        ("[cards]\nrenewal_days = -1", "cards.renewal_days"),
    ],
)
def test_a_measure_without_sense_is_refused(tmp_path: Path, text: str, place: str) -> None:
    """The guide wants the whole answer within 5 s."""
    ((where, _),) = _problems(tmp_path, TOP + MEMBERS + text)
    assert where == place


REVIEWER = """
[[reviewer]]
id = "ana"
role = "nurse"
name = "Ana Lee"
npi = "1999999943"
demo_password = "x"
"""
REASON = '\n[[denial_reason]]\ncode = "0V"\nwords = "A physician decided."\n'


def test_a_plan_without_a_desk_has_the_times_of_the_law(tmp_path: Path) -> None:
    """7 days, 72 hours, no rest, nobody who may sign in."""
    file = tmp_path / "plan.toml"
    file.write_text(TOP + MEMBERS, encoding="utf-8")
    desk = load_plan(file).desk
    assert (desk.clocks.standard_hours, desk.clocks.expedited_hours) == (168, 72)
    assert not desk.clocks.drug_rule
    assert not desk.clocks.paused_while_asking
    assert desk.reviewers == ()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (REVIEWER.replace('"ana"', '"Ana Lee"'), "reviewer Ana Lee.id"),
        (REVIEWER.replace('"nurse"', '"surgeon"'), "reviewer ana.role"),
        (REVIEWER.replace("1999999943", "12"), "reviewer ana.npi"),
        (REVIEWER.replace('demo_password = "x"', ""), "reviewer ana.password_hash"),
        (REVIEWER + 'password_hash = "$argon2id$x"\n', "reviewer ana.password_hash"),
        (REVIEWER.replace('demo_password = "x"', 'password_hash = "secret"'), "reviewer ana.password_hash"),
        (REVIEWER.replace('"nurse"', '"physician"'), "reviewer ana.specialty"),
        (REVIEWER + 'specialty = "rheumatology"\n', "reviewer ana.specialty"),
        (REVIEWER + REVIEWER, "reviewer ana"),
        (REASON + REASON, "denial_reason 0V"),
        (REASON.replace("0V", "a reason"), "denial_reason 1.code"),
        ('\n[calendar]\nzone = "Boston"\n', "calendar.zone"),
        ('\n[calendar]\nweekend = ["friyay"]\n', "calendar.weekend 1"),
        ('\n[calendar]\nholidays = ["2026-12-25"]\n', "calendar.holidays 1"),
        ("\n[clocks]\nstandard_hours = 0\n", "clocks.standard_hours"),
        ("\n[clocks]\ndrug_rule = 1\n", "clocks.drug_rule"),
        ("\n[appeals]\ndays = -1\n", "appeals.days"),
    ],
)
def test_each_mistake_of_the_desk_is_named_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    """One mistake, one problem, where it stands."""
    assert {where for where, _ in _problems(tmp_path, TOP + MEMBERS + text)} == {place}
