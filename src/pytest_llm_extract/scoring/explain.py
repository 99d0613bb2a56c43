"""Explain an inexact case: one line for each value or row that is not right, with the number of its row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pytest_llm_extract.results.outcome import RIGHT, Outcome
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.schema.validators import MISSING
from pytest_llm_extract.scoring.compare.comparators import is_absent
from pytest_llm_extract.scoring.compare.items_plan import ItemsPlan
from pytest_llm_extract.scoring.compare.model_plan import ModelPlan, UnionPlan
from pytest_llm_extract.scoring.compare.plan import FieldPlan, Walk
from pytest_llm_extract.scoring.compare.walk import plan_of
from pytest_llm_extract.scoring.score import leaf_json, row_json

if TYPE_CHECKING:
    from deepdiff import DeepDiff

_WIDTH = 200


def explain(schema: Schema, gold: Any, actual: Any) -> tuple[str, ...]:
    """`path: expected X, got Y` for every leaf that is not right, and only for those, in the order of the schema.

    Rows are numbered from 0: as gold has them, and a row that only the answer has as the answer has it. A missing or
    extra row is one line. `gold` is what `Schema.read_gold` gave, `actual` an answer's value, None for a lost one.
    """
    return tuple(_lines(schema, plan_of(schema.root), gold, actual, ""))


def _lines(schema: Schema, plan: FieldPlan, gold: Any, actual: Any, place: str) -> Iterator[str]:
    """The walk of `scoring/compare` once more, with the place of each value; rows are paired as they were scored."""
    if is_absent(gold) and is_absent(actual):
        return
    if isinstance(plan, ItemsPlan):
        yield from _items(schema, plan, gold, actual, place)
    elif isinstance(plan, ModelPlan):
        for name, child in plan.fields:
            if is_absent(gold) or name in gold.model_fields_set:
                yield from _lines(schema, child, _field(gold, name), _field(actual, name), f"{place}.{name}")
    elif isinstance(plan, UnionPlan):
        for child, one, other in plan.parts(gold, actual):
            suffix = plan.type.path.rpartition(".")[2] if child is plan.type else ""
            yield from _lines(schema, child, one, other, f"{place}.{suffix}" if suffix else place)
    else:
        yield from _leaf(schema, plan, gold, actual, place)


def _items(schema: Schema, plan: ItemsPlan, gold: Any, actual: Any, place: str) -> Iterator[str]:
    for key, one, other in plan.matched(gold, actual):
        within = f"{place}[{key}]" if isinstance(key, int) else f"{place}.{key}"
        if one is MISSING or other is MISSING:
            left = Walk()
            missing, extra = ([item] if item is not MISSING else [] for item in (one, other))
            plan.leftovers(gold, missing, extra, left)
            if left or left.bare:
                yield _line(within, _item(schema, plan, one), _item(schema, plan, other))
        else:
            yield from _lines(schema, plan.items, one, other, within)


def _leaf(schema: Schema, plan: FieldPlan, gold: Any, actual: Any, place: str) -> Iterator[str]:
    walk = Walk()
    plan.compare(gold, actual, Outcome.ABSENT_OK, walk)
    for path, outcome, *sides in walk:
        if outcome in RIGHT:
            continue
        expected, got = (leaf_json(side, path, schema) for side in sides[:2])
        if isinstance(expected, dict | list) and isinstance(got, dict | list):
            for inner, one, other in _differences(expected, got):
                yield _line(place + inner, _value(one), _value(other))
        else:
            yield _line(place, _value(expected), _value(got))


def _item(schema: Schema, plan: ItemsPlan, item: Any) -> str:
    """An item of a list or dict, which null is too."""
    return "nothing" if item is MISSING else _text(row_json(item, plan.paths[0], schema))


def _field(value: Any, name: str) -> Any:
    return None if is_absent(value) else getattr(value, name, None)


def _differences(expected: Any, actual: Any) -> Iterator[tuple[str, Any, Any]]:
    """Place, expected and actual value of every difference within a leaf; what one side lacks is None there."""
    from deepdiff import DeepDiff

    diff: DeepDiff = DeepDiff(expected, actual, view="tree", threshold_to_diff_deeper=0)
    for levels in diff.values():
        for level in levels:
            yield _within(level.path(output_format="list")), _present(level.t1), _present(level.t2)


def _present(value: Any) -> Any:
    from deepdiff.helper import NotPresent

    return None if isinstance(value, NotPresent) or value is NotPresent else value


def _within(place: list[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)


def _value(value: Any) -> str:
    return "nothing" if value is None else _text(value)


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _line(place: str, expected: str, actual: str) -> str:
    return f"{place.lstrip('.')}: expected {expected}, got {actual}"
