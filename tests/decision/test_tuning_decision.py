"""Whether fine-tuning is due: real answers of a small model, real filings, and each of the four conclusions."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fara import FARA, PROMPTS, Filing
from real_models import FORMULATIONS, REAL_MODELS

from pytest_llm_extract.comparison.compare import compare_suites, example_cases
from pytest_llm_extract.corpus.schema_reference import load_schema
from pytest_llm_extract.decision.conclude import TuningDecision, conclude
from pytest_llm_extract.decision.costs import Assumptions
from pytest_llm_extract.decision.evidence import gather
from pytest_llm_extract.errors import ResultsError
from pytest_llm_extract.formats.wire import as_wire
from pytest_llm_extract.gate.decide import summarize_only
from pytest_llm_extract.report.results_json import read_results, run_to_wire
from pytest_llm_extract.report.run_results import run_results
from pytest_llm_extract.report.tuning import tuning_lines
from pytest_llm_extract.results.case_result import CaseResult, Usage
from pytest_llm_extract.results.outcome import Outcome, Status
from pytest_llm_extract.results.recipe import ExampleDocument, Formulation, Recipe
from pytest_llm_extract.results.suite_result import GateRules, SuiteResult
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import lost_answer, read_answer
from pytest_llm_extract.scoring.score import score_answer

WORDINGS = [
    "Read the letter and say who wrote it, in the words of the letter.",
    "You are a clerk. Find the sender. If there is none, use null.",
    "Who signed this? Look at the last line first, then at the first one.",
    "Extract: name = the person who writes, never the person who is written to.",
    "Think of the three people a letter may name: sender, reader, third party. Give the sender.",
]


def suite(
    schema: Schema, variant: str, rows: Sequence[dict[str, Any]], raw: dict[str, str | None], recipe: Recipe, **own: Any
) -> SuiteResult:
    """A variant as a run would have scored it; an answer that is None was cut off."""
    cases = []
    for row in rows:
        text = raw[row["id"]]
        answer = lost_answer(Status.TRUNCATED, "cut off") if text is None else read_answer(schema, text)
        gold = schema.read_gold(row["expected"])
        usage = {"gpt-4o-mini": Usage(400 + 300 * len(recipe.examples), 50)}
        cases.append(score_answer(schema, gold, answer, case_id=row["id"], input=row["input"], by_model=usage))
    head = SuiteResult("t.py::t", variant, tuple(row["id"] for row in rows), schema.paths, GateRules())
    return head._replace(cases=tuple(cases), recipe=recipe, **own)


def decide(suites: list[SuiteResult], target: float | None = None, **given: Any) -> TuningDecision:
    """The decision for the only suite of a run."""
    return conclude(gather(suites, None, target, "results.json"), Assumptions(**given))


def answers(decision: TuningDecision) -> dict[str, str]:
    """Each question's answer by its lever."""
    return {question.name: question.answer for question in decision.questions}


def letters(
    n_right: dict[str, int], *, in_document: bool = True, n: int = 120, tried: bool = True
) -> list[SuiteResult]:
    """Variants that name the sender in the first `n_right` of n letters; `tried`: every lever was pulled."""

    class Letter(Filing):
        pass

    schema = Schema.of(Letter, "test")
    words = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in ("alo", "eri", "omu", "ina") for c in ("ck", "sen", "tov")]
    random = Random(1)
    rows: list[dict[str, Any]] = []
    for i in range(n):
        name = f"{words[i % 100].title()} {words[(i * 37 + 11) % 144].title()}"
        body = " ".join(random.choices(words, k=60))
        signed = name if in_document else "illegible"
        rows.append({"id": f"c{i}", "input": f"{body}\nSigned {signed}", "expected": {"signer_name": name}})
    suites = []
    for at, (variant, right) in enumerate(n_right.items()):
        raw: dict[str, str | None] = {
            row["id"]: json.dumps({"signer_name": row["expected"]["signer_name"] if i < right else f"wrong {variant}"})
            for i, row in enumerate(rows)
        }
        example = (ExampleDocument("e1", "Another letter, of someone who is not in the data at all"),)
        recipe = Recipe(WORDINGS[at % 5], example if tried else (), has_context=tried, response_format="json_schema")
        primary = at == 0
        suites.append(
            suite(schema, variant, rows, raw, recipe, model="gpt-4o-mini", is_primary=primary, is_gated=primary)
        )
    return suites


FIVE = dict.fromkeys(("plain", "clerk", "signed", "extract", "think"), 84)


