"""Rules in `Annotated`, in `compare=` and in JSON Schema decide when two values are the same."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, NotRequired

import pytest
from pydantic import BaseModel, Field, ValidationError, create_model
from standin import StandIn
from typing_extensions import TypedDict

from pytest_llm_extract import (
    Aliases,
    Align,
    AnyOf,
    DateText,
    Ignore,
    Null,
    NumberText,
    Ordered,
    Outcome,
    Text,
    Tolerance,
    score,
)
from pytest_llm_extract.errors import LlmExtractError, UsageError
from pytest_llm_extract.prompt.strict_schema import strict_json_schema
from pytest_llm_extract.rules.comparators import RuleError
from pytest_llm_extract.schema.schema import Schema

C, W, M, S, A = Outcome.CORRECT, Outcome.WRONG, Outcome.MISSING, Outcome.SPURIOUS, Outcome.ABSENT_OK


class Part(BaseModel):
    sku: str
    price: Decimal | None = None
    note: str | None = None


class Order(BaseModel):
    text: str | None = None
    amount: Decimal | None = None
    ratio: float | None = None
    free: Any = None
    tags: list[str] = []
    parts: list[Part] = []


def outcome(rule: Any, gold: Any, predicted: Any, field: str = "text") -> Outcome:
    """What one leaf comes out as under a rule."""
    result = score({field: gold}, {field: predicted}, Order, compare={field: rule})
    return result.leaves[field][0].outcome


@pytest.mark.parametrize(
    ("rule", "gold", "predicted", "expected"),
    [
        (Text(casefold=True), "ACME Straße", "acme STRASSE", C),
        (Text(casefold=True), "ACME, Inc.", "acme inc", W),
        (Text(punctuation=True), "ACME, Inc.", "ACME Inc", C),
        (Text(punctuation=True), "-", "--", W),
        (Text(accents=True), "Zürich", "Zurich", C),
        (Text(), "Zürich", "Zurich", W),
        (Text(spaces=True), "AB 123", "AB123", C),
        (Text(spaces=True), "AB 123", "ab123", W),
        (Text(spaces=True, casefold=True), "New York", " NEWYORK", C),
        (Text(), "co\u00adope\u2060ra\u200btion\u200d", "cooperation", C),
        (NumberText(), "20%", "20 %", C),
        (NumberText(), "20%", "0.2", C),
        (NumberText(), "20%", "20", W),
        (NumberText(), "5‰", "0.005", C),
        (NumberText(), "$1,200", "1200.00 USD", C),
        (NumberText(), "$1,200", "1200", C),
        (NumberText(), "CA$5", "5 CAD", C),
        (NumberText(), "CA$5", "5 USD", W),
        (NumberText(), "$5", "€5", W),
        (NumberText(), "€5", "5 EUR", C),
        (NumberText(), "-$5", "($5)", C),
        (NumberText("de_DE"), "1.200,50 €", "EUR 1200,5", C),
        (NumberText(), "5 kg", "5", W),
        (NumberText(tolerance="0.01"), "12.50", "12.51", C),
        (NumberText(tolerance="0.01"), "12.50", "12.52", W),
        (NumberText(tolerance=Tolerance(rel="0.1")), "$100", "95", C),
        (NumberText(tolerance={"rel": "0.1"}), "100", "80", W),
        (Aliases({"IBM": ["Big Blue"]}, casefold=True), "BIG BLUE", "ibm", C),
        (Aliases({"IBM": ["Big Blue"]}, casefold=True), "Acme", "ACME", C),
        (Aliases({"IBM": ["Big Blue"]}), "BIG BLUE", "IBM", W),
        (Text(min_ratio=0.8), "INV-1001", "INV-1007", C),
        (Text(min_ratio=0.9), "INV-1001", "INV-1007", W),
        (Text(casefold=True, min_ratio=0.9), "inv-1001", "INV-1001", C),
        (DateText(), "March 5, 2024", "2024-03-05", C),
        (DateText(), "2/25/91", "1991-02-25", C),
        (DateText(), "03/04/2024", "2024-03-04", C),
        (DateText(order="DMY"), "03/04/2024", "2024-04-03", C),
        (DateText(order="DMY"), "2024-04-03", "20240403", C),
        (DateText(order="YMD"), "91/02/25", "25 February 1991", C),
        (DateText(), "1991-02-25", "2091-02-25", W),
        (DateText(), "12", "2024-11-12", W),
        (DateText(), "2024", "2024-11-24", W),
        (DateText(), "may", "May 1, 2024", W),
        (DateText(), "May 2024", "2024-05-24", W),
        (DateText(), "Monday", "2024-05-20", W),
        (DateText(), "29 Feb", "2024-02-29", W),
        (DateText(), "2024-02-30", "2024-03-01", W),
        (DateText(), "no date", " no  date", C),
        # Months in other languages, and the ways in which East Asia writes a date.
        (DateText(), "5. März 2024", "2024-03-05", C),
        (DateText(), "le 1er juin 2024", "2024-06-01", C),
        (DateText(), "5 de marzo de 2024", "2024-03-05", C),
        (DateText(), "12 stycznia 2024 r.", "2024-01-12", C),
        (DateText(), "5 марта 2024 г.", "2024-03-05", C),
        (DateText(), "2024年3月5日", "2024-03-05", C),
        (DateText(), "2024년 3월 5일", "2024-03-05", C),
        (DateText(), "2024-03-05T00:00:00Z", "2024-03-05", C),
        # What holds more than a date is not a date.
        (DateText(), "2024-03-05 - 2024-04-05", "2024-03-05", W),
        (DateText(), "2024-03-05/2024-04-05", "2024-03-05 - 2024-05-05", W),
        (DateText(), "5 March 2024 10", "2024-03-05", W),
        (DateText(), "2024-03-05 10:00 EUR", "2024-03-05", W),
        (DateText(), "2024-03-05T10:00", "2024-03-05T22:00", W),
        (DateText(), "5 March 2024 EUR", "2024-03-05", W),
        # Accents are marks of Latin, Greek and stressed Cyrillic letters; other letters and digits stay.
        (Text(accents=True), "Łódź, Ørsted", "Lodz, Orsted", C),
        (Text(accents=True), "Ἀθῆναι", "Αθηναι", C),
        (Text(accents=True), "за́мок", "замок", C),
        (Text(accents=True), "10²", "102", W),
        (Text(accents=True), "か", "が", W),
        (Text(accents=True), "й", "и", W),
        (Text(accents=True), "ё", "е", W),
        (NumberText("de_DE"), "60.000", "60000", C),
        (NumberText("en_US"), "60.000", "60", C),
        (NumberText("en_US"), "60.000", "60000", W),
        (NumberText(), "(1,234.50)", "-1234.5", C),
        (NumberText(), "5-", "\N{MINUS SIGN}5", C),
        (NumberText(), "5", "-5", W),
        (NumberText("fr_FR"), "1 234,5", "1\u202f234,50", C),
        (NumberText("de_CH"), "1'000.5", "1000.50", C),
        (NumberText("de_DE"), "1.23", "123", W),
        (NumberText(), "5 %", "5", W),
        (Aliases({"IBM": ["International Business Machines", "I.B.M."]}), "I.B.M.", "IBM", C),
        (Aliases({"IBM": "Big Blue"}), "Big Blue", "big blue", W),
        (Null("n/a", "-"), "n/a", "-", A),
        (Null("n/a"), "n/a", "ACME", S),
        (Null("n/a"), "ACME", "n/a", M),
        (Null(), "", "", C),
        (Null(), "x", "", W),
        ([Text(casefold=True), Null("-")], "ACME", "Acme", C),
        ([Text(casefold=True), Null("-")], "-", None, A),
        (lambda gold, predicted: gold[:3] == predicted[:3], "ACME 1", "ACME 2", C),
    ],
)
def test_rule_on_text(rule: Any, gold: str, predicted: str, expected: Outcome) -> None:
    """One rule, one pair."""
    assert outcome(rule, gold, predicted) is expected


@pytest.mark.parametrize(
    ("field", "rule", "gold", "predicted", "expected"),
    [
        ("amount", Tolerance(abs="0.01"), "10.00", "10.01", C),
        ("amount", Tolerance(abs="0.01"), "10.00", "10.011", W),
        ("amount", Tolerance(rel=0.01), "100", "101", C),
        ("amount", Tolerance(rel=0.01), "100", "102", W),
        ("amount", Tolerance(), "12345678901234567890.1", "12345678901234567890.2", W),
        ("ratio", Tolerance(abs=0.1), 0.1, 0.2, C),
        ("ratio", Tolerance(abs=0.1), 0.1, 0.21, W),
        ("free", Tolerance(abs=1), 1, 2.0, C),
        ("free", Tolerance(abs=1), "1", "2", W),
    ],
)
def test_tolerance(field: str, rule: Tolerance, gold: Any, predicted: Any, expected: Outcome) -> None:
    """Exact arithmetic: 0.2 - 0.1 is within 0.1."""
    assert outcome(rule, gold, predicted, field) is expected


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [(1e-12, 3e-10, W), (1.0, 1.0 + 1e-10, C), (0.0, 1e-10, C), (0.0, 1e-8, W), (1e12, 1e12 + 1, C)],
)
def test_floats_without_a_rule(gold: float, predicted: float, expected: Outcome) -> None:
    """Equal to nine digits, however small they are; beside zero by an absolute limit."""
    assert score({"ratio": gold}, {"ratio": predicted}, Order).leaves["ratio"][0].outcome is expected


def same_start(gold: str, predicted: str) -> bool:
    """A comparison of one's own."""
    return gold[0] == predicted[0]


