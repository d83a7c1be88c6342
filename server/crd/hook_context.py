"""What the context of each hook must hold, and the entries that its answer goes to (crd section 1.1)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.errors import Problem


@dataclass(frozen=True, slots=True)
class HookContext:
    """texts: members that are text. bundle: the member that is a Bundle of what is asked about; empty for none.

    lists: members that are lists. Each member with the names that it may go by: the hook's older versions have others.
    """

    texts: tuple[tuple[str, ...], ...]
    bundle: str = ""
    lists: tuple[tuple[str, ...], ...] = ()


_DISPATCHED = ("dispatchedOrders", "order")
_WHO = (("userId",), ("patientId",))

CONTEXTS: Mapping[str, HookContext] = {
    "order-sign": HookContext(_WHO, "draftOrders"),
    "order-select": HookContext(_WHO, "draftOrders", (("selections",),)),
    "order-dispatch": HookContext((("patientId",), ("performer",)), "", (_DISPATCHED,)),
    "appointment-book": HookContext(_WHO, "appointments"),
    "encounter-start": HookContext((*_WHO, ("encounterId",))),
    "encounter-discharge": HookContext((*_WHO, ("encounterId",))),
}
"""By hook. order-dispatch 1.0 has one `order`, 1.1 a list of `dispatchedOrders` (T-11)."""


def context_problems(context: Mapping[str, Any], hook: str) -> Iterator[Problem]:
    """Everything that the context of a hook lacks. What is unknown is ignored (crd C-9)."""
    wanted = CONTEXTS[hook]
    for names in wanted.texts:
        if not any(is_text(context.get(name)) for name in names):
            yield missing(names[0], f"context.{names[0]}")
    for names in wanted.lists:
        if not any(_listed(context.get(name), one=name == _DISPATCHED[1]) for name in names):
            text = f"`{names[0]}` must be a list of references, each as Type/id."
            yield Problem("required", text, f"context.{names[0]}")
    if wanted.bundle:
        yield from _bundle(context.get(wanted.bundle), f"context.{wanted.bundle}")


def entries_of(context: Mapping[str, Any], hook: str) -> tuple[Mapping[str, Any], ...]:
    """The entries of the hook's Bundle; none where it has no Bundle. The context is a checked one."""
    bundle = CONTEXTS[hook].bundle
    return tuple(context[bundle].get("entry") or ()) if bundle else ()


def dispatched(context: Mapping[str, Any]) -> tuple[str, ...]:
    """The references of the orders that are dispatched, each once."""
    found = next((context[name] for name in _DISPATCHED if context.get(name)), ())
    many = found if isinstance(found, list) else [found]
    return tuple(dict.fromkeys(r for r in many if isinstance(r, str)))


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def missing(name: str, place: str) -> Problem:
    return Problem("required", f"`{name}` is missing or not a text; CDS Hooks requires it.", place)


def _listed(value: Any, *, one: bool) -> bool:
    return is_text(value) if one else isinstance(value, list)


def _bundle(found: Any, place: str) -> Iterator[Problem]:
    name = place.rpartition(".")[2]
    if not isinstance(found, dict) or found.get("resourceType") != "Bundle":
        yield Problem("structure" if found else "required", f"`{name}` must be a FHIR Bundle.", place)
        return
    entries = found.get("entry")
    if not isinstance(entries, list | None):
        yield Problem("structure", "`entry` must be a list; send one entry for each resource.", f"{place}.entry")
        return
    for n, entry in enumerate(entries or ()):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not is_text(resource.get("resourceType")):
            text = "Each entry must hold a FHIR resource with its resourceType."
            yield Problem("structure", text, f"{place}.entry[{n}].resource")
