"""What is counted of a running server, for `GET /metrics`. Labels hold names of ours alone."""

from collections.abc import Callable
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

REGISTRY = CollectorRegistry()
"""One a process; several servers are asked one by one, and added up by who asks."""

ProcessCollector(registry=REGISTRY)

UNSERVED = "unserved"
"""The operation of a request that no row of the URL table answers: its address is whatever somebody sent."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = Histogram(
    "vitruvian_request_seconds",
    "Requests by row of the URL table and class of status, from the headers to the end of the answer.",
    ("operation", "status"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
OUTCOMES = Counter(
    "vitruvian_outcomes",
    "Items that were decided: by whom (machine, person), and how.",
    ("by", "outcome"),
    registry=REGISTRY,
)
ENGINE = Histogram("vitruvian_engine_seconds", "Evaluations of CQL.", buckets=_SECONDS, registry=REGISTRY)
ENGINE_FAILURES = Counter(
    "vitruvian_engine_failures", "Evaluations that failed as a whole, by why.", ("why",), registry=REGISTRY
)
ALARMS = Gauge(
    "vitruvian_waiting_cases", "Cases that wait, by how much of their time is gone.", ("alarm",), registry=REGISTRY
)
OUTBOX = Gauge("vitruvian_outbox_events", "Events that subscribers have not taken yet.", registry=REGISTRY)
FAILING = Gauge("vitruvian_failing_subscriptions", "Subscriptions that take nothing at present.", registry=REGISTRY)
DATABASE = Gauge("vitruvian_database_up", "1 while the database answers.", registry=REGISTRY)

Stop = Callable[[], None]

_STATUS = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx")
_observers: dict[tuple[str, str, int], Callable[[float], None]] = {}


def request_took(method: str, path: str, status: int, seconds: float) -> None:
    """Counts a request. method, path: of its row, with the base, as in `POST /fhir/2.2/Claim/$submit`.

    Both empty where no row answered. The labels are looked up once for each row: that alone takes longer than the rest.
    """
    kind = min(status // 100, 5)
    observe = _observers.get((method, path, kind))
    if observe is None:
        operation = f"{method} {path}" if path else UNSERVED
        observe = _observers[method, path, kind] = REQUESTS.labels(operation, _STATUS[kind]).observe
    observe(seconds)


def engine_began() -> Stop:
    """Begins to time an evaluation; what is returned ends it."""
    began = perf_counter()
    return lambda: ENGINE.observe(perf_counter() - began)


def exposition(accept: str) -> tuple[bytes, str]:
    """Everything counted, and its media type. accept: that header of who asks."""
    encoder, media = choose_encoder(accept)
    return encoder(REGISTRY), media
