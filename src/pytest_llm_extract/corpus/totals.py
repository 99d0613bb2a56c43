"""Totals of a corpus or a part of it: exact integers, so that parts merge in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import nsmallest

from pytest_llm_extract.results.aggregate import FieldSummary, Tally
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import RIGHT, FieldCounts, Outcome, Status
from pytest_llm_extract.scoring.answer import Answer
from pytest_llm_extract.stats.intervals import ClusterSums

N_WORST = 8
N_NAMED = 5
Scored = list[tuple[str, Outcome]]
Fields = dict[str, tuple[FieldCounts, ClusterSums]]


@dataclass
class Problems:
    """Faults of records: the number of each kind, and the first few by line."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def add(self, kind: str, line: int, what: str) -> None:
        """Add one problem."""
        self.counts[kind] += 1
        self._keep(kind, [(line, what)])

    def merge(self, other: Problems) -> None:
        """Add the problems of another part."""
        self.counts.update(other.counts)
        for kind, found in other.first.items():
            self._keep(kind, found)

    def _keep(self, kind: str, found: list[tuple[int, str]]) -> None:
        self.first[kind] = nsmallest(N_NAMED, [*self.first.get(kind, ()), *found])


@dataclass
class Totals:
    """Counts of leaves and documents, the worst cases, and all cases if asked for.

    `single` counts leaves of fields that a case has once; `several` has counts and interval sums of those that it has
    more often, `rows` the same of rows; `shares` counts documents by how many of how many leaves are right. `worst` are
    the `N_WORST` cases with most wrong leaves; `n_misses` counts the lines that all of them would take. `cases` come
    with their line. `n_fenced` answers were read without their Markdown fence.
    """

    single: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    several: Fields = field(default_factory=dict)
    shares: Counter[tuple[int, int]] = field(default_factory=Counter)
    rows: Fields = field(default_factory=dict)
    n_valid: int = 0
    n_exact: int = 0
    statuses: Counter[Status] = field(default_factory=Counter)
    n_misses: int = 0
    n_fenced: int = 0
    worst: list[tuple[int, str, CaseResult]] = field(default_factory=list)
    cases: list[tuple[int, CaseResult]] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)

    @property
    def n_cases(self) -> int:
        """The number of cases in gold."""
        return sum(self.statuses.values())

    def add(self, scored: Scored, rows: Mapping[str, FieldCounts], n_wrong: int, answer: Answer) -> None:
        """Count one case: path and outcome of its leaves, and its rows.

        `n_wrong` is how many leaves are not right, rows that charge no leaf included.
        """
        self.statuses[answer.status] += 1
        self.n_valid += answer.valid
        labelled = bool(scored) or any(counts.n for counts in rows.values())
        self.n_exact += answer.valid and labelled and not n_wrong
        right = sum(outcome in RIGHT for _, outcome in scored)
        self.shares[right, len(scored)] += 1
        if len({path for path, _ in scored}) == len(scored):
            self.single.update(scored)
        else:
            self._add_several(scored)
        for path, counts in rows.items():
            self._merge_field(self.rows, path, counts, ClusterSums.of(counts.right, counts.n))

    def _add_several(self, scored: Scored) -> None:
        by_path: dict[str, list[Outcome]] = {}
        for path, outcome in scored:
            by_path.setdefault(path, []).append(outcome)
        for path, outcomes in by_path.items():
            if len(outcomes) == 1:
                self.single[path, outcomes[0]] += 1
            else:
                counts = FieldCounts.of(outcomes)
                self._merge_field(self.several, path, counts, ClusterSums.of(counts.right, counts.n))

    def _merge_field(self, fields: Fields, path: str, counts: FieldCounts, sums: ClusterSums) -> None:
        known, known_sums = fields.get(path, (FieldCounts(), ClusterSums()))
        fields[path] = known + counts, known_sums + sums

    def is_among_worst(self, n_wrong: int, case_id: str) -> bool:
        """Whether a case has more wrong leaves than one of the kept cases."""
        return len(self.worst) < N_WORST or (-n_wrong, case_id) < self.worst[-1][:2]

    def keep_worst(self, found: Iterable[tuple[int, str, CaseResult]]) -> None:
        """Keep the worst of those known and `found`: minus the number of wrong leaves, case id, case."""
        self.worst = nsmallest(N_WORST, [*self.worst, *found], key=lambda entry: entry[:2])

    def merge(self, other: Totals) -> None:
        """Add another part."""
        self.single.update(other.single)
        for mine, theirs in ((self.several, other.several), (self.rows, other.rows)):
            for path, (counts, sums) in theirs.items():
                self._merge_field(mine, path, counts, sums)
        self.shares.update(other.shares)
        self.n_valid += other.n_valid
        self.n_exact += other.n_exact
        self.statuses.update(other.statuses)
        self.n_misses += other.n_misses
        self.n_fenced += other.n_fenced
        self.keep_worst(other.worst)
        self.cases += other.cases
        self.problems.merge(other.problems)

    def fields(self, paths: Sequence[str]) -> dict[str, FieldSummary]:
        """Counts and interval of every field that some case labels, rows included, in the order of `paths`."""
        found = self._leaves(paths)
        for path, (counts, sums) in self.rows.items():
            self._merge_field(found, path, counts, sums)
        return {path: FieldSummary(counts, sums.interval()) for path, (counts, sums) in found.items() if sums.n}

    def _leaves(self, paths: Sequence[str]) -> Fields:
        singles: dict[str, dict[str, int]] = {}
        for (path, outcome), count in self.single.items():
            singles.setdefault(path, {})[outcome.value] = count
        found = {}
        for path in dict.fromkeys([*paths, *singles, *self.several]):
            once = FieldCounts(**singles.get(path, {}))
            counts, sums = self.several.get(path, (FieldCounts(), ClusterSums()))
            sums += ClusterSums(once.n, once.right, once.n, once.right, once.right, once.n)
            found[path] = counts + once, sums
        return found

    def tally(self, paths: Sequence[str]) -> Tally:
        """The document counts, equal to `aggregate.tally` over all cases."""
        fields = {path: counts for path, (counts, _) in self._leaves(paths).items() if counts.n}
        rows = {path: counts for path, (counts, _) in self.rows.items()}
        shares = [(Fraction(right, n) * count, count) for (right, n), count in self.shares.items() if n]
        n_labelled = sum(count for _, count in shares)
        total = sum((share for share, _ in shares), Fraction(0))
        return Tally(fields, rows, self.n_cases, self.n_valid, self.n_exact, n_labelled, total)
