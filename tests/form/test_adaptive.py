"""server/policy/adaptive.py: a form asked round by round, for any form."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import InvalidRequest
from server.fhir.read import Resource
from server.form.adaptive import Asking, Round
from server.form.model import form_items
from server.form.response import form_canonicals, read_response
from server.policy.model import Form

Json = dict[str, Any]
AT = "QuestionnaireResponse"


def question(link: str, kind: str = "boolean", *, required: bool = True, when: str = "", **more: Any) -> Json:
    enabled = {"enableWhen": [{"question": when, "operator": "=", "answerBoolean": True}]} if when else {}
    return {"linkId": link, "type": kind, "text": link, "required": required, **enabled, **more}


def group(link: str, *children: Json, when: str = "", **more: Any) -> Json:
    return {**question(link, "group", required=False, when=when, **more), "item": list(children)}


def form(*children: Json) -> Form:
    url = "http://payer.example/Questionnaire/asked"
    return Form(url, "1", {"resourceType": "Questionnaire", "url": url, "version": "1", "item": list(children)})


def title(link: str) -> Json:
    return question(link, "display", required=False)


FORM = form(
    group("first", question("a"), question("a-more", when="a"), question("a-most", when="a-more")),
    group("on-a", question("b"), question("b-free", required=False), when="a"),
    group("words", title("only-words"), when="b"),
    group("silent", question("never", when="nobody")),
    question("single", required=False),
    group("many", question("m"), question("m-more", when="m"), repeats=True),
    group("last", group("inner", question("c", required=False), question("d", when="b"))),
)
LINKS = [item["linkId"] for _, item in form_items(FORM.questionnaire) if item["type"] == "boolean"]
GROUPS = {item["linkId"] for _, item in form_items(FORM.questionnaire)} - set(LINKS)


def answered(of: Form, said: Json, shown: Any) -> list[Json]:
    """The items of a response that says this, of those that are shown; `many` may be said several times."""

    def build(form_items: Any, said: Json) -> list[Json]:
        found = []
        for item in form_items:
            link = item["linkId"]
            if link not in shown:
                continue
            occurrences = said.get(link, [{}]) if item.get("repeats") else [said]
            for own in occurrences:
                built: Json = {"linkId": link}
                if item["type"] == "boolean" and own.get(link) is not None:
                    built["answer"] = [{"valueBoolean": own[link]}]
                if children := build(item.get("item") or (), own):
                    built["item"] = children
                if len(built) > 1:
                    found.append(built)
        return found

    return build(of.questionnaire["item"], said)


def rounds(asking: Asking, said: Json) -> list[Round]:
    """Asks until nothing is left, with a client that answers everything it sees as `said` has it."""
    found = [asking.next({}, (), AT)]
    for _ in range(40):
        if found[-1].completed:
            return found
        shown = found[-1].asked
        response = {"item": items_} if (items_ := answered(asking.form, said, shown)) else {}
        found.append(asking.next(response, shown, AT))
    raise AssertionError("the form never ends")


def open_question(links: list[str]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({link: st.booleans() for link in links})


everything = st.fixed_dictionaries(
    {
        **{link: st.booleans() for link in LINKS if not link.startswith("m") and link not in ("b-free", "c", "single")},
        **{link: st.none() | st.booleans() for link in ("b-free", "c", "single")},
        "many": st.lists(open_question(["m", "m-more"]), min_size=1, max_size=3),
    }
)


@given(said=everything, conditions=st.booleans())
def test_asked_to_the_end_it_says_what_the_whole_form_would(said: Json, *, conditions: bool) -> None:
    """Whatever the answers, an adaptive form ends, and its answers are those of the same form shown at once."""
    whole, problems = read_response(FORM, {}, {"item": answered(FORM, said, set(LINKS) | GROUPS)}, AT)
    assert problems == []
    assert rounds(Asking(FORM, {}, conditions=conditions), said)[-1].response == whole


@given(said=everything)
def test_without_conditions_only_what_counts_is_shown(said: Json) -> None:
    """Where clients see no enableWhen, each round shows an enabled question; nothing that an answer hides stays."""
    found = rounds(Asking(FORM, {}, conditions=False), said)
    for before, after in pairwise(found):
        assert after.completed or after.asked - before.asked
        assert after.asked <= {link for link in LINKS if link != "never"} | GROUPS
    for link, needed in (("a-more", "a"), ("on-a", "a"), ("b", "a")):
        assert link not in found[-1].asked or said[needed] is True


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ({"a": False}, [["first"], ["single"], ["many"], ["last"], []]),
        ({"a": True, "a-more": False, "b": False}, [["first"], ["on-a"], ["single"], ["many"], ["last"], []]),
        ({"a": True, "a-more": False, "b": True}, [["first"], ["on-a"], ["words"], ["single"], ["many"], ["last"], []]),
    ],
)
def test_group_by_group_in_the_order_of_the_form(said: Json, asked: list[list[str]]) -> None:
    """One item of the form a round; one without an enabled question is passed over, one with words alone is not."""
    said = {"d": False, "many": [{"m": False}], **said}
    roots = [item["linkId"] for item in FORM.questionnaire["item"]]
    found = rounds(Asking(FORM, {}, conditions=True), said)
    shown: list[set[str]] = [set(), *({link for link in roots if link in r.asked} for r in found)]
    assert [sorted(b - a) for a, b in pairwise(shown)] == asked


def test_without_conditions_an_answer_opens_the_next_question_of_its_group() -> None:
    """2.0.1: a question that an answer enables comes in the next round, before the next group."""
    said = {"a": True, "a-more": True, "a-most": True, "b": False, "d": False, "many": [{"m": False}]}
    found = rounds(Asking(FORM, {}, conditions=False), said)
    new = [after.asked - before.asked for before, after in pairwise(found)]
    assert [found[0].asked, *new[:3]] == [{"first", "a"}, {"a-more"}, {"a-most"}, {"on-a", "b", "b-free"}]


def test_a_changed_answer_takes_back_what_it_had_opened() -> None:
    """A group that an earlier answer no longer enables is not shown again, and its answers no longer count."""
    asking = Asking(FORM, {}, conditions=True)
    response = {"item": answered(FORM, {"a": False, "b": True}, {"first", "a", "on-a", "b"})}
    found = asking.next(response, {"first", "on-a"}, AT)
    assert "on-a" not in found.asked
    assert found.response["item"] == answered(FORM, {"a": False}, {"first", "a"})


FIRST = {"linkId": "first", "item": [{"linkId": "a", "answer": [{"valueBoolean": False}]}]}


@pytest.mark.parametrize(
    ("response", "asked", "problems"),
    [
        ({"item": [{"linkId": "no-such"}]}, ["first"], [("value", f"{AT}.item[0].linkId")]),
        ({"item": [FIRST, FIRST]}, ["first"], [("duplicate", f"{AT}.item[1].linkId")]),
        ({"item": [FIRST]}, [], [("business-rule", f"{AT}.descendants().where(linkId='a')")]),
        ({"item": [FIRST]}, ["first", "made-up"], [("value", f"{AT}.contained")]),
        (
            {"item": [{"linkId": "first", "item": [{"linkId": "a-more", "answer": [{"valueString": "x"}]}]}]},
            ["first"],
            [("value", f"{AT}.item[0].item[0].answer[0].valueString")],
        ),
        (
            {"item": [{"linkId": "first", "item": [{"linkId": "a", "answer": [{"valueBoolean": True}]}]}]},
            ["first"],
            [("required", f"{AT}.descendants().where(linkId='a-more')")],
        ),
    ],
)
def test_every_problem_of_the_answers_is_told(response: Resource, asked: list[str], problems: list[Any]) -> None:
    """What the form does not allow, what was not asked and what is owed, each with its place."""
    with pytest.raises(InvalidRequest) as refused:
        Asking(FORM, {}, conditions=True).next(response, asked, AT)
    assert [(p.code, p.expression) for p in refused.value.problems] == problems


@pytest.mark.parametrize("conditions", [True, False])
def test_a_first_call_owes_nothing(*, conditions: bool) -> None:
    """A response without an answer is shown what it saw, or the first item: it is not told to answer."""
    asking = Asking(FORM, {}, conditions=conditions)
    first = asking.next({}, (), AT)
    assert not first.completed
    assert asking.next({}, first.asked, AT) == first


@pytest.mark.parametrize(
    ("response", "names"),
    [
        ({"questionnaire": "u|1"}, ("u|1",)),
        (
            {
                "questionnaire": "#q",
                "contained": [{"resourceType": "Questionnaire", "id": "q", "derivedFrom": ["u|1"]}],
            },
            ("u|1",),
        ),
        (
            {
                "questionnaire": "#q",
                "contained": [
                    {"resourceType": "Questionnaire", "id": "other", "url": "x"},
                    {"resourceType": "Questionnaire", "id": "q", "url": "u", "version": "1"},
                ],
            },
            ("u|1", "u"),
        ),
        ({"contained": [{"resourceType": "Questionnaire", "url": "u"}]}, ("u",)),
        ({"questionnaire": "#q", "contained": ["nonsense"]}, ()),
        ({}, ()),
    ],
)
def test_the_form_is_known_by_its_canonical_or_by_where_it_derives_from(response: Json, names: tuple[str, ...]) -> None:
    """A contained form is known by what it derives from, before its own url (dtr T-13)."""
    assert form_canonicals(response) == names
