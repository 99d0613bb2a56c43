"""`strict=True`: an inexact case fails, and says every difference."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from recorded import reachable
from standin import StandIn

from pytest_llm_extract.report.results_json import json_schema
from pytest_llm_extract.results.case_result import CaseResult
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
    with StandIn(answer) as standin, reachable(standin.base_url):
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
        '  vendor: expected "ACME", got nothing\n  lines[0]: expected {"sku": "a", "price": 1.0}, got nothing',
        "assert 'Acme Inc' != 'Acme Inc'",
        "inexact: the case labels nothing, so nothing can be right",
        "FAILED test_orders.py::test_orders[vendor] - Failed: inexact: 1 difference",
    ):
        assert text in run.stdout.str(), text
    written = json.loads((orders.path / "r.json").read_text())
    jsonschema.validate(written, json_schema())
    told = {case["id"]: case["explanation"] for case in written["suites"][0]["cases"]}
    assert told["right"] == told["shuffled"] == []
    assert told["nested"] == ['extra.tags[1]: expected "y", got "z"']
    assert told["rows"] == [
        'lines[0].sku: expected "a", got "q"',
        "lines[0].price: expected 1.0, got 9.0",
        "lines[1].price: expected 2.0, got 2.5",
    ]


@pytest.mark.slow
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


class Part(BaseModel):
    code: str | None = None


class Line(BaseModel):
    sku: str | None = None
    price: float | None = None
    parts: list[Part] = []


class Order(BaseModel):
    lines: list[Line] = []
    tags: list[str | None] = []
    rates: dict[str, float | None] = {}


SCHEMA = Schema.of(Order, "test")
LINES = st.lists(
    st.fixed_dictionaries(
        {"sku": st.sampled_from("ab"), "price": st.sampled_from([1.0, 2.0])},
        optional={"parts": st.lists(st.fixed_dictionaries({"code": st.sampled_from("xy")}), max_size=2)},
    ),
    max_size=4,
)
ORDERS = st.fixed_dictionaries(
    {
        "lines": LINES,
        "tags": st.lists(st.sampled_from(["a", "b", None]), max_size=3),
        "rates": st.dictionaries(st.sampled_from("kl"), st.sampled_from([1.0, 2.0, None])),
    }
)


def explained(gold: dict[str, Any], predicted: dict[str, Any]) -> tuple[list[str], CaseResult]:
    """The lines, and the result that they explain."""
    answer = take_output(SCHEMA, predicted)
    labels = SCHEMA.read_gold(gold)
    return [*explain(SCHEMA, labels, answer.value)], score_answer(SCHEMA, labels, answer)


def n_leaves(value: Any) -> int:
    """How many leaves a shown row holds."""
    if isinstance(value, dict | list):
        return sum(map(n_leaves, value.values() if isinstance(value, dict) else value))
    return 1


@settings(max_examples=150)
@given(ORDERS, ORDERS)
def test_every_wrong_leaf_is_explained_once(gold: dict[str, Any], predicted: dict[str, Any]) -> None:
    """A line for a leaf names its field, a line for a row holds its leaves; no right one is named, none twice."""
    lines, result = explained(gold, predicted)
    sides = [re.fullmatch(r".*: expected (.*), got (.*)", line) for line in lines]
    shown = [[json.loads(text) for text in side.groups() if text != "nothing"] for side in sides if side]
    explained_leaves = sum(max(map(n_leaves, values)) for values in shown)
    unlabelled = "parts" not in str(gold)
    counted = sum(count.wrong + count.missing + count.spurious for count in result.counts.values())
    bare = sum(leaf.is_row for leaves in result.leaves.values() for leaf in leaves)
    assert explained_leaves == counted + bare or (unlabelled and explained_leaves >= counted + bare)
    assert (lines == []) == (counted + bare == 0)


def test_rows_are_numbered_as_they_were_scored() -> None:
    """However many rows there are, below rows too, and where a row holds nothing."""
    rows = [{"sku": f"s{n}", "price": n, "parts": [{"code": f"p{n}"}, {"code": f"q{n}"}]} for n in range(150)]
    answer = [*reversed(rows[:120]), *rows[121:], {"sku": None, "price": None, "parts": []}]
    answer[0] = {**rows[119], "parts": [{"code": "q119"}, {"code": "p1x9"}]}
    lines, _ = explained({"lines": rows}, {"lines": answer})
    assert lines == [
        'lines[119].parts[0].code: expected "p119", got "p1x9"',
        'lines[120]: expected {"sku": "s120", "price": 120.0, "parts": [{"code": "p120"}, {"code": "q120"}]}'
        ", got nothing",
        'lines[149]: expected nothing, got {"sku": null, "price": null, "parts": []}',
    ]
    lines, _ = explained({"tags": ["a", "b"], "rates": {"k": None}}, {"tags": ["b", None], "rates": {}})
    assert lines == [
        'tags[0]: expected "a", got nothing',
        "tags[1]: expected nothing, got null",
        "rates.k: expected null, got nothing",
    ]
