"""What an operation may touch, passed in: nothing else of the machine, the network or the clock is reached for."""

from dataclasses import dataclass, field

from anyio import CapacityLimiter

from server.clock import Clock, NewId, NewNumber, new_id, new_number, now
from server.decision.judge import Engine
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan
from server.store.ports import Store

EVALUATIONS = 40
"""Requests that may wait for CQL at once, in worker threads of their own: a slow policy keeps no order waiting."""


@dataclass(frozen=True, slots=True)
class World:
    """Made once at start, by services.py.

    base_url: this server's public URL, without a trailing slash. max_body_bytes: larger requests are refused.
    evaluations: the worker threads that may wait for CQL.
    """

    policies: PolicyLibrary
    plan: Plan
    store: Store
    engine: Engine
    base_url: str
    max_body_bytes: int = 10 * 2**20
    clock: Clock = now
    new_id: NewId = new_id
    new_number: NewNumber = new_number
    evaluations: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(EVALUATIONS))
