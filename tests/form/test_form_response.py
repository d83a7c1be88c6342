"""server/policy/form.py: a response read against its form, for any form."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.form.answer import answer_value
from server.form.enable_when import ResponseItem, drop_disabled
from server.form.model import form_items
from server.form.response import MAX_ITEMS, read_response
from server.policy.model import Form, ValueSet
from tests.policies import a_form

LOCAL = "http://payer.example/fhir/CodeSystem/local"
DRUGS = "http://payer.example/fhir/ValueSet/drugs"
DIAGNOSES = "http://payer.example/fhir/ValueSet/diagnoses"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
AT = "Bundle.entry[3].resource"

Json = dict[str, Any]


def option(code: str, system: str = LOCAL) -> Json:
    return {"valueCoding": {"system": system, "code": code, "display": code.upper()}}


def when(question: str, operator: str, **answer: Any) -> Json:
    return {"question": question, "operator": operator, **answer}


def question(link: str, kind: str, **more: Any) -> Json:
    return {"linkId": link, "type": kind, "text": link, **more}


QUESTIONS = [
    question("why", "choice", answerOption=[option("flu"), option("cold"), option("other")]),
    question("why-text", "text", enableWhen=[when("why", "=", answerCoding=option("other")["valueCoding"])]),
    question("codes", "choice", repeats=True, answerValueSet=DIAGNOSES),
    question("fever", "boolean"),
    question("degrees", "decimal", enableWhen=[when("fever", "=", answerBoolean=True)]),
    question("hot", "string", enableWhen=[when("degrees", ">", answerDecimal=39.5)]),
    question("count", "integer"),
    question("since", "date"),
    question("not-flu", "string", enableWhen=[when("why", "!=", answerCoding=option("flu")["valueCoding"])]),
    question("quiet", "string", enableWhen=[when("fever", "exists", answerBoolean=False)]),
    question(
        "both",
        "string",
        enableBehavior="all",
        enableWhen=[when("fever", "=", answerBoolean=True), when("count", ">=", answerInteger=2)],
    ),
    question(
        "tried",
        "group",
        enableWhen=[when("fever", "exists", answerBoolean=True)],
        item=[
            question(
                "drug",
                "group",
                repeats=True,
                item=[
                    question("drug.name", "open-choice", answerValueSet=DRUGS),
                    question("drug.outcome", "choice", answerOption=[option("good"), option("bad")]),
                    question(
                        "drug.detail",
                        "string",
                        enableWhen=[when("drug.outcome", "=", answerCoding=option("bad")["valueCoding"])],
                    ),
                ],
            ),
        ],
    ),
    question("paper", "attachment"),
]
FORM = a_form(
    {"resourceType": "Questionnaire", "url": "http://payer.example/q", "version": "1", "status": "active"}
    | {"item": [question("main", "group", item=QUESTIONS)]}
)
ITEMS = {item["linkId"]: item for _, item in form_items(FORM.questionnaire)}
VALUE_SETS = {
    DRUGS: ValueSet(DRUGS, "1", {}, frozenset({f"{RXNORM}|1", f"{RXNORM}|2"})),
    DIAGNOSES: ValueSet(DIAGNOSES, "1", {"compose": {"include": [{"system": ICD10}]}}, frozenset()),
}


def answered(link: str, *values: Json) -> Json:
    return {"linkId": link, "answer": list(values)}


def coded(code: str, system: str | None = LOCAL) -> Json:
    return {"valueCoding": {"code": code} if system is None else {"system": system, "code": code}}


def a_response(*main: Json, form: Form = FORM) -> Json:
    return {"resourceType": "QuestionnaireResponse", "questionnaire": form.canonical, "status": "completed"} | {
        "item": [{"linkId": "main", "item": list(main)}]
    }


def kept(*main: Json) -> list[str]:
    """The linkIds left in the response that CQL may see; there must be no problem."""
    clean, problems = read_response(FORM, VALUE_SETS, a_response(*main), AT)
    assert problems == []
    return sorted(links(clean))


def links(node: Json) -> list[str]:
    below = [*node.get("item", ()), *(i for a in node.get("answer", ()) for i in a.get("item", ()))]
    return [n["linkId"] for n in below if "answer" in n] + [link for n in below for link in links(n)]


FEVER, NO_FEVER = answered("fever", {"valueBoolean": True}), answered("fever", {"valueBoolean": False})
MAIN = f"{AT}.item[0]"


@pytest.mark.parametrize(
    ("main", "problems"),
    [
        ([answered("colour", {"valueString": "x"})], [("value", f"{MAIN}.item[0].linkId")]),
        ([answered("drug.name", coded("1", RXNORM))], [("structure", f"{MAIN}.item[0].linkId")]),
        ([answered("fever", {"valueString": "yes"})], [("value", f"{MAIN}.item[0].answer[0].valueString")]),
        ([answered("fever", {"valueBoolean": "true"})], [("value", f"{MAIN}.item[0].answer[0].valueBoolean")]),
        ([answered("count", {"valueInteger": True})], [("value", f"{MAIN}.item[0].answer[0].valueInteger")]),
        ([answered("count", {"valueDecimal": 2.0})], [("value", f"{MAIN}.item[0].answer[0].valueDecimal")]),
        ([answered("why", coded("plague"))], [("code-invalid", f"{MAIN}.item[0].answer[0].valueCoding")]),
        ([answered("why", coded("flu", RXNORM))], [("code-invalid", f"{MAIN}.item[0].answer[0].valueCoding")]),
        (
            [answered("why", {"valueCoding": {"display": "Flu"}})],
            [("code-invalid", f"{MAIN}.item[0].answer[0].valueCoding")],
        ),
        ([answered("codes", coded("J11", LOCAL))], [("code-invalid", f"{MAIN}.item[0].answer[0].valueCoding")]),
        ([answered("why", coded("flu"), coded("cold"))], [("duplicate", f"{MAIN}.item[0].answer[1]")]),
        ([FEVER, NO_FEVER], [("duplicate", f"{MAIN}.item[1].linkId")]),
        ([answered("since", {"valueDate": "2026-02-30"})], [("value", f"{MAIN}.item[0].answer[0].valueDate")]),
        ([{"linkId": "tried", "answer": [{"valueString": "x"}]}], [("structure", f"{MAIN}.item[0].answer")]),
        (
            [
                answered("colour", {"valueString": "x"}),
                answered("why", coded("plague")),
                answered("count", {"valueString": "2"}),
            ],
            [
                ("value", f"{MAIN}.item[0].linkId"),
                ("code-invalid", f"{MAIN}.item[1].answer[0].valueCoding"),
                ("value", f"{MAIN}.item[2].answer[0].valueString"),
            ],
        ),
    ],
)
def test_each_wrong_answer_is_named_with_its_place(main: list[Json], problems: list[tuple[str, str]]) -> None:
    """Every problem of a response comes out, each at its own FHIRPath."""
    _, found = read_response(FORM, VALUE_SETS, a_response(*main), AT)
    assert [(p.code, p.expression) for p in found] == problems


@pytest.mark.parametrize(
    ("link", "answer", "read"),
    [
        ("why", coded("flu"), coded("flu")),
        ("why", coded("flu", None), coded("flu")),
        ("codes", coded("J11.1", ICD10), coded("J11.1", ICD10)),
        ("codes", coded("J11.1", None), coded("J11.1", ICD10)),
        ("since", {"valueDate": "2026-02"}, {"valueDate": "2026-02"}),
        ("paper", {"valueAttachment": {"title": "note"}}, {"valueAttachment": {"title": "note"}}),
    ],
)
def test_a_right_answer_is_kept_with_the_system_of_the_form(link: str, answer: Json, read: Json) -> None:
    """A code without a system is matched by code and gets the form's system."""
    clean, problems = read_response(FORM, VALUE_SETS, a_response(answered(link, answer)), AT)
    assert problems == []
    assert clean["item"][0]["item"][0]["answer"] == [read]


