"""Case results become counts and rates of a suite; merging parts gives what one pass would have given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_llm_extract.outcome import CaseResult, FieldCounts, add_up
from pytest_llm_extract.stats import intervals


@dataclass(frozen=True)
class FieldSummary:
    """One field over all cases: counts, and the interval of its accuracy (clustered by case)."""

    counts: FieldCounts
    interval: tuple[float, float]


def summarize(paths: Sequence[str], results: Iterable[CaseResult]) -> dict[str, FieldSummary]:
    """Counts and interval of every field that some case labels, in the schema's order."""
    per_case: dict[str, list[FieldCounts]] = {path: [] for path in paths}
    for result in results:
        for path, counts in result.counts.items():
            per_case.setdefault(path, []).append(counts)
    return {
        path: FieldSummary(add_up(counts), intervals.clustered([(count.right, count.n) for count in counts if count.n]))
        for path, counts in per_case.items()
        if any(count.n for count in counts)
    }
