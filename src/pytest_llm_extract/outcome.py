"""What happened to each leaf, case and suite: frozen values, to and from the wire as plain builtins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from fractions import Fraction
from typing import Any


class Outcome(StrEnum):
    """What happened to one leaf of one case."""

    CORRECT = "correct"
    WRONG = "wrong"
    MISSING = "missing"
    SPURIOUS = "spurious"
    ABSENT_OK = "absent_ok"
    INVALID = "invalid"


class Status(StrEnum):
    """What happened to one case."""

    OK = "ok"
    INVALID = "invalid"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    ERROR = "error"
    STALE = "stale"
    MISSING = "missing"
    SKIPPED = "skipped"


RIGHT = (Outcome.CORRECT, Outcome.ABSENT_OK)
# A case with one of these has a request and an answer, though perhaps an unusable one.
ANSWERED = (Status.OK, Status.INVALID, Status.REFUSED, Status.TRUNCATED)


class Verdict(StrEnum):
    """What the gate decided."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """How many leaves of one field had each outcome. Adding two is associative, so shards merge."""

    correct: int = 0
    wrong: int = 0
    missing: int = 0
    spurious: int = 0
    absent_ok: int = 0
    invalid: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> FieldCounts:
        """Count outcomes."""
        tally: dict[str, int] = {}
        for outcome in outcomes:
            tally[outcome.value] = tally.get(outcome.value, 0) + 1
        return cls.from_wire(tally)

    @classmethod
    def from_wire(cls, wire: Mapping[str, int]) -> FieldCounts:
        """The inverse of `to_wire`; one leaf of an outcome is one and the same object, of which there are many."""
        found = cls(**wire)
        return _ONE[next(iter(wire))] if found.n == 1 else found

    def __add__(self, other: FieldCounts) -> FieldCounts:
        return FieldCounts(
            self.correct + other.correct,
            self.wrong + other.wrong,
            self.missing + other.missing,
            self.spurious + other.spurious,
            self.absent_ok + other.absent_ok,
            self.invalid + other.invalid,
        )

    def __mul__(self, times: int) -> FieldCounts:
        return FieldCounts(*(getattr(self, f.name) * times for f in fields(self)))

    def to_wire(self) -> dict[str, int]:
        """The counts that are not zero, by outcome."""
        return {f.name: count for f in fields(self) if (count := getattr(self, f.name))}

    @property
    def n(self) -> int:
        """Labelled leaves: the denominator of accuracy."""
        return self.correct + self.wrong + self.missing + self.spurious + self.absent_ok + self.invalid

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


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows of one list gold and prediction hold, and how many were paired. Adding two is associative."""

    gold: int = 0
    predicted: int = 0
    paired: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(self.gold + other.gold, self.predicted + other.predicted, self.paired + other.paired)

    @property
    def precision(self) -> float | None:
        """Share of predicted rows that belong to a gold row, in 0..1; None when none was predicted."""
        return _ratio(self.paired, self.predicted)

    @property
    def recall(self) -> float | None:
        """Share of gold rows that a predicted row belongs to, in 0..1; None when gold has none."""
        return _ratio(self.paired, self.gold)


_ONE = {outcome.value: FieldCounts(**{outcome.value: 1}) for outcome in Outcome}


