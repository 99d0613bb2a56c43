"""Keys of gold that the schema does not have: an error, or left out, counted and named."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, computed_field

from pytest_llm_extract import score
from pytest_llm_extract.dataset import Case
from pytest_llm_extract.dataset.gold import read_golden
from pytest_llm_extract.dataset.gold_labels import GoldOptions
from pytest_llm_extract.errors import DatasetError, UsageError
from pytest_llm_extract.schema.schema import Schema

SUITE = """
from pydantic import BaseModel
import pytest

class Row(BaseModel):
    sku: str

class Item(BaseModel):
    name: str
    rows: list[Row] = []

def read(text) -> Item:
    return Item(name="bolt")

ROWS = [{"sku": "x", "box": [1]}, {"sku": "y", "box": 2}]
CASES = [
    {"id": "a", "input": "a", "expected": {"name": "bolt", "page": 1, "rows": ROWS}},
    {"id": "b", "input": "b", "expected": {"name": "bolt", "page": 2}},
]

@pytest.mark.llm_extract(extractor=read, cases=CASESMORE)
def test_items(extraction): ...
"""


class Priced(BaseModel):
    """A model that makes a field of another one."""

    price: int

    @computed_field
    def total(self) -> int:
        """What it costs in all."""
        return self.price * 2


def test_unknown_keys_are_ignored_where_the_marker_says_so(pytester: pytest.Pytester) -> None:
    """They are named with the number of cases that have them; without the argument they are an error."""
    pytester.makepyfile(test_items=SUITE.replace("MORE", ""))
    refused = pytester.runpytest_subprocess("--co")
    refused.stdout.fnmatch_lines(["*case 'b': expected.page: the schema has no field 'page'.*"])
    pytester.makepyfile(test_items=SUITE.replace("MORE", ", ignore_unknown=True"))
    taken = pytester.runpytest_subprocess()
    taken.stdout.fnmatch_lines(
        ["*warning: gold has keys that the schema does not have, ignored: page (2 cases), rows[[]].box (1 case)"]
    )
    pytester.makepyfile(test_items=SUITE.replace("MORE", ", ignore_unknown='yes'"))
    wrong = pytester.runpytest_subprocess("--co")
    wrong.stdout.fnmatch_lines(["*ignore_unknown= must be True or False, got 'yes'"])


def test_what_else_does_not_fit_is_still_an_error() -> None:
    """Only keys are left out, and gold itself stays as it was given."""
    expected = {"price": 1, "note": "x"}
    (golden,) = read_golden(
        [Case("a", "", expected)], Schema.of(Priced, "t"), "cases", GoldOptions(ignore_unknown=True)
    )
    assert (golden.unknown, golden.case.expected, expected) == (("note",), {"price": 1}, {"price": 1, "note": "x"})
    with pytest.raises(DatasetError, match=r"expected\.price"):
        read_golden([Case("a", "", {"price": "x", "note": 1})], Schema.of(Priced, "t"), "cases", GoldOptions(True))


def test_a_computed_field_in_gold_is_named_as_one() -> None:
    """It is no unknown name: the message says what to label instead."""
    with pytest.raises(DatasetError, match=r"expected\.total: a computed field is not scored: label the fields"):
        read_golden([Case("a", "", {"price": 1, "total": 2})], Schema.of(Priced, "t"), "cases")
    with pytest.raises(UsageError, match="score: gold: total: a computed field is not scored: label the fields"):
        score({"price": 1, "total": 2}, {"price": 1}, Priced)
