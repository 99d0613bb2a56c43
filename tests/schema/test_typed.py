"""Typed values at their edges: each a test, since each has cost somebody a wrong number."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    Base64Bytes,
    Base64UrlBytes,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    PlainSerializer,
    RootModel,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)
from typing_extensions import TypedDict

from pytest_llm_extract import Align, AnyOf, Null, Outcome, Text, Tolerance, score
from pytest_llm_extract.errors import UnknownNameError, UsageError
from pytest_llm_extract.results.outcome import FieldCounts, Status
from pytest_llm_extract.schema.schema import Schema

C, W, M, S, A = Outcome.CORRECT, Outcome.WRONG, Outcome.MISSING, Outcome.SPURIOUS, Outcome.ABSENT_OK


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Cat(BaseModel):
    kind: Literal["cat"]
    name: str


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Inner(BaseModel):
    city: str


class Typed(BaseModel):
    flag: int | bool | None = None
    amount: Decimal | None = None
    ratio: float | None = None
    moment: datetime.datetime | None = None
    day: datetime.date | None = None
    clock: datetime.time | None = None
    colour: Colour | None = None
    level: Level | None = None
    key: uuid.UUID | None = None
    either: int | str | None = None
    free: Any = None
    bare: dict[str, Any] | None = None
    sizes: dict[str, int] = {}
    rooms: dict[str, Inner] = {}
    tags: list[str] | None = None
    pair: tuple[int, str] | None = None
    unique: set[str] = set()
    required: str = Field(default=...)
    text: str | None = None
    currency: str = "EUR"
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None


def outcome(field: str, gold: Any, predicted: Any, path: str | None = None) -> Outcome:
    """Of one leaf; the prediction is JSON where it can be."""
    return score({field: gold}, {"required": "x"} | {field: predicted}, Typed).leaves[path or field][0].outcome


NAN = float("nan")
UTC = datetime.UTC
AT_NOON = datetime.datetime(2024, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "gold", "predicted", "expected"),
    [
        ("flag", 1, True, W),
        ("flag", True, True, C),
        ("flag", 1, 1, C),
        ("free", {"a": 1}, {"a": True}, W),
        ("free", {"a": 0}, {"a": False}, W),
        ("amount", "1.0", "1.00", C),
        ("amount", "1E+2", "100", C),
        ("amount", "-0.0", "0", C),
        ("ratio", NAN, NAN, C),
        ("ratio", NAN, 0.0, W),
        ("ratio", -0.0, 0.0, C),
        ("ratio", float("inf"), float("inf"), C),
        ("ratio", float("inf"), 1e308, W),
        ("ratio", 1e308, -1e308, W),
        ("free", 10**400, 1.5, W),
        ("ratio", 1e20, 1e20 * (1 + 1e-10), C),
        ("moment", "2024-01-02T12:00:00Z", "2024-01-02T13:00:00+01:00", C),
        ("moment", "2024-01-02T12:00:00Z", "2024-01-02T12:00:00", W),
        ("moment", "2024-01-02T12:00:00", "2024-01-02T12:00:00", C),
        ("moment", AT_NOON, "2024-01-02T12:00:00.000Z", C),
        ("day", "2024-01-02", "2024-01-02T00:00:00", C),
        ("clock", "12:00", "12:00:00", C),
        ("colour", "red", "red", C),
        ("colour", Colour.RED, "red", C),
        ("colour", "red", "Red", W),
        ("level", 1, 2, W),
        ("level", Level.LOW, 1, C),
        ("key", "{12345678-1234-5678-1234-567812345678}", "12345678123456781234567812345678", C),
        ("either", 1, "1", W),
        ("either", "1", "1", C),
        ("free", None, "", A),
        ("free", [], None, A),
        ("free", {"a": [1, {"b": " x"}]}, {"a": [1, {"b": "x "}]}, C),
        ("free", {"a": [1, 2]}, {"a": [2, 1]}, W),
        ("free", {"a": 1.0}, {"a": 1}, C),
        ("bare", {"a": 1}, {"a": 1, "b": None}, W),
        ("pair", [1, "a"], [1, "a"], C),
        ("text", "", None, A),
        ("text", " \u00a0", "", A),
        ("text", None, "\u200f", A),
        ("text", "x", "", M),
        ("required", "x", "", W),
        ("required", "", "", C),
        ("text", "Caf\u00e9", "Cafe\u0301", C),
        ("text", "a\u00a0b", "a b", C),
        ("text", "\u05d0\u05d1\u200f", "\u05d0\u05d1", C),
        ("text", "\u202aACME\u202c", "ACME", C),
        ("text", "\ufeffACME", "ACME", C),
        ("text", "\uff21", "A", W),
        ("text", "nai\u0308ve\t\nrow", "na\u00efve row", C),
        ("text", "0", None, M),
        ("free", 0, None, M),
        ("free", False, None, M),
        ("ratio", 0.0, None, M),
    ],
)
def test_leaf(field: str, gold: Any, predicted: Any, expected: Outcome) -> None:
    """One leaf of one type."""
    assert outcome(field, gold, predicted) is expected


def test_defaulted_leaves_count() -> None:
    """We score what the application receives: a default that gold names is right, one that it does not is wrong."""
    assert score({"currency": "EUR"}, '{"required": "x"}', Typed).leaves["currency"][0].outcome is C
    assert score({"currency": "USD"}, '{"required": "x"}', Typed).leaves["currency"][0].outcome is W
    assert "currency" not in score({"text": "x"}, '{"required": "x"}', Typed).leaves


def test_dicts_by_key() -> None:
    """Values of the same key belong together, models included; the order of keys does not count."""
    counts = score({"sizes": {"a": 1, "b": 2}}, {"required": "", "sizes": {"b": 2, "a": 3, "c": 4}}, Typed).leaves
    assert [leaf.outcome for leaf in counts["sizes{}"]] == [W, C, S]
    rooms = score({"rooms": {"k": {"city": "Bonn"}}}, {"required": "", "rooms": {"k": {"city": "Bonn"}}}, Typed)
    assert rooms.leaves["rooms{}.city"][0].outcome is C


def test_optional_lists_and_sets() -> None:
    """null and [] are the same; a set has no order."""
    empty: list[list[str] | None] = [None, []]
    for gold in empty:
        assert outcome("tags", gold, None, "tags[]") is A
        assert outcome("tags", gold, ["x"], "tags[]") is S
    assert outcome("tags", ["x"], None, "tags[]") is M
    assert score({"unique": ["a", "b"]}, {"required": "", "unique": ["b", "a"]}, Typed).exact


def test_union_members() -> None:
    """The member is a leaf of its own; of the wrong member, the fields of the same name still compare."""
    cat, dog = {"kind": "cat", "name": "Tom"}, {"kind": "dog", "name": "Tom"}
    result = score({"pet": cat}, {"required": "", "pet": dog}, Typed)
    assert {path: leaves[0].outcome for path, leaves in result.leaves.items()} == {
        "pet.<type>": W, "pet.kind": W, "pet.name": C,
    }  # fmt: skip
    assert score({"pet": cat}, {"required": "", "pet": cat}, Typed).exact
    assert outcome("pet", None, dog, "pet.<type>") is S
    assert outcome("pet", dog, None, "pet.name") is M


def test_recursive_rows() -> None:
    """A tree's rows are aligned at every level, and its paths stay finite."""

    class Tree(BaseModel):
        name: str
        kids: list[Tree] = []

    gold = {"name": "a", "kids": [{"name": "b", "kids": [{"name": "x"}]}, {"name": "c", "kids": [{"name": "y"}]}]}
    turned = {"name": "a", "kids": [gold["kids"][1], gold["kids"][0]]}
    assert score(gold, turned, Tree).exact