@pytest.fixture(scope="module")
def small_model() -> list[SuiteResult]:
    """Seven formulations of a small real model on forty documents."""
    if not REAL_MODELS.is_dir():
        pytest.skip("the data of real models is not beside this checkout")
    sys.path.insert(0, str(REAL_MODELS / "prompts"))
    try:
        schema = load_schema("invoices:InvoiceData")
    finally:
        sys.path.pop(0)
    rows = [json.loads(line) for line in (REAL_MODELS / "gold.jsonl").open(encoding="utf-8")]
    suites = []
    for name in FORMULATIONS[:5]:
        given = [json.loads(line) for line in (REAL_MODELS / "answers" / f"gemma3-{name}.jsonl").open(encoding="utf-8")]
        raw = {one["id"]: one["raw"] if one["finish_reason"] == "stop" else None for one in given}
        request = json.loads((REAL_MODELS / "requests" / f"gemma3-{name}.json").read_text("utf-8"))
        turns = request["messages"]
        examples = tuple(ExampleDocument(None, turn["content"]) for turn in turns[1:-1] if turn["role"] == "user")
        recipe = Recipe(turns[0]["content"], examples, response_format=request["response_format"]["type"])
        primary = name == "base"
        suites.append(suite(schema, name, rows, raw, recipe, model="gemma3", is_primary=primary, is_gated=primary))
    return suites


def test_a_small_model_needs_examples_first(small_model: list[SuiteResult]) -> None:
    """Zero-shot gets almost nothing, few-shot carries it: not yet, and the first step is to take the examples."""
    decision = decide(small_model)
    assert (decision.verdict, decision.about) == ("not yet", "examples")
    assert decision.next_steps[0].text == "make fewshot the primary, for its examples: fewshot 34.2%, base 1.4%"
    assert answers(decision) == {
        "formulations": "no",
        "examples": "yes",
        "retrieval": "not needed",
        "clean data": "yes",
        "gap": "cannot tell",
    }


def test_a_target_does_not_change_what_comes_first(small_model: list[SuiteResult]) -> None:
    """With a target, every field is below it, and examples still come first."""
    decision = decide(small_model, 0.9)
    assert (decision.verdict, decision.about, answers(decision)["gap"]) == ("not yet", "examples", "yes")
    assert {gap.field for gap in decision.gaps if gap.verdict == "below"} >= {"date", "tax", "amount"}


def test_every_source_leads_somewhere(small_model: list[SuiteResult]) -> None:
    """Each path that a sentence cites begins at a variant, the comparison or the lints of results.json."""
    wire = as_wire(decide(small_model, 0.9, volume=1e5))
    said = [*wire["next_steps"], *wire["costs"], *(reason["statement"] for reason in wire["reasons"])]
    said += [statement for question in wire["questions"] for statement in question["statements"]]
    assert {path.split(".")[0] for one in said for path in one["sources"]} <= {
        *(f"suites[{at}]" for at in range(5)),
        "suites[*]",
        "comparison[0]",
        "lint[0]",
    }
    assert json.loads(json.dumps(wire)) == wire


def test_as_people_read_it(small_model: list[SuiteResult]) -> None:
    """Nothing is wider than 80 columns, and the conclusion stands first."""
    lines = "\n".join(tuning_lines(decide(small_model, 0.9, volume=1e5), 80)).splitlines()
    assert lines[0] == "t.py::t: fine-tuning is not due yet; first: examples"
    assert max(map(len, lines)) <= 80


def test_filings() -> None:
    """Five prompts on real filings: labels that OCR garbled come before any tuning."""
    if not FARA.is_dir():
        pytest.skip("the FARA data is not beside this checkout")
    schema = Schema.of(Filing, "test")
    rows = [json.loads(line) for line in (FARA / "cases.jsonl").open(encoding="utf-8")]
    suites = []
    for at, prompt in enumerate(PROMPTS):
        given = map(json.loads, (FARA / "outputs" / f"{prompt}.jsonl").open(encoding="utf-8"))
        raw: dict[str, str | None] = {row["id"]: json.dumps(row["output"]) for row in given}
        n_shots = {"one_shot": 1, "five_shot": 5}.get(prompt, 0)
        shots = tuple(ExampleDocument(f"e{n}", f"An example of its own, number {n}") for n in range(n_shots))
        suites.append(suite(schema, prompt, rows, raw, Recipe(WORDINGS[at], shots), is_primary=not at, is_gated=not at))
    decision = decide(suites, 0.9)
    assert (decision.verdict, decision.about) == ("not yet", "clean data")
    assert answers(decision) == {
        "formulations": "yes",
        "examples": "yes",
        "retrieval": "not tried",
        "clean data": "no",
        "gap": "yes",
    }