Name = Annotated[str, Text(casefold=True)]


class Annotations(BaseModel):
    name: Name
    strict: Annotated[Name, Text(punctuation=True)]
    optional: Annotated[str | None, Text(casefold=True)] = None
    inner: Annotated[str, Text(casefold=True)] | None = None
    items: list[Annotated[str, Text(casefold=True)]] = []
    starts: list[Annotated[str, same_start]] = []
    start: Annotated[str, same_start] = ""
    secret: Annotated[Part | None, Ignore()] = None


def test_rules_of_the_schema() -> None:
    """In Annotated on a field, a list's items and below None; the outer rule and `compare` go first."""
    gold = {"name": "A", "strict": "A", "optional": "A", "inner": "A", "items": ["A"], "starts": ["ab"], "start": "ab"}
    predicted = {"name": "a", "strict": "a", "optional": "a", "inner": "a", "items": ["a"], "starts": ["ax"]}
    result = score({**gold, "secret": {"sku": "x"}}, {**predicted, "start": "ay", "secret": {"sku": "y"}}, Annotations)
    found = {path: leaves[0].outcome for path, leaves in result.leaves.items()}
    right = dict.fromkeys(["name", "optional", "inner", "items[]", "starts[]", "start"], C)
    assert found == {**right, "strict": W}
    assert score({"name": "A"}, predicted, Annotations, compare={"name": Text()}).counts["name"].wrong == 1


