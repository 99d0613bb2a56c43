"""Compare rates with floors, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pytest_llm_extract.results.aggregate import FieldSummary
from pytest_llm_extract.results.outcome import FieldCounts, Verdict
from pytest_llm_extract.rules.limits import Floor
from pytest_llm_extract.wording import percent, percents_apart


def rate(counts: FieldCounts, name: str) -> Fraction | None:
    """A rate of a field as a fraction; None for 0/0."""
    parts = {
        "accuracy": (counts.right, counts.n),
        "precision": (counts.correct, counts.correct + counts.wrong + counts.spurious),
        "recall": (counts.correct, counts.correct + counts.wrong + counts.missing),
        "hallucination_rate": (counts.spurious, counts.spurious + counts.absent_ok),
    }
    part, whole = parts[name]
    return Fraction(part, whole) if whole else None


def judge_field(summary: FieldSummary, floor: Floor | None) -> Verdict | None:
    """Pass or fail, compared as exact fractions; None for a field without a floor."""
    if floor is None:
        return None
    return Verdict.FAIL if _missed("", summary.counts, floor) else Verdict.PASS


def missed_floors(fields: Mapping[str, FieldSummary], floors: Mapping[str, Floor]) -> list[tuple[str, str]]:
    """Path and reason of each rate that misses its floor or is undefined."""
    return [
        (path, reason)
        for path, floor in floors.items()
        for reason in _missed(path, fields[path].counts if path in fields else FieldCounts(), floor)
    ]


def _missed(path: str, counts: FieldCounts, floor: Floor) -> list[str]:
    reasons = []
    for name, limit in floor.rates.items():
        rate_of_all = rate(counts, name)
        words = path if name == "accuracy" else f"{path}: {name.replace('_', ' ')}"
        if rate_of_all is None:
            lacking = "no value is null in gold" if name == "hallucination_rate" else "no value was predicted"
            reasons.append(f"{words}: {lacking}, so it cannot reach {percent(limit)}")
        elif name == "hallucination_rate" and rate_of_all > limit:
            reasons.append("{} {} is above {}".format(words, *percents_apart(rate_of_all, limit)))
        elif name != "hallucination_rate" and rate_of_all < limit:
            shown = f": {counts.right}/{counts.n} =" if name == "accuracy" else ""
            reasons.append("{}{} {} is below {}".format(words, shown, *percents_apart(rate_of_all, limit)))
    return reasons


def missed_documents(valid: int, exact: int, n: int, floors: Mapping[str, Fraction]) -> list[str]:
    """Why too few documents were valid, or exact."""
    return [
        "{} documents: {}/{} = {} is below {}".format(name, count, n, *percents_apart(Fraction(count, n), floors[name]))
        for name, count in (("valid", valid), ("exact", exact))
        if name in floors and Fraction(count, n) < floors[name]
    ]


def strict_floors(fields: Mapping[str, FieldSummary], floors: Mapping[str, Floor]) -> list[str]:
    """Floors below 1 that a single failure misses, since there are so few leaves."""
    return [
        f"{path}: a floor of {percent(floor)} with n={fields[path].counts.n} permits 0 failures"
        for path, floor in _accuracies(floors)
        if path in fields and floor < 1 and Fraction(fields[path].counts.n - 1, fields[path].counts.n) < floor
    ]


def trivial_floors(floors: Mapping[str, Floor], nulls: Mapping[str, tuple[int, int]]) -> list[str]:
    """Warnings for floors that an answer without any value would meet.

    `nulls` holds by field how many of its leaves are null in gold, and how many there are.
    """
    warnings = []
    for path, floor in _accuracies(floors):
        null, n = nulls.get(path, (0, 0))
        if n and floor > 0 and Fraction(null, n) >= floor and "recall" not in floors[path].rates:
            warnings.append(
                f"{path}: a prompt that always answers null reaches {percent(Fraction(null, n))} and meets the floor "
                f"{percent(floor)}; add Floor(accuracy=…, recall=…), or label more cases that have the value"
            )
    return warnings


def _accuracies(floors: Mapping[str, Floor]) -> list[tuple[str, Fraction]]:
    return [(path, floor.rates["accuracy"]) for path, floor in floors.items() if "accuracy" in floor.rates]
