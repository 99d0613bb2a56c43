"""Keys that gold leaves out, and keys that the schema does not have: with the options that say so."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, Field, RootModel, computed_field

from pytest_llm_extract import Outcome, score
from pytest_llm_extract.dataset import Case
from pytest_llm_extract.dataset.gold import read_golden
from pytest_llm_extract.dataset.gold_labels import GoldOptions, read_labels
from pytest_llm_extract.errors import DatasetError, UsageError
from pytest_llm_extract.schema.schema import Schema


class Row(BaseModel):
    """A row with an alias."""

    sku: str
    price: Decimal | None = Field(None, alias="unitPrice")


class Card(BaseModel):
    """A member of a union."""

    owner: str | None = None
    number: str | None = None


class Cash(BaseModel):
    """Another one, with a field of the same name."""

    owner: str | None = None


class Names(RootModel[list[str]]):
    """A model that is a list."""


class Invoice(BaseModel):
    """What is scored."""

    vendor: str
    day: datetime.date | None = None
    rows: list[Row] = []
    by_code: dict[str, Row] = {}
    paid: Card | Cash | None = None
    names: Names | None = None


EMPTY: dict[str, Any] = {"vendor": None, "day": None, "rows": None, "by_code": None, "paid": None, "names": None}
SCHEMA = Schema.of(Invoice, "t")


@pytest.mark.parametrize(
    ("gold", "filled"),
    [
        ({}, {}),
        ({"rows": [{"sku": "a"}]}, {"rows": [{"sku": "a", "price": None}]}),
        ({"rows": [{"unitPrice": "1"}]}, {"rows": [{"unitPrice": "1", "sku": None}]}),
        ({"by_code": {"x": {"sku": "a"}}}, {"by_code": {"x": {"sku": "a", "price": None}}}),
        ({"paid": {"number": "1"}}, {"paid": {"number": "1", "owner": None}}),
        ({"paid": {"owner": "x"}}, {"paid": {"owner": "x"}}),
        ({"names": ["a"]}, {"names": ["a"]}),
        ({"rows": None, "vendor": {"$any_of": ["a", "b"]}}, {"rows": None, "vendor": {"$any_of": ["a", "b"]}}),
        ({"rows": [Row.model_construct({"sku"}, sku="a")]}, {"rows": [{"sku": "a", "price": None}]}),
    ],
)  # fmt: skip
def test_a_key_that_gold_leaves_out_is_null(gold: Any, filled: dict[str, Any]) -> None:
    """In every model that is there, whatever it is called by; not where gold does not say which model it is."""
    assert read_labels(SCHEMA, gold, GoldOptions(absent_is_null=True)).data == {**EMPTY, **filled}


def test_what_was_given_stays_as_it_was() -> None:
    """An instance has what it sets, typed values stay typed, and no digit of a long number is lost."""
    gold = Invoice.model_construct({"vendor"}, vendor="x")
    assert read_labels(SCHEMA, gold, GoldOptions(absent_is_null=True)).data == {**EMPTY, "vendor": "x"}
    day = datetime.date(2024, 1, 2)
    assert read_labels(SCHEMA, {"day": day}, GoldOptions(absent_is_null=True)).gold.day == day
    text = '{"rows": [{"sku": "a", "unitPrice": 0.12345678901234567890}], "page": 1}'
    case = Case("a", "", json.loads(text), written=text)
    (golden,) = read_golden([case], SCHEMA, "cases", GoldOptions(ignore_unknown=True, absent_is_null=True))
    assert golden.unknown == ("page",)
    assert golden.gold.rows[0].price == Decimal("0.12345678901234567890")
    assert golden.gold.model_fields_set == EMPTY.keys()


def test_score_takes_both_options() -> None:
    """Without them a key more is an error, and a key less is not scored."""
    answer = {"vendor": "A", "day": "2024-01-02"}
    with pytest.warns(UserWarning, match=r"gold has keys that the schema does not have, ignored: rows\[\]\.box, page"):
        found = score({"vendor": "A", "page": 1, "rows": [{"box": 1}]}, answer, Invoice, ignore_unknown=True)
    assert "day" not in found.leaves
    found = score({"vendor": "A"}, answer, Invoice, absent_is_null=True)
    assert [leaf.outcome for leaf in found.leaves["day"]] == [Outcome.SPURIOUS]
    assert found.leaves["rows[].sku"][0].outcome is Outcome.ABSENT_OK


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
    """It is not an unknown name: the message says what to label instead."""
    with pytest.raises(DatasetError, match=r"expected\.total: a computed field is not scored: label the fields"):
        read_golden([Case("a", "", {"price": 1, "total": 2})], Schema.of(Priced, "t"), "cases")
    with pytest.raises(UsageError, match="score: gold: total: a computed field is not scored: label the fields"):
        score({"price": 1, "total": 2}, {"price": 1}, Priced)
