"""Keys that gold leaves out, and keys that the schema does not have: with the options that say so."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, Field, RootModel

from pytest_llm_extract import Outcome, score
from pytest_llm_extract.dataset import Case
from pytest_llm_extract.dataset.gold import read_golden
from pytest_llm_extract.dataset.gold_labels import GoldOptions, read_labels
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