@pytest.mark.parametrize(
    "answer", [coded("1", RXNORM), coded("1", None), coded("99", LOCAL), {"valueString": "willow bark"}]
)
def test_an_open_choice_takes_any_answer(answer: Json) -> None:
    """A listed code, an unlisted one and free text all answer an open choice."""
    drug = {"linkId": "drug", "item": [answered("drug.name", answer)]}
    assert "drug.name" in kept(FEVER, {"linkId": "tried", "item": [drug]})


@pytest.mark.parametrize(
    ("main", "links_kept"),
    [
        ([answered("why", coded("other")), answered("why-text", {"valueString": "x"})], ["why", "why-text"]),
        ([answered("why", coded("flu")), answered("why-text", {"valueString": "x"})], ["why"]),
        ([answered("why-text", {"valueString": "x"})], []),
        ([answered("not-flu", {"valueString": "x"})], ["not-flu"]),
        ([answered("why", coded("flu")), answered("not-flu", {"valueString": "x"})], ["why"]),
        ([answered("quiet", {"valueString": "x"})], ["quiet"]),
        ([NO_FEVER, answered("quiet", {"valueString": "x"})], ["fever"]),
        (
            [FEVER, answered("count", {"valueInteger": 2}), answered("both", {"valueString": "x"})],
            ["both", "count", "fever"],
        ),
        ([FEVER, answered("count", {"valueInteger": 1}), answered("both", {"valueString": "x"})], ["count", "fever"]),
        (
            [FEVER, answered("degrees", {"valueDecimal": 40}), answered("hot", {"valueString": "x"})],
            ["degrees", "fever", "hot"],
        ),
        (
            [FEVER, answered("degrees", {"valueDecimal": 39.5}), answered("hot", {"valueString": "x"})],
            ["degrees", "fever"],
        ),
        # the answer that would enable `hot` is itself hidden
        ([NO_FEVER, answered("degrees", {"valueDecimal": 40}), answered("hot", {"valueString": "x"})], ["fever"]),
    ],
)
def test_a_hidden_answer_counts_for_nothing(main: list[Json], links_kept: list[str]) -> None:
    """Only answers to enabled questions stay, and a hidden answer enables nothing else."""
    assert kept(*main) == links_kept


