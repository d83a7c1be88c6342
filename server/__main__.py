"""The command line: python -m server serve | check-policies | demo | ... ; `--help` names every command."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from server.errors import InvalidRequest, PolicyProblems, UnusableSetting, VitruvianError
from server.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit code is 0, 1 for a problem that is printed, 2 for a command that is not one."""
    parser = argparse.ArgumentParser(prog="python -m server", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve on VITRUVIAN_HOST:VITRUVIAN_PORT, in the foreground")
    commands.add_parser("check-policies", help="load policies, plan and sandbox, run every case, list every problem")
    explain = commands.add_parser("explain", help="print the decision for a PAS request, without a server")
    explain.add_argument("file", type=Path, metavar="FILE", help="a PAS request Bundle")
    commands.add_parser("demo", help="walk the journey for three orders over HTTP")
    reviewer = commands.add_parser("add-reviewer", help="let somebody sign in at /review; asks for the password")
    reviewer.add_argument("login", metavar="LOGIN", help="what they sign in with; one that is there is replaced")
    for name in ("role", "name", "npi"):
        reviewer.add_argument(f"--{name}", required=True)
    reviewer.add_argument("--specialty", help="NUCC taxonomy code")
    _audit_commands(commands)
    _add_clients(commands)
    chosen = parser.parse_args(arguments)
    run: dict[str, Callable[[Settings], int]] = {
        "serve": serve,
        "check-policies": check_policies,
        "explain": lambda settings: explain_file(settings, chosen.file),
        "demo": demo,
        "add-reviewer": lambda settings: add_reviewer(settings, chosen),
        "verify-audit": lambda settings: verify_audit(settings, chosen.head),
        "export-audit": lambda settings: export_audit(settings, chosen.since, chosen.out),
        **dict.fromkeys(("new-key", "sign"), lambda _: partner(chosen)),
        **dict.fromkeys(("add-client", "remove-client", "doctor"), lambda settings: clients(settings, chosen)),
    }
    try:
        return run[chosen.command](Settings())
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in problem["loc"]).upper()
            _say((f"VITRUVIAN_{name}: " if name else "") + problem["msg"].removeprefix("Value error, "))
    except PolicyProblems as error:
        for policy_problem in error.problems:
            _say(str(policy_problem))
    except VitruvianError as error:
        _say(str(error))
    return 1


def _audit_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verify = commands.add_parser("verify-audit", help="find audit rows that were changed, removed, inserted or moved")
    verify.add_argument("--head", metavar="HEAD", help="a head that verify-audit printed: the rows up to it must stand")
    export = commands.add_parser("export-audit", help="write the audit rows as FHIR AuditEvents, one a line")
    export.add_argument("--since", metavar="TIME", help="from this day or moment on, like 2026-03-01 (UTC)")
    export.add_argument("--out", type=Path, metavar="FILE", help="write here, not to standard output")