def test_null_rule_where_empty_text_is_a_value() -> None:
    """`Null()` tells "" from null in an optional field."""
    compare = {"text": Null()}
    assert score({"text": ""}, {"required": "", "text": None}, Typed, compare).leaves["text"][0].outcome is M
    assert score({"text": ""}, {"required": "", "text": ""}, Typed, compare).leaves["text"][0].outcome is C


class Stay(BaseModel):
    """What models check and complete by themselves, field by field."""

    model_config = ConfigDict(validate_default=True)
    start: datetime.date
    end: datetime.date
    nights: int = Field(default_factory=lambda data: (data["end"] - data["start"]).days)
    guest: str
    label: str | None = None

    @field_validator("end", mode="wrap")
    @classmethod
    def _after_start(cls, value: Any, handler: Any, info: ValidationInfo) -> Any:
        end = handler(value)
        if "start" in info.data and end < info.data["start"]:
            raise ValueError("ends before its start")
        return end

    @field_validator("guest")
    @classmethod
    def _late(cls, value: str, info: ValidationInfo) -> str:
        return f"{value} (long)" if "nights" in info.data and info.data["nights"] > 30 else value

    def model_post_init(self, context: Any) -> None:
        """A label made of two fields."""
        self.label = self.guest.upper() + f" {self.start:%Y}"


