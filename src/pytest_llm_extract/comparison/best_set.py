"""Which variants may be the best: the set that holds a true best one with probability 1 - alpha."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_llm_extract.stats.signflip import SignFlip, sign_flip
from pytest_llm_extract.stats.stepdown import step_down


def best_set(total: Mapping[str, Sequence[int]], alpha: float) -> tuple[str, ...]:
    """The variants that no other variant beats beyond noise, in the given order.

    A variant leaves the set if the sign-flip tests against all others, corrected by the step-down, reject it. A true
    best one is left out with probability alpha at most, since only its own tests can err.

    Args:
        total: what each variant got right, group by group.
        alpha: the chance that a true best variant is left out.
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
