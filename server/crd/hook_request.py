"""The envelope of a CDS Hooks call, read once, with every problem at once (crd sections 1.1, 1.3, 1.4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.crd.ehr import Ehr, ehr_of
from server.crd.hook_context import CONTEXTS, context_problems, entries_of, is_text, missing
from server.crd.order_text import order_texts
from server.errors import InvalidRequest, Problem, Unprocessable
from server.fhir.read import Resource
from server.fhir.version import Version
from server.log import log

SWITCHES = (
    "coverage-info", "unsolicited-determ", "guideline", "claim", "limits", "therapy-alternatives-opt",
    "clinical-reminder",
)  # fmt: skip
"""The boolean configuration options (crd C-26)."""

MAX_CARDS = 10
"""The default of the option max-cards."""

_REQUESTED_VERSION = "davinci-crd.requestedVersion"
_CONFIGURATION = "davinci-crd.configuration"
_INSTANCE = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class HookConfiguration:
    """What the caller wants to hear. off: the switches set to false."""

    off: frozenset[str] = frozenset()
    max_cards: int = MAX_CARDS

    def wants(self, option: str) -> bool:
        return option not in self.off


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A checked call.

    entries: those of the hook's own Bundle, each an object with a resource; texts: the resources as sent. raw: the
    request as it came. instance: hookInstance for the log; empty when it does not look like an id. ehr: where to ask
    for more.
    """

    hook: str
    instance: str
    version: Version
    configuration: HookConfiguration
    context: Mapping[str, Any]
    prefetch: Mapping[str, Any]
    entries: tuple[Mapping[str, Any], ...]
    texts: tuple[str, ...]
    raw: bytes = field(repr=False)
    ehr: Ehr | None = None

    @property
    def patient_id(self) -> str:
        return str(self.context["patientId"])

    @property
    def orders(self) -> tuple[Resource, ...]:
        return tuple(entry["resource"] for entry in self.entries)


def read_hook_request(raw: bytes, body: Mapping[str, Any], hook: str) -> HookRequest:
    """Checks a call of `hook`; raises InvalidRequest (400) or Unprocessable (422) with every problem found.

    422: a version that is not served, and under CRD 2.0 any breach of CDS Hooks or FHIR (crd section 1.8). Unknown
    elements are ignored (C-9), and so is what is optional and cannot be read (C-52).
    """
    version, unserved = _version(body)
    context = body.get("context")
    problems = [*_common(body), *(context_problems(context, hook) if isinstance(context, dict) else ())]
    named = body.get("hook")
    if isinstance(named, str) and named != hook:
        text = f"This service answers {hook}, the request is for another hook; call the service of that hook."
        raise InvalidRequest([Problem("value", text, "hook"), *problems, *unserved])
    if unserved or (problems and version is Version.V2_0):
        raise Unprocessable([*unserved, *problems])
    if problems:
        raise InvalidRequest(problems)
    context = body["context"]
    entries = entries_of(context, hook)
    instance = body["hookInstance"]
    return HookRequest(
        hook=hook,
        instance=instance if _INSTANCE.fullmatch(instance) else "",
        version=version,
        configuration=_configuration(_extension(body).get(_CONFIGURATION)),
        context=context,
        prefetch=body.get("prefetch") or {},
        entries=entries,
        texts=tuple(order_texts(raw, entries, ("context", CONTEXTS[hook].bundle, "entry"))) if entries else (),
        raw=raw,
        ehr=ehr_of(body),
    )


def _extension(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found = body.get("extension")
    return found if isinstance(found, dict) else {}


def _version(body: Mapping[str, Any]) -> tuple[Version, list[Problem]]:
    """Absent means 2.0: older clients cannot know the extension (crd C-24)."""
    asked = _extension(body).get(_REQUESTED_VERSION)
    if asked is None:
        return Version.V2_0, []
    if asked in tuple(Version):
        return Version(asked), []
    served = " and ".join(Version)
    text = f"This version of CRD is not served; ask for one of {served}, as a string."
    return Version.V2_2, [Problem("not-supported", text, f"extension.`{_REQUESTED_VERSION}`")]


def _common(body: Mapping[str, Any]) -> list[Problem]:
    problems = [missing(name, name) for name in ("hook", "hookInstance") if not is_text(body.get(name))]
    context = body.get("context")
    if not isinstance(context, dict):
        problems.append(Problem("structure", "`context` must be an object; send the context of the hook.", "context"))
    if not isinstance(body.get("prefetch") or {}, dict):
        text = "`prefetch` must be an object with a member for each key of the discovery answer."
        problems.append(Problem("structure", text, "prefetch"))
    return problems


def _configuration(raw: Any) -> HookConfiguration:
    """The options that are known here (crd C-28). Values that make no sense are logged and ignored (C-29, T-13)."""
    if not isinstance(raw, dict):
        if raw is not None:
            log.warning("configuration ignored", option=_CONFIGURATION, reason="not an object")
        return HookConfiguration()
    off: set[str] = set()
    for option in SWITCHES:
        if option in raw:
            if not isinstance(raw[option], bool):
                log.warning("configuration ignored", option=option, reason="not a boolean")
            elif not raw[option]:
                off.add(option)
    cards = raw.get("max-cards", MAX_CARDS)
    if not isinstance(cards, int) or isinstance(cards, bool) or cards < 0:
        log.warning("configuration ignored", option="max-cards", reason="not a number from 0 upwards")
        cards = MAX_CARDS
    return HookConfiguration(frozenset(off), cards)
