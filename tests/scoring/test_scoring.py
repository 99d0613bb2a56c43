"""Outcomes by the table: one row a test; then properties that hold for any data."""

from __future__ import annotations

import datetime
import json
import random
from collections import defaultdict, deque
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, ValidationError, field_validator, model_validator

from pytest_llm_extract import Outcome, Text, Tolerance, score
from pytest_llm_extract.errors import UnknownNameError, UsageError
from pytest_llm_extract.schema.schema import Schema

C, W, M, S, A, INVALID = (
    Outcome.CORRECT,
    Outcome.WRONG,
    Outcome.MISSING,
    Outcome.SPURIOUS,
    Outcome.ABSENT_OK,
    Outcome.INVALID,
)


class Address(BaseModel):
    city: str | None = None
    zip: str | None = None


class Row(BaseModel):
    sku: str
    price: Decimal | None = None


class Colour(Enum):
    RED = "red"


class Person(BaseModel):
    name: str


class Company(BaseModel):
    name: str
    number: int


class Invoice(BaseModel):
    vendor: str | None = None
    amount: Decimal | None = None
    ratio: float | None = None
    date: datetime.date | None = None
    paid: bool | None = None
    colour: Colour | None = None
    kind: Literal["a", "b"] | None = None
    address: Address | None = None
    tags: list[str] = []
    rows: list[Row] = []
    attrs: dict[str, int] = {}
    extra: Any = None
    party: Person | Company | None = None
    code: str = Field("", alias="Code")


def outcomes(gold: dict[str, Any], predicted: Any) -> dict[str, list[Outcome]]:
    """Outcomes by field path."""
    return {path: [leaf.outcome for leaf in leaves] for path, leaves in score(gold, predicted, Invoice).leaves.items()}


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ({"vendor": "ACME"}, {"vendor": " ACME\n"}, {"vendor": [C]}),
        ({"vendor": "ACME"}, {"vendor": "Acme"}, {"vendor": [W]}),
        ({"vendor": "ACME"}, {}, {"vendor": [M]}),
        ({"vendor": "ACME"}, {"vendor": ""}, {"vendor": [M]}),
        ({"vendor": None}, {"vendor": "ACME"}, {"vendor": [S]}),
        ({"vendor": None}, {"vendor": ""}, {"vendor": [A]}),
        ({}, {"vendor": "ACME"}, {}),
        ({"vendor": "Caf\u00e9"}, {"vendor": "Cafe\u0301"}, {"vendor": [C]}),
        ({"amount": "1.0"}, {"amount": 1.00}, {"amount": [C]}),
        ({"amount": 10.10}, {"amount": "10.1"}, {"amount": [C]}),
        ({"ratio": 0.1}, {"ratio": 0.1 + 1e-12}, {"ratio": [C]}),
        ({"ratio": 0.1}, {"ratio": 0.1001}, {"ratio": [W]}),
        ({"date": "2024-01-02"}, {"date": "2024-01-02"}, {"date": [C]}),
        ({"date": "2024-01-02"}, {"date": "soon"}, {"date": [W]}),
        ({"date": None}, {"date": "soon"}, {"date": [S]}),
        ({"paid": True}, {"paid": False}, {"paid": [W]}),
        ({"colour": "red"}, {"colour": "red"}, {"colour": [C]}),
        ({"kind": "a"}, {"kind": "b"}, {"kind": [W]}),
        ({"address": {"city": "Bonn"}}, {"address": {"city": "Bonn", "zip": "1"}}, {"address.city": [C]}),
        ({"address": {"city": "Bonn", "zip": None}}, {}, {"address.city": [M], "address.zip": [A]}),
        ({"address": None}, {"address": {"city": "Bonn"}}, {"address.city": [S], "address.zip": [A]}),
        ({"address": {"city": "Bonn"}}, {"address": "Bonn"}, {"address.city": [M]}),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, {"tags[]": [C, C]}),
        ({"tags": ["a", "b"]}, {"tags": ["a", "x", "y"]}, {"tags[]": [C, M, S, S]}),
        ({"tags": []}, {"tags": []}, {"tags[]": [A]}),
        ({"tags": []}, {}, {"tags[]": [A]}),
        ({"rows": []}, {}, {"rows[].sku": [A], "rows[].price": [A]}),
        ({"rows": [{"sku": "a"}]}, {"rows": [{"sku": "a", "price": 2}]}, {"rows[].sku": [C]}),
        ({"rows": [{"sku": "a", "price": None}]}, {"rows": []}, {"rows[].sku": [M]}),
        ({"rows": []}, {"rows": [{"sku": "a", "price": 1}]}, {"rows[].sku": [S], "rows[].price": [S]}),
        ({"rows": [{"sku": "a"}]}, {"rows": [{"sku": "a", "price": 1}] * 3}, {"rows[].sku": [C, S, S]}),
        ({"attrs": {"w": 1, "h": 2}}, {"attrs": {"w": 1, "d": 3}}, {"attrs{}": [C, M, S]}),
        ({"extra": {"a": [1]}}, {"extra": {"a": [True]}}, {"extra": [W]}),
        ({"extra": {"a": [1]}}, {"extra": {"a": [1]}}, {"extra": [C]}),
        ({"party": {"name": "x"}}, {"party": {"name": "x"}}, {"party.<type>": [C], "party.name": [C]}),
        (
            {"party": {"name": "x", "number": 1}},
            {"party": {"name": "x"}},
            {"party.<type>": [W], "party.name": [C], "party.number": [M]},
        ),
        ({"code": "k"}, {"Code": "k"}, {"code": [C]}),
    ],
)
def test_outcome(gold: dict[str, Any], predicted: dict[str, Any], expected: dict[str, list[Outcome]]) -> None:
    """One row of the table of outcomes."""
    assert outcomes(gold, predicted) == expected


