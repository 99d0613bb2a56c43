"""Intervals: pure functions of counts, standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist


def wilson(right: float, n: float, *, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson score interval of a share (Wilson 1927, JASA 22:209); (0, 1) for n = 0."""
    if n <= 0:
        return (0.0, 1.0)
    z2 = NormalDist().inv_cdf(1 - alpha / 2) ** 2
    share = right / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return (max(0.0, centre - half), min(1.0, centre + half))


def clustered(cases: Sequence[tuple[int, int]], *, alpha: float = 0.05) -> tuple[float, float]:
    """Interval of a share whose leaves come in cases: `(right, n)` for each case.

    With one leaf a case this is Wilson. Otherwise Wilson with the effective sample size of the ratio estimator
    (Korn and Graubard 1998, Survey Methodology 24:193), which is at most the number of leaves and, when the cases
    do not differ at all, the number of cases.
    """
    cases = [(right, n) for right, n in cases if n]
    total = sum(n for _, n in cases)
    right = sum(right for right, _ in cases)
    if all(n == 1 for _, n in cases):
        return wilson(right, total, alpha=alpha)
    share, m = right / total, len(cases)
    spread = sum((r - share * n) ** 2 for r, n in cases) * m / max(m - 1, 1) / total**2
    effective = min(total, share * (1 - share) / spread) if spread > 0 else m
    return wilson(share * effective, effective, alpha=alpha)
