"""What CQL sees of one requested item: its own claim, order and answers, and only this patient's data."""

from server.decision.judge import Record
from server.pas.request import AuthorizationRequest, RequestedItem


def record_of(request: AuthorizationRequest, item: RequestedItem) -> Record:
    """The record of one item, as `decision.judge.Record` describes it. The request is not changed."""
    raise NotImplementedError
