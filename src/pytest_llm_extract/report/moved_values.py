"""The lost values of a comparison: expected, before and now, of the field that lost most first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_llm_extract.gate.regression import Comparison
from pytest_llm_extract.report.terminal_text import has_values, show
from pytest_llm_extract.results.case_result import CaseResult, Leaf
from pytest_llm_extract.results.outcome import RIGHT
from pytest_llm_extract.results.suite_result import SuiteResult


def moved_values(suite: SuiteResult, comparison: Comparison) -> Iterator[tuple[str, str, tuple[str, str, str]]]:
    """Field, case, and the values expected, before and now; empty where they are not known."""
    cases = {case.id: case for case in suite.cases}
    for path in sorted(comparison.fields, key=lambda path: -len(comparison.fields[path].lost)):
        for case in comparison.fields[path].lost:
            yield path, case, _values(cases[case], path, comparison.against)


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
