"""X12 in FHIR: the code systems of the X12 278 data elements that PAS binds to, and the codes that are used here.

Each system is named after what its codes say; the number is X12's. Displays stand where the guide gives them (pas 2e).
"""

X12_ACTION = "https://codesystem.x12.org/005010/306"
X12_REASON = "https://codesystem.x12.org/external/886"
X12_FOLLOW_UP = "https://codesystem.x12.org/005010/889"
X12_REJECT = "https://codesystem.x12.org/005010/901"
X12_CERTIFICATION = "https://codesystem.x12.org/005010/1322"
X12_ENTITY = "https://codesystem.x12.org/005010/98"
X12_REPORT_TYPE = "https://codesystem.x12.org/005010/755"
X12_TRANSMISSION = "https://codesystem.x12.org/005010/756"
X12_RELATIONSHIP = "https://codesystem.x12.org/005010/1069"

# 306, the action on a requested item: code and display
CERTIFIED = ("A1", "Certified in total")
NOT_CERTIFIED = ("A3", "Not Certified")
PENDED = ("A4", "Pended")
MODIFIED = ("A6", "Modified")
CANCELLED = ("C", "Cancelled")  # the guides name no code for it (pas T-27)

# 886, why an item is pended; the guide names no code and no display of this list
MORE_INFORMATION_NEEDED = "0U"
PHYSICIAN_REVIEWS = "0V"
NURSE_REVIEWS = "0W"

# 889, what the sender of a rejected request can do
CORRECT_AND_RESUBMIT = "C"
NO_RESUBMISSION = "N"

# 901, why a request is rejected
INPUT_ERRORS = "33"
SUBSCRIBER_NOT_FOUND = "75"
INVALID_PARTICIPANT = "79"
PATIENT_NOT_ELIGIBLE = "95"
PAYER_ID_MISSING = "T4"

# 1322, the kind of request
CANCEL = "3"
CERTIFICATIONS = frozenset({"I", "R", "4", "S"})
"""1322: initial, renewal, extension, revised. The others speak of what was decided: appeals, a reconsideration..."""

# 755 and 756, what a payer asks for and how it is to be sent
PAYER_FORM = "PY"
ELECTRONICALLY = "EL"

# 1069, what a beneficiary is to the subscriber
SELF = "18"

RENDERING_ENTITIES = frozenset({"71", "72", "77", "FA", "SJ"})
"""98: the roles of whoever renders a service: attending, operating, service location, facility, service provider."""
