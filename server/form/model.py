"""A policy's form: a FHIR Questionnaire as its file holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.fhir.codes import QUESTIONNAIRE_ADAPTIVE
from server.fhir.read import extension_value


@dataclass(frozen=True, slots=True)
class Form:
    """A FHIR Questionnaire of a policy, as its file holds it."""

    url: str
    version: str
    questionnaire: Mapping[str, Any]

    @property
    def canonical(self) -> str:
        return f"{self.url}|{self.version}"

    @property
    def adaptive(self) -> bool:
        """Asked group by group: the file carries SDC's questionnaireAdaptive extension as true."""
        return extension_value(self.questionnaire, QUESTIONNAIRE_ADAPTIVE) is True
