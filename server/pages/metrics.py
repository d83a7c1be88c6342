"""`GET /metrics`: what this process has counted, and what the record says of work that waits."""

from datetime import datetime

from server import meter
from server.errors import DatabaseGone
from server.store.ports import Store


def exposition_of(store: Store, now: datetime, accept: str) -> tuple[bytes, str]:
    """The text that Prometheus reads, and its media type; without the database, what the process knows."""
    try:
        backlog, alarms = store.outbox.backlog(), store.desk.alarms(now)
    except DatabaseGone:
        meter.DATABASE.set(0)
    else:
        meter.DATABASE.set(1)
        meter.OUTBOX.set(backlog.events)
        meter.FAILING.set(backlog.failing)
        for alarm, cases in alarms.items():
            meter.ALARMS.labels(alarm.value).set(cases)
    return meter.exposition(accept)
