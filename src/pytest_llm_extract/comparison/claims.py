"""What may be said of variants: which may be the best, on which field one differs, what the winner will get right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal, NamedTuple

from pytest_llm_extract.comparison.scores import ALL, Scores
from pytest_llm_extract.stats.signflip import SignFlip, sign_flip
from pytest_llm_extract.stats.stepdown import step_down

RESAMPLES = 1_000
SEED = 20_471
Direction = Literal["better", "worse"]


class Claim(NamedTuple):
    """A field (or ALL) in which a variant differs from the reference, beyond noise where `p_adj` is at most alpha.

    `gained` and `lost` are ids of cases; those of a group are adjacent.
    """

    variant: str
    field: str
    direction: Direction
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    p: float
    p_adj: float


def tested_claims(scores: Scores, reference: str, fields: Sequence[str]) -> list[Claim]:
    """Everything that is tested, with its adjusted p: one step-down family of all fields, variants and directions.

    `reference` is fixed before looking. ALL is tested too, where there are several `fields`.
    """
    tested = [*fields, *([ALL] if len(fields) > 1 else [])]
    changes = {
        (variant, field): scores.changes(variant, reference, field)
        for variant in scores.total
        if variant != reference
        for field in tested
    }
    tests = {}
    for (variant, field), change in changes.items():
        tests[f"worse\0{variant}\0{field}"] = sign_flip(change)
        tests[f"better\0{variant}\0{field}"] = sign_flip([-d for d in change])
    adjusted = step_down(tests, None).adjusted
    claims = []
    for (variant, field), change in changes.items():
        directions: tuple[Direction, ...] = ("better", "worse")
        gained, lost = moved(scores, change)
        for direction in directions:
            name = f"{direction}\0{variant}\0{field}"
            claims.append(Claim(variant, field, direction, gained, lost, tests[name].p, adjusted[name]))
    return claims


def moved(scores: Scores, changes: Sequence[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The cases of the groups that gained, and of those that lost."""
    gained = tuple(case for ids, d in zip(scores.groups, changes, strict=True) if d > 0 for case in ids)
    lost = tuple(case for ids, d in zip(scores.groups, changes, strict=True) if d < 0 for case in ids)
    return gained, lost


def best_set(total: Mapping[str, Sequence[int]], alpha: float) -> tuple[str, ...]:
    """The variants that no other variant beats beyond noise, in the given order.

    A variant leaves the set if the sign-flip tests against all others, corrected by the step-down, reject it. A true
    best one is left out with probability alpha at most, since only its own tests can err. `total` is what each variant
    got right, group by group.
    """
    return tuple(name for name in total if not _is_beaten(name, total, alpha))


def _is_beaten(name: str, total: Mapping[str, Sequence[int]], alpha: float) -> bool:
    mine = total[name]
    others = sorted((other for other in total if other != name), key=lambda other: -sum(total[other]))
    tests: dict[str, SignFlip] = {}
    for other in others:
        tests[other] = sign_flip([a - b for a, b in zip(mine, total[other], strict=True)])
        if tests[other].p * len(others) <= alpha:
            return True  # the step-down never asks for more than this
    return bool(tests) and min(step_down(tests, None).adjusted.values()) <= alpha


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
