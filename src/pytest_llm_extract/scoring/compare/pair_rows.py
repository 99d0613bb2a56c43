"""Which predicted row belongs to which gold row.

The pairs maximise, in this order and summed over the whole assignment: correct leaves; fewest wrong, missing and
spurious leaves, leftovers included; fewest rows that are left over and charge no leaf; similarity and, where that is
equal, the outcomes field by field (so that the order of rows never changes a count); closeness of position; fewest
crossings. A pair without a correct leaf that is too little alike is refused, which costs what two leftovers cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, isqrt
from typing import Any, NamedTuple

from pytest_llm_extract.rules.comparators import Align, Ordered
from pytest_llm_extract.scoring.compare.assignment import assign, in_order
from pytest_llm_extract.scoring.compare.column import UNLABELLED, Column
from pytest_llm_extract.scoring.compare.pair_gains import Gains
from pytest_llm_extract.scoring.compare.plan import RowTexts
from pytest_llm_extract.scoring.compare.row_table import RowPlan, Table

MAX_PAIRS = 1_000_000  # of rows in one assignment, about 200 MB; more are split into blocks first


class Pairing(NamedTuple):
    """`pairs`: predicted index by gold index; those that are `equal` are right in every leaf of `columns`."""

    pairs: dict[int, int]
    equal: frozenset[int] = frozenset()
    columns: Sequence[tuple[str, Column]] = ()


def pair_rows(
    plan: RowPlan, gold: Sequence[Any], predicted: Sequence[Any], rule: Align | Ordered, texts: RowTexts
) -> Pairing:
    """Which predicted row belongs to which gold row; `texts` are those of rows that are known already."""
    least = rule.min_similarity if isinstance(rule, Align) else Align().min_similarity
    table = Table(plan, gold, predicted, least, texts)
    rows, others = list(range(len(gold))), list(range(len(predicted)))
    if isinstance(rule, Ordered):
        return Pairing(_in_order(table, rows, others))
    if rule.keys:
        return Pairing(_by_key(table, rule.keys, rows, others))
    equal = _certain(table)
    taken = set(equal.values())
    pairs = equal | _best(table, [i for i in rows if i not in equal], [j for j in others if j not in taken])
    return Pairing(pairs, frozenset(equal), list(zip(plan.paths, table.columns, strict=True)))


def _certain(table: Table) -> dict[int, int]:
    """Equal rows that every best assignment pairs.

    They share a value that no other row has, every row is labelled alike, and being the same carries over: then any
    other partner costs a correct leaf and gains none.
    """
    columns = [column for column in table.columns if column.labelled]
    if table.plan.whole or not all(column.all_labelled and column.keys for column in columns):
        return {}
    keys = [column.keys for column in columns if column.keys is not None]
    if any(set(mine).isdisjoint(theirs) for mine, theirs in keys):
        return {}
    rows: dict[tuple[Any, ...], list[int]] = {}
    others: dict[tuple[Any, ...], list[int]] = {}
    for by_key, side in ((rows, 0), (others, 1)):
        for index, key in enumerate(zip(*(column[side] for column in keys), strict=True)):
            by_key.setdefault(key, []).append(index)
    pairs: dict[int, int] = {}
    for key, mine in rows.items():
        theirs = others.get(key, ())
        if len(mine) == len(theirs) and any(
            value is not None and column.counts[0][value] == column.counts[1][value] == len(mine)
            for value, column in zip(key, columns, strict=True)
        ):
            pairs.update(zip(mine, theirs, strict=True))
    return pairs


def _best(table: Table, rows: Sequence[int], others: Sequence[int]) -> dict[int, int]:
    """The best assignment of some rows."""
    if not rows or not others:
        return {}
    if len(rows) * len(others) > MAX_PAIRS:
        # Rows that belong together are mostly near each other in the order of their texts.
        rows = sorted(rows, key=lambda i: (table.shown(True, i).text, i))
        others = sorted(others, key=lambda j: (table.shown(False, j).text, j))
        blocks = ((sorted(mine), sorted(theirs)) for mine, theirs in _blocks(rows, others))
        return {i: j for mine, theirs in blocks for i, j in _best(table, mine, theirs).items()}
    gains = Gains(table, rows, others)
    swap = len(rows) > len(others)
    matrix = list(zip(*gains.matrix, strict=True)) if swap else gains.matrix
    chosen = ((b, a) if swap else (a, b) for a, b in enumerate(assign(matrix)))
    return {rows[a]: others[b] for a, b in sorted(chosen) if not gains.refused(a, b)}


def _in_order(table: Table, rows: Sequence[int], others: Sequence[int]) -> dict[int, int]:
    """The best assignment without crossings."""
    pairs: dict[int, int] = {}
    for mine, theirs in _blocks(rows, others):
        gains = Gains(table, mine, theirs)

        def gain(a: int, b: int, gains: Gains = gains) -> int | None:
            return None if gains.refused(a, b) else gains.matrix[a][b]

        pairs |= {mine[a]: theirs[b] for a, b in in_order(len(mine), len(theirs), gain).items()}
    return pairs


def _blocks(rows: Sequence[int], others: Sequence[int]) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    """Both sides cut into as many parts as it takes for no part to hold more than MAX_PAIRS pairs."""
    fits = len(rows) * len(others) <= MAX_PAIRS
    n = 1 if fits else ceil(max(len(rows), len(others)) / isqrt(MAX_PAIRS))
    for k in range(n):
        mine, theirs = (side[k * len(side) // n : (k + 1) * len(side) // n] for side in (rows, others))
        yield mine, theirs


def _by_key(table: Table, names: Sequence[str], rows: Sequence[int], others: Sequence[int]) -> dict[int, int]:
    """Rows of the same key, several of them at their best.

    Gold rows choose among what those that label more of the key have left. What is not labelled of a key may be
    anything, as may a key that is null altogether.
    """
    wanted = [table.columns[[".".join(n) for n, _ in table.plan.columns].index(name)] for name in names]
    groups = [_groups(column) for column in wanted]
    mine: dict[tuple[int, ...], dict[tuple[Any, ...], list[int]]] = {}
    for index in rows:
        parts = tuple(part for part, column in enumerate(wanted) if column.gold[index] is not UNLABELLED)
        key = tuple(groups[part][0][index] for part in parts)
        if set(key) == {None}:
            parts, key = (), ()
        mine.setdefault(parts, {}).setdefault(key, []).append(index)
    pairs: dict[int, int] = {}
    for parts, by_key in sorted(mine.items(), key=lambda same_key: (-len(same_key[0]), same_key[0])):
        taken = set(pairs.values())
        theirs: dict[tuple[Any, ...], list[int]] = {}
        for index in others:
            if index not in taken:
                theirs.setdefault(tuple(groups[part][1][index] for part in parts), []).append(index)
        for key, same_key in by_key.items():
            pairs |= _best(table, same_key, theirs.get(key, ()))
    return pairs


def _groups(column: Column) -> tuple[Sequence[Any], Sequence[Any]]:
    """Group numbers of gold and predicted values that are the same, directly or through others; None for null."""
    if column.keys is not None:
        return column.keys
    leader: dict[tuple[bool, int], tuple[bool, int]] = {}

    def find(item: tuple[bool, int]) -> tuple[bool, int]:
        while leader.get(item, item) != item:
            item = leader[item]
        return item

    for i, hits in enumerate(column.hits(range(len(column.gold)), range(len(column.predicted)))):
        for j in hits:
            leader[find((False, j))] = find((True, i))
    gold = [None if v is None or v is UNLABELLED else find((True, i)) for i, v in enumerate(column.gold)]
    return gold, [None if v is None else find((False, j)) for j, v in enumerate(column.predicted)]
