"""What lints find in golden data, and what they leave alone."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from fara import FARA, Filing
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from pytest_llm_extract.dataset import load_cases
from pytest_llm_extract.dataset.gold import read_golden
from pytest_llm_extract.lints.contamination import ShownExamples
from pytest_llm_extract.lints.documents import golden_documents
from pytest_llm_extract.lints.lint_report import LintReport, lint
from pytest_llm_extract.lints.near_duplicates import is_near, near_duplicates
from pytest_llm_extract.lints.occurrence import Searchable
from pytest_llm_extract.results.recipe import ExampleDocument
from pytest_llm_extract.schema.schema import Schema


class Note(BaseModel):
    name: str | None = None
    total: Decimal | None = None
    day: datetime.date | None = None
    paid: bool | None = None
    tags: list[str] = []


SCHEMA = Schema.of(Note, "test")
PLAIN = "A note from the desk of Ulm, number {}: nothing else is written here, and it goes on for a while."


def report(rows: list[dict[str, Any]], **arguments: Any) -> LintReport:
    """The lints of these rows; a row without an input or a gold gets a plain one."""
    whole = [{"id": f"c{n}", "input": PLAIN.format(n * 977), "expected": {}, **row} for n, row in enumerate(rows)]
    golden = read_golden(load_cases(whole, "rows"), SCHEMA, "rows")
    return lint("rows", golden_documents(SCHEMA, golden), SCHEMA.paths, **arguments)


def found(rows: list[dict[str, Any]], **arguments: Any) -> list[tuple[str, tuple[str, ...], str | None]]:
    """Kind, cases and field of each finding."""
    return [(finding.kind, finding.cases, finding.field) for finding in report(rows, **arguments).findings]


def example(text: str, case: str | None = None) -> dict[str, Any]:
    """A variant that has one few-shot example."""
    return {"shown": [ShownExamples("few_shot", (ExampleDocument(case, text),), {})]}


@pytest.mark.parametrize(
    ("value", "text", "holds"),
    [
        ("ACME Ltd", "from  acme\nLTD.", True),
        ("Łódź Works", "LODZ works", True),
        ("12 Main St, Ulm", "Ulm\n12 Main St", True),
        ("ACME", "from Bolts & Co", False),
        ("1450.00", "sum 1,450.00 NOK", True),
        ("1450.00", "sum 1.450,00 EUR", True),
        ("1450.00", "sum 1 450,00 kr", True),
        ("1450.00", "sum 145.00", False),
        (0.23, "VAT 23%", True),
        (-5.5, "credit (5.50)", True),
        (12, "lot 121 of 124", False),
        ("2026-01-14", "Galway, 14 January 2026", True),
        ("2026-01-14", "14.01.26", True),
        ("2026-01-14", "on the 14th of January, 2026", True),
        ("2026-01-14", "2026年1月14日", True),
        ("2026-01-14", "15 January 2026", False),
        ({"any_of": ["x-1", "ACME"]}, "from ACME", None),
        (None, "anything", None),
        (True, "yes", None),
        (0, "none", None),
        ("EU", "the union", None),
        (["a"], "a", None),
    ],
)
def test_occurrence(value: Any, text: str, holds: bool | None) -> None:
    """Numbers, dates and strings are looked for in their usual notations; what cannot be looked for is None."""
    if isinstance(value, dict):
        value, holds = {"$any_of": ["x-1", "ACME"]}, True
    assert Searchable(text).holds(value) is holds


def test_a_file_is_not_searched() -> None:
    """Nothing is known of what a PDF says."""
    assert Searchable(None).holds("ACME") is None
    assert found([{"input": "scan.pdf", "expected": {"name": "ACME"}}, {"input": "scan 2.pdf"}]) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("GrÃ¼n und BlÃ¤u GmbH, Ulm", "mojibake"),
        ("it â€™ s a note", "mojibake"),
        ("a lost \ufffd character in the middle", "mojibake"),
        ("the text goes on and on [truncated]", "cut_off"),
        ("the text goes on and on …", "cut_off"),
        ("Grün, naïve, São Paulo, Ångström: all fine", None),
    ],
)
def test_documents(text: str, kind: str | None) -> None:
    """Empty, wrongly decoded and cut-off documents are named; text in other languages is not."""
    assert found([{"input": text, "expected": {"paid": True}}]) == ([(kind, ("c0",), None)] if kind else [])


def test_documents_cut_at_a_limit() -> None:
    """Three documents of the very same greatest length were cut there."""
    texts = ["".join(chr(97 + (i * k) % 26) + " " for i in range(400)) for k in (3, 5, 7)]
    assert [kind for kind, _, _ in found([{"input": text} for text in (*texts, "a short note")])] == ["cut_off"] * 3


def test_twice_unless_in_one_group() -> None:
    """Two rows of one document are named, those of one group are not."""
    rows: list[dict[str, Any]] = [{"input": PLAIN}, {"input": PLAIN.upper()}]
    assert found(rows) == [("duplicate", ("c0", "c1"), None)]
    assert found([{**row, "group": "g"} for row in rows]) == []


def test_contradiction() -> None:
    """Two labels of one document; two prints of one label are none."""
    rows = [
        {"input": "From ACME and from Bolts", "expected": {"name": name}, "group": "g"} for name in ("ACME", "Bolts")
    ]
    assert found(rows) == [("gold_contradicts", ("c0", "c1"), "name")]
    rows[1]["expected"] = {"name": "Acme"}
    assert found(rows) == []


def test_gold_that_is_not_there() -> None:
    """A value that its document does not have; a field that is never copied is one finding."""
    rows = [{"input": f"Note {n} of ACME{n} here", "expected": {"name": f"ACME{n}", "tags": ["red"]}} for n in range(8)]
    rows[3]["expected"] = {"name": "Bolts & Co", "tags": ["red"]}
    assert found(rows) == [
        ("gold_not_in_document", ("c3",), "name"),
        ("not_copied", tuple(f"c{n}" for n in range(8)), "tags[]"),
    ]


def test_fields_that_say_little() -> None:
    """Of 24 cases: a field with few labels, one with the same label always, one that is nearly always null."""
    gold: list[dict[str, Any]] = [{"paid": True, "total": None, **({"name": None} if n < 3 else {})} for n in range(24)]
    gold[0]["total"] = "977"
    rows = [{"input": f"{PLAIN.format(n * 977)} Sum 977", "expected": expected} for n, expected in enumerate(gold)]
    kinds = {field: kind for kind, _, field in found(rows)}
    assert kinds == {"name": "few_labels", "total": "few_labels", "paid": "constant_label"}


@pytest.mark.parametrize(
    ("text", "case"),
    [(PLAIN.format(977), None), (f" {PLAIN.format(977)}".upper(), None), (PLAIN.format(977)[:70], "c1")],
    ids=["exact", "white space", "by id"],
)
def test_contamination(text: str, case: str | None) -> None:
    """An example that is a case is an error that shows both texts."""
    [finding] = report([{}, {}], **example(text, case)).findings
    assert (finding.kind, finding.cases, finding.severity) == ("contamination", ("c1",), "error")
    assert finding.shown == (PLAIN.format(977), text)
    assert "few_shot" in finding.message


def test_contamination_of_a_cases_own_examples() -> None:
    """An example that some cases get is held against those alone."""
    misread = ExampleDocument("s1", PLAIN.format(977).replace("desk", "d3sk"))
    shown = [ShownExamples("nearest", (), {"c1": [misread]}), ShownExamples("drawn", (), {"c0": [misread]})]
    [finding] = report([{}, {}], shown=shown).findings
    assert finding.message == "example 's1' of nearest is 99% the same as the case 'c1'"


def test_contamination_of_copies() -> None:
    """An example that is one case, a copy of which and a misread copy are cases too, is all three."""
    text = PLAIN.format(977)
    rows = [{"input": one, "group": "g"} for one in (text, text.upper(), text.replace("desk", "d3sk"))]
    assert [cases for _, cases, _ in found(rows, **example(text))] == [("c0",), ("c1",), ("c2",)]


def test_examples_of_their_own() -> None:
    """Another document is no contamination, not even under an id that a case has."""
    assert found([{}, {}], **example("Quite another letter, of another time and sender", "c1")) == []


def test_settled_findings_are_left_out() -> None:
    """They are counted; when what they rest on changes, they come back."""
    first = report([{"input": ""}])
    keys = [finding.key for finding in report([{"input": "", "expected": {"paid": True}}]).findings]
    again = report([{"input": "", "expected": {"paid": True}}], settled=keys)
    assert (first.findings, again.findings, again.n_settled) == ((), (), 1)
    assert len(report([{"input": " ?", "expected": {"paid": True}}], settled=keys).findings) == 1


def test_filings() -> None:
    """Of 120 real filings: monthly reports of one registrant, and labels that OCR garbled."""
    if not FARA.is_dir():
        pytest.skip("the FARA data is not beside this checkout")
    schema = Schema.of(Filing, "test")
    rows = [json.loads(line) for line in (FARA / "cases.jsonl").open(encoding="utf-8")]
    documents = golden_documents(schema, read_golden(load_cases(rows, "rows"), schema, "rows"))
    counts = lint("fara", documents, schema.paths).counts
    assert counts == {"near_duplicate": 10, "gold_contradicts": 1, "gold_not_in_document": 36}


WORDS = [a + b + c for a in "bdfkmprt" for b in "aeiou" for c in ("ling", "sen", "dor", "x", "mit", "ga")]
TERMS = "Payable within thirty days of receipt by transfer to the account below, without deduction of fees. " * 8


def letter(random: Random, n_words: int) -> str:
    """A document of its own."""
    return " ".join(random.choices(WORDS, k=n_words))


def noisy(random: Random, text: str) -> str:
    """A copy in which one character of forty was misread."""
    return "".join(random.choice("abcdefgh") if random.random() < 0.025 else ch for ch in text)


def invoice(random: Random) -> str:
    """An invoice of one form: its words are those of all others, its numbers are its own."""
    number, day = random.randint(10**5, 10**6), f"2026-0{random.randint(1, 9)}-1{random.randint(0, 9)}"
    lines = [f"{random.choice(WORDS)} {random.uniform(1, 999):.2f}" for _ in range(3)]
    return "\n".join([f"Invoice {number}", day, *lines, f"Total {random.uniform(9, 9999):.2f}", TERMS])


@pytest.mark.parametrize("n_words", [30, 300, 1000], ids=["short", "page", "long"])
def test_misread_copies_are_found(n_words: int) -> None:
    """Each of twenty noisy copies is found, and nothing else."""
    random = Random(1)
    texts = [letter(random, n_words) for _ in range(60)]
    texts += [noisy(random, text) for text in texts[:20]]
    assert {(pair.one, pair.other) for pair in near_duplicates(texts)} == {(at, 60 + at) for at in range(20)}


@pytest.mark.parametrize("count", [2, 5, 40, 300])
def test_a_shared_form_is_no_duplicate(count: int) -> None:
    """Invoices of one form are 95% the same text; their numbers tell them apart, however many there are."""
    random = Random(2)
    assert near_duplicates([invoice(random) for _ in range(count)]) == []


def test_a_misread_invoice_is_found_among_its_form() -> None:
    """The copy of one invoice is told from the others of its form."""
    random = Random(3)
    texts = [invoice(random) for _ in range(100)]
    [pair] = near_duplicates([*texts, noisy(random, texts[42])])
    assert (pair.one, pair.other) == (42, 100)
    assert 90 <= pair.similarity < 100


def test_white_space_and_case_do_not_count() -> None:
    """Copies that differ in nothing else are the same; an empty document is a duplicate of nothing."""
    found = near_duplicates(["A  bolt\nof steel", "", "a bolt of STEEL", "", "something else altogether"])
    assert [tuple(pair) for pair in found] == [(0, 2, 100.0)]


def test_many_copies_of_one_document() -> None:
    """Of sixty copies, which no word pair singles out, each is a duplicate of the first."""
    assert [(pair.one, pair.other) for pair in near_duplicates(["the very same text"] * 60)] == [
        (0, at) for at in range(1, 60)
    ]


@given(st.lists(st.text(max_size=60), max_size=12))
def test_pairs_are_in_order_and_of_two(texts: list[str]) -> None:
    """Any texts do: places are in order, and no document is a duplicate of itself."""
    for pair in near_duplicates(texts):
        assert 0 <= pair.one < pair.other < len(texts)
        assert 90 <= pair.similarity <= 100


def test_two_by_themselves() -> None:
    """The same question about two documents alone."""
    random = Random(4)
    text = letter(random, 200)
    assert is_near(text, noisy(random, text))
    assert not is_near(text, letter(random, 200))
    assert not is_near(invoice(random), invoice(random))
