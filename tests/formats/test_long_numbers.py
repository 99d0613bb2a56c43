"""Numbers with more digits than a float has: exact in gold and in answers, and plain floats wherever a user looks."""

from __future__ import annotations

import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cassette_mutations import save
from commands import LLM_EXTRACT
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from recorded import reachable
from standin import StandIn

from pytest_llm_extract import Outcome, score
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.dataset import Case, load_cases
from pytest_llm_extract.formats.exact_decimals import exact_text, read_number
from pytest_llm_extract.schema.schema import Schema

LONG, OFF, ROUNDED = "1234567890.123456789", "1234567890.123456788", 1234567890.1234567
SUITE = """
from decimal import Decimal
from typing import Any
import pytest
from pydantic import BaseModel

class Line(BaseModel):
    price: Decimal | None = None

class Order(BaseModel):
    amount: Decimal | None = None
    ratio: float | None = None
    free: Any = None
    lines: list[Line] = []

@pytest.mark.llm_extract(schema=Order, prompt="p.md", model="m", response_format="json_object", cases="gold.SUFFIX")
@pytest.mark.llm_accuracy(0.0)
def test_orders(extraction):
    for value in (extraction.output.ratio, extraction.output.free, extraction.case.expected.get("ratio")):
        assert type(value) in (float, type(None))
    assert type(extraction.case.metadata.get("x", 1.5)) is float
"""
EXPECTED = f'{{"amount": {LONG}, "lines": [{{"price": {LONG}}}], "ratio": {LONG}, "free": {LONG}}}'
META = f'"metadata": {{"x": {LONG}}}'
FOLDER = {
    "right.txt": "right", "right.json": EXPECTED,
    "off.txt": "off", "off.json": f'{{"expected": {EXPECTED}, {META}}}',
}  # fmt: skip
ROWS = [f'{{"id": "{name}", "input": "{name}", "expected": {EXPECTED}, {META}}}' for name in ("right", "off")]
GOLDEN = {
    "jsonl": "\n".join(ROWS),
    "json": f"[{', '.join(ROWS)}]",
    "yaml": "\n".join(
        f"- id: {k}\n  input: {k}\n  metadata: {{x: {LONG}}}\n  expected:\n    amount: {LONG}\n    ratio: {LONG}\n"
        f"    free: {LONG}\n    lines:\n    - price: {LONG}"
        for k in ("right", "off")
    ),
    "csv": "id,input,expected.amount,expected.lines\n"
    + "\n".join(f'{k},{k},{LONG},"[{{""price"": {LONG}}}]"' for k in ("right", "off")),
}  # fmt: skip


def answer(body: dict[str, Any]) -> str:
    """Gold as it is written, or with another last digit in the two Decimals."""
    return EXPECTED if body["messages"][-1]["content"] == "right" else EXPECTED.replace(LONG, OFF, 2)