def test_unparseable_answer_stays_in_every_denominator() -> None:
    """Values are missing; nulls outside rows and empty lists are invalid; nulls in rows are nothing."""
    gold = {"vendor": "x", "amount": None, "tags": [], "rows": [{"sku": "a", "price": None}], "address": None}
    assert outcomes(gold, "no json") == {
        "vendor": [M],
        "amount": [INVALID],
        "tags[]": [INVALID],
        "rows[].sku": [M],
        "address.city": [INVALID],
        "address.zip": [INVALID],
    }


def test_rows_are_paired_for_most_correct_leaves() -> None:
    """The best assignment over all rows, not the first that fits."""
    gold = {"rows": [{"sku": "a", "price": 1}, {"sku": "a", "price": 2}]}
    predicted = {"rows": [{"sku": "a", "price": 2}, {"sku": "a", "price": 3}]}
    assert outcomes(gold, predicted) == {"rows[].sku": [C, C], "rows[].price": [W, C]}


def test_rows_without_anything_in_common_are_not_paired() -> None:
    """They are one missing and one extra row, not two wrong leaves."""
    gold, predicted = {"rows": [{"sku": "bolt", "price": 1}]}, {"rows": [{"sku": "9-X", "price": 77}]}
    assert outcomes(gold, predicted) == {"rows[].sku": [M, S], "rows[].price": [M, S]}


def test_model_validators_run_on_predictions_only() -> None:
    """A partial label need not be consistent; an answer that is not is neither valid nor exact, but scored."""

    class Span(BaseModel):
        low: int
        high: int

        @field_validator("low")
        @classmethod
        def even(cls, value: int) -> int:
            return value - value % 2

        @model_validator(mode="after")
        def ordered(self) -> Span:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    result = score({"low": 5}, {"low": 4, "high": 1}, Span)
    assert result.leaves["low"][0].outcome is C
    assert not result.valid
    assert not result.exact


def test_decimal_never_passes_through_float() -> None:
    """Twenty digits survive on both sides."""
    long = "1234567890.1234567891"
    assert score({"amount": long}, f'{{"amount": {long}}}', Invoice).leaves["amount"][0].outcome is C
    assert score({"amount": long}, '{"amount": 1234567890.1234567892}', Invoice).leaves["amount"][0].outcome is W


def test_recursive_models_keep_the_paths_of_their_first_occurrence() -> None:
    """A tree has finitely many field paths."""

    class Tree(BaseModel):
        name: str
        kids: list[Tree] = []

    assert Schema.of(Tree, "t").paths == ("name",)
    tree = {"name": "a", "kids": [{"name": "b", "kids": [{"name": "c"}]}]}
    assert [leaf.outcome for leaf in score(tree, tree, Tree).leaves["name"]][:3] == [C, C, C]


