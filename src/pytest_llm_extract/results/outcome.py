"""Leaves and their outcomes, the status of cases, verdicts, and the counts behind every rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from operator import add
from typing import Any, NamedTuple


class Outcome(StrEnum):
    """The outcome of one leaf of one case."""

    CORRECT = "correct"
    WRONG = "wrong"
    MISSING = "missing"
    SPURIOUS = "spurious"
    ABSENT_OK = "absent_ok"
    INVALID = "invalid"

    __hash__ = str.__hash__  # that of an Enum is a call of Python, and outcomes are counted by the million


class Status(StrEnum):
    """The status of one case."""

    OK = "ok"
    INVALID = "invalid"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    REJECTED = "rejected"
    ERROR = "error"
    STALE = "stale"
    MISSING = "missing"
    SKIPPED = "skipped"


RIGHT = (Outcome.CORRECT, Outcome.ABSENT_OK)
NOT_RECORDED = (Status.STALE, Status.MISSING, Status.SKIPPED)
# A case with one of these has a request and an answer, though perhaps an unusable one.
ANSWERED = (Status.OK, Status.INVALID, Status.REFUSED, Status.TRUNCATED, Status.REJECTED)


class Verdict(StrEnum):
    """The verdict of the gate."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


class FieldCounts(NamedTuple):
    """How many leaves of one field had each outcome, in the order of `Outcome`. Adding is associative: shards merge."""

    correct: int = 0
    wrong: int = 0
    missing: int = 0
    spurious: int = 0
    absent_ok: int = 0
    invalid: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> FieldCounts:
        """Count outcomes."""
        return _count(tuple(outcomes))

    @classmethod
    def from_wire(cls, wire: Mapping[str, int]) -> FieldCounts:
        """The inverse of `to_wire`; one leaf of an outcome is one and the same object, of which there are many."""
        counts = cls(**wire)
        return ONE[next(iter(wire))] if counts.n == 1 else counts

    def __add__(self, other: FieldCounts) -> FieldCounts:  # type: ignore[override]
        return FieldCounts(*map(add, self, other))

    def __mul__(self, times: int) -> FieldCounts:  # type: ignore[override]
        return FieldCounts(*(count * times for count in self))

    def to_wire(self) -> dict[str, int]:
        """The counts that are not zero, by outcome."""
        return {name: count for name, count in self._asdict().items() if count}

    @property
    def n(self) -> int:
        """Labelled leaves: the denominator of accuracy."""
        return sum(self)

    @property
    def right(self) -> int:
        """Leaves that were right, correctly absent ones included."""
        return self.correct + self.absent_ok

    @property
    def accuracy(self) -> float | None:
        """Share of labelled leaves that were right, in 0..1; None when nothing was labelled."""
        return _ratio(self.right, self.n)

    @property
    def precision(self) -> float | None:
        """C/(C+W+S), in 0..1; None when nothing was predicted."""
        return _ratio(self.correct, self.correct + self.wrong + self.spurious)

    @property
    def recall(self) -> float | None:
        """C/(C+W+M), in 0..1 (a wrong value lowers it too); None when gold has no value."""
        return _ratio(self.correct, self.correct + self.wrong + self.missing)

    @property
    def f1(self) -> float | None:
        """2C/(2C+2W+M+S), in 0..1."""
        return _ratio(2 * self.correct, 2 * self.correct + 2 * self.wrong + self.missing + self.spurious)

    @property
    def hallucination_rate(self) -> float | None:
        """S/(S+A), in 0..1; None when gold is null nowhere."""
        return _ratio(self.spurious, self.spurious + self.absent_ok)

    @property
    def omission_rate(self) -> float | None:
        """M/(C+W+M), in 0..1; None when gold has no value."""
        return _ratio(self.missing, self.correct + self.wrong + self.missing)

    @property
    def spurious_share(self) -> float | None:
        """S/(C+W+S), in 0..1: the part of all predicted values where gold has none; None without predictions."""
        return _ratio(self.spurious, self.correct + self.wrong + self.spurious)


def is_through_a_list(path: str) -> bool:
    """Whether a field is in a list or a dict: it is never correctly absent, so it has no hallucination rate."""
    return "[]" in path or "{}" in path