STAY = {"start": "2024-01-01", "end": "2024-01-03", "guest": "Ann"}


def test_a_models_own_code_is_not_shown_what_gold_does_not_give() -> None:
    """A validator that needs a field which gold leaves out does not run; what `model_post_init` sets is no label."""
    stay = {"start": "2024-01-01", "end": "2024-03-01", "guest": "Ann"}
    for given_fields in (["end"], ["guest"], ["start", "guest"], list(stay)):
        gold = {name: stay[name] for name in given_fields if name != "guest"} | {"guest": "Ann (long)"}
        assert score(gold, json.dumps(stay), Stay).exact, given_fields
        assert set(score(gold, json.dumps(stay), Stay).leaves) == set(gold)
    assert score(STAY | {"nights": 2, "label": "ANN 2024"}, json.dumps(STAY), Stay).exact


def test_a_models_own_code_is_not_shown_what_does_not_fit() -> None:
    """What is left of an answer keeps its outcomes, as if the field that does not fit were not there."""
    answers: list[tuple[dict[str, Any], dict[str, Outcome]]] = [
        ({"start": "New Year"}, {"start": W, "end": C, "guest": C, "nights": M}),
        ({"start": None}, {"start": M, "end": C, "guest": C, "nights": M}),
        ({"nights": "two"}, {"start": C, "end": C, "guest": C, "nights": W}),
        ({"end": "2023-01-01"}, {"start": C, "end": W, "guest": C, "nights": M}),
    ]
    for changed, expected in answers:
        result = score(STAY | {"nights": 2}, json.dumps(STAY | changed), Stay)
        assert {path: leaves[0].outcome for path, leaves in result.leaves.items()} == expected, changed
    absent = score(STAY, json.dumps({"start": "2024-01-01", "guest": 5}), Stay)
    assert {path: leaves[0].outcome for path, leaves in absent.leaves.items()} == {"start": C, "end": M, "guest": W}


def test_a_validator_that_fails_on_what_was_salvaged_leaves_nothing() -> None:
    """Its exception is that of an answer that is invalid anyway, and none of the test's."""

    class Priced(BaseModel):
        prices: list[float]
        currency: str

        @field_validator("currency")
        @classmethod
        def _checked(cls, value: str, info: ValidationInfo) -> str:
            if "prices" in info.data and info.data["prices"] is None:
                raise RuntimeError("cannot be")
            return value

    result = score({"currency": "EUR"}, '{"prices": "many", "currency": "EUR"}', Priced)
    assert (result.status, result.leaves["currency"][0].outcome) == (Status.INVALID, M)


class Point(TypedDict, total=False):
    """A leaf of two numbers."""

    x: float
    y: float


@dataclasses.dataclass
class Money:
    """A leaf of two values."""

    amount: float
    currency: str = "EUR"


def test_dataclasses_are_compared_value_by_value() -> None:
    """By the default rules of their values; what gold misspells in one is an error."""

    class Bill(BaseModel):
        total: Money | None = None
        at: Point | None = None

    gold = {"total": {"amount": 0.3, "currency": "Swiss  francs"}}
    assert score(gold, {"total": {"amount": 0.1 + 0.2, "currency": "Swiss francs"}}, Bill).exact
    assert not score(gold, {"total": {"amount": 0.3, "currency": "francs"}}, Bill).exact
    with pytest.raises(ValidationError, match="curency"):
        score({"total": {"amount": 1, "curency": "USD"}}, {}, Bill)
    with pytest.raises(UnknownNameError, match=r"at\.z"):
        score({"at": {"x": 1, "z": 2}}, {}, Bill)


def test_two_instances_keep_their_types() -> None:
    """Instances are compared as they are, without a detour over JSON."""
    one = Typed(required="x", amount=Decimal("0.10"), colour=Colour.RED, moment=AT_NOON)
    other = Typed(required="x", amount=Decimal("0.1"), colour=Colour.RED, moment=AT_NOON)
    assert score(one, other).exact


@pytest.mark.parametrize("name", ["type", "metadata", "default", "function", "expected", "config", "schema_ref"])
def test_a_field_may_have_any_name(name: str) -> None:
    """Also one that pydantic uses within its own schemas: gold may leave out what its model requires."""
    inner = create_model("Inner", a=(int, ...), b=(int, ...))
    model = create_model("Outer", **{name: (inner, ...)})  # type: ignore[call-overload]
    result = score({name: {"a": 1}}, {name: {"a": 1, "b": "no number"}}, model)
    assert {path: leaves[0].outcome for path, leaves in result.leaves.items()} == {f"{name}.a": C}


