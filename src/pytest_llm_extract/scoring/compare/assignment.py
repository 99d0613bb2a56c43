"""Assignments of greatest total gain: one to one, or in order. Exact on integers of any size, deterministic."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def assign(gains: Sequence[Sequence[int]]) -> list[int]:
    """The column of each row, no column twice, with the greatest sum; there are at least as many columns as rows.

    Shortest augmenting paths over reduced costs (Kuhn 1955; Jonker and Volgenant 1987), after every row took the best
    column that was still free. O(rows² · columns) at worst.
    """
    n_columns = len(gains[0])
    top = [max(row) for row in gains]
    prices = [0] * n_columns
    row_of: list[int | None] = [None] * n_columns
    waiting = []
    for i, row in enumerate(gains):
        best = top[i]
        free = next((j for j, gain in enumerate(row) if gain == best and row_of[j] is None), None)
        if free is None:
            waiting.append(i)
        else:
            row_of[free] = i
    for i in waiting:
        _augment(gains, i, top, prices, row_of)
    columns = [0] * len(gains)
    for j, owner in enumerate(row_of):
        if owner is not None:
            columns[owner] = j
    return columns


def _augment(
    gains: Sequence[Sequence[int]], start: int, top: list[int], prices: list[int], row_of: list[int | None]
) -> None:
    """Give a row a column along the cheapest path; `top[i] + prices[j] >= gains[i][j]` holds before and after."""
    came: dict[int, int] = {}
    passed: dict[int, tuple[int, int]] = {}
    column, length = _cheapest_path(gains, start, top, prices, row_of, came, passed)
    top[start] -= length
    for owner, (j, reached) in passed.items():
        top[owner] -= length - reached
        prices[j] += length - reached
    while True:
        row_of[column] = i = came[column]
        if i == start:
            return
        column = passed[i][0]


def _cheapest_path(
    gains: Sequence[Sequence[int]],
    start: int,
    top: list[int],
    prices: list[int],
    row_of: list[int | None],
    came: dict[int, int],
    passed: dict[int, tuple[int, int]],
) -> tuple[int, int]:
    """The free column that is nearest to a row, and how far it is (Dijkstra over columns).

    `came` fills with the row before each column, `passed` with column and distance of each row on the way.
    """
    open_columns = list(range(len(prices)))
    distance: dict[int, int] = {}
    i, so_far = start, 0
    while True:
        row, base = gains[i], so_far + top[i]
        best, nearest = None, 0
        for j in open_columns:
            reached = base + prices[j] - row[j]
            known = distance.get(j)
            if known is None or reached < known:
                distance[j] = known = reached
                came[j] = i
            if best is None or known < best:
                best, nearest = known, j
        assert best is not None  # there is a free column while a row waits
        owner = row_of[nearest]
        if owner is None:
            return nearest, best
        passed[owner] = nearest, best
        open_columns.remove(nearest)
        i, so_far = owner, best


def in_order(n_rows: int, n_columns: int, gain: Callable[[int, int], int | None]) -> dict[int, int]:
    """Pairs that do not cross, with the greatest sum; a gain of None is not a pair.

    Dynamic programming over prefixes (Needleman and Wunsch 1970), one byte for each pair.
    """
    best = [0] * (n_columns + 1)
    steps = []
    for i in range(n_rows):
        step, row = bytearray(n_columns), [0]
        for j in range(n_columns):
            value, choice = (best[j + 1], 1) if best[j + 1] >= row[j] else (row[j], 2)
            gained = gain(i, j)
            if gained is not None and best[j] + gained > value:
                value, choice = best[j] + gained, 0
            step[j] = choice
            row.append(value)
        steps.append(step)
        best = row
    pairs, i, j = {}, n_rows - 1, n_columns - 1
    while i >= 0 and j >= 0:
        choice = steps[i][j]
        if choice == 0:
            pairs[i] = j
        i, j = i - (choice != 2), j - (choice != 1)
    return dict(sorted(pairs.items()))
