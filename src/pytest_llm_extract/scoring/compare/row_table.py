"""The rows of one list, gold beside predicted, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel

from pytest_llm_extract.rules.comparators import AnyOf
from pytest_llm_extract.schema.validators import MISSING, Unreadable
from pytest_llm_extract.scoring.compare.column import UNLABELLED, Column
from pytest_llm_extract.scoring.compare.plan import FieldPlan, Held, RowText, RowTexts
from pytest_llm_extract.scoring.compare.texts import normal_text

_COMPARED = 1_000  # characters of a value: similarity takes time that grows with the square of its length


class RowPlan:
    """The leaves of a row by field names: `columns` have one value, `whole` are lists, unions and dicts."""

    def __init__(self, items: FieldPlan, leaves: Iterable[tuple[tuple[str, ...], FieldPlan]]) -> None:
        self.items = items
        listed = list(leaves)
        self.columns = [(names, plan.comparator) for names, plan in listed if plan.comparator is not None]
        self.paths = [path for _, plan in listed if plan.comparator is not None for path in plan.paths]
        self.whole = [(names, plan) for names, plan in listed if plan.comparator is None]
        self.order = {path: number for number, path in enumerate(items.paths)}


@dataclass
class Table:
    """All rows of one list, column by column."""

    plan: RowPlan
    gold: Sequence[Any]
    predicted: Sequence[Any]
    min_similarity: float
    texts: RowTexts = field(default_factory=dict)

    def __post_init__(self) -> None:
        models = all(isinstance(row, BaseModel) for row in self.gold)
        self.columns = [
            Column(comparator, _gold_cells(self.gold, names, models), _cells(self.predicted, names))
            for names, comparator in self.plan.columns
        ]
        charged = dict.fromkeys(
            path for path, column in zip(self.plan.paths, self.columns, strict=True) if column.labelled
        )
        for names, plan in self.plan.whole:
            for row in self.gold:
                if (value := gold_cell(row, names)) is not UNLABELLED:
                    plan.labelled(value, charged)
        self.charged = charged
        self._charged = tuple(charged)

    def shown(self, is_gold: bool, index: int) -> RowText:
        """What a row holds: the beginning of each value."""
        row = (self.gold if is_gold else self.predicted)[index]
        known = self.texts.get((id(row), self._charged))
        if known is None:
            held = Held(self.charged)
            self.plan.items.held(row, held)
            texts = [(path, normal_text(_shown(value)[:_COMPARED])) for path, value in held]
            if self.plan.whole:
                texts.sort(key=self._in_order)
            text = "\x1f".join([text for _, text in texts])
            known = self.texts[id(row), self._charged] = RowText(text, not held.n_charged)
        return known

    def _in_order(self, sides: tuple[str, str]) -> tuple[int, str]:
        """By field, then by value: the order of lists below a row does not make it less like another."""
        return self.plan.order.get(sides[0], len(self.plan.order)), sides[1]

    def masks(self, rows: Sequence[int], others: Sequence[int]) -> tuple[list[tuple[int, int]], list[int]]:
        """Bits by column: gold is null, gold has a value; the prediction has one where gold labels the column."""
        mine, theirs = [(0, 0)] * len(rows), [0] * len(others)
        for c, column in enumerate(self.columns):
            bit = 1 << c
            for a, i in enumerate(rows):
                null, valued = mine[a]
                if column.gold[i] is None:
                    mine[a] = null | bit, valued
                elif i in column.free:  # it may be either
                    mine[a] = null | bit, valued | bit
                elif column.gold[i] is not UNLABELLED:
                    mine[a] = null, valued | bit
            if column.labelled:
                for b, j in enumerate(others):
                    if column.predicted[j] is not None:
                        theirs[b] |= bit
        return mine, theirs


def _shown(value: Any) -> str:
    """What a value says, without the name of its class; of several right answers, the first."""
    if isinstance(value, AnyOf):
        value = next((one for one in value.values if one is not None), None)
    if isinstance(value, Enum | Unreadable):
        value = value.value
    if is_dataclass(value) and not isinstance(value, type):
        return " ".join(_shown(getattr(value, field.name)) for field in fields(value))
    return str(value)


def _gold_cells(rows: Sequence[Any], names: tuple[str, ...], models: bool) -> list[Any]:
    if len(names) == 1 and models:
        name = names[0]
        return [getattr(row, name) if name in row.model_fields_set else UNLABELLED for row in rows]
    return [gold_cell(row, names) for row in rows]


def gold_cell(row: Any, names: tuple[str, ...]) -> Any:
    """The value that some field names lead to: None where there is no model on the way, or UNLABELLED."""
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
    return [cell(row, names) for row in rows]


def cell(row: Any, names: tuple[str, ...]) -> Any:
    """The value that some field names lead to, or None."""
    for name in names:
        row = getattr(row, name, None)
    return row