class Part(BaseModel):
    model_config = ConfigDict(strict=True)

    day: datetime.date
    n: int


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    amount: Decimal
    moment: datetime.datetime
    colour: Colour
    key: uuid.UUID
    pair: tuple[int, str]
    many: tuple[Decimal, ...]
    unique: set[str]
    frozen: frozenset[int]
    part: Part
    parts: list[Part]
    by: dict[int, Part]
    maybe: datetime.date | None
    level: int = 0


STRICT: dict[str, Any] = {
    "amount": "1.50",
    "moment": "2024-01-02T03:04:05Z",
    "colour": "red",
    "key": "12345678-1234-5678-1234-567812345678",
    "pair": [1, "a"],
    "many": ["1.5", 2],
    "unique": ["x", "y"],
    "frozen": [1, 2],
    "part": {"day": "2024-01-02", "n": 1},
    "parts": [{"day": "2024-01-02", "n": 1}, {"day": "2024-01-03", "n": 2}],
    "by": {"1": {"day": "2024-01-02", "n": 1}},
    "maybe": "2024-01-02",
    "level": 3,
}


@pytest.mark.parametrize("long", ["12345678901234567.891", '"DE44500105175407324931"', "0.123456789012345678"])
def test_strict_models_are_read_as_json_beside_long_numbers(long: str) -> None:
    """Dates, enums and tuples are texts and lists in JSON, whatever number or text stands beside them."""
    gold, text = json.dumps(STRICT), json.dumps(STRICT)
    if long[0] != '"':
        gold, text = (one.replace('"1.50"', long) for one in (gold, text))
    answer = f'{{"unknown": {long}, {text[1:]}'
    assert score(json.loads(gold, parse_float=str), answer, Strict).exact


def test_strict_models_are_read_as_json_in_salvage() -> None:
    """One value of the wrong type costs that value alone."""
    for broken, lost in (
        ({"level": "3"}, {"level": [W]}),
        ({"moment": 5}, {"moment": [W]}),
        ({"many": ["1.5", True]}, {"many[]": [C, M, S]}),
        ({"by": {"1": {"day": "2024-01-02", "n": "1"}}}, {"by{}.n": [W]}),
        ({"unique": "x"}, {"unique[]": [M, M]}),
        ({"level": "3", "amount": 0}, {"level": [W], "amount": [W]}),
    ):
        result = score(STRICT, json.dumps(STRICT | broken), Strict)
        found = {path: [leaf.outcome for leaf in leaves] for path, leaves in result.leaves.items()}
        assert not result.valid
        assert {path: outcomes for path, outcomes in found.items() if set(outcomes) != {C}} == lost, broken


def test_strict_models_are_read_as_json_beside_alternatives() -> None:
    """In a file and in Python, the alternatives and what stands beside them."""
    others: list[tuple[str, Any, Any]] = [
        ("moment", "2024-01-02T03:04:05Z", "2025-01-02T03:04:05Z"),
        ("pair", [1, "a"], [2, "b"]),
        ("colour", "blue", "red"),
        ("maybe", "2024-01-02", None),
    ]
    text = json.dumps(STRICT)
    for field, one, other in others:
        for gold in ({"$any_of": [one, other]}, AnyOf(one, other)):
            assert score(STRICT | {field: gold}, text, Strict).exact, field
    in_rows = STRICT | {"parts": [{"day": {"$any_of": ["2024-01-02", "2023-01-02"]}, "n": 1}, STRICT["parts"][1]]}
    assert score(in_rows, text, Strict).exact
    assert score({"moment": AnyOf(AT_NOON, AT_NOON)}, text, Strict).leaves["moment"][0].outcome is W


def test_a_broken_tuple_is_missing_items() -> None:
    """A tuple of any length is a list: of the wrong type it is null, and a broken item is wrong alone."""

    class Tuples(BaseModel):
        many: tuple[int, ...] = ()

    assert [leaf.outcome for leaf in score({"many": [1, 2]}, '{"many": 5}', Tuples).leaves["many[]"]] == [M, M]
    assert [leaf.outcome for leaf in score({"many": [1, 2]}, '{"many": [2, "x"]}', Tuples).leaves["many[]"]] == [
        C,
        M,
        S,
    ]


