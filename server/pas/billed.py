"""What a billing code tells of an item that no policy judges: whether it may be a medicine."""

import re
from collections.abc import Collection

from server.decision.request import RequestedItem
from server.fhir.codes import CPT, HCPCS
from server.fhir.read import codings
from server.policy.model import Edition

_FORM = {HCPCS: re.compile("[A-Z][0-9]{4}"), CPT: re.compile("[0-9]{4}[0-9FTU]")}
_DRUGS = ("J", "Q", "C9", "S0")
"""How HCPCS codes of drugs and biologics begin, those of a drug that has none yet among them."""


def may_be_a_medicine(item: RequestedItem, editions: Collection[Edition]) -> bool:
    """Whether nobody can tell that an item is no medicine, or that the criteria know which.

    Its product has no billing code, or one of its codes is of a medicine, of another system or of no such form, and
    stands in no value set of the editions that judge the items beside it.
    """
    if not any(c.system in _FORM for c in codings(item.raw.get("productOrService"))):
        return True
    sets = [value_set for edition in editions for value_set in edition.value_sets]
    unknown = [c for c in item.codes if not any(c.token in s.members for s in sets)]
    return any(
        c.system not in _FORM
        or not _FORM[c.system].fullmatch(c.code)
        or (c.system == HCPCS and c.code.startswith(_DRUGS))
        for c in unknown
    )
