"""Aggregate case results to counts and rates of a suite."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from typing import Any, NamedTuple

from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import FieldCounts, add_by_path, add_up, merge_counts, right_share
from pytest_llm_extract.stats.intervals import ClusterSums

_OfSamples = tuple[FieldCounts | None, ...]  # of one field in one case


@dataclass(frozen=True)
class Flakes:
    """How differently the samples of cases are scored.

    `n_flaky` counts the cases with a difference, of `n_cases` that have several samples. `differing` is the sum over
    them of the share of pairs of samples that differ.
    """

    n_flaky: int = 0
    n_cases: int = 0
    differing: Fraction = Fraction(0)

    @classmethod
    def of_case(cls, scores: Sequence[Hashable]) -> Flakes:
        """Those of one case with several samples, each with its score."""
        n = len(scores)
        alike = sum(count * (count - 1) for count in Counter(scores).values())
        differing = 1 - Fraction(alike, n * (n - 1))
        return cls(int(differing > 0), 1, differing)

    def __add__(self, other: Flakes) -> Flakes:
        return Flakes(self.n_flaky + other.n_flaky, self.n_cases + other.n_cases, self.differing + other.differing)

    def __mul__(self, times: int) -> Flakes:
        return Flakes(self.n_flaky * times, self.n_cases * times, self.differing * times)

    @property
    def rate(self) -> float | None:
        """The flake rate in 0..1: the chance that two samples of a case differ, however many there are.

        None where no case has several samples.
        """
        return float(self.differing / self.n_cases) if self.n_cases else None


class FieldSummary(NamedTuple):
    """One field over all cases and samples: counts, the interval of its accuracy (clustered by case), and flakes."""

    counts: FieldCounts
    interval: tuple[float, float]
    flakes: Flakes = Flakes()

    @classmethod
    def of(cls, cases: Counter[_OfSamples]) -> FieldSummary:
        """The summary of a field from how many cases have which counts."""
        total, sums, flakes = FieldCounts(), ClusterSums(), Flakes()
        for of_samples, times in cases.items():
            counts = add_up(counts for counts in of_samples if counts is not None)
            total += counts * times
            sums += ClusterSums.of(counts.right, counts.n) * times
            if len(of_samples) > 1:
                flakes += Flakes.of_case(_scores(of_samples)) * times
        return cls(total, sums.interval(), flakes)


def summarize(paths: Sequence[str], results: Iterable[CaseResult]) -> dict[str, FieldSummary]:
    """Counts, interval and flakes of every field that some case labels, in the schema's order."""
    # Counted and not listed: most cases are alike, and a million tuples would keep the garbage collector busy.
    cases: defaultdict[str, Counter[_OfSamples]] = defaultdict(Counter, {path: Counter() for path in paths})
    for result in results:
        for path, of_samples in _by_field(result).items():
            cases[path][of_samples] += 1
    summaries = {path: FieldSummary.of(counted) for path, counted in cases.items()}
    return {path: summary for path, summary in summaries.items() if summary.counts.n}


def count_flakes(results: Iterable[CaseResult]) -> Flakes:
    """Count the cases and pairs of samples that differ in any field."""
    several = [map(_scores, _by_field(result).values()) for result in results if result.further]
    return sum((Flakes.of_case([*zip(*fields, strict=True)]) for fields in several), Flakes())


def _by_field(result: CaseResult) -> dict[str, _OfSamples]:
    """The counts of each sample by field; None where a sample has no leaf of a field that another one has."""
    first, *further = (sample.fields for sample in result.samples)
    if not further:
        return {path: (counts,) for path, counts in first.items()}
    paths = dict.fromkeys(chain(first, *further))
    return {path: tuple(counts.get(path) for counts in (first, *further)) for path in paths}


def _scores(of_samples: _OfSamples) -> list[Fraction | int]:
    """The share of a field's leaves that are right in each sample of a case.

    Scores are compared and not answers: two wrong answers that differ are alike to every rate and to the gate. A field
    is flaky in a case exactly where the gate would see a change between two of the case's samples.
    """
    return [right_share(counts) for counts in of_samples]


@dataclass(frozen=True)
class Tally:
    """Exact totals of a corpus or a part of it.

    `fields` counts leaves, `rows` rows by their path. `n_valid` and `n_exact` count samples. `document_sum` is the sum
    over `n_labelled` documents of the share of their leaves that were right, in all samples.
    """

    fields: Mapping[str, FieldCounts] = field(default_factory=dict)
    rows: Mapping[str, FieldCounts] = field(default_factory=dict)
    n_cases: int = 0
    n_valid: int = 0
    n_exact: int = 0
    n_labelled: int = 0
    document_sum: Fraction = Fraction(0)

    @classmethod
    def of(cls, results: Iterable[CaseResult]) -> Tally:
        """The totals of these cases."""
        cases = [result.samples for result in results]
        samples = list(chain.from_iterable(cases))
        counts = [[sample.counts for sample in of_case] for of_case in cases]
        of_cases = Counter(add_up(chain.from_iterable(one.values() for one in of_case)) for of_case in counts)
        shares = [(Fraction(total.right, total.n), times) for total, times in of_cases.items() if total.n]
        return cls(
            add_by_path(chain.from_iterable(counts)),
            add_by_path(sample.rows for sample in samples),
            len(cases),
            sum(sample.valid for sample in samples),
            sum(sample.exact for sample in samples),
            sum(times for _, times in shares),
            sum((share * times for share, times in shares), Fraction(0)),
        )

    @property
    def leaves(self) -> FieldCounts:
        """The counts of all leaves together. Their rates are the micro averages."""
        return sum(self.fields.values(), FieldCounts())

    @property
    def with_rows(self) -> dict[str, FieldCounts]:
        """Counts of leaves and of rows."""
        return merge_counts(self.fields, self.rows)

    @property
    def macro(self) -> float | None:
        """Mean over fields of their accuracy, each field counting the same; None when nothing was labelled."""
        return self.composite({})

    @property
    def document_mean(self) -> float | None:
        """Mean over documents of the share of their leaves that were right; None when nothing was labelled."""
        return float(self.document_sum / self.n_labelled) if self.n_labelled else None

    def composite(self, weights: Mapping[str, float]) -> float | None:
        """Weighted mean of the accuracy of fields, in 0..1; None when nothing that has a weight was labelled.

        A field that `weights` does not name weighs 1, the rows of a list 0.
        """
        weights = {**dict.fromkeys(self.fields, 1), **weights}
        rates = [(Fraction(weights[path]), counts) for path, counts in self.with_rows.items() if weights.get(path)]
        weight = sum((weight for weight, counts in rates if counts.n), Fraction(0))
        if not weight:
            return None
        return float(sum(w * Fraction(c.right, c.n) for w, c in rates if c.n) / weight)


def by_group(results: Iterable[CaseResult]) -> dict[str, dict[str, Tally]]:
    """A tally for each value of each metadata key, as they first appear; lists and objects are not groups."""
    groups: dict[str, dict[str, list[CaseResult]]] = {}
    for result in results:
        for key, value in result.metadata.items():
            if not isinstance(value, list | dict):
                groups.setdefault(key, {}).setdefault(group_name(value), []).append(result)
    return {key: {name: Tally.of(cases) for name, cases in values.items()} for key, values in groups.items()}


def group_name(value: Any) -> str:
    """A value of metadata as the name of a group."""
    return value if isinstance(value, str) else json.dumps(value)