class Price(BaseModel):
    name: str
    amount: Decimal | None = None
    day: datetime.date | None = None


class Held(BaseModel):
    price: Json[Price] | None = None
    either: Json[Price | Inner] | None = None
    prices: Annotated[Json[list[Price]], Align(key="name")] = []
    count: Annotated[Json[int], Tolerance(abs=1)] = 0
    word: Json[str | None] = None
    free: Json | None = None  # type: ignore[type-arg]  # without a type it holds anything
    nested: list[Json[dict[str, Json[Price]]]] = []


def held(gold: Any, **predicted: Any) -> dict[str, list[Outcome]]:
    """Outcomes by path; what is predicted is written as JSON text in JSON text."""
    answer = json.dumps({name: json.dumps(value) for name, value in predicted.items()})
    return {path: [leaf.outcome for leaf in leaves] for path, leaves in score(gold, answer, Held).leaves.items()}


def test_json_text_is_what_it_holds() -> None:
    """Models, lists, unions and scalars in JSON text are compared as they would be without it."""
    assert held({"price": '{"name": "x"}'}, price={"name": "x", "amount": 1}) == {"price.name": [C]}
    found = {"name": "x", "amount": "0.10", "day": "2024-01-02"}
    typed = {"name": AnyOf("y", "x"), "amount": Decimal("0.1"), "day": datetime.date(2024, 1, 2)}
    assert held({"price": typed}, price=found) == {f"price.{name}": [C] for name in typed}
    assert held({"price": Price(name="y")}, price=found) == {"price.name": [W]}
    assert held({"price": None}, price=found) == {f"price.{name}": [S] for name in typed}
    rows = [{"name": "b", "amount": 1}, {"name": "a", "amount": 2}]
    assert held({"prices": rows}, prices=[{"name": "a", "amount": 2}, {"name": "c"}]) == {
        "prices[].name": [C, M, S], "prices[].amount": [C, M],
    }  # fmt: skip
    assert held({"either": {"city": "Bonn"}}, either={"city": "Bonn"}) == {"either.<type>": [C], "either.city": [C]}
    assert held({"count": 2, "word": "null", "free": "[1, 2]"}, count=3, word=None, free=[1, 2]) == {
        "count": [C], "word": [A], "free": [C],
    }  # fmt: skip
    nested = score({"nested": [{"k": {"name": "x"}}]}, Held(nested=[json.dumps({"k": '{"name": "x"}'})]), Held)  # type: ignore[list-item]
    assert nested.leaves["nested[]{}.name"][0].outcome is C


def test_json_text_that_does_not_fit() -> None:
    """A value of the wrong type is wrong, the others are read; no JSON, or JSON outside a text, is none."""
    gold = {"price": {"name": "x", "amount": 1}}
    assert held(gold, price={"name": "x", "amount": "much"}) == {"price.name": [C], "price.amount": [W]}
    for broken in ('{"price": "{"}', '{"price": {"name": "x"}}'):
        result = score(gold, broken, Held)
        assert (result.valid, result.leaves["price.name"][0].outcome) == (False, M)
    with pytest.raises(UnknownNameError, match=r"no field 'prices\[\].nam'. Did you mean 'prices\[\].name'"):
        score({"prices": [{"nam": "x"}]}, "{}", Held)


def test_rules_of_what_json_text_holds() -> None:
    """By path, in the text's type, or around it."""
    gold, answer = {"price": {"name": "X"}, "count": "1"}, json.dumps({"price": '{"name": "x"}', "count": "3"})
    leaves = score(gold, answer, Held, {"price.name": Text(casefold=True), "count": Tolerance(abs=2)}).leaves
    assert leaves["price.name"][0].outcome is leaves["count"][0].outcome is C


class Card(BaseModel):
    way: Literal["paid"] = "paid"
    by: Literal["card"]
    digits: str


class Cash(BaseModel):
    way: Literal["paid"] = "paid"
    by: Literal["cash"]
    digits: list[int] = []


class Open(BaseModel):
    way: Literal["open"]
    due: str | None = None


Paid = Annotated[Card | Cash, Field(discriminator="by")]
Payment = Annotated[Paid | Open, Field(discriminator="way")]


class Series(RootModel[list[Payment]]):
    """Several payments."""


class Reference(RootModel[int]):
    """A number."""


class Book(BaseModel):
    payment: Payment | None = None
    payments: list[Payment] = []
    one_or_more: Open | Series | None = None
    known: Series | Reference | None = None
    mixed: list[Open | Reference | Series] = []


