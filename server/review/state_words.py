"""How a case stands, as the desk says it."""

from server.decision.state import State

STATE_WORDS = {
    State.SUBMITTED: "Not looked at yet",
    State.PENDED: "Waiting",
    State.ASKED: "Waiting for the provider",
    State.APPROVED: "Approved",
    State.MODIFIED: "Approved in part",
    State.PARTLY_APPROVED: "Some items approved, others not",
    State.DENIED: "Denied",
    State.CANCELLED: "Cancelled by the provider",
    State.EXPIRED: "Approved; its days are over",
    State.SUPERSEDED: "Approved; a later authorization goes on from it",
}
