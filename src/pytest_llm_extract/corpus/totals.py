"""Totals of a corpus, or of partitions of it, which add up to the whole, and the cases that reports name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from heapq import nsmallest
from typing import Any, Literal

from pytest_llm_extract.corpus.counts import Counts
from pytest_llm_extract.dataset.gold_labels import AS_WRITTEN, GoldOptions
from pytest_llm_extract.errors import LlmExtractError
from pytest_llm_extract.results.aggregate import FieldSummary, Tally
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.schema.schema import Schema

FORMAT, VERSION = "pytest-llm-extract-totals", 1
N_WORST = 8
N_NAMED = 5
Named = tuple[int, str]  # a line and what is wrong there


class TotalsError(LlmExtractError):
    """Totals that do not add up, or that are not whole."""


@dataclass(frozen=True)
class SplitFiles:
    """The files that a corpus was split from: their names, their sha256, and into how many parts."""

    gold: str
    predictions: str
    gold_sha256: str
    predictions_sha256: str
    n_parts: int


@dataclass(frozen=True)
class Scope:
    """What totals are of. Only totals of one scope add up.

    `types`, `scoring` and `code` are fingerprints of the JSON Schema, of the rules, and of the project's own validators
    and comparisons. `strip` is what was taken off answers. `files` is None for totals that are not of `score --part`.
    `options` are how keys of gold were read.
    """

    paths: tuple[str, ...]
    types: str
    scoring: str
    code: Mapping[str, str] = field(default_factory=dict)
    strip: str | None = None
    files: SplitFiles | None = None
    options: GoldOptions = AS_WRITTEN

    @classmethod
    def of(cls, schema: Schema, strip: str | None = None, options: GoldOptions = AS_WRITTEN) -> Scope:
        """The scope of what is scored by a schema."""
        types, scoring = schema.types_fingerprint, schema.scoring_fingerprint
        return cls(schema.scored_paths, types, scoring, schema.code, strip, options=options)

    def differences(self, other: Scope) -> list[str]:
        """What differs, in words."""
        if set(self.paths) != set(other.paths):
            differing = ["the fields of the schema"]
        elif self.types != other.types:
            differing = ["the types of the schema"]
        elif self.scoring != other.scoring:
            differing = ["the rules"]
        else:
            differing = ["validators or comparison functions"] if self.code != other.code else []
        if self.strip != other.strip:
            differing.append("--strip")
        for name, mine, theirs in zip(GoldOptions._fields, self.options, other.options, strict=True):
            if mine is not theirs:
                differing.append(f"--{name.replace('_', '-')}")
        if self.files is None or other.files is None:
            return [*differing, "whether --part was given"] if self.files != other.files else differing
        for side in ("gold", "predictions"):
            if getattr(self.files, f"{side}_sha256") != getattr(other.files, f"{side}_sha256"):
                differing.append(f"the content of {getattr(other.files, side)}")
        if self.files.n_parts != other.files.n_parts:
            differing.append(f"the number of parts, {self.files.n_parts} and {other.files.n_parts}")
        return differing


@dataclass
class NamedCases:
    """The worst cases, the first problems of each kind by line, and all cases by line and id if they were kept.

    `worst` are the `N_WORST` cases with most wrong leaves: minus their number, case id, case.
    """

    worst: list[tuple[int, str, CaseResult]] = field(default_factory=list)
    problems: dict[str, list[Named]] = field(default_factory=dict)
    cases: dict[tuple[int, str], CaseResult] = field(default_factory=dict)

    def is_among_worst(self, n_wrong: int, case_id: str) -> bool:
        """Whether a case has more wrong leaves than one of the kept cases."""
        return len(self.worst) < N_WORST or (-n_wrong, case_id) < self.worst[-1][:2]

    def keep_worst(self, *entries: tuple[int, str, CaseResult]) -> None:
        """Keep the worst of those known and these."""
        known = {entry[:2]: entry for entry in (*self.worst, *entries)}
        self.worst = nsmallest(N_WORST, known.values(), key=lambda entry: entry[:2])

    def keep_problems(self, kind: str, *named: Named) -> None:
        """Keep the first of the problems known and these."""
        self.problems[kind] = nsmallest(N_NAMED, {*self.problems.get(kind, ()), *named})

    def __add__(self, other: NamedCases) -> NamedCases:
        added = NamedCases(list(self.worst), dict(self.problems), self.cases | other.cases)
        added.keep_worst(*other.worst)
        for kind, named in other.problems.items():
            added.keep_problems(kind, *named)
        return added

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "worst": [[rank, case.to_wire()] for rank, _, case in self.worst],
            "problems": self.problems,
            "cases": [[line, case.to_wire()] for (line, _), case in sorted(self.cases.items())],
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> NamedCases:
        """The inverse of `to_wire`."""
        worst = [(int(rank), CaseResult.from_wire(case)) for rank, case in wire["worst"]]
        return cls(
            [(rank, case.id, case) for rank, case in worst],
            {kind: [(int(line), str(what)) for line, what in named] for kind, named in wire["problems"].items()},
            {(int(line), case["id"]): CaseResult.from_wire(case) for line, case in wire["cases"]},
        )


@dataclass(frozen=True)
class Totals:
    """What was counted, by partition: a partition that was scored again counts once.

    Totals add up with `+` and `sum`, in any order, to what one pass over all records gives. `Totals()` is zero.
    `parts` has the counts of each partition by its identity; `scope` is None where nothing was scored.
    """

    scope: Scope | None = None
    parts: Mapping[str, Counts] = field(default_factory=dict)
    examples: NamedCases = field(default_factory=NamedCases)

    def __add__(self, other: Totals) -> Totals:
        if self.scope is None or other.scope is None:
            return other if self.scope is None else self
        if self.scope != other.scope and (differing := self.scope.differences(other.scope)):
            raise TotalsError(f"totals of two corpora do not add up; they differ in {', '.join(differing)}")
        for identity in self.parts.keys() & other.parts.keys():
            if self.parts[identity] != other.parts[identity]:
                raise TotalsError(f"partition {identity} was scored twice, with other counts")
        return Totals(self.scope, {**self.parts, **other.parts}, self.examples + other.examples)

    def __radd__(self, other: Literal[0]) -> Totals:
        return self if other == 0 else NotImplemented  # `sum` begins with 0

    @property
    def missing(self) -> list[str]:
        """Parts that were not added, of files that were split."""
        files = self.scope and self.scope.files
        numbers = range(1, files.n_parts + 1) if files else ()
        return [f"{k}/{len(numbers)}" for k in numbers if f"{k}/{len(numbers)}" not in self.parts]

    def as_part(self, identity: str, files: SplitFiles | None) -> Totals:
        """These totals as one partition, of `files` that were split."""
        scope = self.scope and replace(self.scope, files=files)
        return Totals(scope, {identity: self.counts}, self.examples)

    @cached_property
    def counts(self) -> Counts:
        """The counts of all partitions together."""
        whole = Counts()
        for part in self.parts.values():
            whole.merge(part)
        return whole

    @property
    def n_cases(self) -> int:
        """The number of cases in gold."""
        return self.counts.n_cases

    @property
    def paths(self) -> tuple[str, ...]:
        """The field paths of the schema, in its order."""
        return self.scope.paths if self.scope else ()

    def fields(self) -> dict[str, FieldSummary]:
        """Counts and interval of the accuracy of every field that some case labels."""
        return self.counts.fields(self.paths)

    def tally(self) -> Tally:
        """Counts and means over documents."""
        return self.counts.tally(self.paths)

    def to_json(self) -> str:
        """One line of JSON, in which every number is exact."""
        wire = {
            "format": FORMAT,
            "version": VERSION,
            "scope": self.scope and asdict(self.scope),
            "parts": {identity: counts.to_wire() for identity, counts in self.parts.items()},
            "examples": self.examples.to_wire(),
        }
        return json.dumps(wire) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Totals:
        """The inverse of `to_json`.

        Raises:
            TotalsError: it is not what `to_json` writes.
        """
        try:
            wire = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise TotalsError(f"is not JSON: {error}") from None
        if not isinstance(wire, dict) or wire.get("format") != FORMAT:
            raise TotalsError("is not a file of totals (`llm-extract score --part` writes one)")
        if wire.get("version") != VERSION:
            raise TotalsError(f"has format version {wire.get('version')!r}, this version reads {VERSION}")
        try:
            parts = {str(identity): Counts.from_wire(counts) for identity, counts in wire["parts"].items()}
            return cls(_scope(wire["scope"]), parts, NamedCases.from_wire(wire["examples"]))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise TotalsError(f"is damaged ({type(error).__name__}: {error})") from None


def _scope(wire: Mapping[str, Any] | None) -> Scope | None:
    if wire is None:
        return None
    files = wire["files"] and SplitFiles(**wire["files"])
    options = GoldOptions(*wire.get("options", ()))
    return Scope(**{**wire, "paths": tuple(wire["paths"]), "files": files, "options": options})
