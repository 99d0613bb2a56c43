"""On which field a variant is better or worse than the reference, beyond noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pytest_llm_extract.comparison.scores import ALL, Scores
from pytest_llm_extract.stats.signflip import sign_flip
from pytest_llm_extract.stats.stepdown import step_down

Direction = Literal["better", "worse"]


class Claim(NamedTuple):
    """A field (or ALL) in which a variant differs from the reference; `p_adj` is at most alpha.

    `gained` and `lost` are ids of cases; those of a group are adjacent.
    """

    variant: str
    field: str
    direction: Direction
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    p: float
    p_adj: float


def find_claims(scores: Scores, reference: str, fields: Sequence[str], alpha: float) -> tuple[Claim, ...]:
    """Every claim that holds at alpha for the page as a whole: one step-down family of all fields and variants.

    Args:
        scores: of all variants that are compared.
        reference: the variant that the others are held against, fixed before looking.
        fields: the field paths; ALL is tested too, where there are several.
        alpha: the chance that any of the claims is false.
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
        for direction in directions:
            name = f"{direction}\0{variant}\0{field}"
            if adjusted[name] <= alpha:
                gained, lost = moved(scores, change)
                claims.append(Claim(variant, field, direction, gained, lost, tests[name].p, adjusted[name]))
    return tuple(claims)


def moved(scores: Scores, changes: Sequence[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The cases of the groups that gained, and of those that lost."""
    gained = tuple(case for ids, d in zip(scores.groups, changes, strict=True) if d > 0 for case in ids)
    lost = tuple(case for ids, d in zip(scores.groups, changes, strict=True) if d < 0 for case in ids)
    return gained, lost
