"""Few-shot examples drawn from the golden data itself, as users write them in `examples=LeaveOneOut(k=5)`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LeaveOneOut:
    """Draw the examples of each case from the other cases, without its near-duplicates and its group.

    Args:
        k: how many examples a case gets; fewer where there are not so many others.
        seed: another number draws other ones.
    """

    k: int = 5
    seed: int = 0
