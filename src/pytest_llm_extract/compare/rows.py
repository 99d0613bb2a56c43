"""Which predicted row belongs to which gold row.

The pairs maximise, in this order and summed over the whole assignment: correct leaves; fewest wrong, missing and
spurious leaves, leftovers included; similarity and, where that is equal, the outcomes field by field (so that the
order of rows never changes a count); closeness of position; fewest crossings. A pair without a correct leaf that is too
little alike is refused, which costs what two leftovers cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, isqrt
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from rapidfuzz.distance import Indel

from pytest_llm_extract.compare.align import assign, in_order
from pytest_llm_extract.compare.columns import UNLABELLED, Column
from pytest_llm_extract.compare.found import Walk
from pytest_llm_extract.compare.texts import normal_text
from pytest_llm_extract.outcome import Outcome
from pytest_llm_extract.readers import MISSING
from pytest_llm_extract.rules import Align, Ordered

if TYPE_CHECKING:
    from pytest_llm_extract.compare.walk import Plan

MAX_PAIRS = 1_000_000  # of rows in one assignment, about 200 MB; more are split into blocks first
_MILLION = 1_000_000
_alike = Indel.normalized_similarity


class RowPlan:
    """The leaves of a row by field names: `columns` have one value, `whole` are lists, unions and dicts."""

    def __init__(self, items: Plan, leaves: Iterable[tuple[tuple[str, ...], Plan]]) -> None:
        self.items = items
        listed = list(leaves)
        self.columns = [(names, plan.comparator) for names, plan in listed if plan.comparator is not None]
        self.paths = [path for _, plan in listed if plan.comparator is not None for path in plan.paths]
        self.whole = [(names, plan) for names, plan in listed if plan.comparator is None]


@dataclass(frozen=True)
class Pairing:
    """`pairs`: predicted index by gold index; those that are `equal` are right in every leaf of `columns`."""

    pairs: dict[int, int]
    equal: frozenset[int] = frozenset()
    columns: Sequence[tuple[str, Column]] = ()


def pair_rows(plan: RowPlan, gold: Sequence[Any], predicted: Sequence[Any], rule: Align | Ordered) -> Pairing:
    """Which predicted row belongs to which gold row."""
    table = _Table(plan, gold, predicted, rule.min_similarity if isinstance(rule, Align) else Align().min_similarity)
    rows, others = list(range(len(gold))), list(range(len(predicted)))
    if isinstance(rule, Ordered):
        return Pairing(table.in_order(rows, others))
    if rule.keys:
        return Pairing(table.by_key(rule.keys, rows, others))
    equal = table.certain()
    taken = set(equal.values())
    pairs = equal | table.best([i for i in rows if i not in equal], [j for j in others if j not in taken])
    return Pairing(pairs, frozenset(equal), list(zip(plan.paths, table.columns, strict=True)))


@dataclass
class _Table:
    """All rows of one list, column by column."""

    plan: RowPlan
    gold: Sequence[Any]
    predicted: Sequence[Any]
    min_similarity: float
    _texts: dict[tuple[bool, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns = [
            Column(comparator, _gold_cells(self.gold, names), _cells(self.predicted, names))
            for names, comparator in self.plan.columns
        ]
        charged = dict.fromkeys(
            path for path, column in zip(self.plan.paths, self.columns, strict=True) if column.labelled
        )
        for names, plan in self.plan.whole:
            for row in self.gold:
                if (value := _gold_cell(row, names)) is not UNLABELLED:
                    plan.labelled(value, charged)
        self.charged = charged

    def certain(self) -> dict[int, int]:
        """Equal rows that every best assignment pairs.

        They share a value that no other row has, every row is labelled alike, and being the same carries over: then any
        other partner costs a correct leaf and gains none.
        """
        columns = [column for column in self.columns if column.labelled]
        if self.plan.whole or not all(column.all_labelled and column.keys for column in columns):
            return {}
        keys = [column.keys for column in columns if column.keys is not None]
        rows: dict[tuple[Any, ...], list[int]] = {}
        others: dict[tuple[Any, ...], list[int]] = {}
        for found, side in ((rows, 0), (others, 1)):
            for index, key in enumerate(zip(*(column[side] for column in keys), strict=True)):
                found.setdefault(key, []).append(index)
        pairs: dict[int, int] = {}
        for key, mine in rows.items():
            theirs = others.get(key, ())
            if len(mine) == len(theirs) and any(
                value is not None and column.counts[0][value] == column.counts[1][value] == len(mine)
                for value, column in zip(key, columns, strict=True)
            ):
                pairs.update(zip(mine, theirs, strict=True))
        return pairs

    def best(self, rows: Sequence[int], others: Sequence[int]) -> dict[int, int]:
        """The best assignment of some rows."""
        if not rows or not others:
            return {}
        if len(rows) * len(others) > MAX_PAIRS:
            return self._in_blocks(rows, others)
        gains = _Gains(self, rows, others)
        swap = len(rows) > len(others)
        matrix = list(zip(*gains.matrix, strict=True)) if swap else gains.matrix
        chosen = ((b, a) if swap else (a, b) for a, b in enumerate(assign(matrix)))
        return {rows[a]: others[b] for a, b in sorted(chosen) if not gains.refused(a, b)}

    def in_order(self, rows: Sequence[int], others: Sequence[int]) -> dict[int, int]:
        """The best assignment without crossings."""
        size = isqrt(MAX_PAIRS)
        pairs: dict[int, int] = {}
        for start in range(0, min(len(rows), len(others)), size):
            mine, theirs = rows[start : start + size], others[start : start + size]
            gains = _Gains(self, mine, theirs)

            def gain(a: int, b: int, gains: _Gains = gains) -> int | None:
                return None if gains.refused(a, b) else gains.matrix[a][b]

            pairs |= {mine[a]: theirs[b] for a, b in in_order(len(mine), len(theirs), gain).items()}
        return pairs

    def by_key(self, names: Sequence[str], rows: Sequence[int], others: Sequence[int]) -> dict[int, int]:
        """Rows of the same key, several of them at their best; gold rows without a key, among what no key claims."""
        wanted = [self.columns[[".".join(n) for n, _ in self.plan.columns].index(name)] for name in names]
        groups = [_groups(column) for column in wanted]
        mine: dict[tuple[Any, ...], list[int]] = {}
        theirs: dict[tuple[Any, ...], list[int]] = {}
        for index in rows:
            mine.setdefault(tuple(group[0][index] for group in groups), []).append(index)
        for index in others:
            theirs.setdefault(tuple(group[1][index] for group in groups), []).append(index)
        keyless = [i for key, found in mine.items() if set(key) == {None} for i in found]
        pairs: dict[int, int] = {}
        for key, found in mine.items():
            if set(key) != {None}:
                pairs |= self.best(found, theirs.get(key, ()))
        taken = set(pairs.values())
        free = [j for key, found in theirs.items() if set(key) == {None} or key not in mine for j in found]
        return pairs | self.best(keyless, sorted(j for j in free if j not in taken))

    def _in_blocks(self, rows: Sequence[int], others: Sequence[int]) -> dict[int, int]:
        """Too many for one assignment: blocks of rows that are near each other in the order of their texts."""
        mine = sorted(rows, key=lambda i: (self.text(True, i), i))
        theirs = sorted(others, key=lambda j: (self.text(False, j), j))
        n_blocks = ceil(max(len(rows), len(others)) / isqrt(MAX_PAIRS))
        pairs: dict[int, int] = {}
        for k in range(n_blocks):
            block, other_block = (
                sorted(side[k * len(side) // n_blocks : (k + 1) * len(side) // n_blocks]) for side in (mine, theirs)
            )
            pairs |= self.best(block, other_block)
        return pairs

    def text(self, is_gold: bool, index: int) -> str:
        """What a row holds of the paths that gold labels, for similarity."""
        known = self._texts.get((is_gold, index))
        if known is None:
            held: list[tuple[str, Any]] = []
            self.plan.items.held((self.gold if is_gold else self.predicted)[index], held)
            known = "\x1f".join(normal_text(str(value)) for path, value in held if path in self.charged)
            self._texts[is_gold, index] = known
        return known

    def masks(self, rows: Sequence[int], others: Sequence[int]) -> tuple[list[tuple[int, int]], list[int]]:
        """Bits by column: gold is null, gold has a value; the prediction has one where gold labels the column."""
        mine, theirs = [(0, 0)] * len(rows), [0] * len(others)
        for c, column in enumerate(self.columns):
            bit = 1 << c
            for a, i in enumerate(rows):
                null, valued = mine[a]
                if column.gold[i] is None:
                    mine[a] = null | bit, valued
                elif column.gold[i] is not UNLABELLED:
                    mine[a] = null, valued | bit
            if column.labelled:
                for b, j in enumerate(others):
                    if column.predicted[j] is not None:
                        theirs[b] |= bit
        return mine, theirs


class _Gains:
    """What each pair of some rows gains over leaving both: one integer, a group of bits for each criterion."""

    def __init__(self, table: _Table, rows: Sequence[int], others: Sequence[int]) -> None:
        self._table, self._rows, self._others = table, rows, others
        size, span = max(len(rows), len(others)), max(len(table.gold), len(table.predicted))
        self._digit = size.bit_length()  # holds the count of one column
        self._near = (size * span * span).bit_length()
        self._alike = 2 * self._near + 3 * self._digit * len(table.columns)
        self._errors = self._alike + (size * _MILLION).bit_length()
        self._correct = self._errors + 40
        # Half a unit: what lists below the row lose is taken from the same integer.
        self._one_correct = 1 << (self._correct - 1)
        self.matrix = self._all()

    def refused(self, a: int, b: int) -> bool:
        """Whether the a-th row and the b-th other row are no pair."""
        if self.matrix[a][b] >= self._one_correct:
            return False
        texts = self._table.text(True, self._rows[a]), self._table.text(False, self._others[b])
        return _alike(*texts) < self._table.min_similarity

    def _all(self) -> list[list[int]]:
        correct = self._column_hits()
        self._add_whole(correct)
        masks, held = self._table.masks(self._rows, self._others)
        by_mask: dict[tuple[int, int], list[int]] = {}
        texts = [self._table.text(False, j) for j in self._others]
        least, one_correct, alike = self._table.min_similarity, self._one_correct, self._alike
        span = range(max(len(self._table.gold), len(self._table.predicted)))
        apart = [(distance << self._near) + distance * distance for distance in span]
        matrix = []
        for i, line, mask in zip(self._rows, correct, masks, strict=True):
            text, shared = self._table.text(True, i), by_mask.get(mask)
            if shared is None:
                known = {theirs: self._by_mask(*mask, theirs) for theirs in set(held)}
                shared = by_mask[mask] = [known[theirs] for theirs in held]
            matrix.append(
                [
                    0
                    if similarity < least and gain < one_correct
                    else gain + saved + (int(similarity * _MILLION) << alike) - apart[abs(i - j)]
                    for gain, saved, similarity, j in zip(
                        line, shared, [_alike(text, other) for other in texts], self._others, strict=True
                    )
                ]
            )
        return matrix

    def _column_hits(self) -> list[list[int]]:
        """Correct leaves of each pair, and below them a digit for each column, the first one highest."""
        correct = [[0] * len(self._others) for _ in self._rows]
        for c, column in enumerate(self._table.columns):
            unit = (1 << self._correct) + (1 << (self._alike - (3 * c + 1) * self._digit))
            for line, hits in zip(correct, column.hits(self._rows, self._others), strict=True):
                for b in hits:
                    line[b] += unit
        return correct

    def _by_mask(self, null: int, valued: int, held: int) -> int:
        """What the pattern of nulls says: errors saved, and a digit for values that meet, one for nulls that meet."""
        gain = (held.bit_count() - (null & held).bit_count()) << self._errors
        for c in range(len(self._table.columns)):
            bit, place = 1 << c, self._alike - (3 * c + 1) * self._digit
            if valued & held & bit:
                gain += 1 << (place - self._digit)
            elif null & bit and not held & bit:
                gain += 1 << (place - 2 * self._digit)
        return gain

    def _add_whole(self, correct: list[list[int]]) -> None:
        """Lists, unions and dicts below a row are compared for each pair."""
        for names, plan in self._table.plan.whole:
            gold = [_gold_cell(self._table.gold[i], names) for i in self._rows]
            predicted = [_cell(self._table.predicted[j], names) for j in self._others]
            extra = [self._held(plan, value) for value in predicted]
            for a, wanted in enumerate(gold):
                if wanted is UNLABELLED:
                    continue
                missing = self._held(plan, wanted)
                for b, found in enumerate(predicted):
                    right, wrong = _tally(plan, wanted, found)
                    saved = missing + extra[b] - wrong - right
                    correct[a][b] += (right << self._correct) + (saved << self._errors)

    def _held(self, plan: Plan, value: Any) -> int:
        held: list[tuple[str, Any]] = []
        plan.held(value, held)
        return sum(path in self._table.charged for path, _ in held)


def _tally(plan: Plan, gold: Any, predicted: Any) -> tuple[int, int]:
    """Correct leaves, and wrong, missing and spurious ones."""
    out = Walk()
    plan.compare(gold, predicted, Outcome.ABSENT_OK, out)
    right = sum(found[1] is Outcome.CORRECT for found in out)
    return right, sum(found[1] is not Outcome.ABSENT_OK for found in out) - right


def _groups(column: Column) -> tuple[Sequence[Any], Sequence[Any]]:
    """Group numbers of gold and predicted values that are the same, directly or through others; None for null."""
    if column.keys is not None:
        return column.keys
    leader: dict[tuple[bool, int], tuple[bool, int]] = {}

    def find(item: tuple[bool, int]) -> tuple[bool, int]:
        while leader.get(item, item) != item:
            item = leader[item]
        return item

    for i, found in enumerate(column.hits(range(len(column.gold)), range(len(column.predicted)))):
        for j in found:
            leader[find((False, j))] = find((True, i))
    gold = [None if v is None or v is UNLABELLED else find((True, i)) for i, v in enumerate(column.gold)]
    return gold, [None if v is None else find((False, j)) for j, v in enumerate(column.predicted)]


def _gold_cells(rows: Sequence[Any], names: tuple[str, ...]) -> list[Any]:
    if len(names) == 1 and all(isinstance(row, BaseModel) for row in rows):
        name = names[0]
        return [getattr(row, name) if name in row.model_fields_set else UNLABELLED for row in rows]
    return [_gold_cell(row, names) for row in rows]


def _gold_cell(row: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        if row is None or row is MISSING:
            return None
        if name not in row.model_fields_set:
            return UNLABELLED
        row = getattr(row, name)
    return None if row is MISSING else row


def _cells(rows: Sequence[Any], names: tuple[str, ...]) -> list[Any]:
    if len(names) == 1:
        name = names[0]
        return [getattr(row, name, None) for row in rows]
    return [_cell(row, names) for row in rows]


def _cell(row: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        row = getattr(row, name, None)
    return row
