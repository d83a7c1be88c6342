"""The shape of policy.toml (cql/README.md explains it), and what does not go together within one."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

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


class _Shared(TomlTable):
    """What is said of a criterion: by itself, or for several by their group."""

    define: Text | None = Field(None, description="Define of its state and evidence; by itself the one of its id.")
    applies: Text | None = Field(None, description="Boolean define: judged only where it is true.")
    sentence: Text | None = Field(None, description="What it asks for, in one plain sentence.")
    cites: Text | None = Field(None, description="Where it stands in the source policy.")
    when_unmet: Reviewer = Field(Reviewer.PHYSICIAN, description="Who looks when it is unmet.")
    states: tuple[State, ...] = Field((), description="Every state it can take; each wants a worked case.")
    remedy: RemedyTable = RemedyTable()

    def defines(self) -> Iterator[tuple[str, str]]:
        """Key and name of each define named here."""
        for key in ("define", "applies"):
            if (name := getattr(self, key)) is not None:
                yield key, name


_REQUIRED = {"sentence": "a text", "cites": "a text", "states": "a list with at least one"}


class GroupTable(_Shared):
    """What several criteria say alike; a criterion names its group, and what it says itself counts more."""

    id: Text


class CriterionTable(_Shared):
    """One rule of a policy, the define that judges it, and what is said of it."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["group"]}, {"required": [*_REQUIRED]}]})

    id: Text
    group: Text | None = Field(None, description="The [[edition.group]] that says what is left out here.")

    def contradictions(self) -> Said:
        return () if self.group else self.problems(None)

    def problems(self, group: GroupTable | None) -> Said:
        """What is wrong with all that is said of it."""
        said = self._said(group)
        for key, kind in _REQUIRED.items():
            if not said.get(key):
                yield key, f"is missing; give {kind}"
        states, remedies = said.get("states", ()), said["remedy"]
        for state in twice(states):
            yield "states", f"{state} stands twice; list each state once"
        for state in State if states else ():
            if state in states and state is not State.MET and state not in remedies:
                yield f"remedy.{state}", f"is missing; say what would settle it when {state}"
            if state not in states and state in remedies:
                yield f"remedy.{state}", "is of a state that `states` does not list; list it there, or take it out"

    def criterion(self, group: GroupTable | None) -> Criterion:
        said = self._said(group)
        return Criterion(
            id=self.id,
            define=said.get("define", self.id),
            sentence=said["sentence"],
            citation=said["cites"],
            when_unmet=said.get("when_unmet", Reviewer.PHYSICIAN),
            states=said["states"],
            remedies={state: said["remedy"][state] for state in said["states"] if state is not State.MET},
            applies=said.get("applies"),
        )

    def _said(self, group: GroupTable | None) -> dict[str, Any]:
        """By key what it says itself, and what its group says besides; remedies state by state."""
        both = [table.model_dump(exclude_unset=True) for table in (group, self) if table is not None]
        remedy = {state: text for said in both for state, text in said.get("remedy", {}).items()}
        return {key: value for said in both for key, value in said.items()} | {"remedy": remedy}


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
    starts: Text | None = Field(None, description="Date define: the day an approval begins; without it the claim says.")
    validity: Some[ValidityTable]
    group: tuple[GroupTable, ...] = Field((), description="What several criteria say alike.")
    criterion: Some[CriterionTable]

    def contradictions(self) -> Said:
        for name in twice(c.id for c in self.criterion):
            yield f"criterion {name}.id", "stands twice in this edition; give each criterion its own id"
        for name in twice(g.id for g in self.group):
            yield f"group {name}.id", "stands twice in this edition; give each group its own id"
        groups = {g.id: g for g in self.group}
        named = {c.group for c in self.criterion if c.group is not None}
        for name in groups if named <= set(groups) else ():  # else one of the names is the group's, mistyped
            if name not in named:
                yield f"group {name}.id", "is the group of no criterion; name it in one, or take it out"
        for criterion in self.criterion:
            place = f"criterion {criterion.id}"
            if criterion.group in groups:
                found = criterion.problems(groups[criterion.group])
                yield from ((f"{place}.{key}", text) for key, text in found)
            elif criterion.group is not None:
                there = ", ".join(groups) or "none, so add it"
                yield f"{place}.group", f'"{criterion.group}" is no group of this edition; there are: {there}'

    def criteria(self) -> tuple[Criterion, ...]:
        groups = {g.id: g for g in self.group}
        return tuple(c.criterion(groups[c.group] if c.group else None) for c in self.criterion)

    def validities(self) -> tuple[Validity, ...]:
        return tuple(Validity(v.when, v.days) for v in self.validity)


class PolicyFile(TomlTable):
    """A coverage policy: what it is, which codes wake it, and its dated editions."""

    id: Annotated[Text, Shape(_ID, _ID_OTHERWISE)] = Field(description="Equals the folder's name.")
    uri: Text = Field(description="What decisions cite.")
    title: Text
    display: Text = Field(description="What people call the ordered thing.")
    url: Text | None = Field(None, description="The plan's page about the policy; else one is made of its criteria.")
    order: OrderTable
    edition: Some[EditionTable] = Field(description="Newest first.")

    def contradictions(self) -> Said:
        days = [e.effective for e in self.edition]
        if days != sorted(set(days), reverse=True):
            yield "edition", "editions stand newest first, each with its own effective date"
        if any(twice(e.version for e in self.edition)):
            yield "edition", "a version stands twice; decisions name it, so give each edition its own"
