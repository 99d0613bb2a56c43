"""Many fields, one family: corrections that keep the chance of any false alarm at alpha."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum
from typing import NamedTuple

from pytest_llm_extract.stats.signflip import SignFlip


class Family(NamedTuple):
    """Adjusted p of every field, and of the pooled test (None when there is none)."""

    adjusted: dict[str, float]
    pooled: float | None


def step_down(tests: Mapping[str, SignFlip], pooled: float | None) -> Family:
    """Discrete step-down of Westfall and Wolfinger (1997, The American Statistician 51:3), by sums.

    From the smallest p upward, p_adj(j) is the maximum over the steps so far of the sum, over the tests that remain,
    of the largest p <= p_j which that test can attain, capped at 1. A field that hardly moved attains nothing small
    and costs the others nothing. The pooled test counts as p_j itself, unless only one field moved: then both are
    the same test, which is counted once.
    """
    repeated = [test.p for test in tests.values() if test.moved] == [pooled]
    ordered = sorted(((test.p, name) for name, test in tests.items()), reverse=True)
    waiting = [] if repeated or pooled is None else [pooled]
    adjusted: dict[str, float] = {}
    pooled_adjusted, highest = None, 0.0
    while ordered or waiting:
        take_pooled = bool(waiting) and (not ordered or waiting[0] < ordered[-1][0])
        p = waiting[0] if take_pooled else ordered[-1][0]
        attained = fsum([p] * len(waiting) + [tests[name].attainable(p) for _, name in ordered])
        highest = max(highest, p, min(1.0, attained))
        if take_pooled:
            waiting, pooled_adjusted = [], highest
        else:
            adjusted[ordered.pop()[1]] = highest
    if repeated:
        pooled_adjusted = min(adjusted.values())
    return Family({name: adjusted[name] for name in tests}, pooled_adjusted)


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p of Holm (1979, Scandinavian Journal of Statistics 6:65)."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for step, name in enumerate(sorted(ps, key=lambda name: ps[name])):
        highest = max(highest, min(1.0, (len(ps) - step) * ps[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in ps}
