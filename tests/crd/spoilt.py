"""JSON in which something stands where it does not belong, or is gone: drawn by hypothesis."""

from typing import Any

import orjson
from hypothesis import strategies as st

_ODD = (
    *("null", "true", "7", "-1.5", '""', '"x"', '"2026-13-45"', '"#m"', "[]", "[[]]", "[null]", "[{}]", "{}"),
    *('{"reference": 7}', '{"coding": [1]}', '[{"url": []}]', "123456789012345678901234567890"),
)
"""JSON texts, put where they do not belong."""


def spoil(data: st.DataObject, body: Any, *, removing: bool = True) -> None:
    """Changes one or two places of a body. removing: also takes something out."""
    for _ in range(data.draw(st.integers(1, 2))):
        *path, last = data.draw(st.sampled_from([p for p in _places(body) if p]))
        node: Any = body
        for step in path:
            node = node[step]
        if not removing or data.draw(st.booleans()):
            node[last] = orjson.loads(data.draw(st.sampled_from(_ODD)))
        else:
            del node[last]


def _places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [at, *(place for key, child in steps for place in _places(child, (*at, key)))]
