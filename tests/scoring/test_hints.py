"""Near misses are explained, and never credited."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from fara import FARA, Filing
from pydantic import BaseModel

from pytest_llm_extract import AnyOf, DateText, Outcome, score
from pytest_llm_extract.report.misses import advice_lines
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Leaf, Status
from pytest_llm_extract.scoring.advice import advice, advise, shared_advice


class Line(BaseModel):
    name: str | None = None
    quantity: int | None = None
    price: Decimal | None = None


class Order(BaseModel):
    text: str | None = None
    other: str | None = None
    amount: Decimal | None = None
    day: datetime.date | None = None
    lines: list[Line] = []


def hint(gold: dict[str, Any], predicted: dict[str, Any], path: str = "text") -> str | None:
    """The hint of one leaf that is not right."""
    leaf = score(gold, predicted, Order).leaves[path][0]
    assert leaf.outcome in (Outcome.WRONG, Outcome.MISSING)
    return leaf.hint


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("ACME", "Acme", "casefold"),
        ("ACME, Inc.", "ACME Inc", "punctuation"),
        ("ACME, Inc.", "Acme Inc", "casefold+punctuation"),
        ("Zürich", "Zurich", "accents"),
        ("March 5, 2024", "2024-03-05", "date"),
        ("25.12.2024", "2024-12-25", "date"),
        ("05.03.2024", "2024-03-05", "date:DMY"),
        ("1,234.50", "1234.5", "number"),
        ("1.234,50", "1234,5", "number:de_DE"),
        ("(5.0)", "-5", "number"),
        ("$1,200", "1200 USD", "number"),
        ("$5", "$5.00", "number"),
        ("$5", "€5", "unit"),
        ("5", "$5", "unit"),
        ("20%", "20 %", "number"),
        ("3B", "3 B", "spaces"),
        ("Art. 5", "art.5", "casefold+spaces"),
        ("New York", "NewYork", "spaces"),
        ("AB 12 3", "AB 123", None),
        ("10 11", "1011", None),
        ("1.5", "1 5", None),
        ("5 kg", "5", "unit"),
        ("5'", '5"', None),
        ("<5", "5", None),
        ("$12", "$.12", None),
        ("12 $", ",12 $", None),
        (">5", "<5", None),
        ("±5", "5", None),
        ("ACME Inc.", "ACME Inc. of Delaware", "containment"),
        ("INV-1001", "INV-1007", None),
        ("12", "2024-11-12", None),
        ("SKU-00001", "SKU-90001", None),
        (AnyOf("x", "ACME"), "acme", "casefold"),
        ("INV-1001.", "INV-1001", "punctuation"),
        # Both are numbers, and not the same one: no rule may call them equal.
        ("-1.50", "1.50", "other_number"),
        ("12.50", "1250", "other_number"),
        ("12.5", "1.25", "other_number"),
        ("20%", "20", "other_number"),
        ("(5.00)", "5.00", "other_number"),
        # Points and dashes between figures may be what they mean.
        ("1:30", "130", None),
        ("1.250", "1250", None),
        ("10-11", "1011", None),
        ("A-12", "A12", None),
    ],
)
def test_hint(gold: Any, predicted: str, expected: str | None) -> None:
    """The cheapest rule under which the pair would have matched; the outcome stays wrong."""
    assert hint({"text": gold}, {"text": predicted}) == expected


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([Outcome.MISSING] * 3, "3 of the 3 missing values"),
        ([Outcome.WRONG, Outcome.MISSING], "2 of the 2 wrong and missing values"),
        ([Outcome.WRONG, Outcome.WRONG], "2 of the 2 wrong values"),
    ],
)
def test_advice_counts_what_the_table_counts(outcomes: list[Outcome], said: str) -> None:
    """Values that are missing are not called wrong."""
    leaves = tuple(Leaf(outcome, "ACME", None, "sibling:other") for outcome in outcomes)
    assert advice([CaseResult(Status.OK, {"text": leaves}, True)])["text"].startswith(said)


def test_value_in_a_sibling_field() -> None:
    """Of the same model, also in a row, also when the field itself is empty; not where gold says the same twice."""
    gold = {"text": "ACME", "other": "Bolt"}
    assert hint(gold, {"text": "Bolt", "other": "ACME"}) == "sibling:other"
    assert hint(gold, {"text": None, "other": "ACME"}) == "sibling:other"
    assert hint({"text": "ACME", "other": "ACME"}, {"text": "x", "other": "ACME"}) is None
    lines = [{"name": "bolt", "quantity": 4, "price": "7"}]
    assert hint({"lines": lines}, {"lines": [{"name": "bolt", "quantity": 7, "price": 4}]}, "lines[].price") == (
        "sibling:quantity"
    )


def test_value_that_the_schema_cannot_read() -> None:
    """A date or number in another notation, in a field that is no text."""
    assert hint({"day": "2024-03-05"}, {"day": "March 5, 2024"}, "day") == "unread:date"
    assert hint({"amount": "1200"}, {"amount": "1,200"}, "amount") == "unread:number"
    assert hint({"amount": "1200"}, {"amount": "$1200"}, "amount") == "unread:unit"
    assert hint({"amount": "1200"}, {"amount": "soon"}, "amount") is None


def leaves(*hints: str | None) -> list[Leaf]:
    """Wrong leaves with hints."""
    return [Leaf(Outcome.WRONG, "a", "b", hint) for hint in hints]


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        (["date"] * 51 + [None] * 2, "51 of the 53 lost values match as dates: consider DateText()"),
        (["date:DMY"], 'the lost value matches as a date: consider DateText(order="DMY")'),
        (["number:de_DE"], 'the lost value matches as a number: consider NumberText(locale="de_DE")'),
        (
            ["casefold", "casefold+punctuation", None],
            "2 of the 3 lost values match without case and punctuation: consider Text(casefold=True, punctuation=True)",
        ),
        (["sibling:vendor"], "the lost value is the value of the field 'vendor': say in the prompt *"),
        (["unit"], "the lost value differs in its unit only: say in the prompt which one, *"),
        (["loop"], "the lost value repeats itself: no rule *"),
        (["prompt:schema"], "the lost value is in the schema of the prompt and not in the document: *"),
        (
            ["prompt:examples", "prompt:instructions", "prompt:examples"],
            "3 of the 3 lost values are in the examples or the instructions of the prompt and not in the document: *",
        ),
        (
            ["sibling:vendor", "sibling:town", "sibling:town"],
            "2 of the 3 lost values are the value of the field 'town': *",
        ),
        (["unread:date"], "the lost value has the right value in a notation that the schema does not read: *"),
        ([None] * 20 + ["date"], None),
        ([None], None),
        ([], None),
    ],
)
def test_advice(hints: list[str | None], expected: str | None) -> None:
    """One line: the hint that explains most, and what to do; nothing when it explains less than a tenth."""
    found = advise(leaves(*hints), "lost")
    assert found == expected or (expected and expected.endswith("*") and found and found.startswith(expected[:-1]))


def test_fields_with_the_same_advice_have_one_line() -> None:
    """Their values are added up; another field has its own line."""
    copied, late = Leaf(Outcome.WRONG, "a", "b", "prompt:examples"), Leaf(Outcome.WRONG, "a", "b", "date")
    extra = Leaf(Outcome.SPURIOUS, None, "b", "prompt:examples")
    result = CaseResult(Status.OK, {"town": (copied, copied), "day": (late,), "name": (extra,)}, True)
    assert shared_advice([result]) == [
        "town, name: 3 of the 3 wrong and spurious values are in the examples of the prompt and not in the document: "
        "the model repeats its prompt: say what is an example, or try without it",
        "day: the wrong value matches as a date: consider DateText()",
    ]


@pytest.mark.parametrize(("prompt", "line"), [("zero_shot", "28 of the 64"), ("five_shot", "80 of the 116")])
@pytest.mark.skipif(not FARA.is_dir(), reason="the FARA data is not beside this checkout")
def test_advice_on_real_filings(prompt: str, line: str) -> None:
    """The dates that seem lost are named, with the rule that finds them; under that rule nothing is left to advise."""
    gold = {row["id"]: row["expected"] for row in map(json.loads, (FARA / "cases.jsonl").open(encoding="utf-8"))}
    rows = [json.loads(text) for text in (FARA / "outputs" / f"{prompt}.jsonl").open(encoding="utf-8")]

    def results(compare: dict[str, Any] | None) -> list[CaseResult]:
        return [score(gold[row["id"]], json.dumps(row["output"]), Filing, compare) for row in rows]

    found = [text for text in advice_lines(results(None)) if "file_date" in text]
    assert found == [f"  hint: file_date: {line} wrong values match as dates: consider DateText()"]
    assert "date" not in advice(results({"file_date": DateText()})).get("file_date", "")
