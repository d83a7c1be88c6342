"""The adapters, chosen and opened once at start: policies, plan, engine and store become the World."""

from dataclasses import dataclass, field
from pathlib import Path

from server.cql.engine import CqlEngine
from server.errors import EngineError, UnusableSetting
from server.pas.sandbox.sandbox_file import Scripts, load_sandbox
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan
from server.policy.plan_file import load_plan
from server.settings import Settings
from server.store.ports import Store
from server.store.shared import InMemory, Shared, open_shared
from server.store.sql import open_store
from server.subscriptions.courier import WAKE
from server.world import World


@dataclass(frozen=True, slots=True)
class Services:
    """What the application is made of. engine: the same as the world's, to be waited for and closed."""

    settings: Settings
    world: World
    engine: CqlEngine
    sandbox: Scripts | None = None
    shared: Shared = field(default_factory=InMemory)

    def close(self) -> None:
        self.engine.close()
        self.world.store.close()


def open_services(settings: Settings) -> Services:
    """Loads the policies, opens the database, starts the engine.

    Raises PolicyProblems for policy data that must not be served, UnusableDatabase for a database that cannot be used,
    UnusableSetting for a Redis that does not answer.
    """
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    policies = policies.with_pages(f"{settings.base_url}/policies")
    plan = load_plan(settings.plan)
    sandbox = load_sandbox(settings.sandbox) if settings.sandbox else None
    engine = open_engine(settings, policies)
    try:
        shared = open_shared(settings.redis_url)
        store = _open_record(settings, plan, shared)
    except BaseException:
        engine.close()
        raise
    world = World(policies, plan, store, engine, settings.base_url, settings.max_body_bytes)
    return Services(settings, world, engine, sandbox, shared)


def _open_record(settings: Settings, plan: Plan, shared: Shared) -> Store:
    """The store, which wakes the courier; refused where a sandbox and the record of a plan would mix."""
    store = open_store(settings.database_url, changed=lambda: shared.wake(WAKE), rules=plan.desk.clocks)
    try:
        store.dedicate(sandbox=settings.sandbox is not None)
        store.desk.refresh(plan.desk.clocks)
    except BaseException:
        store.close()
        raise
    return store


def open_engine(settings: Settings, policies: PolicyLibrary) -> CqlEngine:
    return CqlEngine(
        _script(settings.engine_script),
        policies.libraries.values(),
        policies.value_sets.values(),
        isolates=settings.isolates,
        timeout_seconds=settings.cql_timeout_seconds,
        memory_mb=settings.cql_memory_mb,
    )


def wait_for(engine: CqlEngine, settings: Settings) -> None:
    """Waits for the CQL engine, so that a server which cannot decide does not say that it is ready.

    Raises UnusableSetting for a script that is none.
    """
    try:
        engine.wait()
    except EngineError as error:
        raise UnusableSetting(
            f"VITRUVIAN_ENGINE_SCRIPT: {settings.engine_script}: {error}. Build it again: `make setup`."
        ) from error


def _script(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UnusableSetting(
            f"VITRUVIAN_ENGINE_SCRIPT: {file} cannot be read ({why}); `make run` builds it, or run `make setup`."
        ) from error