def test_each_repetition_of_a_group_is_judged_by_its_own_answers() -> None:
    """A follow-up in one repetition is not enabled by the answer in another."""
    bad = {
        "linkId": "drug",
        "item": [answered("drug.outcome", coded("bad")), answered("drug.detail", {"valueString": "a"})],
    }
    good = {
        "linkId": "drug",
        "item": [answered("drug.outcome", coded("good")), answered("drug.detail", {"valueString": "b"})],
    }
    silent = {"linkId": "drug", "item": [answered("drug.detail", {"valueString": "c"})]}
    clean, problems = read_response(
        FORM, VALUE_SETS, a_response(FEVER, {"linkId": "tried", "item": [bad, good, silent]}), AT
    )
    assert problems == []
    details = [a["valueString"] for a in _answers(clean, "drug.detail")]
    assert details == ["a"]


def test_a_hidden_group_hides_what_is_in_it() -> None:
    """Answers below a disabled group are gone, and so is the group."""
    drug = {"linkId": "drug", "item": [answered("drug.outcome", coded("bad"))]}
    clean, _ = read_response(FORM, VALUE_SETS, a_response({"linkId": "tried", "item": [drug]}), AT)
    assert "item" not in clean


def test_a_response_that_is_too_long_is_told_the_limit() -> None:
    """One problem that names the limit, whether it is items or answers that are too many, and what is beyond unread."""
    drug = {"linkId": "drug", "item": [answered("drug.outcome", coded("bad"))]}
    for many in ({"linkId": "tried", "item": [drug] * MAX_ITEMS}, answered("codes", *[coded("A", ICD10)] * MAX_ITEMS)):
        clean, problems = read_response(FORM, VALUE_SETS, a_response(many), AT)
        assert [(p.code, p.expression) for p in problems] == [("too-costly", f"{AT}.item")]
        assert str(MAX_ITEMS) in problems[0].text
        assert links(clean) == []


def test_the_longest_response_is_judged_group_by_group() -> None:
    """A condition is looked up in its own occurrence alone: twice the groups take twice the steps."""
    steps = 0

    class Counting(ResponseItem):
        __slots__ = ("_above",)

        @property
        def parent(self) -> ResponseItem | None:
            nonlocal steps
            steps += 1
            return self._above

        @parent.setter
        def parent(self, above: ResponseItem | None) -> None:
            self._above = above

    def group() -> ResponseItem:
        node = ResponseItem(ITEMS["drug"], {}, None)
        node.children = [Counting(ITEMS[link], {}, node) for link in ("drug.outcome", "drug.detail")]
        return node

    counted = []
    for many in (100, 200):
        steps = 0
        assert drop_disabled([group() for _ in range(many)], {"drug.outcome": ("drug",)}) == []
        counted.append(steps)
    assert counted[1] == 2 * counted[0] > 0


def test_an_open_question_is_no_problem() -> None:
    """Required questions may stay open, and an answer without a value is as good as none."""
    form = a_form({**FORM.questionnaire, "item": [question("must", "boolean", required=True)]})
    response = {
        "resourceType": "QuestionnaireResponse",
        "item": [{"linkId": "must", "answer": [{"extension": [{"url": "x"}]}]}],
    }
    assert read_response(form, {}, response, AT) == ({"resourceType": "QuestionnaireResponse"}, [])


