"""The values of one leaf over a list's items, gold beside predicted: which of them are the same."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from pytest_llm_extract.rules.comparators import AnyOf
from pytest_llm_extract.scoring.compare.comparators import NO_KEY, Comparator, may_be_null

UNLABELLED = object()  # stands for a gold value that was not given


class Column:
    """One leaf of all items.

    `gold` and `predicted` hold its values, None for null, UNLABELLED where gold does not say. `keys` holds a key for
    each value, equal exactly when the values are the same; it is None when the comparator is not an equivalence here.
    `free` has the places of gold values that may be null: missing, they are not charged.
    """

    def __init__(self, comparator: Comparator, gold: Sequence[Any], predicted: Sequence[Any]) -> None:
        is_null = comparator.is_null
        self.comparator = comparator
        self.gold = [v if v is UNLABELLED else (None if is_null(v) else v) for v in gold]
        self.predicted = [None if is_null(v) else v for v in predicted]
        unlabelled = sum(v is UNLABELLED for v in gold)
        self.labelled, self.all_labelled = unlabelled < len(gold), not unlabelled
        # Not looked up lazily: every column is asked, and there are millions of small ones below rows.
        key = comparator.key
        self._raw_keys: tuple[list[Hashable], list[Hashable]] = (
            [None if v is None or v is UNLABELLED else key(v) for v in self.gold],
            [None if v is None else key(v) for v in self.predicted],
        )
        self.keys = self._sure_keys()
        # Only an AnyOf may be null, and it has no key.
        free = () if self.keys is not None else (i for i, v in enumerate(self.gold) if may_be_null(v, is_null))
        self.free = frozenset(free)

    def _sure_keys(self) -> tuple[list[Hashable], list[Hashable]] | None:
        """Keys of gold and of predicted values; None stands for null and for unlabelled."""
        gold, predicted = self._raw_keys
        if NO_KEY not in gold and NO_KEY not in predicted:
            return gold, predicted
        clusters = self._clusters()
        if clusters is None:
            return None
        return [_cluster(v, clusters) for v in self.gold], [_cluster(v, clusters) for v in self.predicted]

    @cached_property
    def counts(self) -> tuple[Counter[Hashable], Counter[Hashable]]:
        """How often each key occurs in gold and in the prediction."""
        assert self.keys is not None  # only columns with keys are counted
        return Counter(self.keys[0]), Counter(self.keys[1])

    def hits(self, rows: Sequence[int], others: Sequence[int]) -> list[Sequence[int]]:
        """For each of some gold items, the places in `others` of the predicted ones with the same value."""
        if self.keys is not None:
            index = _index([self.keys[1][j] for j in others])
            return [() if (key := self.keys[0][i]) is None else index.get(key, ()) for i in rows]
        gold, predicted = self._raw_keys
        theirs = [predicted[j] for j in others]
        wanted = [self._wanted(i, gold[i]) for i in rows]
        if NO_KEY not in theirs and not any(NO_KEY in keys for keys in wanted):
            return _indexed(wanted, theirs)
        same = self.comparator.same
        if (ranges := self._ranges(rows, others)) is not None:
            return ranges.hits()
        there = [(b, self.predicted[j]) for b, j in enumerate(others) if self.predicted[j] is not None]
        return [[b for b, v in there if same(self.gold[i], v)] if gold[i] is not None else () for i in rows]

    def ranges(self) -> Ranges | None:
        """Where the equal numbers of each gold value are; None where a value is not a number."""
        return self._ranges(range(len(self.gold)), range(len(self.predicted)))

    def _ranges(self, rows: Sequence[int], others: Sequence[int]) -> Ranges | None:
        if not self.comparator.is_ours:
            return None
        gold = [None if self.gold[i] is UNLABELLED else self.gold[i] for i in rows]
        return ranges_of(self.comparator.same, gold, [self.predicted[j] for j in others])

    def _wanted(self, i: int, key: Hashable) -> tuple[Hashable, ...]:
        value = self.gold[i]
        if isinstance(value, AnyOf):
            return tuple(dict.fromkeys(self.comparator.key(v) for v in value.values if v is not None))
        return () if key is None else (key,)

    def _clusters(self) -> dict[Any, int] | None:
        """Numbers that are the same get the same cluster; None where being the same does not carry over."""
        values: list[Any] = [v for v in (*self.gold, *self.predicted) if v is not None and v is not UNLABELLED]
        if not self.comparator.is_ours or not all(map(is_number, values)):
            return None
        same, clusters = self.comparator.same, dict[Any, int]()
        first = last = None
        for value in sorted(set(values)):
            if first is None or not same(first, value):
                if last is not None and same(last, value):
                    return None
                first = value
            clusters[value] = clusters[last] if first is not value else len(clusters)
            last = value
        return clusters


def _index(keys: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    index: dict[Hashable, list[int]] = {}
    for b, key in enumerate(keys):
        if key is not None:
            index.setdefault(key, []).append(b)
    return index


def _indexed(wanted: Sequence[Sequence[Hashable]], theirs: Sequence[Hashable]) -> list[Sequence[int]]:
    index = _index(theirs)
    return [
        index.get(keys[0], ()) if len(keys) == 1 else sorted({b for key in keys for b in index.get(key, ())})
        for keys in wanted
    ]


def _cluster(value: Any, clusters: dict[Any, int]) -> int | None:
    return None if value is None or value is UNLABELLED else clusters[value]


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