def test_not_needed() -> None:
    """The target is reached."""
    decision = decide(letters(dict.fromkeys(FIVE, 118)), 0.95)
    assert (decision.verdict, decision.next_steps) == ("not needed", ())


def test_one_variant_has_its_costs_too() -> None:
    """Tokens and prices of a suite without variants are those of its answers."""
    costs = decide(letters({"plain": 84}), volume=1e6, training_usd=3.0, tuned_usd=(0.1, 0.2)).costs
    assert costs[0].text.startswith("prompting (plain): $")
    assert costs[0].sources == ("suites[0].usage",)
    assert "training $3.38" in costs[1].text


def test_justified() -> None:
    """Every lever was pulled, the upper limit is below the target, and the documents have what is missed."""
    decision = decide(letters(FIVE), 0.95)
    assert (decision.verdict, decision.about) == ("justified", "for signer_name")
    assert {reason.name: reason.speaks for reason in decision.reasons}["reached ceiling"] == "for"
    assert [step.text.split()[0] for step in decision.next_steps] == ["find", "export"]


def test_whether_tuning_is_on_offer_is_the_users_to_say() -> None:
    """Said to be open: export. Said to be closed: another model, and no cost of a road that is not there."""
    suites = letters(FIVE)
    [export] = decide(suites, 0.95, tuning_available=True).next_steps
    assert "llm-extract export" in export.text
    closed = decide(suites, 0.95, volume=1e6, tuned_usd=(0.1, 0.2), tuning_available=False)
    assert (closed.verdict, "open weights" in closed.next_steps[0].text) == ("justified", True)
    assert [cost.text.split()[0] for cost in closed.costs] == ["prompting", "tuning:"]


def test_formulations_of_earlier_runs_are_counted() -> None:
    """Those that were recorded before, and that none of today's variants is."""
    tried = tuple(Formulation("2026-01-01", name, name * 64, name) for name in "abc")
    first, *others = letters(FIVE)
    first = first._replace(tried=tried, prompt={"fingerprint": "c" * 64})
    [_, said] = decide([first, *others]).questions[0].statements
    assert said.text == "2 more wordings recorded before, not among these variants"
    assert said.sources == ("suites[0].tried[*].wording",)
    four = [first, *others[:3]]
    assert answers(decide([one._replace(tried=()) for one in four]))["formulations"] == "no"
    assert answers(decide(four))["formulations"] == "yes"
    [comparison] = compare_suites([first, *others])
    assert comparison.notes[-1].startswith("2 formulations recorded before (a of 2026-01-01, b of 2026-01-01)")


def test_not_justified_where_documents_lack_the_values() -> None:
    """What is not in the documents cannot be learned from them: labels come first."""
    decision = decide(letters(FIVE, in_document=False), 0.95)
    assert decision.verdict == "cannot tell"
    assert {reason.name: reason.speaks for reason in decision.reasons}["knowledge"] == "for"


def test_combining_variants_comes_before_tuning() -> None:
    """Where some variant is right in each case, routing or a vote reaches the target."""
    suites = letters(FIVE)
    first, *others = suites
    right = [case if at < 60 else _made_right(case) for at, case in enumerate(first.cases)]
    right = [_made_wrong(case) if at < 36 else case for at, case in enumerate(right)]
    decision = decide([first, others[0]._replace(cases=tuple(right)), *others[1:]], 0.95)
    assert decision.ceilings[0].right == 120
    assert any("combine variants" in step.text for step in decision.next_steps)


def _made_right(case: CaseResult) -> CaseResult:
    [leaf] = case.leaves["signer_name"]
    leaf = leaf._replace(outcome=Outcome.CORRECT, actual=leaf.expected)
    return dataclasses.replace(case, leaves={"signer_name": (leaf,)})


def _made_wrong(case: CaseResult) -> CaseResult:
    [leaf] = case.leaves["signer_name"]
    leaf = leaf._replace(outcome=Outcome.WRONG, actual="somebody")
    return dataclasses.replace(case, leaves={"signer_name": (leaf,)})


