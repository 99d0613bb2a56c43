"""The answer of one case against the gold of another: a field that stays right cannot fail, whatever its rule is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.results.outcome import Leaf, Outcome
from pytest_llm_extract.rules.comparators import ANY_OF_KEY
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import read_answer
from pytest_llm_extract.scoring.score import score_answer

_CASES = 12  # each against two others
_LEAST = 2  # pairs of different values, below which nothing is said


class Swapped(NamedTuple):
    """How often a field was right although its value was that of another case."""

    path: str
    n_right: int
    n_pairs: int

    def __str__(self) -> str:
        return (
            f"{self.path} can hardly fail: right in {self.n_right} of {self.n_pairs} "
            "answers that have another case's value; look at its rule, its type and its validators"
        )


def swapped_answers(schema: Schema, cases: Sequence[GoldenCase]) -> dict[str, Swapped]:
    """The fields that are right in more than half of such pairs, by path.

    The answer of a case is its own gold, read as an answer; values that differ in case and signs alone are not
    different. A sample of the cases is taken, always the same.
    """
    right: dict[str, int] = {}
    pairs: dict[str, int] = {}
    for gold, other in _pairs(cases):
        for path, is_right in _outcomes(schema, gold, other):
            right[path] = right.get(path, 0) + is_right
            pairs[path] = pairs.get(path, 0) + 1
    swapped = (Swapped(path, right[path], n) for path, n in pairs.items())
    return {one.path: one for one in swapped if one.n_pairs >= _LEAST and 2 * one.n_right > one.n_pairs}


def _pairs(cases: Sequence[GoldenCase]) -> Iterator[tuple[GoldenCase, GoldenCase]]:
    step = max(1, len(cases) // _CASES)
    some = cases[::step][: _CASES + 1]
    for distance in sorted({1, len(some) // 2} - {0}):
        for number, golden in enumerate(some):
            other = some[(number + distance) % len(some)]
            if other is not golden:
                yield golden, other


def _outcomes(schema: Schema, golden: GoldenCase, other: GoldenCase) -> Iterator[tuple[str, bool]]:
    """Field and whether it is right, for each leaf of which the two cases have different values."""
    text = other.text
    if text is None:
        return
    try:
        result = score_answer(schema, golden.gold, read_answer(schema, _first_alternatives(text)))
    except Exception:  # of a comparison or a validator, which the tests will show
        return
    given = (golden.case.expected, other.case.expected)
    for path, leaves in result.leaves.items():
        values = None if "[" in path or "{" in path else tuple(_at(value, path) for value in given)
        for leaf in leaves:
            if leaf.outcome in (Outcome.CORRECT, Outcome.WRONG) and _differ(leaf, values):
                yield path, leaf.outcome is Outcome.CORRECT


def _differ(leaf: Leaf, written: tuple[Any, ...] | None) -> bool:
    """Whether the values differ, as golden data has them: a validator may have made them one."""
    one, other = written if written and None not in written else (leaf.expected, leaf.actual)
    if any(isinstance(value, dict) and ANY_OF_KEY in value for value in (one, other)):
        return False
    return _normal(one) != _normal(other)


def _normal(value: Any) -> str:
    return "".join(filter(str.isalnum, json.dumps(value, default=str).casefold()))


def _at(value: Any, path: str) -> Any:
    """What golden data has at a path; None where it has nothing, or calls the field by an alias."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return value


def _first_alternatives(text: str) -> str:
    """Gold as the answer of a model: of several right values the first."""
    return json.dumps(_chosen(json.loads(text))) if ANY_OF_KEY in text else text


def _chosen(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {ANY_OF_KEY}:
            return _chosen(value[ANY_OF_KEY][0])
        return {name: _chosen(inner) for name, inner in value.items()}
    return [_chosen(item) for item in value] if isinstance(value, list) else value
