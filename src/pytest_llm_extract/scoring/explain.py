"""Explain an inexact case: one line for each difference, with its row if deepdiff finds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pytest_llm_extract.results.leaf import Leaf, Leaves
from pytest_llm_extract.results.outcome import RIGHT
from pytest_llm_extract.schema.schema import Schema

if TYPE_CHECKING:
    from deepdiff import DeepDiff

_MOST_ROWS = 100  # of all lists; deepdiff takes seconds for more
_WIDTH = 200
Wrong = dict[str, list[Leaf]]
Place = list[str | int]


def explain(schema: Schema, gold: Any, actual: Any, leaves: Leaves) -> tuple[str, ...]:
    """`path: expected X, got Y` for every leaf that is not right, and only for those.

    Rows are numbered as gold has them, from 0; a row that only the answer has, as the answer has it. A missing or extra
    row is one line. Where deepdiff pairs rows in another way than scoring, or there are too many, the path says `[]`.
    """
    wrong = {path: [leaf for leaf in found if leaf.outcome not in RIGHT] for path, found in leaves.items()}
    wrong = {path: found for path, found in wrong.items() if found}
    lines = list(_placed(schema, gold, actual, wrong)) if any("[]" in path for path in wrong) else []
    for path, found in wrong.items():
        for leaf in found:
            lines += _leaf_lines(path, leaf)
    return tuple(lines)


def _placed(schema: Schema, gold: Any, actual: Any, wrong: Wrong) -> Iterator[str]:
    """The lines whose row deepdiff can name. Their leaves are removed from `wrong`."""
    try:
        expected, found = (
            schema.adapter.dump_python(value, mode="json", exclude_unset=unset, warnings=False)
            for value, unset in ((gold, True), (actual, False))
        )
    except ValueError:  # what cannot be written as JSON, a type of the project's or bytes that are no text
        return
    found = _as_labelled(expected, found)
    if max(_rows(expected), _rows(found)) > _MOST_ROWS:
        return
    # From the last to the first, so that the second of two equal rows is the extra one.
    yield from reversed(list(_whole_rows(expected, wrong, [], lambda row: (row, None))))
    yield from reversed(list(_whole_rows(found, wrong, [], lambda row: (None, row))))
    for place, one, other in _differences(expected, found, ignore_order=True):
        field = _field_path(place)
        if "[]" in field and _take(wrong, field, one, other):
            yield _line(_within(place).lstrip("."), one, other)


def _whole_rows(value: Any, wrong: Wrong, place: Place, sides: Callable[[Any], tuple[Any, Any]]) -> Iterator[str]:
    """Lines of the rows that the other side lacks; each becomes None where it stood, so that others keep theirs."""
    if isinstance(value, dict):
        for name in reversed(value):
            yield from _whole_rows(value[name], wrong, [*place, name], sides)
    elif isinstance(value, list):
        field = _field_path([*place, 0])
        for number, row in reversed(list(enumerate(value))):
            if isinstance(row, dict) and _take(wrong, field, *sides(row)):
                yield _line(_within([*place, number]).lstrip("."), *sides(row))
                value[number] = None
            else:
                yield from _whole_rows(row, wrong, [*place, number], sides)


def _as_labelled(expected: Any, found: Any) -> Any:
    """The answer without the fields that gold does not label."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {key: _as_labelled(expected[key], found[key]) for key in expected if key in found}
    if isinstance(expected, list) and isinstance(found, list) and expected:
        rows = [row for row in expected if isinstance(row, dict)]
        pattern = {key: row[key] for row in reversed(rows) for key in row} if rows else expected[0]
        return [_as_labelled(pattern, row) for row in found]
    return found


def _rows(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (len(value) if isinstance(value, list) else 0) + sum(map(_rows, inner))


def _take(wrong: Wrong, field: str, one: Any, other: Any) -> bool:
    """Take the leaves of a difference out of those that are to be told; False if it is not one of them."""
    wanted = list(_pairs(field, one, other))
    rest = {path: list(found) for path, found in wrong.items()}
    for path, pair in wanted:
        match = next((leaf for leaf in rest.get(path, ()) if (leaf.expected, leaf.actual) == pair), None)
        if match is None:
            return False
        rest[path].remove(match)
    wrong.update(rest)
    return bool(wanted)


def _pairs(field: str, one: Any, other: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The leaves of a value, or of a whole row that one side lacks."""
    row = one if other is None else other if one is None else None
    inner: list[tuple[str, Any]] | None = None
    if isinstance(row, dict):
        inner = [(f"{field}.{name}", value) for name, value in row.items() if value is not None]
    elif isinstance(row, list):
        inner = [(f"{field}[]", value) for value in row]
    if inner is not None:
        for path, value in inner:
            yield from _pairs(path, *((value, None) if other is None else (None, value)))
    else:
        yield field, (one, other)


def _leaf_lines(path: str, leaf: Leaf) -> Iterator[str]:
    if isinstance(leaf.expected, dict | list) and isinstance(leaf.actual, dict | list):
        for place, one, other in _differences(leaf.expected, leaf.actual, ignore_order=False):
            yield _line(path + _within(place), one, other)
    else:
        yield _line(path, leaf.expected, leaf.actual)


def _differences(expected: Any, actual: Any, *, ignore_order: bool) -> Iterator[tuple[Place, Any, Any]]:
    """Place, expected and actual value of every difference; what one side lacks is None there."""
    from deepdiff import DeepDiff

    diff: DeepDiff = DeepDiff(
        expected,
        actual,
        ignore_order=ignore_order,
        report_repetition=ignore_order,
        view="tree",
        threshold_to_diff_deeper=0,
    )
    for found in diff.values():
        for level in found:
            yield level.path(output_format="list"), _present(level.t1), _present(level.t2)


def _present(value: Any) -> Any:
    from deepdiff.helper import NotPresent

    return None if isinstance(value, NotPresent) or value is NotPresent else value


def _field_path(place: Place) -> str:
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _within(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)


def _line(path: str, expected: Any, actual: Any) -> str:
    one, other = (
        "nothing" if value is None else _cut(json.dumps(value, ensure_ascii=False)) for value in (expected, actual)
    )
    return f"{path}: expected {one}, got {other}"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
