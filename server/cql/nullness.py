"""Which list expressions of an ELM library cannot be null, whatever the record holds."""

from typing import Any

from server.cql.elm import Node, definitions


class Nullness:
    """Knows the defines of one library; a define of another library counts as possibly null."""

    def __init__(self, library: Node) -> None:
        defines = definitions(library, "statements")
        self._defines = {d["name"]: d["expression"] for d in defines if d.get("type") != "FunctionDef"}

    def keeps_lists_apart(self, flatten: Node) -> bool:
        """Whether a Flatten may meet a null among its lists; the engine then returns the lists unflattened."""
        operand = flatten["operand"]
        match operand.get("type"):
            case "List":
                return not all(self.is_list(e) for e in operand.get("element") or ())
            case "Query":
                returned = (operand.get("return") or {}).get("expression")
                return not (_drops_nulls(operand.get("where")) or (returned is not None and self.is_list(returned)))
            case _:
                return True

    def is_list(self, node: Node) -> bool:
        """Whether an expression is a list in every case. A query is one when each of its sources is."""
        match node.get("type"):
            case "List" | "Retrieve":
                return True
            case "Query":
                return all(self.is_list(s["expression"]) for s in node["source"])
            case "If":
                return self.is_list(node["then"]) and self.is_list(node["else"])
            case "Flatten" | "Coalesce":
                operand = node["operand"]
                return any(self.is_list(o) for o in (operand if isinstance(operand, list) else [operand]))
            case "ExpressionRef" if not node.get("libraryName"):
                # this recursion ends, since CQL forbids a define that refers to itself
                return self.is_list(self._defines.get(node["name"], {}))
            case _:
                return False


def _drops_nulls(where: Any) -> bool:
    """Whether a condition has `... is not null` in it, so that no null is left."""
    if isinstance(where, dict):
        negated = where.get("operand") if where.get("type") == "Not" else None
        if isinstance(negated, dict) and negated.get("type") == "IsNull":
            return True
        return any(_drops_nulls(v) for k, v in where.items() if k != "annotation")
    return isinstance(where, list) and any(_drops_nulls(v) for v in where)
