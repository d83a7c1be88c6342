"""The guide versions spoken on the two FHIR bases; a version is never guessed from a body."""

from enum import StrEnum


class Version(StrEnum):
    """`2.0`: CRD/DTR/PAS 2.0.1. `2.2`: CRD 2.2.1, DTR 2.2.0, PAS 2.2.1."""

    V2_0 = "2.0"
    V2_2 = "2.2"

    @property
    def base(self) -> str:
        """The path of this version's FHIR base, without a trailing slash."""
        return f"/fhir/{self}"