def book(gold: Any, predicted: Any) -> dict[str, list[Outcome]]:
    """Outcomes by path."""
    return {path: [leaf.outcome for leaf in leaves] for path, leaves in score(gold, predicted, Book).leaves.items()}


CARD = {"way": "paid", "by": "card", "digits": "1234"}
CASH = {"way": "paid", "by": "cash", "digits": [5, 6]}
OPEN = {"way": "open", "due": "soon"}


class Letter(BaseModel):
    """A member of a union that has no tag."""

    sender: str | None = None
    pages: int | None = None


class Parcel(BaseModel):
    """Another one, with a field of the same name."""

    sender: str | None = None
    pages: Literal["none"] | None = None
    weight: float | None = None


class Post(BaseModel):
    """What came by mail."""

    one: Letter | Parcel | None = None
    all: list[Letter | Parcel] = []


@pytest.mark.parametrize(
    ("gold", "labelled"),
    [
        ({"sender": "a"}, {"sender"}),
        ({"sender": {"$any_of": ["a", "b"]}}, {"sender"}),
        ({"sender": "a", "pages": None}, {"sender", "pages"}),
        ({"sender": "a", "pages": 2}, {"<type>", "sender", "pages"}),
        ({"sender": "a", "weight": 2}, {"<type>", "sender", "weight"}),
        ({}, set()),
    ],
)
def test_gold_that_fits_several_members_does_not_label_which(gold: Any, labelled: set[str]) -> None:
    """Where the labels fit several members of a union without a tag, the answer may be any of them."""
    found = score({"one": gold, "all": [gold]}, {"one": {"weight": 1, "sender": "a"}, "all": []}, Post)
    assert {path.removeprefix("one.") for path in found.leaves if path.startswith("one.")} == labelled
    assert ("all[].<type>" in found.leaves) is ("<type>" in labelled)


class Several(BaseModel):
    """A row with a list."""

    names: list[str] = []


class Single(BaseModel):
    """A row with a string by that name."""

    names: str | None = None


class OfSeveral(BaseModel):
    """A member with the former."""

    rows: list[Several] = []


class OfSingle(BaseModel):
    """A member with the latter."""

    rows: list[Single] = []


class OfEither(BaseModel):
    """Either member."""

    doc: OfSeveral | OfSingle


def test_members_that_differ_below_a_null_are_not_told_apart() -> None:
    """Gold's null may be read as one member, and the same null in the answer as another."""
    gold = {"doc": {"rows": [{"names": None}]}}
    found = score(gold, gold, OfEither)
    assert found.exact
    assert "doc.<type>" not in found.leaves


class Plain(BaseModel):
    """A member with a list of strings."""

    kind: Literal["plain"]
    items: list[str]


class Detailed(BaseModel):
    """One with a list of rows by the same name."""

    kind: Literal["detailed"]
    items: list[Letter]


class Shipment(BaseModel):
    """Either."""

    doc: Plain | Detailed = Field(discriminator="kind")


def test_rows_and_items_of_one_path_are_counted_apart() -> None:
    """Where one member has strings and another rows by the same name, the rows have a path of their own."""
    gold = {"doc": {"kind": "detailed", "items": [{"pages": 1}, {"pages": 2}]}}
    found = score(gold, {"doc": {"kind": "detailed", "items": [{"pages": 1}]}}, Shipment)
    assert found.fields["doc.items[].<row>"] == FieldCounts(correct=1, missing=1)
    assert "doc.items[]" not in found.fields
    gold = {"doc": {"kind": "plain", "items": ["a", "b"]}}
    assert score(gold, gold, Shipment).fields["doc.items[]"] == FieldCounts(correct=2)


def test_a_union_within_a_union_is_one_union() -> None:
    """Its members are compared by their fields; of another member, the fields of the same name and kind."""
    names = ("<type>", "way", "by", "digits")
    assert book({"payment": CARD}, {"payment": CARD}) == {f"payment.{name}": [C] for name in names}
    assert book({"payment": CARD}, {"payment": {**CARD, "digits": "9"}})["payment.digits"] == [W]
    assert book({"payment": {"way": "paid", "by": "card"}}, {"payment": CASH}) == {
        "payment.<type>": [W], "payment.way": [C], "payment.by": [W],
    }  # fmt: skip
    assert book({"payment": CASH}, {"payment": {**CARD, "digits": "1"}})["payment.digits[]"] == [M, M]
    assert book({"payment": None}, {"payment": OPEN}) == {
        "payment.<type>": [S], "payment.way": [S], "payment.due": [S],
    }  # fmt: skip
    rows = book({"payments": [CARD, CASH, OPEN]}, {"payments": [OPEN, CARD, {**CASH, "digits": [6, 7]}]})
    assert rows["payments[].<type>"] == [C, C, C]
    assert (rows["payments[].digits"], rows["payments[].digits[]"], rows["payments[].due"]) == ([C], [C, M, S], [C])


