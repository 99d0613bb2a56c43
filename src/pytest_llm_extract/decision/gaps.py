"""How far each field is from its target, and whether that is noise."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pytest_llm_extract.decision.evidence import Evidence
from pytest_llm_extract.stats.intervals import wilson

_MOST_CASES = 20_000


class Gap(NamedTuple):
    """One field against its target.

    `accuracy` is that of the leader; `upper` is the highest upper limit among the set of best, `variant` whose it is.
    `verdict`: "reached" by the leader, "below" where even `upper` is, else "open"; then `n_needed` is how many cases
    would decide, None for more than 20,000.
    """

    field: str
    target: float
    accuracy: float
    upper: float
    variant: str
    verdict: Literal["reached", "below", "open"]
    n_needed: int | None = None


def find_gaps(evidence: Evidence) -> list[Gap]:
    """Every field that has a target and is labelled, in the schema's order."""
    gaps = []
    for field, target in evidence.targets.items():
        summary = evidence.fields[evidence.leader].get(field)
        if summary is None:
            continue
        accuracy = summary.counts.accuracy or 0.0
        uppers = {
            name: evidence.fields[name][field].interval[1] for name in evidence.best if field in evidence.fields[name]
        }
        variant = max(uppers, key=lambda name: uppers[name])
        if accuracy >= target:
            gaps.append(Gap(field, target, accuracy, uppers[variant], variant, "reached"))
        elif uppers[variant] < target:
            gaps.append(Gap(field, target, accuracy, uppers[variant], variant, "below"))
        else:
            n = _needed(accuracy, target)
            gaps.append(Gap(field, target, accuracy, uppers[variant], variant, "open", n))
    return gaps


def _needed(accuracy: float, target: float) -> int | None:
    """How many cases, one leaf each, put the upper limit of this accuracy below the target."""
    low, high = 1, _MOST_CASES
    if wilson(accuracy * high, high)[1] >= target:
        return None
    while low < high:
        middle = (low + high) // 2
        if wilson(accuracy * middle, middle)[1] < target:
            high = middle
        else:
            low = middle + 1
    return low
