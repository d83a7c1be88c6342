"""Attachments that came before their request: they join it, and are judged with it."""

from dataclasses import dataclass
from datetime import datetime

import orjson

from server.auth.caller import Caller
from server.decision.case import Attached
from server.errors import InvalidRequest
from server.pas.attach import announced_by, fits, joined, read_attachment
from server.pas.match import MatchedRequest
from server.world import World


@dataclass(frozen=True, slots=True)
class Kept:
    """A request with the documents that waited for it. facts: one for each attachment.

    contents: the hashes by which they were kept.
    """

    matched: MatchedRequest
    facts: tuple[Attached, ...] = ()
    contents: tuple[str, ...] = ()


def with_kept(matched: MatchedRequest, at: datetime, caller: Caller, world: World) -> Kept:
    """The request with the kept attachments of its member and provider that it names (see announced_by).

    What cannot be read as part of it, and what another caller has sent, stays where it is, for a person to see.
    """
    request, facts, contents = matched.request, [], []
    tracking = announced_by(request)
    waiting = world.store.messages.kept_for(tracking, request.member_ids) if tracking and request.member_ids else ()
    for sender, content, body in waiting:
        if sender != caller.name:
            continue
        try:
            sent = read_attachment(orjson.loads(body))
            if not fits(sent, request):
                continue
            matched = joined(sent, matched.request, world)
        except InvalidRequest:
            continue
        facts.append(Attached(at, sender, matched.request, ()))
        contents.append(content)
    return Kept(matched, tuple(facts), tuple(contents))
