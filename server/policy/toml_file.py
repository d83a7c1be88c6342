"""TOML read into pydantic models: everything wrong with a file at once, each with its place and its remedy."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints, ValidationError, model_validator
from pydantic.annotated_handlers import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema

from server.errors import PolicyProblem

Step = str | int
"""One step into a file: a key, or the number of an element, counted from 0."""

Said = Iterable[tuple[str, str]]
"""Places, from the table that says them on, and texts: what is wrong and what mends it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a text must match as a whole; `otherwise` follows the text in a problem, and ends with the remedy."""

    pattern: str
    otherwise: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def _check(self, value: str) -> str:
        if re.fullmatch(self.pattern, value) is None:
            raise _said(f'"{value}" {self.otherwise}')
        return value


@dataclass(frozen=True, slots=True)
class _NotEmpty:
    """Pydantic's own min_length would complain of a list whose elements are all wrong, too."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "minItems": 1}

    def _check(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if not value:
            raise _said("must be a list with at least one")
        return value


Element = TypeVar("Element")
Some = Annotated[tuple[Element, ...], _NotEmpty()]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Day = Annotated[date, Strict()]
Count = Annotated[int, Strict(), Field(gt=0)]
Flag = Annotated[bool, Strict()]
Npi = Annotated[Text, Shape(r"[0-9]{10}", "is no NPI; an NPI has 10 digits")]


class TomlTable(BaseModel):
    """A table of a file; its fields are the keys. A key that is none of them is a typing error someone should hear of.

    A table whose keys are each right by themselves is asked for its contradictions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def contradictions(self) -> Said:
        """What does not go together within this table."""
        return ()

    @model_validator(mode="after")
    def _holds_together(self) -> "TomlTable":
        found = [InitErrorDetails(type=_said(text), loc=(place,), input=None) for place, text in self.contradictions()]
        if found:
            raise ValidationError.from_exception_data(type(self).__name__, found)
        return self


Read = TypeVar("Read", bound=TomlTable)


def read_toml(
    file: Path, model: type[Read], problems: list[PolicyProblem], *, unreadable: str, absent: str | None = None
) -> Read | None:
    """What a file holds; None when anything is wrong, and `problems` then has all of it.

    unreadable: the remedy for a file that cannot be read; absent: what to say instead of one that is not there.
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
        return model.model_validate(raw)
    except OSError as error:
        missing = absent if isinstance(error, FileNotFoundError) else None
        problems.append(PolicyProblem(str(file), "", missing or f"cannot be read ({error.strerror}); {unreadable}"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(PolicyProblem(str(file), "", f"is not TOML in UTF-8: {error}"))
    except ValidationError as error:
        problems.extend(PolicyProblem(str(file), place, text) for place, text in in_words(error, model, raw))
    return None


def in_words(error: ValidationError, model: type[TomlTable], raw: dict[str, Any]) -> Said:
    """Everything that is wrong with a file whose TOML is `raw`."""
    for wrong in error.errors(include_url=False):
        text = _missing(model, wrong["loc"]) if wrong["type"] == "missing" else _wrong(wrong)
        yield _readable(wrong["loc"], raw), text


def twice(names: Iterable[str]) -> list[str]:
    """Each name that stands more than once, once."""
    listed = list(names)
    return [name for name in dict.fromkeys(listed) if listed.count(name) > 1]


def _said(text: str) -> PydanticCustomError:
    return PydanticCustomError("said", "{text}", {"text": text})


def _readable(place: Sequence[Step], raw: Any) -> str:
    """`edition 2024-01-18.criterion DX-1.states 2`: an element is named by its id or version, else by its number."""
    steps: list[str] = []
    for step in place:
        try:
            raw = raw[step]
        except (LookupError, TypeError):
            raw = None  # what is missing, or a place that a contradiction names
        if isinstance(step, str):
            steps.append(step)
            continue
        names = [raw.get("id"), raw.get("version")] if isinstance(raw, dict) else []
        steps[-1] += f" {next((str(name).strip() for name in names if str(name or '').strip()), step + 1)}"
    return ".".join(steps)


def _missing(model: type[BaseModel], place: Sequence[Step]) -> str:
    """What to add at a place where a model asks for something."""
    *above, last = (step for step in place if isinstance(step, str))
    for step in above:
        model = next(_tables(model.model_fields[step].annotation))
    wanted: Any = model.model_fields[last].annotation
    many = get_origin(wanted) is tuple
    if any(_tables(wanted)):
        name = ".".join((*above, last))
        return f"is missing; add at least one [[{name}]]" if many else f"is missing; add a table [{name}]"
    if many:
        return "is missing; give a list with at least one"
    allowed = get_args(wanted) if get_origin(wanted) is Literal else ()
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        allowed = tuple(wanted)
    return f"is missing; give {'one of ' + ', '.join(allowed) if allowed else _GIVE[wanted]}"


def _tables(annotation: Any) -> Iterator[type[BaseModel]]:
    """The tables that an annotation names: `tuple[Table, ...]` and `Table | None` name Table."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind


def _wrong(error: ErrorDetails) -> str:
    if error["type"] in {"enum", "literal_error"}:
        allowed = error["ctx"]["expected"].replace("'", "")
        return f'"{error["input"]}" must be one of {allowed}'
    if error["type"] == "tuple_type" and isinstance(error["input"], dict):
        return f"must be a list of tables; write [[{error['loc'][-1]}]]"
    return _WORDS[error["type"]].format(**error.get("ctx", {}))


_GIVE = {str: "a text", int: "a whole number", date: "a date, written 2024-01-18 without quotes"}
_WORDS = {
    "said": "{text}",
    "extra_forbidden": "is not a key that is read here; see cql/README.md",
    "string_type": "must be a text that is not empty",
    "string_too_short": "must be a text that is not empty",
    "date_type": "must be a date, written 2024-01-18 without quotes",
    "bool_type": "must be true or false, without quotes",
    "int_type": "must be a whole number, without quotes",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "tuple_type": "must be a list, in [ ]",
}
"""What is said of each type of error that the tables of this house can raise."""
