"""Floors against rates: the verdict of a suite, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from pytest_llm_extract.aggregate import FieldSummary
from pytest_llm_extract.outcome import CaseResult, Outcome, Status, Verdict


def _percent(share: Fraction | float) -> str:
    return f"{float(share) * 100:.4g}%"


def judge_field(summary: FieldSummary, floor: Fraction | None) -> Verdict | None:
    """Pass or fail, compared as exact fractions; None for a field without a floor."""
    if floor is None:
        return None
    counts = summary.counts
    return Verdict.PASS if Fraction(counts.right, counts.n) >= floor else Verdict.FAIL


def judge(
    fields: Mapping[str, FieldSummary], floors: Mapping[str, Fraction], results: Sequence[CaseResult]
) -> tuple[Verdict, list[str]]:
    """The verdict over a complete run, with one reason for each thing that failed."""
    reasons = []
    for status, meaning in ((Status.STALE, "stale"), (Status.MISSING, "missing")):
        count = sum(result.status is status for result in results)
        if count:
            reasons.append(f"{count} of {len(results)} cassettes {meaning}: no verdict without them")
    if reasons:
        return Verdict.FAIL, reasons
    if all(result.status in (Status.ERROR, Status.SKIPPED) for result in results):
        reasons.append("no case has an answer")
    for path, floor in floors.items():
        if path in fields and judge_field(fields[path], floor) is Verdict.FAIL:
            counts = fields[path].counts
            share = Fraction(counts.right, counts.n)
            reasons.append(f"{path}: {counts.right}/{counts.n} = {_percent(share)} is below {_percent(floor)}")
    return (Verdict.FAIL if reasons else Verdict.PASS), reasons


def trivial_floors(
    floors: Mapping[str, Fraction], lost: Mapping[str, Mapping[str, list[Mapping[str, str]]]]
) -> list[str]:
    """Warnings for floors that an answer without any value would meet.

    `lost` holds the leaves of a lost answer by case and field; its `invalid` leaves are those where gold has no value.
    """
    warnings = []
    for path, floor in floors.items():
        leaves = [leaf["outcome"] for case in lost.values() for leaf in case.get(path, ())]
        nulls = sum(outcome == Outcome.INVALID.value for outcome in leaves)
        if floor > 0 and leaves and Fraction(nulls, len(leaves)) >= floor:
            warnings.append(
                f"{path}: a prompt that always answers null reaches {_percent(Fraction(nulls, len(leaves)))} and meets "
                f"the floor {_percent(floor)}; label more cases that have the value"
            )
    return warnings
