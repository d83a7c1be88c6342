"""Puts anything anywhere into a good body: what hypothesis finds that a reader forgot to check."""

from typing import Any

from hypothesis import strategies as st


def spoil(node: Any, data: st.DataObject, anything: st.SearchStrategy[Any], deepest: int) -> None:
    """Replaces one place below `node`, at most `deepest` steps down, by a drawn value; an empty node stays."""
    for _ in range(data.draw(st.integers(1, deepest))):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(node[key], (dict, list)) or not node[key] or data.draw(st.booleans()):
            node[key] = data.draw(anything)
            return
        node = node[key]
