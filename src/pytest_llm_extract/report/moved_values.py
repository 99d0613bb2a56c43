"""The lost values of a comparison: expected, before and now, of the field that lost most first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from pytest_llm_extract.gate.regression import Comparison
from pytest_llm_extract.report.terminal_text import has_values, show
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.leaf import Leaf
from pytest_llm_extract.results.outcome import RIGHT
from pytest_llm_extract.results.suite_result import SuiteResult


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
    accepted = case.baseline if against == "baseline" else case.anchor
    pairs = list(case.paired(accepted)) if accepted else []
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
