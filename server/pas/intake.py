"""A request body becomes an AuthorizationRequest or an InquiryRequest, or every problem with it is named."""

from typing import Any

from server.fhir.version import Version
from server.pas.request import AuthorizationRequest, InquiryRequest, Rejection, RequestedItem
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan

__all__ = ["AuthorizationRequest", "InquiryRequest", "Rejection", "RequestedItem", "read_inquiry", "read_submit"]


def read_submit(
    raw: bytes, body: dict[str, Any], *, version: Version, policies: PolicyLibrary, plan: Plan
) -> AuthorizationRequest:
    """Reads a `Claim/$submit` body: a Bundle, or Parameters with `resource` (pas P-14, P-15).

    Raises InvalidRequest with all problems. Business reasons not to decide are data: `rejections`.
    """
    raise NotImplementedError


def read_inquiry(raw: bytes, body: dict[str, Any], *, version: Version, plan: Plan) -> InquiryRequest:
    """Reads a `Claim/$inquire` body likewise (pas P-69 to P-72)."""
    raise NotImplementedError
