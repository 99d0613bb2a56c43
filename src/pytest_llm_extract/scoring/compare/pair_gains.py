"""What each pair of rows gains over leaving both as leftovers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.scoring.compare.column import UNLABELLED
from pytest_llm_extract.scoring.compare.findings import Held, Walk
from pytest_llm_extract.scoring.compare.plan import FieldPlan
from pytest_llm_extract.scoring.compare.row_table import Table, cell, gold_cell

_MILLION = 1_000_000


class Gains:
    """What each pair of some rows gains over leaving both: one integer, a group of bits for each criterion."""

    def __init__(self, table: Table, rows: Sequence[int], others: Sequence[int]) -> None:
        from rapidfuzz.distance import Indel

        self._likeness: Callable[[str, str], float] = Indel.normalized_similarity
        self._table, self._rows, self._others = table, rows, others
        size, span = max(len(rows), len(others)), max(len(table.gold), len(table.predicted))
        self._digit = size.bit_length()  # holds the count of one column
        self._near = (size * span * span).bit_length()
        self._alike = 2 * self._near + 3 * self._digit * len(table.columns)
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
        texts = self._table.text(True, self._rows[a]), self._table.text(False, self._others[b])
        return self._likeness(*texts) < self._table.min_similarity

    def _all(self) -> list[list[int]]:
        correct = self._column_hits()
        self._add_whole(correct)
        self._add_bare(correct)
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
                        line, shared, [self._likeness(text, other) for other in texts], self._others, strict=True
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
        table = self._table
        for names, plan in table.plan.whole:
            gold = [gold_cell(self._table.gold[i], names) for i in self._rows]
            predicted = [cell(self._table.predicted[j], names) for j in self._others]
            extra = [self._held(plan, value) for value in predicted]
            near = plan.may_pair([None if value is UNLABELLED else value for value in gold], predicted, table.charged)
            for a, wanted in enumerate(gold):
                if wanted is UNLABELLED:
                    correct[a] = [gain + saved for gain, saved in zip(correct[a], extra, strict=True)]
                    continue
                missing = self._held(plan, wanted)
                for b in range(len(predicted)) if near is None else near[a]:
                    correct[a][b] += missing + extra[b] + self._pair(plan, wanted, predicted[b])

    def _add_bare(self, correct: list[list[int]]) -> None:
        """A pair saves the charge of each of its rows that charges no leaf as a leftover."""
        saved = [self._table.is_bare(False, j) << self._bare for j in self._others]
        for i, line in zip(self._rows, correct, strict=True):
            mine = self._table.is_bare(True, i) << self._bare
            if mine or any(saved):
                line[:] = [gain + mine + theirs for gain, theirs in zip(line, saved, strict=True)]

    def _held(self, plan: FieldPlan, value: Any) -> int:
        """What a value costs as a leftover."""
        held = Held(self._table.charged)
        plan.held(value, held)
        return (len(held) << self._errors) + (len(held.bare) << self._bare)

    def _pair(self, plan: FieldPlan, gold: Any, predicted: Any) -> int:
        """What a pair gains by its correct leaves, without what it costs in others and in rows without a leaf."""
        out = Walk()
        plan.compare(gold, predicted, Outcome.ABSENT_OK, out)
        right = sum(found[1] is Outcome.CORRECT for found in out)
        charged = sum(found[1] is not Outcome.ABSENT_OK for found in out)
        return (right << self._correct) - (charged << self._errors) - (len(out.bare) << self._bare)