def test_a_root_model_is_a_member_of_a_union() -> None:
    """What it holds is compared as it would be in a field of its own."""
    assert book({"one_or_more": [CARD, OPEN]}, {"one_or_more": [OPEN, {**CARD, "digits": "9"}]}) == {
        "one_or_more.<type>": [C],
        "one_or_more[].<type>": [C, C],
        "one_or_more[].way": [C, C],
        "one_or_more[].by": [C],
        "one_or_more[].digits": [W],
        "one_or_more[].due": [C],
    }
    assert book({"one_or_more": OPEN}, {"one_or_more": [OPEN]}) == {
        "one_or_more.<type>": [W], "one_or_more.way": [M], "one_or_more.due": [M],
    }  # fmt: skip
    assert book({"known": 7}, {"known": 7}) == {"known.<type>": [C], "known": [C]}
    assert book({"known": [OPEN]}, {"known": 7})["known[].due"] == [M]
    assert book({"mixed": [OPEN, 7, [CARD]]}, {"mixed": [[CARD], 8, OPEN]}) == {
        "mixed[].<type>": [C, C, C],
        "mixed[].way": [C],
        "mixed[].due": [C],
        "mixed[]": [W],
        "mixed[][].<type>": [C],
        "mixed[][].way": [C],
        "mixed[][].by": [C],
        "mixed[][].digits": [C],
    }


def test_members_that_share_a_name_are_told_apart() -> None:
    """By a number in the schema's order, in the leaf that says which member it is."""
    bill: Any = create_model("Invoice", no=(str, ...), total=(float, ...))
    credit: Any = create_model("Invoice", no=(str, ...), refund=(float, ...))
    doc: Any = create_model("Doc", doc=(bill | credit | Open | None, ...))
    gold = {"doc": {"no": "1", "total": 5}}
    leaves = score(gold, {"doc": {"no": "1", "refund": 5}}, doc).leaves
    (leaf,) = leaves["doc.<type>"]
    assert (leaf.outcome, leaf.expected, leaf.actual) == (W, "Invoice 1", "Invoice 2")
    assert (leaves["doc.no"][0].outcome, leaves["doc.total"][0].outcome) == (C, M)
    (leaf,) = score(gold, {"doc": OPEN}, doc).leaves["doc.<type>"]
    assert (leaf.expected, leaf.actual) == ("Invoice 1", "Open")
    assert score(gold, gold, doc).leaves["doc.<type>"][0].outcome is C
    (leaf,) = score({"doc": None}, {"doc": {"no": "1", "refund": 5}}, doc).leaves["doc.<type>"]
    assert (leaf.outcome, leaf.actual) == (S, "Invoice 2")


def test_a_union_meets_what_another_member_has_by_its_name() -> None:
    """A model that is no member of it is another one, and has no leaves here."""
    seal: Any = create_model("Card", seal=(str, ...))
    held: Any = create_model("Held", doc=(Card | Cash | None, ...))
    sent: Any = create_model("Sent", doc=(seal, ...))
    mail: Any = create_model("Mail", mail=(held | sent, ...))
    found = score({"mail": {"doc": None}}, {"mail": {"doc": {"seal": "x"}}}, mail).leaves
    assert [leaf.actual for leaf in found["mail.doc.<type>"]] == ["another Card"]
    assert set(found) == {"mail.doc.<type>"}  # a null tells none of the members of `mail` from another


class Node(RootModel["Leaf | Nodes"]):
    """One, or several."""


class Leaf(BaseModel):
    value: int


class Nodes(RootModel[list[Node]]):
    """Several."""


def test_a_root_model_may_hold_itself() -> None:
    """Its paths stay finite."""
    gold = [{"value": 1}, [{"value": 2}, {"value": 3}]]
    counts = score(gold, [[{"value": 3}, {"value": 4}], {"value": 1}], Node).counts
    assert (counts["value"].correct, counts["value"].wrong) == (2, 1)


