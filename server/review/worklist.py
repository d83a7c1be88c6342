"""`GET /review`: the cases that wait, by due time; filters and a search."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from server.decision.deadline import Alarm
from server.decision.model import Outcome
from server.decision.ruling import Role
from server.review.desk import ReviewDesk
from server.review.pages import page
from server.review.session import SignedIn, SignedInOf
from server.store.desk_port import DeskCase, Wanted

PAGE = 50
_MOST_COUNTED = 100  # attachments of no known request
ALARMS = {
    Alarm.ON_TIME: "On time",
    Alarm.HALF: "Half the time is gone",
    Alarm.MOST: "Due soon",
    Alarm.BREACHED: "Overdue",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A case of the list, in words."""

    case: DeskCase
    alarm: Alarm
    said: str
    due: str
    left: str
    note: str
    policy: str


async def worklist(request: Request, me: SignedInOf) -> Response:
    desk: ReviewDesk = request.app.state.review
    return await run_in_threadpool(_worklist, dict(request.query_params), me, desk)


def _worklist(query: dict[str, str], me: SignedIn, desk: ReviewDesk) -> Response:
    now = desk.world.clock()
    text = query.get("q", "").strip()[:200]
    number = query.get("page", "1")
    at = max(int(number), 1) if number.isascii() and number.isdigit() and len(number) < 5 else 1  # noqa: PLR2004
    if text:
        found = list(desk.record.search(text, PAGE))
        desk.world.store.audit("search", [me.reviewer.login], {"found": len(found)})
    else:
        found = list(desk.record.worklist(_wanted(query, me, now), PAGE + 1, (at - 1) * PAGE))
    kept = {k: v for k, v in query.items() if k in ("mine", "role", "waits", "policy", "overdue") and v}
    return page(
        "worklist.html",
        me=me.reviewer,
        token=me.token,
        lines=[line_of(case, now, desk) for case in found[:PAGE]],
        alarms=desk.record.alarms(now),
        unmatched=len(desk.world.store.messages.unmatched(_MOST_COUNTED)),
        query=query,
        searched=text,
        policies=desk.world.policies.policies,
        all_roles=[*Role],
        before=f"/review?{urlencode(kept | {'page': at - 1})}" if at > 1 else "",
        after=f"/review?{urlencode(kept | {'page': at + 1})}" if len(found) > PAGE and not text else "",
        zone=desk.rules.calendar.zone,
        script=desk.script is not None,
    )


def _wanted(query: dict[str, str], me: SignedIn, now: datetime) -> Wanted:
    return Wanted(
        holder=me.reviewer.login if query.get("mine") else None,
        needs=query.get("role") if query.get("role") in set(Role) else None,
        waits_for=query.get("waits") if query.get("waits") in set(Outcome) else None,
        policy_id=query.get("policy") or None,
        overdue_at=now if query.get("overdue") else None,
    )


def line_of(case: DeskCase, now: datetime, desk: ReviewDesk) -> Line:
    policy = desk.world.policies.policy(case.policy_id) if case.policy_id else None
    alarm = case.alarm(now)
    calendar = desk.rules.calendar
    day, due_day = calendar.last_working_day(case.due), calendar.local(case.due).date()
    note = f"Nobody works on that day: decide it by {_day(day)}." if day != due_day else ""
    return Line(
        case,
        alarm,
        "The clock rests while the provider is asked" if case.paused_since else ALARMS[alarm],
        local_time(case.due, desk),
        _left(case, now),
        note if case.waits_for and alarm is not Alarm.BREACHED else "",
        policy.title if policy else "No policy of the plan",
    )


def local_time(moment: datetime, desk: ReviewDesk) -> str:
    """A moment in the plan's time zone: Tue 1 Dec 2026, 11:30 EST."""
    local = desk.rules.calendar.local(moment)
    return f"{_day(local)}, {local:%H:%M %Z}"


def _day(day: datetime | object) -> str:
    return f"{day:%a} {day:%d}".replace(" 0", " ") + f" {day:%b %Y}"


def _left(case: DeskCase, now: datetime) -> str:
    at = case.paused_since or now
    seconds = int(abs((case.due - at).total_seconds()))
    days, hours = seconds // 86_400, seconds // 3_600
    said = f"{days} days" if days > 1 else f"{hours} hours" if hours > 1 else f"{max(seconds // 60, 1)} minutes"
    return f"{said} late" if case.due <= at else f"{said} left"
