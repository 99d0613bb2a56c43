"""Case results become counts and rates of a suite; merging parts gives what one pass would have given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

from pytest_llm_extract.outcome import CaseResult, FieldCounts, RowCounts, add_up
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


_Counts = TypeVar("_Counts", FieldCounts, RowCounts)


@dataclass(frozen=True)
class Tally:
    """What a corpus, or a part of it, adds up to. Adding two is associative and exact, so parts merge.

    `document_sum` is the sum over `n_labelled` documents of the share of their leaves that were right.
    """

    fields: Mapping[str, FieldCounts] = field(default_factory=dict)
    rows: Mapping[str, RowCounts] = field(default_factory=dict)
    n_cases: int = 0
    n_valid: int = 0
    n_exact: int = 0
    n_labelled: int = 0
    document_sum: Fraction = Fraction(0)

    @classmethod
    def of(cls, result: CaseResult) -> Tally:
        """One case."""
        counts = result.counts
        total = sum(counts.values(), FieldCounts())
        share = Fraction(total.right, total.n) if total.n else Fraction(0)
        return cls(counts, result.rows, 1, int(result.valid), int(result.exact), int(total.n > 0), share)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            _merged(self.fields, other.fields, FieldCounts()),
            _merged(self.rows, other.rows, RowCounts()),
            self.n_cases + other.n_cases,
            self.n_valid + other.n_valid,
            self.n_exact + other.n_exact,
            self.n_labelled + other.n_labelled,
            self.document_sum + other.document_sum,
        )

    @property
    def leaves(self) -> FieldCounts:
        """All leaves together: their rates are the micro averages."""
        return sum(self.fields.values(), FieldCounts())

    @property
    def macro(self) -> float | None:
        """Mean over fields of their accuracy, each field counting the same; None when nothing was labelled."""
        return self.composite(dict.fromkeys(self.fields, 1))

    @property
    def document_mean(self) -> float | None:
        """Mean over documents of the share of their leaves that were right; None when nothing was labelled."""
        return float(self.document_sum / self.n_labelled) if self.n_labelled else None

    def composite(self, weights: Mapping[str, float]) -> float | None:
        """Weighted mean of the accuracy of the fields named, in 0..1; fields that nothing labels do not count."""
        rates = [(Fraction(weights[path]), counts) for path, counts in self.fields.items() if weights.get(path)]
        weight = sum((weight for weight, counts in rates if counts.n), Fraction(0))
        if not weight:
            return None
        return float(sum(w * Fraction(c.right, c.n) for w, c in rates if c.n) / weight)


def tally(results: Iterable[CaseResult]) -> Tally:
    """All cases together."""
    return sum(map(Tally.of, results), Tally())


def by_group(results: Iterable[CaseResult]) -> dict[str, dict[str, Tally]]:
    """A tally for each value of each metadata key, as they first appear; lists and objects are no groups."""
    groups: dict[str, dict[str, Tally]] = {}
    for result in results:
        for key, value in result.metadata.items():
            if not isinstance(value, list | dict):
                values = groups.setdefault(key, {})
                name = _group_name(value)
                values[name] = values.get(name, Tally()) + Tally.of(result)
    return groups


def _group_name(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _merged(one: Mapping[str, _Counts], other: Mapping[str, _Counts], zero: _Counts) -> dict[str, _Counts]:
    return {path: one.get(path, zero) + other.get(path, zero) for path in {**one, **other}}
