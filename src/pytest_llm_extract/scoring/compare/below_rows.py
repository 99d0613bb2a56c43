"""What pairs of rows gain by the lists, unions and dicts below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from pytest_llm_extract.results.outcome import Outcome
from pytest_llm_extract.scoring.compare.column import UNLABELLED
from pytest_llm_extract.scoring.compare.findings import Held, RowTexts, Walk
from pytest_llm_extract.scoring.compare.plan import FieldPlan
from pytest_llm_extract.scoring.compare.row_table import Table, cell, gold_cell

_CORRECT, _MISSING, _SPURIOUS, _ABSENT = Outcome.CORRECT, Outcome.MISSING, Outcome.SPURIOUS, Outcome.ABSENT_OK


class GainBits(NamedTuple):
    """The lowest bit of each criterion in the integer that a pair gains."""

    correct: int
    errors: int
    bare: int
    below: int


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

    def add_to(self, matrix: list[list[int]], places: GainBits) -> None:
        """Add the gains to those of the rows' own leaves."""
        place = {key: places.below + number * self._width for number, key in enumerate(self._keys)}
        known: dict[int, int] = {}
        for a, columns, gains in self._gains:
            line = matrix[a]
            for b, gain in zip(columns, gains, strict=True):
                if (one := known.get(id(gain))) is None:
                    one = (gain.correct << places.correct) + (gain.errors << places.errors) + (gain.bare << places.bare)
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
