"""The four reasons for fine-tuning, for and against, from results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from pytest_llm_extract.decision.ceiling import Ceiling, Gap, total
from pytest_llm_extract.decision.evidence import Evidence, Statement
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.stats.intervals import wilson
from pytest_llm_extract.wording import counted, some_names

_FORM = 0.99  # of the answers are valid: then the form is consistent
_HEAVY = 100.0  # requests a second; the reason speaks of thousands
_KNOWLEDGE = 0.1  # of all gold values are missed and not in their documents
_MONTH_S = 30 * 24 * 3600


class Reason(NamedTuple):
    """One reason: whether these results speak for it, against it, or not at all."""

    name: str
    speaks: Literal["for", "against", "cannot tell"]
    statement: Statement


def weigh(
    evidence: Evidence, ceilings: Mapping[str, Ceiling], gaps: Sequence[Gap], volume: float | None
) -> tuple[Reason, ...]:
    """All four, in the order of the list; `volume` is documents a month, None where it was not stated."""
    return (_form(evidence), _load(evidence, volume), _knowledge(ceilings), _ceiling(ceilings, gaps))


def _form(evidence: Evidence) -> Reason:
    """Whether prompting reaches a consistent form: the validity of the most valid of the set of best."""
    shares = {name: _validity(evidence.suite(name)) for name in evidence.best}
    name = max(shares, key=lambda one: shares[one][0] / max(1, shares[one][1]))
    n_valid, n = shares[name]
    cut = sum(sample.status is Status.TRUNCATED for sample in evidence.suite(name).samples)
    text = f"{n_valid} of {n} answers of {name} are valid"
    if cut:
        text += f"; {cut} {'is' if cut == 1 else 'are'} cut off, for which the token limit is the cheaper remedy"
    low, high = wilson(n_valid, n)
    speaks: Literal["for", "against", "cannot tell"] = "for" if high < _FORM else "against"
    if speaks == "against" and n_valid < n and low < _FORM <= high:
        speaks = "cannot tell"
    return Reason("consistent form", speaks, Statement(text, (evidence.of_suite(name, "documents.valid"),)))


def _validity(suite: SuiteResult) -> tuple[int, int]:
    samples = suite.samples
    return sum(sample.valid for sample in samples), len(samples)


def _load(evidence: Evidence, volume: float | None) -> Reason:
    """Whether the volume asks for a smaller model, and whether one is in the set of best already."""
    models = {name: evidence.suite(name).model for name in evidence.best}
    several = sorted({model for suite in evidence.suites if (model := suite.model)})
    if volume is None:
        return Reason("load", "cannot tell", Statement("no volume: state documents a month with --volume"))
    a_second = volume / _MONTH_S
    text = f"{a_second:.2g} requests a second on average"
    sources = tuple(evidence.of_suite(name, "model") for name in models)
    if a_second < _HEAVY:
        return Reason("load", "against", Statement(f"{text}: any model takes that", sources))
    if len(several) < 2:
        return Reason("load", "cannot tell", Statement(f"{text}; a smaller model was not tried", sources))
    held = some_names(sorted({model for model in models.values() if model}))
    return Reason("load", "for", Statement(f"{text}; in the set of best are {held}", sources))


def _knowledge(ceilings: Mapping[str, Ceiling]) -> Reason:
    """Whether answers need what is not in documents."""
    ceiling = total(ceilings)
    text = f"{ceiling.not_in_document} of {ceiling.n} gold values are missed by all and not in their document"
    speaks: Literal["for", "against", "cannot tell"] = "against"
    n_missed = ceiling.n - ceiling.right
    if n_missed and n_missed == ceiling.unsearchable:
        speaks, text = "cannot tell", f"none of {counted(n_missed, 'missed value')} can be looked for in its document"
    elif ceiling.not_in_document >= _KNOWLEDGE * ceiling.n:
        speaks = "for"
        text += ": knowledge that retrieval may bring, or wrong labels"
    return Reason("knowledge", speaks, Statement(text, ("suites[*].cases[*].fields", "suites[*].cases[*].input")))


def _ceiling(ceilings: Mapping[str, Ceiling], gaps: Sequence[Gap]) -> Reason:
    """Whether prompting has reached its ceiling in the fields that miss their target."""
    below = [gap for gap in gaps if gap.verdict == "below"]
    sources = ("suites[*].cases[*].fields",)
    if not gaps:
        return Reason("reached ceiling", "cannot tell", Statement("no target"))
    if not below:
        return Reason("reached ceiling", "against", Statement("no field is below its target beyond noise", sources))
    stuck = [gap.field for gap in below if is_stuck(gap, ceilings)]
    if stuck:
        text = f"no mix of these variants reaches the target in {some_names(stuck)}, though documents have the values"
        return Reason("reached ceiling", "for", Statement(text, sources))
    text = "where fields miss their target, some variant is right often enough, or documents lack the values"
    return Reason("reached ceiling", "against", Statement(text, sources))


def is_stuck(gap: Gap, ceilings: Mapping[str, Ceiling]) -> bool:
    """Whether no mix of variants reaches a field's target, and what documents hold would."""
    ceiling = ceilings.get(gap.field)
    return ceiling is not None and ceiling.reached < gap.target <= ceiling.learnable