@lru_cache(maxsize=1_000)
def _count(outcomes: tuple[Outcome, ...]) -> FieldCounts:
    return FieldCounts(*map(outcomes.count, Outcome))


# The counts of one leaf, by its outcome.
ONE = {outcome.value: FieldCounts(**{outcome.value: 1}) for outcome in Outcome}


def add_up(counts: Iterable[FieldCounts]) -> FieldCounts:
    """The sum of counts, or of a Counter of them. Equal ones are counted before they are added, which is fast."""
    return sum((one * times for one, times in Counter(counts).items()), FieldCounts())


def add_by_path(counts: Iterable[Mapping[str, FieldCounts]]) -> dict[str, FieldCounts]:
    """The sum of all counts of each path, in the order in which paths appear."""
    listed: dict[str, list[FieldCounts]] = {}
    for one in counts:
        for path, more in one.items():
            listed.setdefault(path, []).append(more)
    return {path: add_up(one) for path, one in listed.items()}


def merge_counts(one: Mapping[str, FieldCounts], other: Mapping[str, FieldCounts]) -> dict[str, FieldCounts]:
    """The counts of both sides, added where a path has them on each."""
    return {**one, **{path: one[path] + counts if path in one else counts for path, counts in other.items()}}


def right_share(counts: FieldCounts | None) -> Fraction | int:
    """The share of a field's leaves that were right within one case, in 0..1; without a leaf nothing was wrong."""
    n = counts.n if counts is not None else 0
    if counts is None or not n:
        return 1
    return counts.right if n == 1 else _fraction(counts.right, n)


_fraction = lru_cache(maxsize=10_000)(Fraction)


class Leaf(NamedTuple):
    """One scored leaf; `expected` and `actual` are JSON values. `hint` names what would have matched a wrong one.

    `is_row` marks a missing or extra row that charges no leaf. It is counted with its rows, and in no micro rate.
    """

    outcome: Outcome
    expected: Any = None
    actual: Any = None
    hint: str | None = None
    is_row: bool = False

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "outcome": self.outcome.value,
            "expected": self.expected,
            "actual": self.actual,
            "hint": self.hint,
            **({"row": True} if self.is_row else {}),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Leaf:
        """The inverse of `to_wire`."""
        return cls(Outcome(wire["outcome"]), wire["expected"], wire["actual"], wire.get("hint"), wire.get("row", False))


Leaves = dict[str, tuple[Leaf, ...]]


def leaves_to_wire(leaves: Leaves) -> dict[str, list[dict[str, Any]]]:
    """The inverse of `leaves_from_wire`."""
    return {path: [leaf.to_wire() for leaf in found] for path, found in leaves.items()}


def leaves_from_wire(wire: Mapping[str, Any]) -> Leaves:
    """Leaves by field path."""
    return {path: tuple(map(Leaf.from_wire, found)) for path, found in wire.items()}


def count_leaves(leaves: Leaves) -> dict[str, FieldCounts]:
    """Outcome counts by field path; rows are counted elsewhere."""
    counts = {}
    for path, of_field in leaves.items():
        if len(of_field) == 1 and not of_field[0].is_row:  # most fields, in half of the time
            counts[path] = ONE[of_field[0].outcome]
        elif outcomes := [leaf.outcome for leaf in of_field if not leaf.is_row]:
            counts[path] = FieldCounts.of(outcomes)
    return counts


def leaves_of_counts(counts: Mapping[str, FieldCounts]) -> Leaves:
    """Leaves that were counted, without their values."""
    return {
        path: tuple(Leaf(Outcome(name)) for name, count in one.to_wire().items() for _ in range(count))
        for path, one in counts.items()
    }


def counts_to_wire(counts: Mapping[str, FieldCounts]) -> dict[str, dict[str, int]]:
    """The inverse of `counts_from_wire`."""
    return {path: found.to_wire() for path, found in counts.items()}


def counts_from_wire(wire: Mapping[str, Mapping[str, int]]) -> dict[str, FieldCounts]:
    """Outcome counts by field path."""
    return {path: FieldCounts.from_wire(found) for path, found in wire.items()}
