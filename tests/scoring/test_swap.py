"""A field that is right with another case's value cannot fail: it is named without reading its code."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel

from pytest_llm_extract import Aliases, Text, Tolerance
from pytest_llm_extract.dataset import Case
from pytest_llm_extract.dataset.gold import GoldenCase, read_golden
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.swap import swapped_answers

NAMES = ["Acme", "Globex", "Initech", "Umbrella", "Hooli", "Stark"]


class Liar:
    """Is equal to whatever it is compared with."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Item(BaseModel):
    """An honest schema."""

    vendor: str
    total: float
    paid: bool
    names: list[str] = []


def constant(value: str) -> str:
    """Forget what was read."""
    return "x"


class Constant(Item):
    """Its vendors are one."""

    vendor: Annotated[str, AfterValidator(constant)]


class Lying(Item):
    """Its vendors are equal to anything."""

    vendor: Annotated[str, AfterValidator(Liar)]


def golden(schema: Schema) -> tuple[GoldenCase, ...]:
    """Six cases."""
    cases = [
        Case(
            str(i),
            f"document {i}",
            {"vendor": name, "total": float(i * 100), "paid": i % 2 == 0, "names": [name, str(i)]},
        )
        for i, name in enumerate(NAMES)
    ]
    return read_golden(cases, schema, "cases")


@pytest.mark.parametrize(
    ("model", "compare"),
    [
        (Item, {"vendor": lambda gold, predicted: True}),
        (Item, {"vendor": Text(min_ratio=0.01)}),
        (Item, {"vendor": Aliases({"Acme": NAMES[1:]})}),
        (Item, {"total": Tolerance(abs=1e9)}),
        (Constant, {}),
        (Lying, {}),
    ],
)
def test_what_cannot_fail_is_named(model: type[BaseModel], compare: dict[str, Any]) -> None:
    """Functions, low ratios, broad aliases, wide tolerances, constant validators and an `==` that lies."""
    schema = Schema.of(model, "test", compare)
    found = swapped_answers(schema, golden(schema))
    assert list(found) == [next(iter(compare), "vendor")]
    assert f"right in {found[next(iter(found))].n_right} of" in str(found[next(iter(found))])


def test_honest_fields_are_not_named() -> None:
    """Nor are rules that forgive case, nor labels that all cases share."""
    schema = Schema.of(Item, "test", {"vendor": Text(casefold=True, min_ratio=0.9)})
    assert swapped_answers(schema, golden(schema)) == {}
    same = read_golden([Case(str(i), "x", {"vendor": "Acme"}) for i in range(6)], schema, "cases")
    assert swapped_answers(schema, same) == {}
    spelt = [Case(str(i), "x", {"vendor": name}) for i, name in enumerate(["Acme", "ACME", "acme.", "A.C.M.E."])]
    assert swapped_answers(schema, read_golden(spelt, schema, "cases")) == {}
