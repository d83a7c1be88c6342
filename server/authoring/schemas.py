"""JSON Schemas of the TOML files, for editors: `python -m server.authoring.schemas FOLDER` writes them.

The first line of a file names its schema, `#:schema ../schemas/policy.json`; editors that know TOML (Taplo, Even Better
TOML) then complete the keys, explain them and mark what is wrong.
"""

import sys
from pathlib import Path
from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import NullableSchema, WithDefaultSchema

from server.authoring.stories_file import StoriesFile
from server.authoring.worked_cases_file import WorkedCasesFile
from server.pas.sandbox.sandbox_file import SandboxFile
from server.policy.plan_file import PlanFile
from server.policy.policy_file import PolicyFile
from server.policy.toml_file import TomlTable

SCHEMAS: dict[str, type[TomlTable]] = {
    "policy": PolicyFile,
    "cases": WorkedCasesFile,
    "stories": StoriesFile,
    "plan": PlanFile,
    "sandbox": SandboxFile,
}


class _ForToml(GenerateJsonSchema):
    """TOML has no null: what may be left out is left out."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        without = schema.get("default") is None
        return self.generate_inner(schema["schema"]) if without else super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - an editor shows the key itself
        return False


def schema(model: type[TomlTable]) -> bytes:
    """The schema of one kind of file, as its file holds it."""
    return orjson.dumps(
        model.model_json_schema(schema_generator=_ForToml), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for name, model in SCHEMAS.items():
        (folder / f"{name}.json").write_bytes(schema(model))