def test_roots_other_than_a_model() -> None:
    """A list, an optional model and a RootModel."""

    class Rows(RootModel[list[Row]]):
        pass

    assert Schema.of(list[Row], "t").paths == ("[].sku", "[].price")
    assert score([{"sku": "a"}], [{"sku": "a"}], list[Row]).exact
    assert score([{"sku": "a"}], '[{"sku": "a"}]', Rows).exact
    assert score(None, None, Row | None).leaves["sku"][0].outcome is A


def test_gold_that_does_not_fit_is_an_error() -> None:
    """A field that the schema lacks, or a value of another type."""
    with pytest.raises(UnknownNameError, match=r"no field 'vendr'. Did you mean 'vendor'\?"):
        score({"vendr": "x"}, {}, Invoice)
    with pytest.raises(UnknownNameError, match=r"no field 'rows\[\].skuu'. Did you mean 'rows\[\].sku'?"):
        score({"rows": [{"skuu": "x"}]}, {}, Invoice)
    with pytest.raises(ValidationError, match="date"):
        score({"date": "soon"}, {}, Invoice)
    with pytest.raises(UsageError, match="pydantic model"):
        score({}, {}, dict)


def test_two_instances_need_no_schema() -> None:
    """Labelled is what was set."""
    result = score(Row(sku="x"), Row(sku="x", price=Decimal(1)))
    assert result.exact
    assert list(result.leaves) == ["sku"]


row = st.fixed_dictionaries(
    {"sku": st.sampled_from("abcd"), "price": st.none() | st.integers(0, 3).map(str)},
)
document = st.fixed_dictionaries(
    {},
    optional={
        "vendor": st.none() | st.sampled_from(["x", "y", "X"]),
        "amount": st.none() | st.integers(0, 3).map(str),
        "tags": st.lists(st.sampled_from("abc"), max_size=4),
        "rows": st.lists(row, max_size=4),
    },
)
full = st.fixed_dictionaries({"vendor": st.none() | st.sampled_from("xy"), "rows": st.lists(row, max_size=4)})


@settings(max_examples=150)
@given(document)
def test_a_document_matches_itself(gold: dict[str, Any]) -> None:
    """All correct or absent_ok."""
    assert {o for found in outcomes(gold, gold).values() for o in found} <= {C, A}


