"""What each pair of rows gains over leaving both as leftovers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_llm_extract.scoring.compare.below_rows import BelowRows, GainBits
from pytest_llm_extract.scoring.compare.row_table import Table

_MILLION = 1_000_000


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
            self._below.add_to(correct, GainBits(self._correct, self._errors, self._bare, 2 * self._near))
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