def test_rules_of_json_schema() -> None:
    """`x-llm-extract` means the same as Annotated, and the provider never sees it."""

    class Extra(BaseModel):
        name: str = Field(json_schema_extra={"x-llm-extract": {"Text": {"casefold": True}, "Null": {"values": ["-"]}}})
        vendor: str = Field(json_schema_extra={"x-llm-extract": {"Aliases": {"values": {"IBM": ["Big Blue"]}}}})
        skip: str = Field(json_schema_extra={"x-llm-extract": {"Ignore": {}}})

    result = score({"name": "A", "vendor": "IBM"}, {"name": "a", "vendor": "Big Blue", "skip": "x"}, Extra)
    assert result.exact
    assert list(Schema.of(Extra, "t").paths) == ["name", "vendor"]
    assert "x-llm-extract" not in str(strict_json_schema(Extra))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("Text", "name: x-llm-extract must be an object such as"),
        ({"Txt": {}}, "name: x-llm-extract: no rule 'Txt'. Did you mean 'Text'?"),
        ({"Text": {"case": True}}, "Text has no argument 'case'. Did you mean 'casefold'?"),
        ({"Text": True}, "the arguments of Text must be an object, got True"),
        ({"Text": {"casefold": "no"}}, "name: Text: casefold must be True or False, got 'no'"),
        ({"Text": {}, "DateText": {}}, "name: Text and DateText exclude each other"),
        ({"Aliases": {}}, "name: Aliases: must be a mapping such as"),
        ({"Aliases": {"values": {"IBM": 5}}}, "name: Aliases: names and aliases must be strings, got 5 in 'IBM'"),
        ({"Null": {"values": 5}}, "name: x-llm-extract: the values of Null must be a list, got 5"),
    ],
)
def test_mistakes_in_json_schema(extra: Any, message: str) -> None:
    """Named with the nearest right name."""

    class Extra(BaseModel):
        name: str = Field(json_schema_extra={"x-llm-extract": extra})

    with pytest.raises(LlmExtractError) as caught:
        Schema.of(Extra, "t")
    assert message in str(caught.value)


