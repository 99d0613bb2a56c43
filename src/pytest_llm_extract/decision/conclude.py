"""Whether fine-tuning is due: one of four conclusions, and the cheapest thing that was not tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from pytest_llm_extract.decision.ceiling import Ceiling, Gap, ceilings, find_gaps
from pytest_llm_extract.decision.costs import Assumptions, price_roads
from pytest_llm_extract.decision.evidence import Evidence, Statement
from pytest_llm_extract.decision.questions import FORMULATIONS, Question, ask
from pytest_llm_extract.decision.reasons import Reason, is_stuck, weigh
from pytest_llm_extract.wording import count_cases, some_names

Verdict = Literal["not yet", "justified", "not needed", "cannot tell"]


class TuningDecision(NamedTuple):
    """The answer for one suite.

    Attributes:
        verdict: one of the closed list of conclusions.
        about: what it is about: what to try first, the fields, or why there is no answer.
        next_steps: what to do, the cheapest first.
    """

    suite: str
    verdict: Verdict
    about: str
    next_steps: tuple[Statement, ...]
    questions: tuple[Question, ...]
    ceilings: tuple[Ceiling, ...]
    gaps: tuple[Gap, ...]
    reasons: tuple[Reason, ...]
    costs: tuple[Statement, ...]


class _Step(NamedTuple):
    """Something to do before tuning; `about` names it in the conclusion."""

    about: str
    statement: Statement


def conclude(evidence: Evidence, given: Assumptions) -> TuningDecision:
    """Answer the five questions, find the ceiling, weigh the reasons, and conclude."""
    by_field = ceilings(evidence.suites, evidence.lint.findings)
    gaps = find_gaps(evidence)
    questions = ask(evidence, by_field, gaps)
    promoted = _promote(evidence)
    steps = [*promoted, *_not_tried(questions), *_combine(evidence, gaps, by_field)]
    verdict, about, extra = _verdict(evidence, gaps, by_field, steps, given.tuning_available)
    steps = promoted if verdict == "not needed" else steps
    return TuningDecision(
        suite=evidence.primary.id,
        verdict=verdict,
        about=about,
        next_steps=tuple(step.statement for step in (*extra, *steps)),
        questions=questions,
        ceilings=tuple(by_field.values()),
        gaps=tuple(gaps),
        reasons=weigh(evidence, by_field, gaps, given.volume),
        costs=price_roads(evidence, given),
    )


def _verdict(
    evidence: Evidence,
    gaps: Sequence[Gap],
    by_field: Mapping[str, Ceiling],
    steps: Sequence[_Step],
    is_available: bool | None,
) -> tuple[Verdict, str, list[_Step]]:
    """The conclusion, what it is about, and a step that comes before the others."""
    if gaps and all(gap.verdict == "reached" for gap in gaps):
        return "not needed", f"{evidence.leader} reaches the target in every field", []
    if steps:
        return "not yet", steps[0].about, []
    if not gaps:
        step = _Step("target", Statement("name a target with --target, or floors at the suite"))
        return "cannot tell", "there is no target", [step]
    below = [gap for gap in gaps if gap.verdict == "below"]
    stuck = [gap.field for gap in below if is_stuck(gap, by_field)]
    if stuck and not evidence.lint.n_texts:
        text = f"look whether documents have what is missed in {some_names(stuck)}: these results hold none as text"
        return "cannot tell", "no document is text here", [_Step("documents", Statement(text))]
    if stuck:
        return "justified", f"for {some_names(stuck)}", _road(is_available)
    if below:
        fields = some_names(gap.field for gap in below)
        text = f"look at the labels of {fields}: what is missed is not in the documents"
        return "cannot tell", "what is missed may be wrong labels", [_Step("labels", Statement(text))]
    needed = [gap.n_needed for gap in gaps if gap.verdict == "open"]
    most = "more than 20,000" if None in needed else f"about {max(n for n in needed if n is not None):,}"
    text = f"label more cases: {most} would decide every field"
    return "cannot tell", f"with {count_cases(len(evidence.primary.dataset_ids))}", [_Step("cases", Statement(text))]


def _road(is_available: bool | None) -> list[_Step]:
    """What to do where tuning is justified, by whether it is on offer."""
    export = "export training data with `llm-extract export`, and hold the tuned model against these variants"
    step = _Step("export", Statement(export))
    if is_available:
        return [step]
    if is_available is None:
        text = "find out whether your model can be tuned, and say so: --tuning-available or --no-tuning-available"
    else:
        text = "tuning is not on offer, as stated: choose a model with open weights, which you can tune yourself"
    return [_Step("offer", Statement(text)), step]


def _promote(evidence: Evidence) -> list[_Step]:
    """Make a variant that beats the primary the primary: by what all of the best have and it has not."""
    if evidence.comparison is None or evidence.primary.variant in evidence.best:
        return []
    primary, leader = evidence.primary.variant, evidence.leader
    scores = [(name, evidence.score(name)) for name in (leader, primary)]
    shown = ", ".join(f"{name} {score * 100:.1f}%" for name, score in scores if score is not None)
    lever = _lever(evidence, evidence.best)
    if lever == "formulations":  # nothing that all of them have: then what the leader has
        lever = _lever(evidence, [leader])
    what = {"examples": "its examples", "retrieval": "its passages", "model": "its model"}.get(lever, "its formulation")
    sources = (evidence.of_comparison("best"), *(evidence.of_summary(n, "score") for n, s in scores if s is not None))
    return [_Step(lever, Statement(f"make {leader} the primary, for {what}: {shown}", sources))]


def _lever(evidence: Evidence, names: Sequence[str]) -> str:
    """What all of these variants have, and the primary has not."""
    best = [evidence.suite(name) for name in names]
    primary, recipes = evidence.primary, [suite.recipe for suite in best]

    def all_have(has: str) -> bool:
        return all(recipe is not None and getattr(recipe, has) for recipe in recipes) and not (
            primary.recipe is not None and getattr(primary.recipe, has)
        )

    if all_have("has_examples"):
        return "examples"
    if all_have("has_context"):
        return "retrieval"
    if primary.model is not None and all(suite.model not in (None, primary.model) for suite in best):
        return "model"
    return "formulations"


def _not_tried(questions: Sequence[Question]) -> list[_Step]:
    """The levers that were not pulled, the cheapest first."""
    texts = {
        "formulations": f"write further formulations, as variants: {FORMULATIONS} that differ",
        "examples": 'add few-shot examples: Variant("few_shot", examples=…)',
        "clean data": "look through the findings of `llm-extract lint`: correct documents and labels, or settle them",
        "retrieval": 'retrieve passages for each document: Variant("rag", context=…)',
    }
    by_name = {question.name: question for question in questions}
    undone = [name for name in texts if by_name[name].answer in ("no", "not tried")]
    return [_Step(name, Statement(texts[name], by_name[name].statements[0].sources)) for name in undone]


def _combine(evidence: Evidence, gaps: Sequence[Gap], by_field: Mapping[str, Ceiling]) -> list[_Step]:
    """Fields that miss their target though some variant is right often enough."""
    if len(evidence.suites) < 2:
        return []
    fields = [
        gap.field
        for gap in gaps
        if gap.verdict == "below" and gap.field in by_field and by_field[gap.field].reached >= gap.target
    ]
    if not fields:
        return []
    text = f"combine variants, by routing or a vote: one of them is right often enough in {some_names(fields)}"
    return [_Step("combining variants", Statement(text, ("suites[*].cases[*].fields",)))]