def add_up(counts: Iterable[FieldCounts]) -> FieldCounts:
    """Their sum. Equal objects are counted before they are added, which is what makes large suites fast."""
    listed = list(counts)
    by_identity = {id(found): found for found in listed}
    times = Counter(map(id, listed))
    return sum((found * times[key] for key, found in by_identity.items()), FieldCounts())


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scored leaf; `expected` and `actual` are JSON values. `hint` names what would have matched a wrong one."""

    outcome: Outcome
    expected: Any = None
    actual: Any = None
    hint: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """Plain builtins."""
        return {
            "outcome": self.outcome.value,
            "expected": self.expected,
            "actual": self.actual,
            "hint": self.hint,
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Leaf:
        """The inverse of `to_wire`."""
        return cls(Outcome(wire["outcome"]), wire["expected"], wire["actual"], wire.get("hint"))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the provider reported, summed over the requests of a case."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)


Leaves = dict[str, tuple[Leaf, ...]]


def _leaves_to_wire(leaves: Leaves) -> dict[str, list[dict[str, Any]]]:
    return {path: [leaf.to_wire() for leaf in found] for path, found in leaves.items()}


def leaves_from_wire(wire: Mapping[str, Any]) -> Leaves:
    """Leaves by field path."""
    return {path: tuple(map(Leaf.from_wire, found)) for path, found in wire.items()}


def right_share(counts: FieldCounts | None) -> Fraction | int:
    """The share of a field's leaves that were right within one case, in 0..1; without a leaf nothing was wrong."""
    n = counts.n if counts is not None else 0
    if counts is None or not n:
        return 1
    return counts.right if n == 1 else Fraction(counts.right, n)


def count_leaves(leaves: Leaves) -> dict[str, FieldCounts]:
    """Outcome counts by field path."""
    return {
        path: _ONE[found[0].outcome] if len(found) == 1 else FieldCounts.of(leaf.outcome for leaf in found)
        for path, found in leaves.items()
    }


