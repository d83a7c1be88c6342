"""Answers that unsay themselves: by the words of the question or of the code, by a mark, or by who gave them."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from server.fhir.codes import DATA_ABSENT_REASON, DTR
from server.fhir.read import Resource, coding, dicts, extensions
from server.form.answer import ValueSets
from server.form.model import Form, FormItem

_ORIGIN = f"{DTR}information-origin"
_PREFILLED = ("initialExpression", "calculatedExpression", "candidateExpression", "answerExpression")
_WORDS = re.compile(r"[^\W_]+")


def unsaid_answers(form: Form, value_sets: ValueSets, response: Resource) -> tuple[str, ...]:
    """The linkIds of answers that say of themselves something else than what is read of them, each once.

    The text of the question is not the form's, a code's display is not the form's, value or answer is marked as absent,
    or a machine has answered what the form lets no machine answer. value_sets: by url.
    """
    return tuple(dict.fromkeys(_unsaid(form.items, value_sets, response)))


def _unsaid(asked: Mapping[str, FormItem], value_sets: ValueSets, holder: Mapping[str, Any]) -> Iterator[str]:
    for item in dicts(holder.get("item")):
        question = asked.get(str(item.get("linkId")))
        answers = dicts(item.get("answer"))
        if question is not None and answers:
            wrong = not _same(item.get("text"), question.get("text")) or _is_absent(item)
            if wrong or any(_turns(question, value_sets, answer) for answer in answers):
                yield question["linkId"]
        for inner in (item, *answers):
            if "item" in inner:
                yield from _unsaid(asked, value_sets, inner)


def _turns(question: FormItem, value_sets: ValueSets, answer: Mapping[str, Any]) -> bool:
    """Whether one answer unsays itself. Every answer of every request comes here: its extensions are read once."""
    for extension in dicts(answer["extension"]) if "extension" in answer else ():
        url = extension.get("url")
        if url == DATA_ABSENT_REASON:
            return True
        if url == _ORIGIN and _is_automatic(extension) and not _is_prefilled(question):
            return True
    for key, value in answer.items():
        if key.startswith("_value") and _is_absent(value):
            return True
    value = answer.get("valueCoding")
    return isinstance(value, dict) and not _is_display(value, question, value_sets)


def _is_absent(element: Any) -> bool:
    return (
        isinstance(element, dict)
        and "extension" in element
        and any(True for _ in extensions(element, DATA_ABSENT_REASON))
    )


def _is_automatic(origin: Mapping[str, Any]) -> bool:
    """Whether an information-origin (dtr) says that no person gave the answer: its `source` is `auto...`."""
    return any(
        part.get("url") == "source" and str(part.get("valueCode")).startswith("auto")
        for part in dicts(origin.get("extension"))
    )


def _is_prefilled(question: FormItem) -> bool:
    return "initial" in question or any(
        str(e.get("url")).endswith(_PREFILLED) for e in dicts(question.get("extension"))
    )


def _is_display(value: Mapping[str, Any], question: FormItem, value_sets: ValueSets) -> bool:
    """Whether the words of a code are those that the form has for it, or have them among them, or it has none."""
    given, said = coding(value), value.get("display")
    if given is None or not isinstance(said, str):
        return True
    options = (option.get("valueCoding") or {} for option in dicts(question.get("answerOption")))
    known = [
        o["display"] for o in options if "display" in o and coding(o) == coding({**value, "display": o["display"]})
    ]
    value_set = value_sets.get(str(question.get("answerValueSet", "")).partition("|")[0])
    known += value_set.displays.get(given.token, ()) if value_set is not None else ()
    return not known or any(_same(said, k) or _holds(said, k) or _holds(k, said) for k in known)


def _same(said: Any, known: Any) -> bool:
    """Whether two texts are the same but for capitals, blanks and marks. What is not said is no contradiction."""
    return said is None or said == known or _words(said) == _words(known)


def _holds(text: str, part: str) -> bool:
    words, wanted = _words(text), _words(part)
    return bool(wanted) and any(words[n : n + len(wanted)] == wanted for n in range(len(words)))


def _words(text: Any) -> list[str]:
    return _WORDS.findall(unicodedata.normalize("NFKC", str(text or "")).casefold())
