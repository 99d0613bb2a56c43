"""What each pair of rows gains over leaving both as leftovers, by their own leaves and by what is below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.scoring.compare.column import UNLABELLED
from pytest_llm_extract.scoring.compare.plan import FieldPlan, Held, RowTexts, Walk
from pytest_llm_extract.scoring.compare.row_table import Table, cell, gold_cell

_MILLION = 1_000_000
_CORRECT, _MISSING, _SPURIOUS, _ABSENT = Outcome.CORRECT, Outcome.MISSING, Outcome.SPURIOUS, Outcome.ABSENT_OK


class Gains:
    """What each pair of some rows gains over leaving both: one integer, a group of bits for each criterion."""

    def __init__(self, table: Table, rows: Sequence[int], others: Sequence[int]) -> None:
        from rapidfuzz.distance import Indel

        self._likeness: Callable[[str, str], float] = Indel.normalized_similarity
        self._table, self._rows, self._others = table, rows, others
        size, span = max(len(rows), len(others)), max(len(table.gold), len(table.predicted))
        self._mine, self._theirs = ([table.shown(side, n) for n in of] for side, of in ((True, rows), (False, others)))
        self._below = BelowRows(table, rows, others) if table.plan.whole else None
        self._digit = size.bit_length()  # holds the count of one column
        self._near = (size * span * span).bit_length()
        self._alike = 2 * self._near + (self._below.bits if self._below else 0) + 3 * self._digit * len(table.columns)
        self._bare = self._alike + (size * _MILLION).bit_length()
        self._errors = self._bare + 40
        self._correct = self._errors + 40
        # Half a unit: what lists below the row lose is taken from the same integer.
        self._one_correct = 1 << (self._correct - 1)
        self.matrix = self._all()

    def refused(self, a: int, b: int) -> bool:
        """Whether the a-th row and the b-th other row are not a pair."""
        if self.matrix[a][b] >= self._one_correct:
            return False
        return self._likeness(self._mine[a].text, self._theirs[b].text) < self._table.min_similarity

    def _all(self) -> list[list[int]]:
        correct = self._column_hits()
        if self._below is not None:
            self._below.add_to(correct, self._correct, self._errors, self._bare, 2 * self._near)
        self._add_bare(correct)
        masks, held = self._table.masks(self._rows, self._others)
        by_mask: dict[tuple[int, int], list[int]] = {}
        texts = [other.text for other in self._theirs]
        least, one_correct, alike = self._table.min_similarity, self._one_correct, self._alike
        span = range(max(len(self._table.gold), len(self._table.predicted)))
        apart = [(distance << self._near) + distance * distance for distance in span]
        matrix = []
        for i, row, line, mask in zip(self._rows, self._mine, correct, masks, strict=True):
            if (shared := by_mask.get(mask)) is None:
                known = {theirs: self._by_mask(*mask, theirs) for theirs in set(held)}
                shared = by_mask[mask] = [known[theirs] for theirs in held]
            matrix.append(
                [
                    0
                    if similarity < least and gain < one_correct
                    else gain + saved + (int(similarity * _MILLION) << alike) - apart[abs(i - j)]
                    for gain, saved, similarity, j in zip(
                        line, shared, [self._likeness(row.text, other) for other in texts], self._others, strict=True
                    )
                ]
            )
        return matrix

    def _column_hits(self) -> list[list[int]]:
        """Correct leaves of each pair, and below them a digit for each column, the first one highest."""
        correct = [[0] * len(self._others) for _ in self._rows]
        for c, column in enumerate(self._table.columns):
            unit = (1 << self._correct) + (1 << (self._alike - (3 * c + 1) * self._digit))
            saved = 1 << self._errors  # a hit saves the extra value; a gold value that may be null saved nothing yet
            for i, line, hits in zip(self._rows, correct, column.hits(self._rows, self._others), strict=True):
                gain = unit + saved if i in column.free else unit
                for b in hits:
                    line[b] += gain
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

    def _add_bare(self, correct: list[list[int]]) -> None:
        """A pair saves the charge of each of its rows that charges no leaf as a leftover."""
        saved = [other.is_bare << self._bare for other in self._theirs]
        if not any(saved) and not any(row.is_bare for row in self._mine):
            return
        for row, line in zip(self._mine, correct, strict=True):
            mine = row.is_bare << self._bare
            line[:] = [gain + mine + theirs for gain, theirs in zip(line, saved, strict=True)]


class _Gain(NamedTuple):
    """What a pair gains over leaving both rows: correct leaves, errors and rows without a leaf that are saved.

    `counts` has how often each outcome occurs more than among leftovers, by path; of rows, the path has a space before
    it. Where all else is equal it decides, so that the order of rows changes no count.
    """

    correct: int
    errors: int
    bare: int
    counts: dict[tuple[str, Outcome], int]


class BelowRows:
    """What each pair of some rows gains by what is below them, compared only where that may be something.

    `bits` is the room that the counts of one pair, and their sum over an assignment, take.
    """

    def __init__(self, table: Table, rows: Sequence[int], others: Sequence[int]) -> None:
        self._gains: list[tuple[int, Collection[int], list[_Gain]]] = []
        for names, plan in table.plan.whole:
            gold = [gold_cell(table.gold[i], names) for i in rows]
            predicted = [cell(table.predicted[j], names) for j in others]
            self._gains += _gains(plan, gold, predicted, table)
        keys = {key: None for _, _, gains in self._gains for gain in gains for key in gain.counts}
        most = max((abs(n) for _, _, gains in self._gains for gain in gains for n in gain.counts.values()), default=0)
        self._keys, self._width = sorted(keys), (2 * most * max(len(rows), len(others))).bit_length() + 1
        self.bits = self._width * len(self._keys)

    def add_to(self, matrix: list[list[int]], correct: int, errors: int, bare: int, below: int) -> None:
        """Add the gains to those of the rows' own leaves; the numbers are the lowest bit of each criterion."""
        place = {key: below + number * self._width for number, key in enumerate(self._keys)}
        known: dict[int, int] = {}
        for a, columns, gains in self._gains:
            line = matrix[a]
            for b, gain in zip(columns, gains, strict=True):
                if (one := known.get(id(gain))) is None:
                    one = (gain.correct << correct) + (gain.errors << errors) + (gain.bare << bare)
                    one += sum([n << place[key] for key, n in gain.counts.items()])
                    known[id(gain)] = one
                line[b] += one


