"""One suite of one run with all that its gate needs. results.json holds it, so that shards can be merged."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from pytest_llm_extract.config.suite_folders import suite_key
from pytest_llm_extract.errors import ResultsError, did_you_mean
from pytest_llm_extract.formats.wire import as_wire
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.judge import JudgeNote, ScoringRules
from pytest_llm_extract.results.outcome import NOT_RECORDED, FieldCounts, counts_from_wire
from pytest_llm_extract.results.recipe import Formulation, Recipe
from pytest_llm_extract.rules.limits import Floor, Gate, Waiver


@dataclass(frozen=True, slots=True)
class AcceptedRun:
    """A baseline (or anchor) as its suite found it.

    `gone` holds the cases that golden data no longer has, with their outcomes then; `dropped` those among them that
    the committed baseline dropped too. `dropped_fields` are fields that it no longer has, `dropped_labels` fields that
    it no longer labels in any case. `same_as_baseline` is True for an anchor with the very answers of the baseline.
    `judged_by` is what its answers were judged by, None for a file of a version that did not keep it. `is_edited` says
    that its checksum does not fit: the file was changed by hand.
    """

    source: str
    fields: tuple[str, ...]
    gone: dict[str, dict[str, FieldCounts]] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    dropped_fields: frozenset[str] = frozenset()
    dropped_labels: frozenset[str] = frozenset()
    same_as_baseline: bool = False
    history: tuple[dict[str, Any], ...] = ()
    judged_by: JudgedBy | None = None
    is_edited: bool = False

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> AcceptedRun:
        """The inverse of `as_wire`."""
        return cls(
            wire["source"],
            tuple(wire["fields"]),
            {case: counts_from_wire(then) for case, then in wire["gone"].items()},
            frozenset(wire["dropped"]),
            frozenset(wire["dropped_fields"]),
            frozenset(wire["dropped_labels"]),
            wire["same_as_baseline"],
            tuple(wire["history"]),
            (judged_by := wire.get("judged_by")) and JudgedBy.from_wire(judged_by),
            wire.get("is_edited", False),
        )


@dataclass(frozen=True, slots=True)
class GateRules:
    """Everything that a suite is held to; `documents` holds the least shares of valid and of exact documents."""

    floors: dict[str, Floor] = field(default_factory=dict)
    documents: dict[str, Fraction] = field(default_factory=dict)
    budgets: dict[str, Gate] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    alpha: float = 0.05
    inconclusive_fails: bool = False
    today: datetime.date = field(default_factory=datetime.date.today)

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> GateRules:
        """The inverse of `as_wire`."""
        return cls(
            {path: Floor.from_wire(floor) for path, floor in wire["floors"].items()},
            {name: Fraction(share) for name, share in wire["documents"].items()},
            {path: Gate.from_wire(budget) for path, budget in wire["budgets"].items()},
            tuple(map(Waiver.from_wire, wire["waivers"])),
            wire["alpha"],
            wire["inconclusive_fails"],
            datetime.date.fromisoformat(wire["today"]),
        )


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """All that a suite is judged by, besides its gold: what a baseline keeps, so that changes of it can be named."""

    limits: GateRules
    scoring: ScoringRules
    n_samples: int

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON; the day is left out, since it is not a rule."""
        limits = {name: value for name, value in as_wire(self.limits).items() if name != "today"}
        return {"limits": limits, "scoring": as_wire(self.scoring), "samples": self.n_samples}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> JudgedBy:
        """The inverse of `to_wire`; the day is today."""
        limits = {**wire["limits"], "today": datetime.date.today().isoformat()}
        return cls(GateRules.from_wire(limits), ScoringRules.from_wire(wire["scoring"]), wire["samples"])


