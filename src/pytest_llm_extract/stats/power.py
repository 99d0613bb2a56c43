"""What a gate can see: the smallest loss that can fail, and how many cases would decide."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import exp, lgamma, log, log1p, sqrt

from pytest_llm_extract.stats.signflip import SignFlip, sign_flip
from pytest_llm_extract.stats.stepdown import step_down

POWER = 0.8
MAX_CASES = 20_000
SCANNED = 200


@lru_cache(maxsize=256)
def smallest_loss(n_cases: int, n_fields: int, alpha: float) -> int | None:
    """Smallest number of cases that one field alone must lose, none gained, so that the gate fails.

    None if losing all `n_cases` would not be enough. When other fields move too, it can take one more.
    """
    others = {str(number): SignFlip(1.0) for number in range(1, n_fields)}
    for lost in range(1, n_cases + 1):
        test = sign_flip([-1] * lost)
        if step_down({"0": test, **others}, test.p).adjusted["0"] <= alpha:
            return lost
    return None


@lru_cache(maxsize=256)
def cases_to_decide(lost: int, gained: int, n_cases: int, n_fields: int, alpha: float) -> int | None:
    """Smallest number of cases, at most 20,000, with which such a field fails with power 0.8.

    The observed rates `lost / n_cases` and `gained / n_cases` are taken for the true ones. With that many cases the
    other fields will have moved too, so each test of the family (fields and, if there are several, the pooled one)
    gets an equal share of alpha: the step-down never needs more. None when nothing fell or 20,000 are not enough.
    """
    if lost <= gained:
        return None
    moved = (lost + gained) / n_cases
    level = alpha / (n_fields + 1) if n_fields > 1 else alpha
    significant = _Significant(lost / (lost + gained), level)
    small = next((n for n in range(1, SCANNED) if significant.power(n, moved) >= POWER), None)
    if small is not None:
        return small
    # Power rises and falls from one n to the next only while few cases move; from here on it rises.
    many = range(SCANNED, MAX_CASES + 1)
    place = bisect_left(many, POWER, key=lambda n: significant.power(n, moved))
    return many[place] if place < len(many) else None


class _Significant:
    """Chance that m moved cases are significant at `level` when each is lost with probability `share`."""

    def __init__(self, share: float, level: float) -> None:
        self.share, self.level = share, level
        self.chances = [0.0]
        # Of len(chances) - 1 moved cases at least `needed` must be lost; P of that by chance, and in truth.
        self.needed, self.by_chance, self.in_truth = 1, 0.0, 0.0

    def power(self, n: int, moved: float) -> float:
        """Power with n cases, of which each moves with probability `moved`."""
        centre, reach = n * moved, 9 * sqrt(n * moved * (1 - moved)) + 9
        first, last = max(0, int(centre - reach)), min(n, int(centre + reach))
        while len(self.chances) <= last:
            self._one_more()
        return sum(_binomial(n, m, moved) * self.chances[m] for m in range(first, last + 1))

    def _one_more(self) -> None:
        """Go from m to m + 1 moved cases: the tails P(X >= needed) gain the step from needed - 1."""
        m, needed = len(self.chances) - 1, self.needed
        by_chance, in_truth = _binomial(m, needed - 1, 0.5) / 2, _binomial(m, needed - 1, self.share) * self.share
        self.by_chance += by_chance
        self.in_truth += in_truth
        if self.by_chance > self.level:
            # P(X = needed) with m + 1 cases is the same step times (m + 1) / needed.
            self.by_chance -= by_chance * (m + 1) / needed
            self.in_truth -= in_truth * (m + 1) / needed
            self.needed += 1
        self.chances.append(max(0.0, self.in_truth))


def _binomial(n: int, k: int, p: float) -> float:
    """P(X = k) of Bin(n, p)."""
    if p == 1.0:
        return float(k == n)
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p))
