"""Which predicted scalar belongs to which gold scalar: as many equal pairs as there can be."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from pytest_llm_extract.scoring.compare.assignment import in_order
from pytest_llm_extract.scoring.compare.column import Column
from pytest_llm_extract.scoring.compare.comparators import Comparator


def pair_scalars(
    comparator: Comparator, gold: Sequence[Any], predicted: Sequence[Any], *, ordered: bool
) -> dict[int, int]:
    """Predicted index by gold index: a maximum matching of equal values, `ordered` a longest common subsequence."""
    column = Column(comparator, gold, predicted)
    if ordered:
        return _in_sequence(column)
    if column.keys is not None:
        return _by_key(*column.keys)
    if (ranges := column.ranges()) is not None:
        return ranges.matching() | _nulls(column)
    return _matching(_all_hits(column), sorted(range(len(gold)), key=column.free.__contains__))


def _nulls(column: Column) -> dict[int, int]:
    """Null is the same as null."""
    gold, predicted = ([i for i, v in enumerate(side) if v is None] for side in (column.gold, column.predicted))
    return dict(zip(gold, predicted, strict=False))


def _by_key(gold: Sequence[Any], predicted: Sequence[Any]) -> dict[int, int]:
    places: dict[Any, deque[int]] = {}
    for j, key in enumerate(predicted):
        places.setdefault(key, deque()).append(j)
    pairs = {}
    for i, key in enumerate(gold):
        if places.get(key):
            pairs[i] = places[key].popleft()
    return pairs


def _in_sequence(column: Column) -> dict[int, int]:
    if column.keys is None:
        hits = [set(found) for found in _all_hits(column)]
        most, free = len(hits) + 1, column.free
        return in_order(len(hits), len(column.predicted), lambda i, j: most + (i not in free) if j in hits[i] else None)
    from rapidfuzz.distance import LCSseq

    numbers: dict[Any, int] = {}
    gold, predicted = ([numbers.setdefault(key, len(numbers)) for key in keys] for keys in column.keys)
    equal = (op for op in LCSseq.opcodes(gold, predicted) if op.tag == "equal")
    return {op.src_start + k: op.dest_start + k for op in equal for k in range(op.src_end - op.src_start)}


def _all_hits(column: Column) -> list[Sequence[int]]:
    """The places of the predicted values that are the same as each gold value; null is the same as null."""
    hits = column.hits(range(len(column.gold)), range(len(column.predicted)))
    nulls = [j for j, value in enumerate(column.predicted) if value is None]
    return [
        nulls if value is None else [*hit, *nulls] if i in column.free else hit
        for i, (value, hit) in enumerate(zip(column.gold, hits, strict=True))
    ]


def _matching(hits: Sequence[Sequence[int]], roots: Sequence[int]) -> dict[int, int]:
    """A maximum matching by augmenting paths, breadth first (König; being the same need not carry over).

    What is paired stays so, with this or another one: the first of `roots` are paired wherever they can be. Those are
    the values that are charged when they are missing.
    """
    gold_of: dict[int, int] = {}
    predicted_of: dict[int, int] = {}
    for root in roots:
        came: dict[int, int] = {}
        queue, end = deque([root]), None
        while queue and end is None:
            i = queue.popleft()
            for j in hits[i]:
                if j not in came:
                    came[j] = i
                    if j not in gold_of:
                        end = j
                        break
                    queue.append(gold_of[j])
        while end is not None:
            i = came[end]
            gold_of[end], following = i, predicted_of.get(i)
            predicted_of[i] = end
            end = following
    return predicted_of