class SuiteResult(NamedTuple):
    """One suite: what it is, what it is held to, and its cases in the order of the golden data.

    `is_primary` is True for what the marker itself says, False for an entry of `variants=`; a suite that is not
    `is_gated` has no verdict. `n_samples` is how many recordings each case has. `no_baseline` says why there is nothing
    to compare with, where that is not for want of a baseline here. `judge_notes` is what was found out about the judge
    where the suite was collected, and against the base branch; the gate adds what it finds in the results.
    `recipe` is its prompt, None for an extractor; `settled` are the keys of lints that a person settled.
    `line` is the line of its module where the test begins with its markers, from 1; None where that is not known.
    `weights` are those of fields in the composite, by path; empty where there is none.
    `dataset` is the file of its golden data below the rootdir; None for a folder, a list or a callable.
    `contaminated` are cases that a variant has among its few-shot examples, where results hold no documents to tell.
    `tried` are formulations that were recorded before and are none of the variants; those of a primary.
    """

    id: str
    variant: str
    dataset_ids: tuple[str, ...]
    paths: tuple[str, ...]
    rules: GateRules
    n_samples: int = 1
    model: str | None = None
    prompt: dict[str, str] | None = None
    warnings: tuple[str, ...] = ()
    baseline: AcceptedRun | None = None
    anchor: AcceptedRun | None = None
    no_baseline: str | None = None
    cases: tuple[CaseResult, ...] = ()
    is_primary: bool = True
    is_gated: bool = True
    scoring: ScoringRules = ScoringRules()
    judge_notes: tuple[JudgeNote, ...] = ()
    recipe: Recipe | None = None
    settled: tuple[str, ...] = ()
    line: int | None = None
    weights: Mapping[str, float] = {}
    dataset: str | None = None
    tried: tuple[Formulation, ...] = ()
    contaminated: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A name among all variants of all suites: the suite's id, for a variant with its name in brackets."""
        return suite_key(self.id, None if self.is_primary else self.variant)

    @property
    def complete(self) -> bool:
        """Whether every golden case has a result."""
        return len(self.cases) == len(self.dataset_ids)

    @property
    def samples(self) -> list[Sample]:
        """The samples of all cases."""
        return [sample for case in self.cases for sample in case.samples]

    @property
    def fixed_seed(self) -> Any:
        """The seed that all cases share while answers are drawn; None where there is none, or the temperature is 0."""
        if self.recipe is not None:
            return self.recipe.fixed_seed
        seeds = {case.seed for case in self.cases if case.status not in NOT_RECORDED}
        return seeds.pop() if len(seeds) == 1 and len(self.cases) > 1 else None

    @property
    def n_recorded(self) -> int:
        """How many cases have a recording for each of their samples."""
        return sum(all(sample.status not in NOT_RECORDED for sample in case.samples) for case in self.cases)

    @property
    def judged_by(self) -> JudgedBy:
        """All that it is judged by, besides its gold."""
        return JudgedBy(self.rules, self.scoring, self.n_samples)

    @property
    def may_be_contaminated(self) -> bool:
        """Whether some few-shot example could be a case: a fixed one, or one that its case is like."""
        has_fixed = self.recipe is not None and bool(self.recipe.examples)
        return has_fixed or any(case.near_examples for case in self.cases)

    def with_cases(self, results: Mapping[str, CaseResult]) -> SuiteResult:
        """The suite with other results, by case id."""
        return self._replace(cases=tuple(results[case] for case in self.dataset_ids if case in results))

    def head_to_wire(self) -> dict[str, Any]:
        """Plain values for JSON, without the cases."""
        return {
            "id": self.id,
            "variant": self.variant,
            "primary": self.is_primary,
            "gated": self.is_gated,
            "dataset_ids": list(self.dataset_ids),
            "paths": list(self.paths),
            "rules": as_wire(self.rules),
            "samples": self.n_samples,
            "model": self.model,
            "prompt": self.prompt,
            "warnings": list(self.warnings),
            "baseline": as_wire(self.baseline),
            "anchor": as_wire(self.anchor),
            "no_baseline": self.no_baseline,
            "scoring": as_wire(self.scoring),
            "judge_notes": as_wire(self.judge_notes),
            "recipe": as_wire(self.recipe),
            "settled": list(self.settled),
            "line": self.line,
            "weights": dict(self.weights),
            "dataset": self.dataset,
            "tried": [formulation._asdict() for formulation in self.tried],
            "contaminated": list(self.contaminated),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> SuiteResult:
        """A suite of results.json, or the head that a worker sends."""
        return cls(
            id=wire["id"],
            variant=wire["variant"],
            dataset_ids=tuple(wire["dataset_ids"]),
            paths=tuple(wire["paths"]),
            rules=GateRules.from_wire(wire["rules"]),
            n_samples=wire["samples"],
            model=wire["model"],
            prompt=wire["prompt"],
            warnings=tuple(wire["warnings"]),
            baseline=wire["baseline"] and AcceptedRun.from_wire(wire["baseline"]),
            anchor=wire["anchor"] and AcceptedRun.from_wire(wire["anchor"]),
            no_baseline=wire.get("no_baseline"),
            cases=tuple(map(CaseResult.from_wire, wire.get("cases", ()))),
            is_primary=wire["primary"],
            is_gated=wire.get("gated", True),
            scoring=ScoringRules.from_wire(wire["scoring"]) if "scoring" in wire else ScoringRules(),
            judge_notes=tuple(map(JudgeNote.from_wire, wire.get("judge_notes", ()))),
            recipe=(recipe := wire.get("recipe")) and Recipe.from_wire(recipe),
            settled=tuple(wire.get("settled", ())),
            line=wire.get("line"),
            weights=dict(wire.get("weights", {})),
            dataset=wire.get("dataset"),
            tried=tuple(Formulation(**one) for one in wire.get("tried", ())),
            contaminated=tuple(wire.get("contaminated", ())),
        )


def variants_by_id(suites: Iterable[SuiteResult]) -> dict[str, list[SuiteResult]]:
    """The variants of each suite, in their order, by the suite's id."""
    by_id: dict[str, list[SuiteResult]] = {}
    for suite in suites:
        by_id.setdefault(suite.id, []).append(suite)
    return by_id


def variants_of(suites: Sequence[SuiteResult], suite_id: str | None, name: str) -> list[SuiteResult]:
    """The variants of the suite of this id, or of the only one that the file of this name has.

    Raises:
        ResultsError: there is no such suite, or several and none was named.
    """
    ids = variants_by_id(suites)
    if not ids:
        raise ResultsError(name, "has no suite")
    if suite_id is None and len(ids) > 1:
        raise ResultsError(name, f"has several suites: name one with --suite ({', '.join(ids)})")
    if suite_id is not None and suite_id not in ids:
        raise ResultsError(name, f"has no suite {suite_id!r}.{did_you_mean(suite_id, ids)}")
    return ids[suite_id or next(iter(ids))]
