"""`strict=True`: an inexact case fails, and says every difference."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from standin import StandIn

from pytest_llm_extract.report.results_json import json_schema
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import take_output
from pytest_llm_extract.scoring.explain import explain
from pytest_llm_extract.scoring.score import score_answer

SUITE = """
import pytest
from pydantic import BaseModel, model_validator

class Line(BaseModel):
    sku: str | None = None
    price: float | None = None

class Order(BaseModel):
    vendor: str | None = None
    lines: list[Line] = []
    extra: dict | None = None

    @model_validator(mode="after")
    def check(self):
        assert self.vendor != "nobody", "there is no such vendor"
        return self

@pytest.mark.llm_extract(schema=Order, prompt="p.md", model="m", response_format="json_object",
                          cases="gold.jsonl", STRICT)
def test_orders(extraction):
    assert extraction.output.vendor != "Acme Inc"
"""
ORDER: dict[str, Any] = {
    "vendor": "ACME",
    "lines": [{"sku": "a", "price": 1}, {"sku": "b", "price": 2}, {"sku": "c", "price": 3}],
    "extra": {"tags": ["x", "y"]},
}
ROWS = [{"sku": "c", "price": 3}, {"sku": "b", "price": 2.5}, {"sku": "q", "price": 9}]
ANSWERS: dict[str, Any] = {
    "right": ORDER,
    "shuffled": ORDER | {"lines": ORDER["lines"][::-1]},
    "vendor": ORDER | {"vendor": "Acme"},
    "rows": ORDER | {"lines": ROWS},
    "gone": ORDER | {"lines": [ORDER["lines"][2], ORDER["lines"][0]]},
    "repeated": ORDER | {"lines": [*ORDER["lines"], ORDER["lines"][2]]},
    "nested": ORDER | {"extra": {"tags": ["x", "z"]}},
    "invalid": {"vendor": "nobody"},
    "broken": "no object",
    "asserts": ORDER | {"vendor": "Acme Inc"},
    "unlabelled": ORDER,
}
EXPECTED = {"invalid": {"vendor": "nobody"}, "unlabelled": {}}


def answer(body: dict[str, Any]) -> str:
    """The answer that the document names."""
    return json.dumps(ANSWERS[body["messages"][-1]["content"]])


@pytest.fixture
def orders(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A strict suite, recorded; the provider is gone."""
    cases = [{"id": name, "input": name, "expected": EXPECTED.get(name, ORDER)} for name in ANSWERS]
    pytester.makefile(".jsonl", gold="\n".join(map(json.dumps, cases)))
    pytester.makefile(".md", p="Read.")
    pytester.makepyfile(test_orders=SUITE.replace("STRICT", "strict=True"))
    with StandIn(answer) as standin, monkeypatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "loopback-only")
        patch.setenv("OPENAI_BASE_URL", standin.base_url)
        pytester.runpytest_subprocess("--llm-record")
    return pytester


@pytest.mark.parametrize("workers", ["0", "2"])
def test_inexact_cases_fail(orders: pytest.Pytester, workers: str) -> None:
    """A line for each difference, rows by their number; an exact case passes, in whatever order its rows are."""
    run = orders.runpytest_subprocess("-rA", f"-n{workers}", "--llm-extract-json=r.json")
    run.assert_outcomes(failed=9, passed=3)  # the gate has no floor, and passes
    run.stdout.fnmatch_lines_random(["PASSED *[[]right[]]", "PASSED *[[]shuffled[]]"])
    for text in (
        'inexact: 1 difference\n  vendor: expected "ACME", got "Acme"',
        'inexact: 1 difference\n  extra.tags[1]: expected "y", got "z"',
        'inexact: 1 difference\n  lines[1]: expected {"sku": "b", "price": 2.0}, got nothing',
        'inexact: 1 difference\n  lines[3]: expected nothing, got {"sku": "c", "price": 3.0}',
        "inexact: Assertion failed, there is no such vendor",
        '  lines[2]: expected {"sku": "c", "price": 3.0}, got nothing\n  vendor: expected "ACME", got nothing',
        "assert 'Acme Inc' != 'Acme Inc'",
        "inexact: the case labels nothing, so nothing can be right",
        "FAILED test_orders.py::test_orders[vendor] - Failed: inexact: 1 difference",
    ):
        assert text in run.stdout.str(), text
    written = json.loads((orders.path / "r.json").read_text())
    jsonschema.validate(written, json_schema())
    explained = {case["id"]: case["explanation"] for case in written["suites"][0]["cases"]}
    assert explained["right"] == explained["shuffled"] == []
    assert explained["nested"] == ['extra.tags[1]: expected "y", got "z"']
    assert explained["rows"] == [
        "lines[1].price: expected 2.0, got 2.5",
        'lines[0].sku: expected "a", got "q"',
        "lines[0].price: expected 1.0, got 9.0",
    ]


@pytest.mark.own_process
def test_other_suites_are_not_explained(orders: pytest.Pytester) -> None:
    """Without `strict` the same cases are imperfect, and nothing compares them a second time."""
    orders.makepyfile(test_orders=SUITE.replace("STRICT", "strict=False"))
    orders.makeconftest(
        "import sys\ndef pytest_unconfigure():\n    assert not [m for m in sys.modules if m.startswith('deepdiff')]"
    )
    run = orders.runpytest_subprocess("--llm-extract-json=r.json")
    run.assert_outcomes(failed=1, passed=11)
    assert "Error" not in run.stderr.str()
    cases = json.loads((orders.path / "r.json").read_text())["suites"][0]["cases"]
    assert all(case["explanation"] == [] for case in cases)


def test_strict_is_a_bool(orders: pytest.Pytester) -> None:
    """Anything else is a collection error in one line."""
    orders.makepyfile(test_orders=SUITE.replace("STRICT", "strict='yes'"))
    run = orders.runpytest_subprocess()
    run.stdout.fnmatch_lines(["*llm_extract: strict= must be True or False, got 'yes'"])


class Line(BaseModel):
    sku: str | None = None
    price: float | None = None


class Order(BaseModel):
    lines: list[Line] = []


@settings(max_examples=60)
@given(
    st.lists(st.fixed_dictionaries({"sku": st.sampled_from("abc"), "price": st.sampled_from([1.0, 2.0])}), max_size=5),
    st.lists(st.fixed_dictionaries({"sku": st.sampled_from("abc"), "price": st.sampled_from([1.0, 2.0])}), max_size=5),
)
def test_every_wrong_leaf_is_told_once(gold: list[dict[str, Any]], predicted: list[dict[str, Any]]) -> None:
    """A line for a leaf names its field, a line for a row the row's leaves; none is told twice, no right one at all."""
    schema = Schema.of(Order, "test")
    answer = take_output(schema, {"lines": predicted})
    result = score_answer(schema, schema.read_gold({"lines": gold}), answer)
    lines = explain(schema, schema.read_gold({"lines": gold}), answer.value, result.leaves)
    told = sum(2 if "{" in line else 1 for line in lines)
    counts = result.counts.values()
    assert told == sum(count.wrong + count.missing + count.spurious for count in counts)
