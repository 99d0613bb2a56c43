"""Floors against rates: exact, deterministic."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pytest_llm_extract.aggregate import FieldSummary
from pytest_llm_extract.outcome import Verdict


def percent(share: Fraction | float) -> str:
    """`95%`, `91.67%`."""
    return f"{float(share) * 100:.4g}%"


def judge_field(summary: FieldSummary, floor: Fraction | None) -> Verdict | None:
    """Pass or fail, compared as exact fractions; None for a field without a floor."""
    if floor is None:
        return None
    counts = summary.counts
    return Verdict.PASS if Fraction(counts.right, counts.n) >= floor else Verdict.FAIL


def missed_floors(fields: Mapping[str, FieldSummary], floors: Mapping[str, Fraction]) -> dict[str, str]:
    """Why each field below its floor fails."""
    reasons = {}
    for path, floor in floors.items():
        if path in fields and judge_field(fields[path], floor) is Verdict.FAIL:
            counts = fields[path].counts
            share = Fraction(counts.right, counts.n)
            reasons[path] = f"{path}: {counts.right}/{counts.n} = {percent(share)} is below {percent(floor)}"
    return reasons


def strict_floors(fields: Mapping[str, FieldSummary], floors: Mapping[str, Fraction]) -> list[str]:
    """Floors that, with so few leaves, cannot mean what they say: below 1, yet a single failure misses them."""
    return [
        f"{path}: a floor of {percent(floor)} with n={fields[path].counts.n} permits 0 failures"
        for path, floor in floors.items()
        if path in fields and floor < 1 and Fraction(fields[path].counts.n - 1, fields[path].counts.n) < floor
    ]


def trivial_floor(path: str, floor: Fraction, nulls: int, n: int) -> str | None:
    """A warning for a floor that an answer without any value would meet; `nulls` of `n` leaves are null in gold."""
    if not n or floor <= 0 or Fraction(nulls, n) < floor:
        return None
    return (
        f"{path}: a prompt that always answers null reaches {percent(Fraction(nulls, n))} and meets the floor "
        f"{percent(floor)}; label more cases that have the value, or look at its recall"
    )
