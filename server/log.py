"""Structured logs with allow-listed keys: any other key is dropped, so that no patient data gets into a log."""

import logging
import sys
from contextvars import ContextVar
from typing import Any

import orjson
import structlog

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "exception",
        "assertion", "base_url", "caller", "edition", "engine", "error", "hook", "instance", "item", "option",
        "outcome", "path", "policy", "reason", "request", "sandbox", "submission", "subscription", "version",
    }
)  # fmt: skip

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is answered, also in the worker threads that it uses (edge.py)."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def _allow_listed(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {key: value for key, value in event.items() if key in ALLOWED}


def _of_request(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (id_ := request_id.get()) and "request" not in event:
        event["request"] = id_
    return event


def _no_exception(record: logging.LogRecord) -> bool:
    """Drops uvicorn's message about an exception: app.py has logged it, and the message may quote a request."""
    return record.exc_info is None


def _json(event: Any, **options: Any) -> str:
    return orjson.dumps(event, **options).decode()


def configure(level: str = "info", *, json: bool = False) -> None:
    """Sends logs to stderr: one line of JSON each, or plain text for a terminal."""
    renderer: Any = structlog.processors.JSONRenderer(_json) if json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _of_request,
            _allow_listed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.getLogger("uvicorn.error").addFilter(_no_exception)