def _add_clients(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands about the systems that may call."""
    client = commands.add_parser("add-client", help="let a system call, with VITRUVIAN_AUTHENTICATION on")
    client.add_argument("client", metavar="ID", help="iss and sub at the token endpoint; one that is there is replaced")
    client.add_argument("--name", required=True)
    client.add_argument("--npi", action="append", required=True, help="an organization it speaks for; several: again")
    client.add_argument("--keys", type=Path, metavar="FILE", help="its public keys, a JSON Web Key Set")
    client.add_argument("--jwks-url", action="append", help="an address of its keys, and a value of jku to follow")
    client.add_argument("--hooks", action="store_true", help="it may call the CDS services")
    client.add_argument("--issuer", help="iss of its hook calls; without it, its id")
    client.add_argument("--scopes", default="", help="what it may ask for at the token endpoint, separated by blanks")
    client.add_argument("--algorithm", action="append", help="RS384 and ES384, unless given; RS256 may be")
    client.add_argument("--per-minute", type=int, help="the most requests in a minute")
    client.add_argument("--max-body-bytes", type=int, help="larger requests of its are refused")
    gone = commands.add_parser("remove-client", help="forget a client that was added")
    gone.add_argument("client", metavar="ID")
    key = commands.add_parser("new-key", help="make a key for a client, in this folder: ID.private.json, ID.jwks.json")
    key.add_argument("client", metavar="ID")
    sign = commands.add_parser("sign", help="print a token of a client for one call, by the key in this folder")
    sign.add_argument("client", metavar="ID")
    sign.add_argument("audience", metavar="ADDRESS", help="that will be called: of a hook, or of the token endpoint")
    doctor_ = commands.add_parser("doctor", help="the clients, their keys, and why their last tokens were refused")
    doctor_.add_argument("client", metavar="ID", nargs="?", help="this client alone")


def serve(settings: Settings) -> int:
    """Serves until SIGTERM or Ctrl-C, then lets running requests finish."""
    from server.serve import serve as run

    return run(settings)


def check_policies(settings: Settings) -> int:
    """Lists every problem of policies, plan and sandbox file, and runs every worked case; 0 when there is none."""
    from server.authoring.check_policies import read_policy_files
    from server.authoring.worked_cases import run_worked_cases
    from server.services import open_engine, wait_for

    files = read_policy_files(settings.policies, settings.questionnaires, settings.plan, settings.sandbox)
    engine = open_engine(settings, files.policies)
    try:
        wait_for(engine, settings)
        report = run_worked_cases(settings.policies, files.policies, files.plan, engine)
    finally:
        engine.close()
    problems = [*files.problems, *report.problems]
    for problem in problems:
        _say(str(problem))
    sys.stdout.write(f"{len(files.policies.policies)} policies, {report.cases} cases, {len(problems)} problems\n")
    return 1 if problems else 0


def explain_file(settings: Settings, file: Path) -> int:
    """Prints the decision for a PAS request, criterion by criterion; nothing is stored or sent.

    1 for a request that would be refused, with every problem.
    """
    from server.authoring.printed_decision import explain, refusal
    from server.policy.library import PolicyLibrary
    from server.policy.plan_file import load_plan
    from server.services import open_engine, wait_for

    try:
        raw = file.read_bytes()
    except OSError as error:
        raise UnusableSetting(
            f"{file} cannot be read ({error.strerror}); name a file that holds a PAS request Bundle."
        ) from error
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    engine = open_engine(settings, policies)
    try:
        wait_for(engine, settings)
        sys.stdout.writelines(explain(raw, policies, load_plan(settings.plan), engine))
    except InvalidRequest as error:
        sys.stdout.writelines(refusal(error))
        return 1
    finally:
        engine.close()
    return 0


def demo(settings: Settings) -> int:
    """Walks the journey over HTTP against a running server, or one it starts and stops."""
    from server.demo.stories import stories_of
    from server.demo.walk import Site, walk
    from server.policy.library import PolicyLibrary
    from server.policy.plan_file import load_plan

    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    record = settings.database_url if settings.authentication else None
    stories = list(stories_of(policies, settings.policies))
    site = Site(tuple(load_plan(settings.plan).desk.reviewers), record)
    return walk(settings.base_url, sys.stdout.write, stories, site)


def add_reviewer(settings: Settings, chosen: argparse.Namespace) -> int:
    """Adds a reviewer to the record, or replaces one; the password is typed, or comes in a line of the input."""
    from server.policy.plan_file import load_plan
    from server.review.add_reviewer import new_reviewer, read_password
    from server.store.sql import open_store

    plan = load_plan(settings.plan)
    reviewer = new_reviewer(chosen.login, chosen.role, chosen.name, (chosen.npi, chosen.specialty), plan)
    reviewer = reviewer.with_password(read_password(sys.stdin))
    store = open_store(settings.database_url, rules=plan.desk.clocks)
    try:
        store.desk.put_reviewer(reviewer.made)
    finally:
        store.close()
    sys.stdout.write(f"{chosen.login} can sign in at {settings.base_url}/review\n")
    return 0


def verify_audit(settings: Settings, head: str | None) -> int:
    """Lists every problem of the audit rows; 0 when there is none."""
    from server.audit.command import verify

    return verify(settings.database_url, head, sys.stdout.write)


def export_audit(settings: Settings, since: str | None, out: Path | None) -> int:
    """Writes the audit rows as AuditEvents."""
    from server.audit.command import export, moment

    try:
        first = moment(since) if since else None
    except ValueError:
        raise UnusableSetting(
            "--since is no day or moment; write it like 2026-03-01 or 2026-03-01T09:30:00Z."
        ) from None
    return export(settings.database_url, settings.base_url, first, out)


def partner(chosen: argparse.Namespace) -> int:
    """Plays a partner: makes a key for one, or signs a call with it."""
    from server.demo.partner import read_signer, write_keys

    if chosen.command == "sign":
        sys.stdout.write(read_signer(chosen.client, Path()).signed(chosen.audience) + "\n")
        return 0
    private, public = write_keys(chosen.client, Path())
    sys.stdout.write(f"{private} is to be kept; {public} is for add-client --keys\n")
    return 0


def clients(settings: Settings, chosen: argparse.Namespace) -> int:
    """The commands about the systems that may call: see smart/commands.py."""
    from server.policy.plan_file import load_plan
    from server.smart.commands import run
    from server.store.sql import open_store

    plan = load_plan(settings.plan)
    store = open_store(settings.database_url, rules=plan.desk.clocks)
    try:
        sys.stdout.writelines(run(chosen, plan, store.clients, settings.base_url, on=settings.authentication))
    finally:
        store.close()
    return 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