def test_a_rule_on_a_member_of_a_union_is_refused() -> None:
    """However deep it stands: it would have no effect."""

    class Marked(BaseModel):
        choice: Annotated[Annotated[Card, Null()] | Cash, Field(discriminator="by")] | Open

    with pytest.raises(UsageError, match="choice: Null in a member of a union has no effect"):
        score({"choice": OPEN}, {"choice": OPEN}, Marked)


class Hex(BaseModel):
    model_config = ConfigDict(val_json_bytes="hex")
    data: bytes


class Blob(BaseModel):
    data: bytes


class Url(BaseModel):
    standard: Base64Bytes
    url: Base64UrlBytes | None = None


class Blobs(BaseModel):
    model_config = ConfigDict(val_json_bytes="base64", ser_json_bytes="utf8")
    data: bytes | None = None
    many: list[bytes] = []
    keyed: dict[str, bytes] = {}
    hex: Hex | None = None
    url: Url | None = None
    either: int | bytes | None = None


class Loose(BaseModel):
    text: bytes = b""
    free: Any = None
    pair: tuple[bytes, int] | None = None
    either: Blob | str | None = None
    own: Annotated[bytes, PlainSerializer(bytes.decode)] = b""
    count: int = 0


@pytest.mark.parametrize(
    ("gold", "predicted", "path", "expected", "actual"),
    [
        ({"data": "-_-A"}, {"data": "aGk="}, "data", "-_-A", "aGk="),
        ({"data": "aGk="}, {"data": "-_-A"}, "data", "aGk=", "-_-A"),
        ({"data": "+/+A"}, {"data": "%%%"}, "data", "-_-A", "%%%"),
        ({"data": {"$any_of": ["-_-A", "aGkh"]}}, {"data": "aGk="}, "data", {"$any_of": ["-_-A", "aGkh"]}, "aGk="),
        ({"keyed": {"k": "-_-A"}}, {"keyed": {"k": "aGk="}}, "keyed{}", "-_-A", "aGk="),
        ({"hex": {"data": "fbff80"}}, {"hex": {"data": "6869"}}, "hex.data", "fbff80", "6869"),
        ({"url": {"standard": "+/+A"}}, {"url": {"standard": "aGk="}}, "url.standard", "+/+A", "aGk="),
        ({"url": {"url": "-_-A"}}, {"url": {"standard": "", "url": "aGk="}}, "url.url", "-_-A", "aGk="),
        ({"either": "-_-A"}, {"either": "aGk="}, "either", "-_-A", "aGk="),
    ],
)
def test_bytes_are_shown_as_they_are_read(
    gold: dict[str, Any], predicted: dict[str, Any], path: str, expected: Any, actual: Any
) -> None:
    """Whether they are text or not: what a leaf shows can stand in gold."""
    found = score(gold, json.dumps(predicted), Blobs).leaves[path][0]
    assert (found.outcome, found.expected, found.actual) == (W, expected, actual)


def test_bytes_are_accepted_as_they_are_read() -> None:
    """Whatever a model says of how they are written."""
    text = """{"data": "-_-A", "many": ["aGk=", "+/+A"], "keyed": {"k": "-_-A"}, "hex": {"data": "fbff80"},
        "url": {"standard": "+/+A", "url": "-_-A"}, "either": "-_-A"}"""
    schema, answer = Schema.of(Blobs, "here"), Blobs.model_validate_json(text)
    assert schema.read_json(schema.dump(answer)) == answer
    assert score(answer, text, Blobs).exact


@pytest.mark.parametrize(
    ("field", "gold", "predicted"),
    [
        ("text", b"\xff", b"\xfe"),
        ("free", {"k": [b"\xff"]}, {"k": [b"\xfe"]}),
        ("pair", (b"\xff", 1), (b"\xfe", 1)),
        ("either", Blob(data=b"\xff"), Blob(data=b"\xfe")),
        ("own", b"\xff", b"\xfe"),
        ("count", 1, b"\xfe"),
    ],
)
def test_bytes_that_are_no_text_where_text_is_read(field: str, gold: Any, predicted: Any) -> None:
    """No answer has them, but an extractor may: they are scored, and shown as base64."""
    found = score({field: gold}, {field: predicted}, Loose).leaves[field][0]
    assert found.outcome is W
    assert "_g==" in json.dumps(found.actual)
    assert score({field: gold}, {field: gold}, Loose).leaves[field][0].outcome is C
    schema = Schema.of(Loose, "here")
    assert "_w==" in schema.dump(Loose.model_construct(text=b"\xff", free=b"\xff"))