@pytest.mark.parametrize("form", [*GOLDEN, "folder"])
def test_golden_files_keep_every_digit(form: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right answer is right, one that is off in the nineteenth digit is wrong; floats and `Any` stay floats."""
    pytester.makefile(".md", p="Read.")
    pytester.makepyfile(test_orders=SUITE.replace("SUFFIX", form))
    if form == "folder":
        folder = pytester.mkdir("gold.folder")
        for name, content in FOLDER.items():
            (folder / name).write_text(content)
    else:
        pytester.path.joinpath(f"gold.{form}").write_text(GOLDEN[form])
    with StandIn(answer) as standin, reachable(standin.base_url):
        pytester.runpytest_subprocess("--llm-record")
    run = pytester.runpytest_subprocess("--llm-extract-json=r.json")
    run.assert_outcomes(passed=3)
    suite = json.loads((pytester.path / "r.json").read_text())["suites"][0]
    found = {case["id"]: {path: leaf["outcome"] for path, (leaf,) in case["fields"].items()} for case in suite["cases"]}
    floats = {} if form == "csv" else {"ratio": "correct", "free": "correct"}
    assert found["right"] == {"amount": "correct", "lines[].price": "correct", **floats}
    assert found["off"] == {"amount": "wrong", "lines[].price": "wrong", **floats}
    shown = {case["id"]: case for case in suite["cases"]}["off"]
    (amount,) = shown["fields"]["amount"]
    assert (amount["expected"], amount["actual"]) == (LONG, OFF)
    if floats:
        assert shown["fields"]["ratio"][0]["expected"] == shown["fields"]["free"][0]["expected"] == ROUNDED
        assert shown["metadata"] == {"x": ROUNDED}


@pytest.mark.parametrize("form", ["nested", "flat", "beside", "alternatives", "json", "csv"])
def test_score_command_keeps_every_digit(form: str, tmp_path: Path) -> None:
    """However a record of gold is written."""
    (tmp_path / "orders.py").write_text(SUITE.partition("@pytest")[0])
    line = f'"lines": [{{"price": {LONG}}}]'
    gold = (
        {
            "nested": '{"id": "ID", "expected": {"amount": LONG, LINE}}',
            "flat": '{"id": "ID", "amount": LONG, LINE}',
            "beside": '{"metadata": {"x": LONG}, "expected": {"amount": LONG, LINE}, "id": "ID"}',
            "alternatives": '{"id": "ID", "expected": {"amount": {"$any_of": [1, LONG]}, LINE}}',
            "json": '{"id": "ID", "expected": {"amount": LONG, LINE}}',
            "csv": 'ID,LONG,"[{""price"": LONG}]"',
        }[form]
        .replace("LONG", LONG)
        .replace("LINE", line)
    )
    rows = [gold.replace("ID", name) for name in ("right", "off")]
    head = ["id,amount,lines"] if form == "csv" else []
    suffix = form if form in ("csv", "json") else "jsonl"
    text = "[" + ",".join(rows) + "]" if form == "json" else "\n".join(head + rows)
    (tmp_path / f"gold.{suffix}").write_text(text)
    answers = [f'{{"id": "{name}", "output": {{"amount": {n}, "lines": [{{"price": {n}}}]}}}}'
               for name, n in (("right", LONG), ("off", OFF))]  # fmt: skip
    (tmp_path / "p.jsonl").write_text("\n".join(answers))
    command = [LLM_EXTRACT, "score", f"gold.{suffix}", "p.jsonl", "--schema", "orders:Order", "--json", "r.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    cases = json.loads((tmp_path / "r.json").read_text())["suites"][0]["cases"]
    found = {case["id"]: [leaf["outcome"] for leaves in case["fields"].values() for leaf in leaves] for case in cases}
    assert found == {"right": ["correct", "correct"], "off": ["wrong", "wrong"]}
    if form == "beside":
        assert cases[0]["metadata"] == {"x": ROUNDED}


def test_what_a_project_changes_in_a_case_counts(tmp_path: Path) -> None:
    """A label that was corrected in Python is gold, not the text that it was loaded from."""
    (tmp_path / "gold.jsonl").write_text(GOLDEN["jsonl"])
    case: Case = load_cases(tmp_path / "gold.jsonl", "gold")[0]
    assert case.expected == {"amount": ROUNDED, "lines": [{"price": ROUNDED}], "ratio": ROUNDED, "free": ROUNDED}
    assert case.columns["metadata"] == case.metadata == {"x": ROUNDED}
    schema = Schema.of(Numbers, "t")
    gold = {"amount": ROUNDED}
    assert schema.read_gold(gold, f'{{"amount": {LONG}}}').amount == Decimal(LONG)
    gold["amount"] = 2.5
    assert schema.read_gold(gold, f'{{"amount": {LONG}}}').amount == Decimal("2.5")


class Numbers(BaseModel):
    amount: Decimal | None = None
    others: list[Decimal] = []
    either: Decimal | str | None = None
    ratio: float | None = None
    free: Any = None


@pytest.mark.parametrize("literal", ["1e400", "-1e400", "NaN", "Infinity"])
def test_what_is_no_number_stays_none(literal: str) -> None:
    """Infinite is no Decimal, in whatever company."""
    result = score({"amount": 1}, f'{{"amount": {literal}, "others": [{LONG}]}}', Numbers)
    assert (result.valid, result.leaves["amount"][0].outcome) == (False, Outcome.WRONG)


@pytest.mark.parametrize("literal", ["1e-400", "0e99999999999999999999", "1.0e-99999999999999999999"])
def test_exponents_beyond_all_bounds_are_zero(literal: str) -> None:
    """As pydantic reads them, and without a crash."""
    result = score({"amount": 0}, f'{{"amount": {literal}, "others": [{LONG}]}}', Numbers)
    assert result.exact


def test_numbers_that_share_a_float_are_told_apart() -> None:
    """0.1 is not 0.1000000000000000055, though a float holds both as one, and neither is a text."""
    written = ["0.1", "0.1000000000000000055", "0.10000000000000000551", '"0.10000000000000001"', "0.10"]
    schema = Schema.of(Numbers, "t")
    for numbers in (written, written[::-1]):
        read = schema.read_json(f'{{"others": [{", ".join(numbers)}], "either": "0.1"}}')
        assert read.others == [Decimal(number.strip('"')) for number in numbers]
        assert read.either == Numbers.model_validate_json('{"either": "0.1"}').either


@pytest.mark.parametrize("written", ["600000.0000000002E9", "600000000000000.2", "-600000000000000.3"])
def test_a_float_halfway_between_two_texts_is_read_as_written(written: str) -> None:
    """Rust and Python print 600000000000000.25 differently: neither decides what an answer said."""
    read = Schema.of(Numbers, "t").read_json(f'{{"others": [{written}, 0.0], "amount": {written}}}')
    assert (read.others, read.amount) == ([Decimal(written), 0], Decimal(written))


def test_an_application_gets_floats_where_it_asks_for_them() -> None:
    """A long number is a float in a float, and in `Any`, as deep as it lies."""
    read = Schema.of(Numbers, "t").read_json(f'{{"amount": {LONG}, "ratio": {LONG}, "free": {{"x": [{LONG}]}}}}')
    assert (read.ratio, read.free) == (ROUNDED, {"x": [ROUNDED]})
    assert type(read.free["x"][0]) is float


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,18})\.[0-9]{1,22}([eE][-+]?[0-9]{1,2})?", fullmatch=True)


@given(st.lists(NUMBERS | st.sampled_from(["0.1", "0.1000000000000000055", "1e22", "5e-324"]), max_size=6))
def test_every_number_is_read_as_written(numbers: list[str]) -> None:
    """Alone and beside others; a JSON text of what was read says the same again."""
    text = f'{{"others": [{", ".join(numbers)}], "amount": 1}}'
    assert Schema.of(Numbers, "t").read_json(text).others == [Decimal(number) for number in numbers]
    again = json.loads(exact_text(json.loads(text, parse_float=read_number)), parse_float=Decimal)
    assert again["others"] == [Decimal(number) for number in numbers]


@pytest.mark.parametrize(
    ("body", "is_spread"),
    [
        ('{"a": 1.50}', True),
        ('{"a": 0.1234567890123456789}', False),
        ('{"a": 1e999}', False),
        ('{"a": 0e99999999999999999999}', False),
        ('{"a": NaN}', False),
        ('{"a": 1, "a": 2}', False),
        ("no json", False),
    ],
)
def test_a_body_keeps_what_it_means(tmp_path: Path, body: str, is_spread: bool) -> None:
    """A number that Python cannot hold, a name that occurs twice: the body is kept to the letter."""
    path = tmp_path / "c.yaml"
    exchange = Exchange("POST", "http://x/v1", {}, b"{}", 200, "OK", {}, body.encode())
    save(path, Recording((exchange,), "c"), {})
    found = load(path)
    assert found is not None
    text = found.exchanges[0].response_body.decode()
    assert "\n" in text if is_spread else text == body
    if is_spread:
        assert json.loads(text) == json.loads(body)
