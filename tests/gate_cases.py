"""Suites of given outcomes, for the gate to judge."""

from __future__ import annotations

from dataclasses import replace

from pytest_llm_extract.results.accepted import Accepted, Origin
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.judge import ScoringRules
from pytest_llm_extract.results.outcome import Leaf, Leaves, Outcome, Status, count_leaves
from pytest_llm_extract.results.suite_result import AcceptedRun, GateRules, JudgedBy, SuiteResult

LETTERS = {
    "c": Outcome.CORRECT,
    "w": Outcome.WRONG,
    "m": Outcome.MISSING,
    "s": Outcome.SPURIOUS,
    "a": Outcome.ABSENT_OK,
    "i": Outcome.INVALID,
}


def leaves(written: str) -> Leaves:
    """`name:c rows:ccw`: leaves by field path, a letter for each."""
    pairs = (part.split(":") for part in written.split())
    return {path: tuple(Leaf(LETTERS[letter]) for letter in letters) for path, letters in pairs}


READ = Origin(prompt="a1", model="m")


def case(number: int, before: str | None, now: str, *, group: str | None = None, model: str = "m") -> CaseResult:
    """One case; `before` is None for one that the baseline does not have."""
    found = None if before is None else leaves(before)
    accepted = None if found is None else Accepted(found, count_leaves(found), READ, group=group)
    return CaseResult(
        Status.OK, leaves(now), True, f"c{number:03}", group=group, model=model, origin=READ, baseline=accepted
    )


def grouped(found: CaseResult, group: str | None) -> CaseResult:
    """The case in a group, here and in its baseline."""
    accepted = found.baseline and found.baseline._replace(group=group)
    return replace(found, group=group, baseline=accepted)


def suite(cases: list[CaseResult], **rules: object) -> SuiteResult:
    """A suite with a baseline, held to `rules`."""
    paths = tuple(dict.fromkeys(path for found in cases for path in found.leaves))
    limits = GateRules(**rules)  # type: ignore[arg-type]
    return SuiteResult(
        "test_x.py::test_x",
        "read",
        tuple(found.id for found in cases),
        paths,
        limits,
        baseline=AcceptedRun("baseline.jsonl", paths, judged_by=JudgedBy(limits, ScoringRules(), 1)),
        cases=tuple(cases),
    )
