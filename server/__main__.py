"""The command line: python -m server serve | check-policies | explain FILE | demo."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from ssl import SSLContext, TLSVersion
from types import FrameType

from pydantic import ValidationError

from server.errors import PolicyProblems, VitruvianError
from server.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit code is 0, 1 for a problem that is printed, 2 for a command that is not one."""
    parser = argparse.ArgumentParser(prog="python -m server", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve on VITRUVIAN_HOST:VITRUVIAN_PORT, in the foreground")
    commands.add_parser("check-policies", help="load every policy folder, run its cases, list every problem")
    explain = commands.add_parser("explain", help="print the decision for a PAS request, without a server")
    explain.add_argument("file", type=Path, metavar="FILE", help="a PAS request Bundle")
    commands.add_parser("demo", help="walk the journey for three orders over HTTP")
    chosen = parser.parse_args(arguments)
    run: dict[str, Callable[[Settings], int]] = {
        "serve": serve,
        "check-policies": check_policies,
        "explain": lambda settings: explain_file(settings, chosen.file),
        "demo": demo,
    }
    try:
        return run[chosen.command](Settings())
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in problem["loc"]).upper()
            _say(f"VITRUVIAN_{name}: {problem['msg']}")
    except PolicyProblems as error:
        for policy_problem in error.problems:
            _say(str(policy_problem))
    except VitruvianError as error:
        _say(str(error))
    return 1


def serve(settings: Settings) -> int:
    """Serves until SIGTERM or Ctrl-C, then lets running requests finish."""
    import uvicorn

    from server.app import create_app, open_services
    from server.log import configure, log

    configure(settings.log_level, json=settings.log_json)
    # uvicorn raises the signal again after a clean shutdown; this makes that a clean exit
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    services = open_services(settings)
    app = create_app(services)
    log.info("serving", base_url=settings.base_url, reason="no authentication: loopback only")
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        ssl_context_factory=_tls if settings.tls_certificate else None,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    return 0


def _tls(_: object, default: Callable[[], SSLContext]) -> SSLContext:
    context = default()
    context.minimum_version = TLSVersion.TLSv1_2  # whatever the machine's OpenSSL would still accept (crd sec-2)
    return context


def _exit(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)


def check_policies(settings: Settings) -> int:
    """Lists every problem of every policy folder and runs every worked case; 0 when there is none."""
    from server.app import open_engine
    from server.pas.cases import check
    from server.policy.library import PolicyLibrary
    from server.policy.plan_file import load_plan

    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    engine = open_engine(settings, policies)
    try:
        report = check(settings.policies, policies, load_plan(settings.plan), engine)
    finally:
        engine.close()
    for problem in report.problems:
        _say(str(problem))
    sys.stdout.write(f"{len(policies.policies)} policies, {report.cases} cases, {len(report.problems)} problems\n")
    return 1 if report.problems else 0


def explain_file(settings: Settings, file: Path) -> int:
    """Prints the decision for a PAS request, criterion by criterion; nothing is stored or sent."""
    from server.app import open_engine
    from server.pas.offline import explain
    from server.policy.library import PolicyLibrary
    from server.policy.plan_file import load_plan

    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    engine = open_engine(settings, policies)
    try:
        sys.stdout.writelines(explain(file.read_bytes(), policies, load_plan(settings.plan), engine))
    finally:
        engine.close()
    return 0


def demo(settings: Settings) -> int:
    """Walks the journey over HTTP against a running server, or one it starts and stops."""
    from server.pages.demo import walk
    from server.policy.library import PolicyLibrary

    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    return walk(settings.base_url, sys.stdout.write, policies, settings.policies)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
