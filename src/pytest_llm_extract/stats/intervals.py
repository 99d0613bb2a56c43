"""Intervals: pure functions of counts, standard library only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
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


@dataclass(frozen=True, slots=True)
class ClusterSums:
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

    def __add__(self, other: ClusterSums) -> ClusterSums:
        return ClusterSums(
            self.cases + other.cases,
            self.right + other.right,
            self.n + other.n,
            self.right2 + other.right2,
            self.cross + other.cross,
            self.n2 + other.n2,
        )

    def interval(self, *, alpha: float = 0.05) -> tuple[float, float]:
        """The interval that `clustered` describes; (0, 1) where there is no leaf."""
        if self.n == self.cases:  # one leaf a case
            return wilson(self.right, self.n, alpha=alpha)
        m, n, right = self.cases, self.n, self.right
        residuals = self.right2 * n * n - 2 * right * n * self.cross + right * right * self.n2
        # The variance of the share; residuals are n² times the sum of (right − share·n)².
        spread = Fraction(residuals * m, max(m - 1, 1) * n**4)
        share = Fraction(right, n)
        effective = float(min(Fraction(n), share * (1 - share) / spread)) if spread else m
        return wilson(float(share) * effective, effective, alpha=alpha)


def clustered(cases: Iterable[tuple[int, int]], *, alpha: float = 0.05) -> tuple[float, float]:
    """Interval of a share whose leaves come in cases: `(right, n)` for each case.

    With one leaf a case this is Wilson. Otherwise Wilson with the effective sample size of the ratio estimator
    (Korn and Graubard 1998, Survey Methodology 24:193), which is at most the number of leaves and, when the cases
    do not differ at all, the number of cases.
    """
    listed = [(right, n) for right, n in cases if n]
    return ClusterSums(
        len(listed),
        sum(right for right, _ in listed),
        sum(n for _, n in listed),
        sum(right * right for right, _ in listed),
        sum(right * n for right, n in listed),
        sum(n * n for _, n in listed),
    ).interval(alpha=alpha)