def test_a_circle_of_conditions_ends() -> None:
    """Two questions that enable each other are both left out, without an endless loop."""
    circle = [
        question("a", "boolean", enableWhen=[when("b", "=", answerBoolean=True)]),
        question("b", "boolean", enableWhen=[when("a", "=", answerBoolean=True)]),
    ]
    form = a_form({**FORM.questionnaire, "item": circle})
    response = {"item": [answered("a", {"valueBoolean": True}), answered("b", {"valueBoolean": True})]}
    assert read_response(form, {}, response, AT)[0] == {}


ANSWERS = [
    answered("why", coded("other")),
    answered("why-text", {"valueString": "x"}),
    answered("codes", coded("J10", ICD10), coded("J11", ICD10)),
    FEVER,
    answered("degrees", {"valueDecimal": 40}),
    answered("hot", {"valueString": "x"}),
    answered("quiet", {"valueString": "hidden"}),
]


@given(st.lists(st.sampled_from(ANSWERS), unique_by=lambda a: str(a["linkId"])), st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(main: list[Json], shuffle: random.Random) -> None:
    """Shuffled answers leave the same answers, and reading changes nothing in what came in."""
    response = a_response(*main)
    before = repr(response)
    shuffled = shuffle.sample(main, len(main))
    assert kept(*main) == kept(*shuffled)
    read_response(FORM, VALUE_SETS, response, AT)
    assert repr(response) == before


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["main", "why", "codes", "drug", "flu"]),
        lambda s: (
            st.lists(s)
            | st.dictionaries(
                st.sampled_from(["linkId", "item", "answer", "valueBoolean", "valueCoding", "code", "why", "main"]), s
            )
        ),
    )
)
def test_any_shape_of_response_is_read(shape: Any) -> None:
    """Whatever JSON stands where the items should be, reading ends with problems and never with a crash."""
    clean, problems = read_response(FORM, VALUE_SETS, {"item": shape}, AT)
    assert isinstance(clean, dict)
    assert all((p.expression or "").startswith(AT) for p in problems)


@pytest.mark.parametrize(
    ("link", "scalar", "value"),
    [
        ("why", "flu", {"valueCoding": {"system": LOCAL, "code": "flu", "display": "FLU"}}),
        ("drug.name", "1", {"valueCoding": {"system": RXNORM, "code": "1"}}),
        ("drug.name", f"{RXNORM}|2", {"valueCoding": {"system": RXNORM, "code": "2"}}),
        ("drug.name", "willow bark", {"valueString": "willow bark"}),
        ("codes", "J11.1", {"valueCoding": {"system": ICD10, "code": "J11.1"}}),
        ("fever", True, {"valueBoolean": True}),
        ("count", 120, {"valueInteger": 120}),
        ("degrees", 39.5, {"valueDecimal": 39.5}),
        ("degrees", 39, {"valueDecimal": 39}),
        ("since", "2026-01-01", {"valueDate": "2026-01-01"}),
        ("why-text", "because", {"valueString": "because"}),
        ("paper", {"title": "note"}, {"valueAttachment": {"title": "note"}}),
    ],
)
def test_a_plain_value_becomes_the_answer_the_question_asks_for(link: str, scalar: Any, value: Json) -> None:
    """The type of the question and its options decide the value[x]."""
    assert answer_value(ITEMS[link], VALUE_SETS, scalar) == value


@pytest.mark.parametrize(
    ("link", "scalar"), [("why", "plague"), ("fever", "yes"), ("count", 1.5), ("since", "2026-02-30"), ("main", "x")]
)
def test_a_value_that_cannot_answer_is_refused(link: str, scalar: Any) -> None:
    """Nothing is coerced: a value of another type or an unlisted code raises ValueError."""
    with pytest.raises(ValueError, match=link):
        answer_value(ITEMS[link], VALUE_SETS, scalar)


def test_items_come_with_their_parents() -> None:
    """Every item of the form is walked in order, with the groups above it, outermost first."""
    found = {item["linkId"]: [p["linkId"] for p in parents] for parents, item in form_items(FORM.questionnaire)}
    assert found["main"] == []
    assert found["drug.name"] == ["main", "tried", "drug"]
    assert list(found)[:2] == ["main", "why"]


def _answers(node: Json, link: str) -> list[Json]:
    own = node.get("answer", []) if node.get("linkId") == link else []
    return [*own, *(a for child in node.get("item", ()) for a in _answers(child, link))]
