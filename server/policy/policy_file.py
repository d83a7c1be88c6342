"""The shape of policy.toml (cql/README.md explains it), and what does not go together within one."""

from typing import Annotated, Any, Literal

from pydantic import Field

from server.policy.model import Criterion, Reviewer, State, Validity
from server.policy.toml_file import Count, Day, Said, Shape, Some, Text, TomlTable, twice

MAX_DAYS = 36_500  # a hundred years; no approval lasts as long, and the calendar of dates ends
_ID = r"[A-Za-z0-9\-.]{1,64}"
_ID_OTHERWISE = "stands in addresses; use letters, digits, - and ., at most 64, here and for the folder"
_BILLING = r"[A-Z][0-9]{4}|[0-9]{4}[0-9A-Z]"
_BILLING_OTHERWISE = "is no code of HCPCS or CPT; write one, like A1234 or 12345"


class OrderTable(TomlTable):
    """Which codes wake the policy: value sets of its folder, file names without .json."""

    identified_by: Some[Text] = Field(description="Value sets: a code of these names the product.")
    placeholders: tuple[Text, ...] = Field((), description="Value sets of codes that may stand for it.")


class ValidityTable(TomlTable):
    """How long an approval lasts: the first whose define is true decides."""

    when: Text = Field(description="A Boolean define.")
    days: Annotated[Count, Field(le=MAX_DAYS)]


class RemedyTable(TomlTable):
    """What would settle the criterion, by the state it is in."""

    unmet: Text | None = None
    unknown: Text | None = None
    review: Text | None = None


class CriterionTable(TomlTable):
    """One rule of a policy, the defines that judge it, and what is said of it."""

    id: Text
    define: Text = Field(description="Boolean define: true met, false unmet, null unknown.")
    applies: Text | None = Field(None, description="Boolean define: judged only where it is true.")
    review: Text | None = Field(None, description="Boolean define: where it is true a person must judge.")
    evidence: Text | None = Field(None, description="Define of List<Tuple{ref String, said String}>.")
    sentence: Text = Field(description="What it asks for, in one plain sentence.")
    cites: Text = Field(description="Where it stands in the source policy.")
    when_unmet: Reviewer = Field(Reviewer.PHYSICIAN, description="Who looks when it is unmet.")
    states: Some[State] = Field(description="Every state it can take; each wants a worked case.")
    remedy: RemedyTable = RemedyTable()

    def contradictions(self) -> Said:
        for state in twice(self.states):
            yield "states", f"{state} stands twice; list each state once"
        for state in State:
            remedy = getattr(self.remedy, state, None)
            if state in self.states and state is not State.MET and remedy is None:
                yield f"remedy.{state}", f"is missing; say what would settle it when {state}"
            if state not in self.states and remedy is not None:
                yield f"remedy.{state}", "is of a state that `states` does not list; list it there, or take it out"

    def criterion(self) -> Criterion:
        return Criterion(
            id=self.id,
            define=self.define,
            sentence=self.sentence,
            citation=self.cites,
            when_unmet=self.when_unmet,
            states=self.states,
            remedies={state: getattr(self.remedy, state) for state in self.states if state is not State.MET},
            applies=self.applies,
            review=self.review,
            evidence=self.evidence,
        )


class EditionTable(TomlTable):
    """One dated edition. A published edition is never edited, only followed."""

    version: Text = Field(description="What decisions name it by.")
    effective: Day = Field(description="The first day of service that it judges.")
    library: Text = Field(description="The CQL library of its rules: a file of this folder, without .cql.")
    form: Text = Field(description="A file of ../../questionnaires/<policy-id>, without .json.")
    approved_by: Literal["machine", "nurse"] = Field("machine", description="nurse: an approval waits for a nurse.")
    billing: tuple[Annotated[Text, Shape(_BILLING, _BILLING_OTHERWISE)], ...] = Field(
        (), description="HCPCS codes that it is billed under."
    )
    parameters: dict[str, Any] = Field({}, description="The policy's switches: CQL parameters by name.")
    validity: Some[ValidityTable]
    criterion: Some[CriterionTable]

    def contradictions(self) -> Said:
        for name in twice(c.id for c in self.criterion):
            yield f"criterion {name}.id", "stands twice in this edition; give each criterion its own id"

    def validities(self) -> tuple[Validity, ...]:
        return tuple(Validity(v.when, v.days) for v in self.validity)


class PolicyFile(TomlTable):
    """A coverage policy: what it is, which codes wake it, and its dated editions."""

    id: Annotated[Text, Shape(_ID, _ID_OTHERWISE)] = Field(description="Equals the folder's name.")
    uri: Text = Field(description="What decisions cite.")
    title: Text
    display: Text = Field(description="What people call the ordered thing.")
    url: Text | None = Field(None, description="A page about the policy that a clinician may open.")
    order: OrderTable
    edition: Some[EditionTable] = Field(description="Newest first.")

    def contradictions(self) -> Said:
        days = [e.effective for e in self.edition]
        if days != sorted(set(days), reverse=True):
            yield "edition", "editions stand newest first, each with its own effective date"
        if any(twice(e.version for e in self.edition)):
            yield "edition", "a version stands twice; decisions name it, so give each edition its own"
