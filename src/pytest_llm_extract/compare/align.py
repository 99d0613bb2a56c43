"""Which predicted row belongs to which gold row: optimal one-to-one, deterministic."""

from __future__ import annotations

from collections.abc import Sequence

_BASE = 10**12  # more than any sum of one criterion can reach


def weight(*criteria: int) -> int:
    """One exact integer for criteria in order of importance, so that sums compare lexicographically."""
    total = 0
    for criterion in criteria:
        total = total * _BASE + criterion
    return total


def assign(costs: Sequence[Sequence[int]]) -> list[int]:
    """The column of each row in the cheapest assignment of a square matrix.

    The Hungarian algorithm with potentials (Kuhn 1955; Jonker and Volgenant 1987), O(n³), exact on integers.
    """
    n = len(costs)
    u, v, row_of = [0] * (n + 1), [0] * (n + 1), [0] * (n + 1)
    for row in range(1, n + 1):
        _augment(costs, row, u, v, row_of)
    columns = [0] * n
    for column in range(1, n + 1):
        columns[row_of[column] - 1] = column - 1
    return columns


def _augment(costs: Sequence[Sequence[int]], row: int, u: list[int], v: list[int], row_of: list[int]) -> None:
    n = len(costs)
    row_of[0], column = row, 0
    least: list[int | None] = [None] * (n + 1)
    used, way = [False] * (n + 1), [0] * (n + 1)
    while True:
        used[column] = True
        current, delta, following = row_of[column], None, 0
        for j in range(1, n + 1):
            if used[j]:
                continue
            reduced = costs[current - 1][j - 1] - u[current] - v[j]
            known = least[j]
            if known is None or reduced < known:
                least[j], way[j] = known, way[j] = reduced, column
            if delta is None or known < delta:
                delta, following = known, j
        assert delta is not None  # there is always an unused column while a row is unassigned
        for j in range(n + 1):
            if used[j]:
                u[row_of[j]] += delta
                v[j] -= delta
            elif (known := least[j]) is not None:
                least[j] = known - delta
        column = following
        if row_of[column] == 0:
            break
    while column:
        row_of[column] = row_of[way[column]]
        column = way[column]
