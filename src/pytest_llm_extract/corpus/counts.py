"""Counts of one partition of a corpus: exact integers, so that partitions add up in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pytest_llm_extract.results.aggregate import FieldSummary, Tally
from pytest_llm_extract.results.outcome import RIGHT, FieldCounts, Outcome, Status
from pytest_llm_extract.scoring.answer import Answer
from pytest_llm_extract.stats.intervals import ClusterSums

Scored = list[tuple[str, Outcome]]
Fields = dict[str, tuple[FieldCounts, ClusterSums]]
_NUMBERS = ("n_valid", "n_exact", "n_misses", "n_fenced")


@dataclass
class Counts:
    """Counts of leaves, rows and documents.

    `single` counts leaves of fields that a case has once; `several` has counts and interval sums of those that it has
    more often, `rows` the same of rows; `shares` counts documents by how many of how many leaves are right. `n_misses`
    counts the lines that all wrong leaves would take. `n_fenced` answers were read without their Markdown fence.
    `problems` counts the records that do not match, by kind. `unknown` counts the cases of which keys of gold were left
    out, by path.
    """

    single: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    several: Fields = field(default_factory=dict)
    rows: Fields = field(default_factory=dict)
    shares: Counter[tuple[int, int]] = field(default_factory=Counter)
    statuses: Counter[Status] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    n_valid: int = 0
    n_exact: int = 0
    n_misses: int = 0
    n_fenced: int = 0

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
            _merge_field(self.rows, path, counts, ClusterSums.of(counts.right, counts.n))

    def _add_several(self, scored: Scored) -> None:
        by_path: dict[str, list[Outcome]] = {}
        for path, outcome in scored:
            by_path.setdefault(path, []).append(outcome)
        for path, outcomes in by_path.items():
            if len(outcomes) == 1:
                self.single[path, outcomes[0]] += 1
            else:
                counts = FieldCounts.of(outcomes)
                _merge_field(self.several, path, counts, ClusterSums.of(counts.right, counts.n))

    def merge(self, other: Counts) -> None:
        """Add the counts of another partition."""
        for name in ("single", "shares", "statuses", "problems", "unknown"):
            getattr(self, name).update(getattr(other, name))
        for mine, theirs in ((self.several, other.several), (self.rows, other.rows)):
            for path, (counts, sums) in theirs.items():
                _merge_field(mine, path, counts, sums)
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def fields(self, paths: Sequence[str]) -> dict[str, FieldSummary]:
        """Counts and interval of every field that some case labels, rows included, in the order of `paths`."""
        leaves = self._leaves(paths)
        for path, (counts, sums) in self.rows.items():
            _merge_field(leaves, path, counts, sums)
        return {path: FieldSummary(counts, sums.interval()) for path, (counts, sums) in leaves.items() if sums.n}

    def _leaves(self, paths: Sequence[str]) -> Fields:
        singles: dict[str, dict[str, int]] = {}
        for (path, outcome), count in self.single.items():
            singles.setdefault(path, {})[outcome.value] = count
        leaves = {}
        for path in dict.fromkeys([*paths, *sorted(singles), *sorted(self.several)]):
            once = FieldCounts(**singles.get(path, {}))
            counts, sums = self.several.get(path, (FieldCounts(), ClusterSums()))
            sums += ClusterSums(once.n, once.right, once.n, once.right, once.right, once.n)
            leaves[path] = counts + once, sums
        return leaves

    def tally(self, paths: Sequence[str]) -> Tally:
        """The document counts, equal to `aggregate.tally` over all cases."""
        fields = {path: counts for path, (counts, _) in self._leaves(paths).items() if counts.n}
        rows = {path: counts for path, (counts, _) in self.rows.items()}
        shares = [(Fraction(right, n) * count, count) for (right, n), count in self.shares.items() if n]
        n_labelled = sum(count for _, count in shares)
        total = sum((share for share, _ in shares), Fraction(0))
        return Tally(fields, rows, self.n_cases, self.n_valid, self.n_exact, n_labelled, total)

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "single": [[path, outcome.value, n] for (path, outcome), n in sorted(self.single.items())],
            "several": _fields_to_wire(self.several),
            "rows": _fields_to_wire(self.rows),
            "shares": [[*share, n] for share, n in sorted(self.shares.items())],
            "statuses": {status.value: n for status, n in self.statuses.items()},
            "problems": dict(self.problems),
            "unknown": dict(self.unknown),
            **{name: getattr(self, name) for name in _NUMBERS},
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Counts:
        """The inverse of `to_wire`."""
        return cls(
            Counter({(path, Outcome(outcome)): int(n) for path, outcome, n in wire["single"]}),
            _fields_from_wire(wire["several"]),
            _fields_from_wire(wire["rows"]),
            Counter({(int(right), int(of)): int(n) for right, of, n in wire["shares"]}),
            Counter({Status(status): int(n) for status, n in wire["statuses"].items()}),
            Counter({kind: int(n) for kind, n in wire["problems"].items()}),
            Counter({path: int(n) for path, n in wire.get("unknown", {}).items()}),
            **{name: int(wire[name]) for name in _NUMBERS},
        )


def _fields_to_wire(fields: Fields) -> dict[str, Any]:
    return {path: {"counts": counts.to_wire(), "sums": sums._asdict()} for path, (counts, sums) in fields.items()}


def _fields_from_wire(wire: Mapping[str, Any]) -> Fields:
    return {path: (FieldCounts(**found["counts"]), ClusterSums(**found["sums"])) for path, found in wire.items()}


def _merge_field(fields: Fields, path: str, counts: FieldCounts, sums: ClusterSums) -> None:
    known, known_sums = fields.get(path, (FieldCounts(), ClusterSums()))
    fields[path] = known + counts, known_sums + sums