def test_cannot_tell_says_how_many_cases_would() -> None:
    """A gap that may be noise: the number of cases that would decide."""
    decision = decide(letters(dict.fromkeys(FIVE, 112)), 0.95)
    n = decision.gaps[0].n_needed
    assert decision.verdict == "cannot tell"
    assert decision.next_steps[0].text == f"label more cases: about {n} would decide every field"
    assert n is not None
    assert n > 120


def test_nothing_was_tried() -> None:
    """One wording, no examples, no passages: each is a step, the cheapest first."""
    decision = decide(letters({"plain": 84}, tried=False), 0.95)
    assert (decision.verdict, decision.about) == ("not yet", "formulations")
    assert answers(decision) | {"retrieval": "-"} == {
        "formulations": "no",
        "examples": "not tried",
        "retrieval": "-",
        "clean data": "yes",
        "gap": "yes",
    }


def test_an_added_space_is_no_formulation() -> None:
    """Wordings that are nearly the same count once."""
    suites = letters(FIVE)
    same = [one._replace(recipe=Recipe(f"{WORDINGS[0]}{' ' * at}")) for at, one in enumerate(suites)]
    assert answers(decide(same))["formulations"] == "no"


def test_scored_files_do_not_say_how_they_ask() -> None:
    """Without recipes the questions about prompts cannot be answered."""
    suites = [one._replace(recipe=None) for one in letters(FIVE)]
    assert set(list(answers(decide(suites)).values())[:3]) == {"cannot tell"}


def test_both_roads() -> None:
    """At a volume, with stated prices, each road has its cost; without them it is unknown."""
    suites = letters(FIVE)
    costs = [cost.text for cost in decide(suites, volume=1e6, training_usd=3.0, tuned_usd=(0.1, 0.2)).costs]
    assert costs[0].startswith("prompting (plain): $")
    assert "training $3.38 (1.1 million tokens, 3 epochs)" in costs[1]
    assert costs[2].startswith("tuning, each month: $80.00")
    assert "paid back after" in costs[3]
    assert "unknown" in decide(suites, volume=1e6).costs[1].text
    assert decide(suites).costs[0].text.startswith("no volume")


def test_lints_are_cited_where_results_have_them() -> None:
    """A suite that ran in part, or that is too large, has no lints in results.json: the place of others counts."""
    suites = letters({"plain": 84})
    part = suites[0]._replace(id="t.py::part", cases=suites[0].cases[:5])
    sources = [
        statement.sources
        for question in conclude(gather([part, *suites], "t.py::t", 0.95, "results.json"), Assumptions()).questions
        for statement in question.statements
        if question.name == "clean data"
    ]
    assert sources == [("lint[0].counts", "lint[0].n_documents")]


def test_results_without_documents_do_not_say_what_documents_hold() -> None:
    """What would be justified with them cannot be told; neither is the data called clean, nor retrieval needless."""
    suites = [
        one._replace(cases=tuple(dataclasses.replace(case, input=None) for case in one.cases)) for one in letters(FIVE)
    ]
    decision = decide(suites, 0.95)
    assert (decision.verdict, decision.about) == ("cannot tell", "no document is text here")
    assert answers(decision)["clean data"] == "cannot tell"
    assert {reason.name: reason.speaks for reason in decision.reasons}["knowledge"] == "cannot tell"
    plain = [one._replace(recipe=Recipe(WORDINGS[0])) for one in suites]
    assert answers(decide(plain, 0.95))["retrieval"] == "cannot tell"


def test_examples_that_are_cases_stay_out_without_documents() -> None:
    """A results.json without documents is compared on the same cases as the run was."""
    first, second = letters({"plain": 84, "shown": 84}, n=30)
    second = second._replace(recipe=Recipe("Read.", (ExampleDocument("e1", str(first.cases[7].input)),)))
    shown = [(one, summarize_only(one)) for one in (first, second)]
    wire = run_to_wire(run_results(shown, [], Path(), "none").suites, Path())
    read = read_results(json.dumps(wire), "results.json")
    assert all(case.input is None for one in read for case in one.cases)
    assert example_cases(read) == example_cases([first, second]) == {"c7"}


def test_mistakes() -> None:
    """A suite that is not there, or that ran in part."""
    suites = letters({"plain": 84}, n=20)
    with pytest.raises(ResultsError, match="has no suite 'x'"):
        gather(suites, "x", None, "results.json")
    with pytest.raises(ResultsError, match="ran in part"):
        gather([suites[0]._replace(cases=suites[0].cases[:5])], None, None, "results.json")
