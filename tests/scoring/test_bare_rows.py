"""Rows that hold nothing, or nothing that gold labels: they are rows all the same."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from pytest_llm_extract import Floor
from pytest_llm_extract.gate.floors import missed_floors
from pytest_llm_extract.results.aggregate import Tally, summarize
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import FieldCounts
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.score import score

Plain = dict[str, Any]


class Part(BaseModel):
    """A row below a row."""

    name: str | None = None


class Item(BaseModel):
    """A row that may be empty."""

    sku: str | None = None
    price: float | None = None
    parts: list[Part] = []


class Invoice(BaseModel):
    """A document with every kind of list."""

    vendor: str | None = None
    items: list[Item] = []
    by_name: dict[str, Item] = {}
    grid: list[list[str]] = []


EMPTY: list[Plain] = [{"sku": None, "price": None}, {}, {"sku": ""}]
PATHS = Schema.of(Invoice, "test").scored_paths


def rows_of(gold: Plain, predicted: Plain, path: str = "items[]") -> Plain:
    """How often each outcome of a list's rows occurs."""
    return score(gold, predicted, Invoice).fields[path].to_wire()


@pytest.mark.parametrize("row", EMPTY)
def test_extra_rows_that_hold_nothing_are_spurious(row: Plain) -> None:
    """Ten of them are ten errors, beside gold's one row and where gold has none; no micro rate changes."""
    for gold in ([], [{"sku": "a"}]):
        result = score({"vendor": "A", "items": gold}, {"vendor": "A", "items": [*gold, *[row] * 10]}, Invoice)
        assert result.fields["items[]"].spurious == 10
        assert not result.exact
        assert Tally.of([result]).leaves.accuracy == 1


@pytest.mark.parametrize("row", EMPTY)
def test_missing_rows_that_hold_nothing_are_missing(row: Plain) -> None:
    """A row is not found by finding nothing, and a lost answer does not have it either."""
    assert rows_of({"items": [row]}, {"items": []}) == {"missing": 1}
    lost = score({"items": [row]}, "no JSON", Invoice)
    assert (lost.fields["items[]"].missing, lost.exact, lost.lost) == (1, False, True)


@pytest.mark.parametrize(
    ("gold", "predicted", "path", "expected"),
    [
        ({"items": []}, {}, "items[]", {"absent_ok": 1}),
        ({"items": [{"sku": "a"}]}, {"items": [{"sku": "a"}, {"price": 1}]}, "items[]", {"correct": 1, "spurious": 1}),
        ({"items": [{"sku": "a"}]}, {"items": [{"sku": "b"}]}, "items[]", {"missing": 1, "spurious": 1}),
        ({"by_name": {"x": {"sku": None}}}, {}, "by_name{}", {"missing": 1}),
        ({"by_name": {}}, {"by_name": {"x": {}, "y": {"sku": "a"}}}, "by_name{}", {"spurious": 2}),
        ({"grid": [["a"]]}, {"grid": [["a"], []]}, "grid[]", {"correct": 1, "spurious": 1}),
        ({"grid": [["a"], []]}, {"grid": [["a"]]}, "grid[]", {"correct": 1, "missing": 1}),
        ({"items": [{"sku": "a", "parts": []}]}, {"items": [{"sku": "a", "parts": [{}]}]}, "items[].parts[]",
         {"spurious": 1}),
        ({"items": [{"sku": "a", "parts": [{}]}]}, {"items": []}, "items[].parts[]", {"missing": 1}),
        ({"items": []}, {"items": [{"parts": [{}, {}]}]}, "items[].parts[]", {"spurious": 2}),
    ],
)  # fmt: skip
def test_every_list_counts_its_rows(gold: Plain, predicted: Plain, path: str, expected: Plain) -> None:
    """Lists, dicts, lists of lists, and lists below rows, each under a path of its own."""
    result = score(gold, predicted, Invoice)
    assert result.fields[path].to_wire() == expected
    assert result.exact == (set(expected) <= {"correct", "absent_ok"})


def test_a_row_that_charges_leaves_is_not_charged_twice() -> None:
    """An extra row with two values is two spurious leaves, as before, and one spurious row beside them."""
    right, extra = {"sku": "a", "price": 1}, {"sku": "b", "price": 2}
    result = score({"items": [right]}, {"items": [right, extra]}, Invoice)
    assert sum(result.counts.values(), FieldCounts()).to_wire() == {"correct": 2, "spurious": 2}
    assert not any(leaf.is_row for leaves in result.leaves.values() for leaf in leaves)


def test_floors_see_rows_that_hold_nothing() -> None:
    """Twelve documents with ten empty rows each miss a floor on the rows, by accuracy and by precision."""
    cases = [score({"items": []}, {"items": [{}] * 10}, Invoice)] * 12
    fields = summarize(PATHS, cases)
    assert fields["items[]"].counts.spurious == 120
    reasons = [why for _, why in missed_floors(fields, {"items[]": Floor(accuracy=Fraction(1), precision=Fraction(1))})]
    assert reasons == ["items[]: 0/120 = 0% is below 100%", "items[]: precision 0% is below 100%"]


def test_results_keep_rows() -> None:
    """To the wire and back, with the row that holds nothing shown as it was."""
    result = score({"items": []}, {"items": [{"sku": None, "price": None}]}, Invoice)
    again = CaseResult.from_wire(result.to_wire())
    assert (again.fields, again.leaves, again.exact) == (result.fields, result.leaves, False)
    assert again.leaves["items[]"][0].actual == {"sku": None, "price": None, "parts": []}


part: st.SearchStrategy[Plain] = st.just({}) | st.just({"name": "n"})
fields = {
    "sku": st.none() | st.sampled_from("ab"),
    "price": st.none() | st.just(1.0),
    "parts": st.lists(part, max_size=2),
}
row = st.fixed_dictionaries({}, optional=fields)


@settings(max_examples=200)
@given(st.lists(row, max_size=4), st.randoms(use_true_random=False))
def test_equal_rows_are_exact_in_any_order(rows: list[Plain], rng: random.Random) -> None:
    """Whatever they hold, the same rows in another order are all found."""
    result = score({"items": rows}, {"items": rng.sample(rows, len(rows))}, Invoice)
    assert result.exact, result.leaves


@settings(max_examples=200)
@given(st.lists(row, max_size=4), st.lists(row, max_size=4))
def test_rows_add_up(gold: list[Plain], predicted: list[Plain]) -> None:
    """Every row of gold is a pair or missing, every predicted one a pair or spurious."""
    counts = score({"items": gold}, {"items": predicted}, Invoice).fields["items[]"]
    assert counts.correct + counts.missing == len(gold)
    assert counts.correct + counts.spurious == len(predicted)
    assert counts.absent_ok == (not gold and not predicted)
