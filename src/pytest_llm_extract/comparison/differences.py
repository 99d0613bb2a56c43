"""Differences between variants, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple

from pytest_llm_extract.comparison.scores import ALL, Scores
from pytest_llm_extract.stats.intervals import mean_interval, t_quantile, tango

POWER = 0.8


class VariantDifference(NamedTuple):
    """The accuracy of a variant minus that of the reference, in -1..1, with an interval.

    `low` and `high` are None where fewer than two cases are compared.
    """

    variant: str
    field: str
    accuracy: float
    low: float | None
    high: float | None


def level(n_variants: int, alpha: float) -> float:
    """The alpha of each interval that makes all of them hold together."""
    return alpha / max(1, n_variants - 1)


def find_differences(
    scores: Scores, reference: str, fields: Sequence[str], alpha: float
) -> tuple[VariantDifference, ...]:
    """The difference of every variant to the reference, over all fields and field by field."""
    at = level(len(scores.total), alpha)
    return tuple(
        difference(scores, variant, reference, field, at)
        for variant in scores.total
        if variant != reference
        for field in (ALL, *fields)
    )


def difference(scores: Scores, variant: str, reference: str, field: str, alpha: float) -> VariantDifference:
    """One difference: a score interval where each group is one right or wrong answer, else a t interval.

    Where all groups differ alike, a t interval would have no width. The score interval of no case in n says how many
    may differ otherwise, and each of those by all that it has.
    """
    changes = scores.changes(variant, reference, field)
    n = len(changes)
    if (
        field != ALL
        and all(len(ids) == 1 for ids in scores.groups)
        and set(changes) <= {-scores.scale, 0, scores.scale}
    ):
        gained, lost = sum(d > 0 for d in changes), sum(d < 0 for d in changes)
        low, high = tango(gained, lost, n, alpha=alpha)
        return VariantDifference(variant, field, (gained - lost) / n, low, high)
    values = [d * _unit(scores, field) for d in changes]
    if n < 2:
        return VariantDifference(variant, field, fmean(values), None, None)
    if min(values) == max(values):
        d, others = max(-1.0, min(1.0, values[0])), tango(0, 0, n, alpha=alpha)[1]
        return VariantDifference(variant, field, values[0], d - others * (1 + d), d + others * (1 - d))
    low, high = mean_interval(values, alpha=alpha)
    return VariantDifference(variant, field, fmean(values), max(-1.0, low), min(1.0, high))


def _unit(scores: Scores, field: str) -> float:
    """The factor that turns a group's change into a share of all labels of the groups."""
    n_groups = len(scores.groups)
    n_cells = scores.n_labelled if field == ALL else sum(map(len, scores.groups))
    return n_groups / (scores.scale * max(1, n_cells))


def visible_difference(scores: Scores, alpha: float) -> float | None:
    """The smallest difference in accuracy that these cases show with power 0.8, between two typical variants.

    None where fewer than two cases, or only variants without any difference, are compared. By the normal
    approximation (n = ((z_alpha + z_power) sd / d)²) with the median spread of the pairs with the leader.
    """
    leader = max(scores.total, key=lambda name: sum(scores.total[name]))
    n = len(scores.groups)
    if n < 2:
        return None
    spreads = sorted(
        stdev(scores.changes(other, leader, ALL)) * _unit(scores, ALL) for other in scores.total if other != leader
    )
    spread = spreads[len(spreads) // 2] if spreads else 0.0
    if not spread:
        return None
    at = level(len(scores.total), alpha)
    return float((t_quantile(1 - at, n - 1) + NormalDist().inv_cdf(POWER)) * spread / n**0.5)
