"""Null in gold labels any field, and a list that fails a constraint keeps its rows."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, field_validator

from pytest_llm_extract.scoring.score import score


class Row(BaseModel):
    """A row of which nothing may be null."""

    sku: str
    price: float


class Strict(BaseModel):
    """A document of which nothing may be null."""

    vendor: str
    amount: float
    rows: list[Row]
    tags: list[str]
    sizes: dict[str, int]
    main: Row
    code: str = Field(max_length=3)

    @field_validator("code")
    @classmethod
    def no_spaces(cls, code: str) -> str:
        """Code that null would break."""
        return code.strip()


FULL = {"vendor": "A", "amount": 1, "rows": [{"sku": "a", "price": 1}], "tags": ["x"], "sizes": {"s": 1},
        "main": {"sku": "m", "price": 2}, "code": "abc"}  # fmt: skip


def outcome_of(gold: Any, predicted: Any, path: str, schema: Any = Strict) -> list[str]:
    """The outcomes of one field."""
    return [leaf.outcome.value for leaf in score(gold, predicted, schema).leaves.get(path, ())]


@pytest.mark.parametrize(
    ("field", "path", "held"),
    [
        ("vendor", "vendor", 1),
        ("amount", "amount", 1),
        ("rows", "rows[].sku", 1),
        ("tags", "tags[]", 1),
        ("sizes", "sizes{}", 1),
        ("main", "main.price", 1),
        ("code", "code", 1),
    ],
)
def test_null_says_that_the_document_does_not_have_it(field: str, path: str, held: int) -> None:
    """Whatever its type allows: a value there is spurious, and an answer without it is right though invalid."""
    assert outcome_of({field: None}, FULL, path) == ["spurious"] * held
    absent = score({"vendor": "A", field: None}, json.dumps(FULL | {field: None}), Strict)
    assert {leaf.outcome.value for leaf in absent.leaves[path]} == {"absent_ok"}
    assert (absent.valid, absent.exact) == (False, False)


def test_null_within_rows_and_dicts() -> None:
    """A null price of a row, a null row and a null value of a key are labels as well."""
    gold = {"rows": [{"sku": "a", "price": None}], "tags": [None, "x"], "sizes": {"s": None}}
    result = score(gold, FULL, Strict)
    found = {path: [leaf.outcome.value for leaf in leaves] for path, leaves in result.leaves.items()}
    assert found == {"rows[].sku": ["correct"], "rows[].price": ["spurious"], "tags[]": ["correct", "missing"],
                     "sizes{}": ["spurious"]}  # fmt: skip
    assert score({"rows": [None]}, FULL, Strict).fields["rows[]"].to_wire() == {"missing": 1, "spurious": 1}


class Limited(BaseModel):
    """Lists that fail in more than one way."""

    rows: Annotated[list[Row], Field(max_length=3)] = []
    sizes: Annotated[dict[str, int], Field(max_length=1)] = {}
    names: list[str] = []

    @field_validator("names")
    @classmethod
    def not_empty(cls, names: list[str]) -> list[str]:
        """Refuse a name without a letter."""
        if "" in names:
            raise ValueError("a name is empty")
        return names


ROWS = [{"sku": sku, "price": 1.0} for sku in "abcd"]


@pytest.mark.parametrize(
    ("gold", "predicted", "path", "expected"),
    [
        ({"rows": ROWS[:3]}, {"rows": ROWS}, "rows[].sku", ["correct"] * 3 + ["spurious"]),
        ({"sizes": {"s": 1}}, {"sizes": {"s": 1, "m": 2}}, "sizes{}", ["correct", "spurious"]),
        ({"names": ["x"]}, {"names": ["x", ""]}, "names[]", ["correct", "spurious"]),
        ({"rows": ROWS[:3]}, {"rows": "none"}, "rows[].sku", ["missing"] * 3),
        ({"names": ["x"]}, {"names": {"x": 1}}, "names[]", ["missing"]),
    ],
)
def test_a_list_that_fails_a_constraint_keeps_its_rows(
    gold: Any, predicted: Any, path: str, expected: list[str]
) -> None:
    """The document is invalid, and only a value of another type than a list is null."""
    for answer in (json.dumps(predicted), predicted):
        assert outcome_of(gold, answer, path, Limited) == expected
        assert not score(gold, answer, Limited).valid


def test_a_top_level_list_keeps_its_rows() -> None:
    """A list that is the schema itself may fail a constraint as well."""
    few = Annotated[list[Row], Field(max_length=1)]
    assert outcome_of(ROWS[:1], json.dumps(ROWS[:2]), "[].sku", few) == ["correct", "spurious"]
