"""Intervals of shares and of paired differences: pure functions, standard library only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import atan, cos, pi, sin, sqrt
from operator import add
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple

_MANY = 1000  # degrees of freedom, beyond which four terms of an expansion are exact to nine digits
_STEPS = 60  # of each bisection: more than a float resolves


def wilson(right: float, n: float, *, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson score interval of a share (Wilson 1927, JASA 22:209); (0, 1) for n = 0."""
    if n <= 0:
        return (0.0, 1.0)
    z2 = NormalDist().inv_cdf(1 - alpha / 2) ** 2
    share = right / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return (max(0.0, centre - half), min(1.0, centre + half))


class ClusterSums(NamedTuple):
    """What the interval of a share needs of its cases: sums of integers, so that parts add up in any order.

    `right2`, `cross` and `n2` are the sums of right², right·n and n² over cases.
    """

    cases: int = 0
    right: int = 0
    n: int = 0
    right2: int = 0
    cross: int = 0
    n2: int = 0

    @classmethod
    def of(cls, right: int, n: int) -> ClusterSums:
        """One case; one that has no leaf does not count."""
        return cls(1, right, n, right * right, right * n, n * n) if n else cls()

    def __add__(self, other: ClusterSums) -> ClusterSums:  # type: ignore[override]
        return ClusterSums(*map(add, self, other))

    def __mul__(self, times: int) -> ClusterSums:  # type: ignore[override]
        return ClusterSums(*(one * times for one in self))

    def interval(self, *, alpha: float = 0.05) -> tuple[float, float]:
        """Interval of a share whose leaves come in cases; (0, 1) where there is no leaf.

        With one leaf a case this is Wilson. Otherwise Wilson with the effective sample size of the ratio estimator
        (Korn and Graubard 1998, Survey Methodology 24:193), which is at most the number of leaves and, when the cases
        do not differ at all, the number of cases. Above that number it is lowered as they do, by the quantiles of t.
        """
        if self.n == self.cases:
            return wilson(self.right, self.n, alpha=alpha)
        m, n, right = self.cases, self.n, self.right
        residuals = self.right2 * n * n - 2 * right * n * self.cross + right * right * self.n2
        # The variance of the share; residuals are n² times the sum of (right − share·n)².
        spread = Fraction(residuals * m, max(m - 1, 1) * n**4)
        share = Fraction(right, n)
        effective = float(min(Fraction(n), share * (1 - share) / spread)) if spread else float(m)
        if effective > m:  # few cases tell little of how they differ, so that the spread may be low by chance
            z = NormalDist().inv_cdf(1 - alpha / 2)
            effective = max(float(m), effective * (z / t_quantile(1 - alpha / 2, m - 1)) ** 2)
        return wilson(float(share) * effective, effective, alpha=alpha)


@lru_cache(maxsize=256)
def t_quantile(p: float, df: int) -> float:
    """Quantile of Student's t distribution; 0.5 <= p < 1, and at least one degree of freedom.

    The distribution function is the finite sum of Abramowitz and Stegun 26.7.3 and 26.7.4; for many degrees of freedom
    the quantile is their expansion 26.7.5.
    """
    if df > _MANY:
        z = NormalDist().inv_cdf(p)
        first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
        third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
        return z + first / df + second / df**2 + third / df**3
    high = 1.0
    while _t_cdf(high, df) < p:
        high *= 2
    return _bisect(lambda t: _t_cdf(t, df) - p, 0.0, high)


def _t_cdf(t: float, df: int) -> float:
    """P(T <= t) for t >= 0."""
    theta = atan(t / sqrt(df))
    cos2 = cos(theta) ** 2
    if df % 2:
        term = total = cos(theta) if df > 1 else 0.0
        for k in range(3, df - 1, 2):
            term *= cos2 * (k - 1) / k
            total += term
        inside = 2 / pi * (theta + sin(theta) * total)
    else:
        term = total = 1.0
        for k in range(2, df - 1, 2):
            term *= cos2 * (k - 1) / k
            total += term
        inside = sin(theta) * total
    return (1 + inside) / 2


def mean_interval(values: Sequence[float], *, alpha: float) -> tuple[float, float]:
    """Two-sided t interval of a mean at level 1 - alpha; without bounds for fewer than two values."""
    if len(values) < 2:
        return (-float("inf"), float("inf"))
    mean = fmean(values)
    half = t_quantile(1 - alpha / 2, len(values) - 1) * stdev(values) / sqrt(len(values))
    return (mean - half, mean + half)


def tango(gained: int, lost: int, n: int, *, alpha: float) -> tuple[float, float]:
    """Score interval of a difference of two paired shares (Tango 1998, Statistics in Medicine 17:891).

    Of `n` pairs, `gained` are right on the second side only, and `lost` on the first only. The level is 1 - alpha. Both
    limits are in -1..1; (-1, 1) where there is no pair.
    """
    if n == 0:
        return (-1.0, 1.0)
    z = NormalDist().inv_cdf(1 - alpha / 2)
    share = (gained - lost) / n
    low = _bisect(lambda delta: z - _tango_score(gained, lost, n, delta), -1.0, share)
    high = _bisect(lambda delta: -z - _tango_score(gained, lost, n, delta), share, 1.0)
    return (low, high)


def _tango_score(gained: int, lost: int, n: int, delta: float) -> float:
    """The score statistic of a true difference `delta`; it falls as `delta` rises."""
    b = -gained - lost + (2 * n - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    q = (sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
    variance = n * (2 * q + delta * (1 - delta))
    distance = gained - lost - n * delta
    if variance <= 0:
        return 0.0 if distance == 0 else float("inf") * distance
    return distance / sqrt(variance)


def _bisect(rises: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that rises from below zero crosses it, between `low` and `high`."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if rises(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
