"""Intervals of a paired difference: pure functions, standard library only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import atan, cos, pi, sin, sqrt
from statistics import NormalDist, fmean, stdev

_STEPS = 60  # of each bisection: more than a float resolves


def t_quantile(p: float, df: int) -> float:
    """Quantile of Student's t distribution; 0.5 <= p < 1, and at least one degree of freedom.

    The distribution function is the finite sum of Abramowitz and Stegun 26.7.3 and 26.7.4.
    """
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
