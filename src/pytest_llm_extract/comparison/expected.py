"""Estimate the winner's score on new documents. On the documents that chose it, its score is too high."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

RESAMPLES = 1_000
SEED = 20_471


def expected_of_winner(total: Mapping[str, Sequence[int]]) -> float | None:
    """The winner's score on documents that did not choose it, as a mean over groups.

    1,000 times, groups are drawn with replacement; the variant that is best on those drawn is scored on those that
    were not drawn. None for fewer than two groups.
    """
    n = len(next(iter(total.values())))
    if n < 2:
        return None
    random, means, places = Random(SEED), [], range(n)
    for _ in range(RESAMPLES):
        drawn = random.choices(places, k=n)
        left_out = list(set(places).difference(drawn))
        if not left_out:
            continue
        winner = max(total, key=lambda name: sum(map(total[name].__getitem__, drawn)))
        means.append(sum(map(total[winner].__getitem__, left_out)) / len(left_out))
    return sum(means) / len(means) if means else None