def _gains(
    plan: FieldPlan, gold: Sequence[Any], predicted: Sequence[Any], table: Table
) -> Iterator[tuple[int, Collection[int], list[_Gain]]]:
    """For each gold value, the places of predicted ones with which it gains something, and how much."""
    charged = table.charged
    extra = [_left_over(plan, value, charged, _SPURIOUS) for value in predicted]
    near = plan.may_pair([None if value is UNLABELLED else value for value in gold], predicted, charged)
    empty = [b for b, value in enumerate(predicted) if not value] if near is not None else []
    neither: _Gain | None = None
    for a, wanted in enumerate(gold):
        if wanted is UNLABELLED:
            yield a, range(len(extra)), extra
            continue
        missing = _left_over(plan, wanted, charged, _MISSING)
        columns = range(len(predicted)) if near is None else near[a]
        yield a, columns, [_added(_pair(plan, wanted, predicted[b], table.texts), missing, extra[b]) for b in columns]
        if empty and not wanted:
            neither = neither or _pair(plan, wanted, predicted[empty[0]], table.texts)
            yield a, empty, [neither] * len(empty)


def _left_over(plan: FieldPlan, value: Any, charged: Collection[str], outcome: Outcome) -> _Gain:
    """What it saves not to leave a value over."""
    held = Held(charged)
    plan.held(value, held)
    counts = Counter((path, outcome) for path, _ in held)
    counts.update((f" {path}", outcome) for path in held.rows)
    return _Gain(0, len(held), len(held.bare), {key: -n for key, n in counts.items()})


def _pair(plan: FieldPlan, gold: Any, predicted: Any, texts: RowTexts) -> _Gain:
    """What a pair gains by its correct leaves, less what it costs in others and in rows without a leaf."""
    out = Walk(texts)
    plan.compare(gold, predicted, _ABSENT, out)
    outcomes = [found[1] for found in out]
    counts = Counter([found[:2] for found in out])
    for path, outcome, n in out.rows:
        counts[f" {path}", outcome] += n
    return _Gain(outcomes.count(_CORRECT), outcomes.count(_ABSENT) - len(outcomes), -len(out.bare), dict(counts))


def _added(*gains: _Gain) -> _Gain:
    first, *others = gains
    counts = dict(first.counts)
    for gain in others:
        for key, n in gain.counts.items():
            counts[key] = counts.get(key, 0) + n
    changed = {key: n for key, n in counts.items() if n}
    return _Gain(sum([g.correct for g in gains]), sum([g.errors for g in gains]), sum([g.bare for g in gains]), changed)
