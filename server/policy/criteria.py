"""Reads the criteria of an edition and checks each against the library it names."""

from collections.abc import Iterable

from server.policy.model import Criterion, Reviewer, State
from server.policy.table import Table


class CriteriaReader:
    """`defines` are what the edition's main library defines; `source` names it in messages."""

    def __init__(self, defines: frozenset[str], source: str) -> None:
        self._defines = defines
        self._source = source

    def read(self, tables: Iterable[Table]) -> tuple[Criterion, ...]:
        seen: set[str] = set()
        found = []
        for table in tables:
            criterion = self._criterion(table)
            if criterion.id in seen:
                table.problem("id", "stands twice in this edition; give each criterion its own id")
            seen.add(criterion.id)
            found.append(criterion)
        return tuple(found)

    def _criterion(self, table: Table) -> Criterion:
        states = self._states(table)
        remedies = table.optional_table("remedy")
        for state in states:
            if state is not State.MET and not isinstance(remedies.get(state.value), str):
                table.problem(f"remedy.{state}", f"is missing; say what would settle it when {state}")
        for key in remedies if states else ():
            if key not in states:
                table.problem(f"remedy.{key}", "is a state this criterion cannot take, says its `states`")
        criterion = Criterion(
            id=table.text("id"),
            define=self._define(table, "define") or "",
            applies=self._define(table, "applies", required=False),
            review=self._define(table, "review", required=False),
            evidence=self._define(table, "evidence", required=False),
            sentence=table.text("sentence"),
            citation=table.text("cites"),
            when_unmet=self._reviewer(table),
            states=states,
            remedies={state: str(remedies.get(state.value, "")) for state in states if state is not State.MET},
        )
        if states and (State.REVIEW in states) != (criterion.review is not None):
            table.problem("review", "name a `review` define exactly when `states` holds review")
        if State.MET in states and criterion.evidence is None:
            table.problem("evidence", "is missing; what is met must say by what")
        table.no_more()
        return criterion

    def _define(self, table: Table, key: str, *, required: bool = True) -> str | None:
        name = table.text(key) if required else table.optional_text(key)
        if name and self._defines and name not in self._defines:
            table.problem(key, f"no define {name!r} in {self._source}; name one that it has")
        return name

    @staticmethod
    def _states(table: Table) -> tuple[State, ...]:
        words = table.texts("states", required=True)
        for word in words:
            if word not in set(State):
                table.problem("states", f"{word} is no state; use met, unmet, unknown, review")
        for word in sorted({w for w in words if words.count(w) > 1}):
            table.problem("states", f"{word} stands twice; list each state once")
        return tuple(State(w) for w in words if w in set(State))

    @staticmethod
    def _reviewer(table: Table) -> Reviewer:
        word = table.optional_text("when_unmet") or Reviewer.PHYSICIAN.value
        if word in set(Reviewer):
            return Reviewer(word)
        table.problem("when_unmet", f"{word} is nobody; use physician or medical-director")
        return Reviewer.PHYSICIAN