class Party(BaseModel):
    name: str | None = None


class Filed(BaseModel):
    tags: list[str] = []
    parties: list[Party] = []
    seller: Party | None = None
    sizes: dict[str, list[str]] = {}
    anything: dict[str, Any] = {}
    names: str | list[str] | None = None


@pytest.mark.parametrize(
    ("gold", "place"),
    [
        ({"tags": {"$any_of": [["a"], ["b"]]}}, ("tags",)),
        ({"parties": [{"$any_of": [{"name": "a"}, {"name": "b"}]}]}, ("parties", 0)),
        ({"seller": AnyOf(Party(name="a"), Party(name="b"))}, ("seller",)),
        ({"sizes": {"$any_of": ["a", "b"]}}, ("sizes",)),
        ({"$any_of": [{}, {}]}, ()),
    ],
)
def test_any_of_is_for_values_only(gold: Any, place: tuple[str | int, ...]) -> None:
    """Several right lists, models or dicts are refused where they are, and never read as something else."""
    with pytest.raises(ValidationError) as refused:
        score(gold, {}, Filed)
    first = refused.value.errors()[0]
    assert first["loc"] == place
    assert first["msg"].startswith("$any_of lists the right answers of one value, not of a list or an object; use it ")


class Tagged(BaseModel):
    tags: list[str | None] = []
    ordered: Annotated[list[str | None], Ordered()] = []


@pytest.mark.parametrize("name", ["tags", "ordered"])
def test_null_may_be_a_right_answer_for_an_item(name: str) -> None:
    """It pairs with a null item, or an empty one, and leaves the others theirs; missing, it is not charged."""
    items = [{"$any_of": ["a", None]}, None, "b"]
    assert score({name: items}, {name: [None, "", "b"]}, Tagged).exact
    assert score({name: items}, {name: ["a", None, "b"]}, Tagged).exact
    assert score({name: items}, {name: [None, "b"]}, Tagged).exact
    assert not score({name: items}, {name: ["b", "b"]}, Tagged).exact


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ({"tags": [{"$any_of": ["a", "b"]}]}, {"tags": ["b"]}),
        ({"anything": {"$any_of": [{"a": 1}, {"a": 2}]}}, {"anything": {"a": 2}}),
        ({"names": {"$any_of": ["a", ["a", "b"]]}}, {"names": ["a", "b"]}),
    ],
)
def test_any_of_within_lists_and_for_free_form_values(gold: Any, answer: Any) -> None:
    """An item of a list, free-form JSON and a union with a list are one value each."""
    assert score(gold, answer, Filed).exact
    assert not score(gold, dict.fromkeys(answer, "x"), Filed).exact


