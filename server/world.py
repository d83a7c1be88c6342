"""What an operation may touch, passed in: policies, plan, record, engine, time and fresh ids."""

from dataclasses import dataclass

from server.clock import Clock, NewId, NewNumber, new_id, new_number, now
from server.decision.judge import Engine
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan
from server.store.ports import Store


@dataclass(frozen=True, slots=True)
class World:
    """base_url: this server's public URL, without a trailing slash."""

    policies: PolicyLibrary
    plan: Plan
    store: Store
    engine: Engine
    base_url: str
    max_body_bytes: int = 10 * 2**20
    clock: Clock = now
    new_id: NewId = new_id
    new_number: NewNumber = new_number