@dataclass(frozen=True, slots=True)
class Origin:
    """What an outcome came from, as short hashes: whatever differs between two runs is a possible cause.

    `model` was asked for, `answered` is what the response named; None where a request does not have it.
    """

    prompt: str | None = None
    schema: str | None = None
    parameters: str | None = None
    model: str | None = None
    answered: str | None = None
    gold: str | None = None
    scoring: str | None = None

    def to_wire(self) -> dict[str, str | None]:
        """Plain builtins."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A case as a baseline has it: its answer scored again under today's gold and rules, and as it was scored then.

    `further` are its second and later samples.
    """

    leaves: Leaves
    then: dict[str, FieldCounts]
    origin: Origin
    attempt: int = 1
    further: tuple[Accepted, ...] = ()

    @property
    def counts(self) -> dict[str, FieldCounts]:
        """Outcome counts by field path, as scored today."""
        return count_leaves(self.leaves)

    @property
    def samples(self) -> tuple[Accepted, ...]:
        """Every accepted sample, the first included."""
        return (self, *self.further)

    def to_wire(self) -> dict[str, Any]:
        """Plain builtins."""
        return {
            "fields": _leaves_to_wire(self.leaves),
            "then": {path: counts.to_wire() for path, counts in self.then.items()},
            "origin": self.origin.to_wire(),
            "attempt": self.attempt,
            **({"samples": numbered(sample.to_wire() for sample in self.further)} if self.further else {}),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Accepted:
        """The inverse of `to_wire`."""
        return cls(
            leaves_from_wire(wire["fields"]),
            {path: FieldCounts.from_wire(counts) for path, counts in wire["then"].items()},
            Origin(**wire["origin"]),
            wire["attempt"],
            tuple(map(cls.from_wire, wire.get("samples", ()))),
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of a case, scored: leaves by field path, list indexes removed.

    `latency_s` is the time that the extraction took when it was recorded, in seconds; `attempt` counts the recordings
    under one unchanged request. `explanation` has a line for each difference, where the suite is strict.
    """

    status: Status
    leaves: Leaves
    valid: bool
    raw: str | None = field(default=None, kw_only=True)
    error: str | None = field(default=None, kw_only=True)
    model: str | None = field(default=None, kw_only=True)
    usage: Usage = field(default_factory=Usage, kw_only=True)
    latency_s: float | None = field(default=None, kw_only=True)
    attempt: int = field(default=1, kw_only=True)
    cassette: str | None = field(default=None, kw_only=True)
    origin: Origin = field(default_factory=Origin, kw_only=True)
    explanation: tuple[str, ...] = field(default=(), kw_only=True)
    rows: dict[str, RowCounts] = field(default_factory=dict, kw_only=True)

    @property
    def counts(self) -> dict[str, FieldCounts]:
        """Outcome counts by field path."""
        return count_leaves(self.leaves)

    @property
    def exact(self) -> bool:
        """Valid, at least one labelled leaf, and every one of them right."""
        outcomes = [leaf.outcome for leaves in self.leaves.values() for leaf in leaves]
        return self.valid and bool(outcomes) and all(outcome in RIGHT for outcome in outcomes)

    def to_wire(self) -> dict[str, Any]:
        """Plain builtins, since execnet and JSON carry nothing else."""
        return {
            "status": self.status.value,
            "valid": self.valid,
            "raw": self.raw,
            "error": self.error,
            "model": self.model,
            "usage": {"input_tokens": self.usage.input_tokens, "output_tokens": self.usage.output_tokens},
            "latency_s": self.latency_s,
            "attempt": self.attempt,
            "cassette": self.cassette,
            "origin": self.origin.to_wire(),
            "fields": _leaves_to_wire(self.leaves),
            "explanation": list(self.explanation),
            "rows": {path: asdict(counts) for path, counts in self.rows.items()},
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Sample:
        """The inverse of `to_wire`."""
        return cls(**_sample_arguments(wire))


def _sample_arguments(wire: Mapping[str, Any]) -> dict[str, Any]:
    plain = ("valid", "raw", "error", "model", "latency_s", "attempt", "cassette")
    return {
        **{name: wire[name] for name in plain},
        "status": Status(wire["status"]),
        "usage": Usage(wire["usage"]["input_tokens"], wire["usage"]["output_tokens"]),
        "origin": Origin(**wire["origin"]),
        "leaves": leaves_from_wire(wire["fields"]),
        "explanation": tuple(wire.get("explanation", ())),
        "rows": {path: RowCounts(**counts) for path, counts in wire["rows"].items()},
    }


@dataclass(frozen=True, slots=True)
class CaseResult(Sample):
    """One case, scored: its first sample, and the `further` ones of a suite that has several."""

    id: str = ""
    group: str | None = None
    input: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)
    baseline: Accepted | None = None
    anchor: Accepted | None = None
    further: tuple[Sample, ...] = ()

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Every sample, the first included."""
        return (self, *self.further)

    @property
    def first(self) -> Sample:
        """The first sample without what belongs to its case."""
        return Sample(**{f.name: getattr(self, f.name) for f in fields(Sample)})

    def paired(self, accepted: Accepted) -> Iterator[tuple[Sample, Accepted]]:
        """The samples that both sides have: the first of each, as many as the side with fewer has."""
        return zip(self.samples, accepted.samples, strict=False)

    def to_wire(self) -> dict[str, Any]:
        """Plain builtins: those of the first sample, of the case, and of the further samples."""
        return {
            "id": self.id,
            "group": self.group,
            "input": self.input,
            "metadata": self.metadata,
            **Sample.to_wire(self),
            "baseline": self.baseline and self.baseline.to_wire(),
            "anchor": self.anchor and self.anchor.to_wire(),
            "samples": numbered(sample.to_wire() for sample in self.further),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> CaseResult:
        """The inverse of `to_wire`."""
        return cls(
            **_sample_arguments(wire),
            id=wire["id"],
            group=wire["group"],
            input=wire["input"],
            metadata=dict(wire["metadata"]),
            baseline=wire["baseline"] and Accepted.from_wire(wire["baseline"]),
            anchor=wire["anchor"] and Accepted.from_wire(wire["anchor"]),
            further=tuple(map(Sample.from_wire, wire["samples"])),
        )


def numbered(further: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The second and later samples on the wire, each with its number."""
    return [{"sample": number, **wire} for number, wire in enumerate(further, start=2)]