def test_any_of_in_gold() -> None:
    """In Python and in JSON; each answer is read as the field's type; null may be one of them."""
    assert score({"amount": AnyOf("1.0", "2")}, {"amount": "2.00"}, Order).exact
    assert score({"text": {"$any_of": ["ACME", None]}}, {"text": None}, Order).exact
    assert score({"text": {"$any_of": ["ACME", "Acme"]}}, {"text": "acme"}, Order).counts["text"].wrong == 1
    leaf = score({"text": AnyOf("a", "b")}, {"text": "c"}, Order).leaves["text"][0]
    assert leaf.expected == {"$any_of": ["a", "b"]}
    with pytest.raises(ValidationError, match="amount"):
        score({"amount": {"$any_of": ["soon"]}}, {}, Order)
    no_lists: list[Any] = ["ACME", 5, [], {"a": 1}]
    for listed in no_lists:
        with pytest.raises(ValidationError, match=r"\$any_of must be a list of the accepted values, got "):
            score({"text": {"$any_of": listed}}, {}, Order)


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        ({"vendor": Text()}, "score: compare: no field 'vendor'."),
        ({1: Text()}, "no field '1'."),
        ({"txt": Text()}, "no field 'txt'. Did you mean 'text'?"),
        ({"parts[].skuu": Text()}, "Did you mean 'parts[].sku'?"),
        ({"amount": DateText()}, "amount: DateText compares str, but the field is decimal"),
        ({"text": Tolerance(abs=1)}, "text: Tolerance compares decimal and float and int, but the field is str"),
        ({"tags": Text()}, "tags: Text belongs on a value; the items here are 'tags[]'"),
        ({"text": Ordered()}, "text: Ordered belongs on a list"),
        ({"tags": Align(key="x")}, "tags: Align belongs on a list of models"),
        ({"parts": Align(key="sk")}, "parts: Align: no key 'sk'. Did you mean 'sku'?"),
        ({"text": Text}, "compare: text: a rule must be called: write Text()"),
        ({"text": "casefold"}, "compare: text: a rule must be one of Text, Tolerance"),
        ({"text": NumberText("xx_YY")}, "text: NumberText names no locale: 'xx_YY'"),
        ({"text": [Text(), DateText()]}, "compare: text: Text and DateText exclude each other"),
        ({"text": [Text(), lambda a, b: True]}, "compare: text: Text and a function exclude each other"),
        ({"tags[]": Ignore()}, "tags[]: Ignore belongs on a field of a model"),
    ],
)
def test_a_rule_that_does_not_fit(compare: dict[str, Any], message: str) -> None:
    """An unknown path or another type is one line that says where and what."""
    with pytest.raises(LlmExtractError) as caught:
        score({}, {}, Order, compare=compare)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rules_that_settle_different_things() -> None:
    """How values compare, and what says the same as null."""
    assert score({"text": "A"}, {"text": "a"}, Order, compare={"text": [Text(casefold=True), Null("-")]}).exact
    assert outcome(Aliases({"IBM": [], "HP": "H.P."}), "H.P.", "HP") is C


Folded = Annotated[str, Text(casefold=True)]


@dataclass
class Money:
    currency: Folded


class Place(TypedDict):
    city: Folded
    within: NotRequired[Place]


@pytest.mark.parametrize("annotation", [Money, Place, tuple[Folded, int], list[tuple[Folded, int]], dict[Folded, Any]])
def test_a_rule_within_one_value_is_refused(annotation: Any) -> None:
    """What is compared as a whole has no parts to which a rule could belong."""
    model: Any = create_model("M", x=(annotation, ...))
    with pytest.raises(
        UsageError, match=r"^t: x(\[\])?: Text within one value has no effect: a rule belongs to a field"
    ):
        Schema.of(model, "t")


def test_a_rule_on_the_keys_of_a_dict_is_refused() -> None:
    """They align its values, and are not scored; the rules of a model that a tuple holds are that model's own."""
    model: Any = create_model("M", x=(dict[Folded, int], ...))
    with pytest.raises(UsageError, match=r"^t: x: Text on the keys of a dict has no effect"):
        Schema.of(model, "t")
    assert Schema.of(create_model("M", x=(tuple[Annotations, int], ...)), "t").paths == ("x",)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Text(min_ratio=80), "min_ratio must be above 0 and at most 1"),
        (lambda: Tolerance(abs="1 cent"), "Tolerance: abs must be a number, got '1 cent'"),
        (lambda: Tolerance(rel=-1), "Tolerance: rel must be a number of at least 0"),
        (lambda: DateText(order="dmy"), "order must be 'DMY', 'MDY' or 'YMD', got 'dmy'"),  # type: ignore[arg-type]
        (lambda: Align(min_similarity=50), "min_similarity must be a number from 0 to 1"),
        (lambda: AnyOf(), "AnyOf: name at least one value"),
        (lambda: Tolerance(rel=5), "Tolerance: rel must be at most 1, got 5: 5 % is 0.05"),
        (lambda: Text(casefold="no"), "Text: casefold must be True or False, got 'no'"),  # type: ignore[arg-type]
        (lambda: NumberText(locale=None), "NumberText: locale must be the name of a locale such as 'de_DE', got None"),  # type: ignore[arg-type]
        (lambda: Align(key=5), "Align: key must be a path below the row, or several, got 5"),  # type: ignore[arg-type]
        (lambda: Align(min_similarity="0.5"), "min_similarity must be a number from 0 to 1, got '0.5'"),  # type: ignore[arg-type]
        (lambda: Aliases({5: ["x"]}), "Aliases: names and aliases must be strings, got 5 in 5"),  # type: ignore[dict-item]
        (
            lambda: Aliases({"IBM": ["Big"], "Indigo": ["Big"]}),
            "'Big' means both 'IBM' and 'Indigo': a string must have one meaning",
        ),
        (lambda: Aliases({"A": ["B"], "B": ["C"]}), "'B' means both 'A' and 'B': a string must have one meaning"),
    ],
)
def test_a_rule_that_makes_no_sense(build: Any, message: str) -> None:
    """Said where it is written."""
    with pytest.raises(RuleError, match=message):
        build()