@settings(max_examples=150)
@given(document, document, st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(gold: dict[str, Any], predicted: dict[str, Any], rng: random.Random) -> None:
    """Counts stay when predicted rows and scalars are shuffled."""
    shuffled = {key: rng.sample(v, len(v)) if isinstance(v, list) else v for key, v in predicted.items()}
    assert score(gold, predicted, Invoice).counts == score(gold, shuffled, Invoice).counts


@settings(max_examples=150)
@given(full, full)
def test_swapping_sides_swaps_missing_and_spurious(gold: dict[str, Any], predicted: dict[str, Any]) -> None:
    """Correct and wrong stay what they are, for fully labelled documents."""
    there, back = score(gold, predicted, Invoice).counts, score(predicted, gold, Invoice).counts
    for path in there:
        one, other = there[path], back[path]
        assert (one.correct, one.missing, one.spurious) == (other.correct, other.spurious, other.missing), path


class Counted(BaseModel):
    name: str
    n: int = 1


class Box(BaseModel):
    items: list[Counted] = []


def test_default_is_no_label() -> None:
    """A missing row charges what gold labels: not the default of a field that it leaves out."""
    gold = {"items": [{"name": "a"}, {"name": "b"}]}
    result = score(gold, {"items": [{"name": "a", "n": 5}]}, Box)
    assert {path: counts.to_wire() for path, counts in result.counts.items()} == {
        "items[].name": {"correct": 1, "missing": 1}
    }


class Employee(BaseModel):
    name: str
    boss: Employee | None = None


def test_a_model_that_holds_itself_may_be_absent() -> None:
    """Nothing on both sides is right, however deep the schema goes."""
    found = score({"name": "a", "boss": None}, {"name": "a", "boss": None}, Employee)
    assert found.exact
    assert (
        score({"name": "a", "boss": None}, {"name": "a", "boss": {"name": "b"}}, Employee).counts["name"].spurious == 1
    )


class Sized(BaseModel):
    number: int


def test_a_function_is_asked_for_each_pair() -> None:
    """Of a project's own function nothing is known: it may not hold both ways."""

    class Books(BaseModel):
        rows: list[Company]

    at_least = {"rows[].number": lambda gold, predicted: predicted >= gold}
    books = {"rows": [{"name": "x", "number": 5}]}
    assert score(books, {"rows": [{"name": "x", "number": 3}]}, Books, at_least).counts["rows[].number"].wrong == 1
    assert score(books, {"rows": [{"name": "x", "number": 7}]}, Books, at_least).counts["rows[].number"].correct == 1


def test_a_function_says_true_or_false() -> None:
    """A similarity would be true wherever it is not nothing."""
    with pytest.raises(UsageError, match=r"must return True or False for two values, got 0\.4"):
        score({"name": "a"}, {"name": "b"}, Person, {"name": lambda gold, predicted: 0.4})
    with pytest.raises(UsageError, match="a function must take two values, gold and predicted"):
        score({"name": "a"}, {"name": "b"}, Person, {"name": lambda gold: True})


def test_numbers_that_no_float_holds_are_compared() -> None:
    """With a tolerance as well."""
    rule = {"number": Tolerance(rel="0.1")}
    assert score({"number": 5}, {"number": 10**400}, Sized, rule).counts["number"].wrong == 1


class Shelf(BaseModel):
    rows: Sequence[Row] = ()
    tags: Sequence[str] = ()
    queue: deque[Row] = deque()
    counts: defaultdict[str, int] = defaultdict(int)


def test_whatever_holds_items_is_a_list_or_a_dict() -> None:
    """Order does not count, and what gold does not say is not scored; as in a plain list."""
    gold = {"rows": [{"sku": "a"}, {"sku": "b"}], "tags": ["x", "y"], "queue": [{"sku": "q"}], "counts": {"k": 1}}
    found = {"rows": [{"sku": "b"}, {"sku": "a", "price": 1}], "tags": ["y", "z"], "queue": [{"sku": "q"}]}
    for predicted in (found, json.dumps(found), Shelf.model_validate(found)):
        scored = score(gold, predicted, Shelf).counts
        assert scored["rows[].sku"].correct == 2
        assert (scored["tags[]"].correct, scored["tags[]"].missing, scored["tags[]"].spurious) == (1, 1, 1)
        assert (scored["queue[].sku"].correct, scored["counts{}"].missing) == (1, 1)
        assert "rows[].price" not in scored


class Either(BaseModel):
    owner: Company | str


def test_a_model_beside_something_else_is_one_value() -> None:
    """Compared by what gold sets of it."""
    gold = {"owner": {"name": "x"}}
    assert score(gold, {"owner": {"name": "x", "number": 3}}, Either).exact
    assert score(gold, {"owner": {"name": "y", "number": 3}}, Either).counts["owner"].wrong == 1
    assert score(gold, {"owner": "x"}, Either).counts["owner"].wrong == 1


def test_a_rule_within_a_union_is_refused() -> None:
    """It would have no effect."""

    class Loose(BaseModel):
        owner: Annotated[str, Text(casefold=True)] | int

    with pytest.raises(UsageError, match="owner: Text in a member of a union has no effect; write it around the union"):
        score({"owner": "a"}, {"owner": "A"}, Loose)


class Worded(BaseModel):
    type: str
    default: Person
    metadata: Company
    expected: list[Company] = []


def test_fields_may_have_any_name() -> None:
    """Also the words by which pydantic describes a schema: part of such a field may be labelled."""
    found: dict[str, Any] = {"type": "a", "default": {"name": "x"}, "metadata": {"name": "y", "number": 1}}
    gold = {"type": "a", "metadata": {"name": "y"}, "expected": [{"name": "z"}]}
    for predicted in (found, json.dumps(found), Worded.model_validate(found)):
        counts = score(gold, predicted, Worded).counts
        assert (counts["type"].correct, counts["metadata.name"].correct, counts["expected[].name"].missing) == (1, 1, 1)
        assert "metadata.number" not in counts
    broken = {**found, "metadata": {"name": "y", "number": "many"}}
    assert score(gold, broken, Worded).counts["metadata.name"].correct == 1
    schema = Schema.of(Worded, "here")
    assert score(gold, schema.dump(Worded.model_validate(found)), Worded).counts == score(gold, found, Worded).counts
