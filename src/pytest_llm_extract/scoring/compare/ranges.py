"""Numbers that are equal within a tolerance: the equal ones of a value are a range of the sorted others."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple


class Ranges(NamedTuple):
    """Places in the order of their values; for each gold value the range `[start, end)` of that order, or None."""

    order: list[int]
    of_gold: list[tuple[int, int] | None]

    def hits(self) -> list[Sequence[int]]:
        """For each gold value the places of the equal ones, in ascending order."""
        return [() if found is None else sorted(self.order[found[0] : found[1]]) for found in self.of_gold]

    def matching(self) -> dict[int, int]:
        """Match as many gold values as possible: each place goes to the open range that ends first (Glover, 1967)."""
        starts = sorted((found[0], i) for i, found in enumerate(self.of_gold) if found is not None)
        pairs: dict[int, int] = {}
        open_ranges: list[tuple[int, int]] = []
        at = 0
        for position, place in enumerate(self.order):
            while at < len(starts) and starts[at][0] <= position:
                i = starts[at][1]
                heapq.heappush(open_ranges, ((self.of_gold[i] or (0, 0))[1], i))
                at += 1
            while open_ranges and open_ranges[0][0] <= position:
                heapq.heappop(open_ranges)
            if open_ranges:
                pairs[heapq.heappop(open_ranges)[1]] = place
        return pairs


def ranges_of(same: Callable[[Any, Any], bool], gold: Sequence[Any], predicted: Sequence[Any]) -> Ranges | None:
    """The ranges of gold numbers, None among them for null; None where something is not a number.

    `same` must hold for a range of values around the gold one, as every tolerance does.
    """
    if not all(value is None or is_number(value) for value in (*gold, *predicted)):
        return None
    order = sorted((j for j, value in enumerate(predicted) if value is not None), key=lambda j: predicted[j])
    values = [predicted[j] for j in order]
    return Ranges(order, [None if value is None else _range(same, value, values) for value in gold])


def _range(same: Callable[[Any, Any], bool], gold: Any, values: Sequence[Any]) -> tuple[int, int]:
    middle = bisect_left(values, gold)
    start = bisect_left(range(middle), True, key=lambda j: same(gold, values[j]))
    end = bisect_left(range(len(values)), True, lo=middle, key=lambda j: not same(gold, values[j]))
    return start, end


def is_number(value: Any) -> bool:
    """Whether a value is a finite number with an order; True and False are not."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    return value == value and abs(value) != float("inf")