FINGERPRINT = """
from pydantic import BaseModel
from pytest_llm_extract import Aliases, Text, Tolerance
from pytest_llm_extract.schema.schema import Schema
class Order(BaseModel):
    text: str
    amount: float
compare = {"text": Aliases({"b": {"y", "x", "z"}, "a": ["q"]}), "amount": Tolerance(abs="0.10")}
print(Schema.of(Order, "t", compare).scoring_fingerprint)
"""


def test_scoring_fingerprint() -> None:
    """The same in every process; another as soon as a rule or the set of paths changes."""
    command = [sys.executable, "-c", FINGERPRINT]
    seeds = ({"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)} for seed in "1234")
    printed = {subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout for env in seeds}
    assert len(printed) == 1

    class Fewer(BaseModel):
        text: str | None = None

    compares: list[dict[str, Any] | None] = [
        None,
        {"text": Text()},
        {"text": Text(casefold=True)},
        {"text": lambda gold, predicted: gold in predicted},
        {"text": lambda gold, predicted: predicted in gold},
        {"text": Ignore()},
        {"tags": Ordered()},
        {"parts": Align(key="sku")},
    ]
    found = [Schema.of(Order, "t", compare).scoring_fingerprint for compare in compares]
    found.append(Schema.of(Fewer, "t").scoring_fingerprint)
    assert len(set(found)) == len(found)
    assert Schema.of(Order, "another", {"text": Text(casefold=True)}).scoring_fingerprint == found[2]


MARKER = '@pytest.mark.llm_extract(extractor=read, cases="gold.jsonl"'


def test_compare_in_the_marker(project: pytest.Pytester, provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Advice names a rule; the suite takes it, and the schema stays untouched; alternatives come from the dataset."""
    sizes = [4, {"$any_of": [4, 5]}]
    rows = [{"id": f"c{i}", "input": "bolt 4", "expected": {"name": "BOLT", "size": s}} for i, s in enumerate(sizes)]
    (project.path / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
    run = project.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["  hint: name: 2 of the 2 wrong values match without case: consider Text(casefold=True)"])
    module = (project.path / "test_items.py").read_text()
    rule = MARKER + ', compare={"name": Text(casefold=True)}'
    (project.path / "test_items.py").write_text("from pytest_llm_extract import Text\n" + module.replace(MARKER, rule))
    run = project.runpytest_subprocess("--llm-extract-json=out.json")
    run.assert_outcomes(passed=3)
    run.stdout.no_fnmatch_line("*hint:*")
    suite = json.loads((project.path / "out.json").read_text())["suites"][0]
    assert suite["documents"] == {"valid": 2, "exact": 2}


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        ("{'nam': Text()}", "*llm_extract: compare: no field 'nam'. Did you mean 'name'?*"),
        ("{'size': Text()}", "*llm_extract: size: Text compares str, but the field is int*"),
        ("Text()", "*compare= must map field paths to rules*"),
    ],
)
def test_mistakes_in_the_marker(project: pytest.Pytester, compare: str, message: str) -> None:
    """One collection error."""
    module = (project.path / "test_items.py").read_text()
    changed = "from pytest_llm_extract import Text\n" + module.replace(MARKER, f"{MARKER}, compare={compare}")
    (project.path / "test_items.py").write_text(changed)
    run = project.runpytest_subprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines([message])


class Loose(BaseModel):
    """A list and a dict whose values may be null."""

    tags: list[str | None] = []
    sizes: dict[str, float | None] = {}
    lines: list[Line] = []


class Line(BaseModel):
    """A row whose name may be missing."""

    name: str | None = None
    sku: str | None = None


def outcomes(gold: Any, predicted: Any, compare: dict[str, Any] | None = None) -> dict[str, list[str]]:
    """The outcomes of each field."""
    found = score(gold, predicted, Loose, compare).leaves
    return {path: [leaf.outcome.value for leaf in leaves] for path, leaves in found.items()}


@pytest.mark.parametrize("compare", [None, {"tags": Ordered()}], ids=["any order", "ordered"])
def test_a_null_item_is_an_item(compare: dict[str, Any] | None) -> None:
    """A null more or less in a list is a mistake; null belongs to null."""
    assert outcomes({"tags": ["a"]}, {"tags": ["a", None]}, compare) == {"tags[]": ["correct", "spurious"]}
    assert outcomes({"tags": [None, "a"]}, {"tags": ["a"]}, compare) == {"tags[]": ["correct", "missing"]}
    assert outcomes({"tags": [None, "a"]}, {"tags": [None, "a"]}, compare) == {"tags[]": ["absent_ok", "correct"]}
    assert outcomes({"tags": []}, {"tags": [None]}, compare) == {"tags[]": ["spurious"]}


def test_a_key_without_a_value_is_a_key() -> None:
    """A key more or less in a dict is a mistake, whatever its value."""
    assert outcomes({"sizes": {"a": None}}, {"sizes": {}}) == {"sizes{}": ["missing"]}
    assert outcomes({"sizes": {"a": 1}}, {"sizes": {"a": 1, "b": None}}) == {"sizes{}": ["correct", "spurious"]}
    assert outcomes({"sizes": {"a": None}}, {"sizes": {"a": None}}) == {"sizes{}": ["absent_ok"]}


def test_a_missing_row_is_not_charged_where_null_is_right_too() -> None:
    """Null is one of the right answers of a value: its row may be missing without a charge for it."""
    gold = [{"name": AnyOf("x", None), "sku": "a"}]
    assert outcomes({"lines": gold}, {"lines": []}) == {"lines[].sku": ["missing"]}


def test_names_of_null_are_read_as_the_rule_beside_them_says() -> None:
    """Case that does not count in values does not count in "n/a" either; a tolerance makes no number null."""
    rules = [Text(casefold=True, spaces=True), Null("n/a")]
    for said in ("N/A", "n / a", None):
        assert outcome(rules, None, said) is A
    assert outcome(Null("n/a"), None, "N/A") is S
    assert outcome([Tolerance(abs=1), Null(0)], None, "0.5", "amount") is S


def test_keys_of_a_dict_compare_as_text() -> None:
    """Composed or not, with a space around: the same key; two that would be one stay two."""

    class Sizes(BaseModel):
        by_name: dict[str, int]

    gold, answer = {"M\u00fcller": 1, "Total": 2}, {"Mu\u0308ller": 1, "Total ": 2}
    assert score({"by_name": gold}, {"by_name": answer}, Sizes).exact
    assert not score({"by_name": {"a": 1}}, {"by_name": {"a": 1, "a ": 1}}, Sizes).exact
    assert score({"free": gold}, {"free": answer}, Order).exact


def test_the_class_of_an_enum_is_no_likeness() -> None:
    """Two rows of which nothing agrees are no pair, however long the name of their enum is."""

    class KindOfEveryItemThatThereIs(Enum):
        A = "bolt"
        B = "wine"

    class Row(BaseModel):
        kind: KindOfEveryItemThatThereIs

    found = score([{"kind": "bolt"}], [{"kind": "wine"}], list[Row])
    assert [leaf.outcome for leaf in found.leaves["[].kind"]] == [M, S]
