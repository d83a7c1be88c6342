"""[cards] of a plan file: the cards that a plan wants beside coverage information. None, unless it says so."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, Strict

from server.fhir.read import Coding
from server.policy.toml_file import Flag, Shape, Text, TomlTable

_Url = Annotated[Text, Shape(r"https?://\S+", "is no address; write https://HOST/PATH")]


@dataclass(frozen=True, slots=True)
class CardRules:
    """policy_pages: link the policy's page in a card under CRD 2.2, too, where coverage information has it already.

    smart_app: an app that opens a form, for EHRs that cannot from coverage information. form_tasks: offer the form as a
    Task, for EHRs without DTR. renewal_days: how long before its end an authorization is said to end; 0: never.
    """

    policy_pages: bool = False
    smart_app: str | None = None
    form_tasks: bool = False
    renewal_days: int = 0


@dataclass(frozen=True, slots=True)
class OtherService:
    """A service that stands in for another, or goes with it; reason: one plain sentence."""

    code: Coding
    reason: str


class CardTable(TomlTable):
    """Cards beside coverage information; without this table there are only those that it cannot replace."""

    policy_pages: Flag = Field(default=False, description="The policy's page as a card under CRD 2.2, too.")
    smart_app: _Url | None = Field(None, description="An app that opens a form, for EHRs that need a link to it.")
    form_tasks: Flag = Field(default=False, description="The form as a Task, for EHRs without DTR.")
    renewal_days: Annotated[int, Strict()] = Field(
        30, ge=0, description="Days before the end of an authorization; 0: never."
    )

    def rules(self) -> CardRules:
        return CardRules(self.policy_pages, self.smart_app, self.form_tasks, self.renewal_days)


class OtherServiceTable(TomlTable):
    """A service that stands in for another, or goes with it."""

    code: Text = Field(description="system|code; the system may be a name of [systems].")
    display: Text = Field(description="What people call it.")
    reason: Text = Field(description="One plain sentence.")
