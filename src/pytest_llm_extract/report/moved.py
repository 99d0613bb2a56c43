"""Changes against accepted answers: lines for a terminal, values for other reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

from pytest_llm_extract.gate.regression import Comparison, FieldChange
from pytest_llm_extract.report.terminal_text import (
    MISSES,
    and_more,
    cases_and_field,
    columns,
    field_name,
    has_values,
    printable,
    show,
    side_by_side,
)
from pytest_llm_extract.results.accepted import Accepted
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.outcome import RIGHT, Leaf, Status, right_share
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.scoring.advice import advise
from pytest_llm_extract.wording import count_cases

_SamplePairs = Sequence[tuple[Sample, Accepted]]


class _Side(NamedTuple):
    """A leaf of one side, and how the answer that it is from ended."""

    leaf: Leaf | None
    status: Status

    @property
    def shown(self) -> str:
        """What the answer has there: its value, or its outcome where no value is known."""
        if self.status is not Status.OK and (self.leaf is None or self.leaf.actual is None):
            return self.status.value
        if self.leaf is None:
            return "∅"
        return show(self.leaf.actual) if has_values(self.leaf) else self.leaf.outcome.value


def comparison_head(comparison: Comparison) -> str:
    """What a run is compared with, and whether anything moved."""
    head = f"against the {comparison.against} ({comparison.source}), {count_cases(comparison.n_cases)} paired:"
    return head if comparison.moved else f"{head} no case lost, none gained"


def status_line(comparison: Comparison) -> list[str]:
    """How many answers ended in each way before and now, where that moved: `truncated 1 → 29`."""
    moved = [
        f"{status.value} {before} → {now}" for status, (before, now) in comparison.statuses.items() if before != now
    ]
    return [f"answers against the {comparison.against}: {', '.join(moved)}"] if moved else []


def moved_cases(
    comparison: Comparison,
    results: Sequence[CaseResult],
    width: int,
    json_flag: str | None,
    limit: int | None = MISSES,
) -> list[str]:
    """Lost cases first, those of failed fields before others, then gained ones: expected, before, and now."""
    moved = comparison.moved
    failed = comparison.failed
    order = sorted(moved, key=lambda path: (path not in failed, -len(moved[path].lost)))
    cases = [("lost", path, case) for path in order for case in moved[path].lost]
    cases += [("gained", path, case) for path in order for case in moved[path].gained]
    by_id = {result.id: result for result in results}
    heading = f"  {'':6} {cases_and_field(['case'], 'field', width)} (expected:) before → now"
    lines = [printable(heading, width)] if cases else []
    lines += [_line(word, path, by_id[case], comparison.against, width) for word, path, case in cases[:limit]]
    more = 0 if limit is None else len(cases) - limit
    return lines + ([printable(and_more(more, json_flag), width)] if more > 0 else [])


def _line(word: str, path: str, result: CaseResult, against: str, width: int) -> str:
    _, pairs = _paired(result, against)
    before, now = _clearest(pairs, path, word)
    tail = _in_samples(pairs, path)
    shown = [before.shown, now.shown]
    expected = [show(leaf.expected) for leaf in (now.leaf, before.leaf) if leaf and has_values(leaf)][:1]
    shown = [*(text for text in expected if text not in shown), *shown]  # mostly one of the two is what was expected
    head = f"  {word:6} {cases_and_field([result.id], path, width)}"
    *known, then, today = side_by_side(shown, max(8, (width - columns(head) - 7 - len(tail)) // len(shown)))
    values = f"{''.join(f'{text}: ' for text in known)}{then} → {today}"
    return printable(f"{head} {values}{tail}", width)


def _paired(case: CaseResult, against: str) -> tuple[Accepted | None, _SamplePairs]:
    """The accepted answer of a case, and its samples beside those of now."""
    accepted = case.baseline if against == "baseline" else case.anchor
    return accepted, list(case.paired(accepted)) if accepted else []


def advice_on_lost(moved: Mapping[str, FieldChange], results: Sequence[CaseResult]) -> list[str]:
    """Suggest rules that would have kept the lost cases, one line for each such field."""
    lines = []
    for path, change in moved.items():
        lost = set(change.lost)
        samples = [sample for result in results if result.id in lost for sample in result.samples]
        leaves = [leaf for sample in samples for leaf in sample.leaves.get(path, ()) if leaf.outcome not in RIGHT]
        if leaves and (text := advise(leaves, "lost")):
            lines.append(f"  hint: {field_name(path)}: {text}")
    return lines


def _clearest(pairs: _SamplePairs, path: str, word: str) -> tuple[_Side, _Side]:
    """A leaf before and one now, from the samples in which each side shows best what was lost, or gained."""
    if not pairs:
        return _Side(None, Status.OK), _Side(None, Status.OK)

    def share(sample: Sample | Accepted) -> Fraction | int:
        return right_share(sample.fields.get(path))

    then, today = (max, min) if word == "lost" else (min, max)
    before = then((accepted for _, accepted in pairs), key=share)
    now = today((sample for sample, _ in pairs), key=share)
    leaves = _same_leaf(before.leaves.get(path, ()), now.leaves.get(path, ()), word)
    return _Side(leaves[0], before.status), _Side(leaves[1], now.status)


def _same_leaf(before: Sequence[Leaf], now: Sequence[Leaf], word: str) -> tuple[Leaf | None, Leaf | None]:
    """The leaf of a list that moved, on both sides: they belong together by what is expected, where that is known.

    A leaf that only one side has is shown with nothing beside it.
    """
    worse, better = (now, before) if word == "lost" else (before, now)
    rest = list(better)
    first: tuple[Leaf | None, Leaf | None] | None = None
    for leaf in worse:
        other = next((one for one in rest if one.expected == leaf.expected or not has_values(one)), None)
        if other is not None:
            rest.remove(other)
        if leaf.outcome in RIGHT:
            continue
        if other is not None and other.outcome in RIGHT:
            first = (leaf, other)
            break
        first = first or (leaf, other)
    bad, good = first or (next(iter(worse), None), next(iter(better), None))
    return (good, bad) if word == "lost" else (bad, good)


def _in_samples(pairs: _SamplePairs, path: str) -> str:
    """` (right in 1 of 3 samples, 3 before)`; nothing where one sample is compared."""
    if len(pairs) < 2:
        return ""
    now, before = (
        sum(right_share(sample.fields.get(path)) == 1 for sample in side) for side in zip(*pairs, strict=True)
    )
    return f" (right in {now} of {len(pairs)} samples, {before} before)"


class MovedValue(NamedTuple):
    """A field of a case, and its values as text: expected, before and now; empty where they are not known."""

    field: str
    case: str
    values: tuple[str, str, str]


def count_lost(comparison: Comparison) -> int:
    """How many values were lost."""
    return sum(len(change.lost) for change in comparison.fields.values())


def lost_values(suite: SuiteResult, comparison: Comparison, most: int) -> list[MovedValue]:
    """The first `most` lost values."""
    cases = {case.id: case for case in suite.cases}
    order = sorted(comparison.fields, key=lambda path: -len(comparison.fields[path].lost))
    lost = ((path, case) for path in order for case in comparison.fields[path].lost)
    return [MovedValue(path, case, _values(cases[case], path, comparison.against)) for path, case in islice(lost, most)]


def _values(case: CaseResult, path: str, against: str) -> tuple[str, str, str]:
    accepted, pairs = _paired(case, against)
    # Of several samples, the first one that is worse than its accepted one.
    pair = next((p for p in pairs if _n_right(p[0].leaves.get(path, ())) < _n_right(p[1].leaves.get(path, ()))), None)
    sample, before = pair or (case, accepted)
    then, now = _worst(before.leaves.get(path, ()) if before else ()), _worst(sample.leaves.get(path, ()))
    leaf = now or then
    known = show(leaf.expected) if leaf and has_values(leaf) else ""
    return known, _shown(then), _shown(now)


def _shown(leaf: Leaf | None) -> str:
    return show(leaf.actual) if leaf and has_values(leaf) else ""


def _n_right(leaves: Sequence[Leaf]) -> int:
    return sum(leaf.outcome in RIGHT for leaf in leaves)


def _worst(leaves: Sequence[Leaf]) -> Leaf | None:
    return next((leaf for leaf in leaves if leaf.outcome not in RIGHT), leaves[0] if leaves else None)
