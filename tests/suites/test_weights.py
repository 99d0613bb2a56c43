"""Weights of fields: one composite, shown wherever the documents are counted, and no part of the gate."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from recorded import record
from standin import StandIn

from pytest_llm_extract.errors import LlmExtractError
from pytest_llm_extract.report.results_json import json_schema
from pytest_llm_extract.suites.limit_markers import read_weights

SUITE = """
from openai import OpenAI
from pydantic import BaseModel
import pytest

class Item(BaseModel):
    name: str | None = None
    colour: str | None = None
    size: str | None = None

def read(text) -> Item:
    answer = OpenAI().chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return Item.model_validate_json(answer.choices[0].message.content)

CASES = [
    {"id": "a", "input": "a", "expected": {"name": "bolt", "colour": "blue"}},
    {"id": "b", "input": "b", "expected": {"name": "bolt", "colour": "red"}, "metadata": {"kind": "x"}},
    {"id": "c", "input": "c", "expected": {"name": "bolt"}, "metadata": {"kind": "x"}},
]

@pytest.mark.llm_extract(extractor=read, cases=CASES, absent_is_null=True, weights={"colour": 3, "size": 0})
@pytest.mark.llm_accuracy(name=0.9)
def test_items(extraction): ...
"""


def test_a_composite_of_weighted_fields(pytester: pytest.Pytester) -> None:
    """Every report has it, groups too; a field that is not named weighs 1, and no verdict depends on it."""
    pytester.makepyfile(test_items=SUITE)
    reports = ("--llm-extract-json=r.json", "--llm-extract-markdown=r.md", "--llm-extract-html=r.html")
    with StandIn(lambda body: '{"name": "bolt", "colour": "red"}') as provider:
        found = record(pytester, provider, *reports)
    found.assert_outcomes(passed=4)
    # Where gold leaves colour out it is null: the answer of c is spurious, and one of three is right.
    said = "composite: 50.0% (colour ×3, size ×0; other fields ×1)"
    found.stdout.fnmatch_lines([f"*{said}*"])
    written: Any = json.loads((pytester.path / "r.json").read_text())
    jsonschema.validate(written, json_schema())
    suite = written["suites"][0]
    assert suite["weights"] == {"colour": 3, "size": 0}
    assert suite["rates"]["composite_accuracy"] == (1 + 3 * (1 / 3)) / 4
    assert suite["groups"]["kind"]["x"]["composite_accuracy"] == (1 + 3 * (1 / 2)) / 4
    assert suite["fields"]["size"]["absent_ok"] == 3
    assert said in (pytester.path / "r.md").read_text()
    assert said in (pytester.path / "r.html").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nam": 1}, "t: weights: no field 'nam'. Did you mean 'name'?"),
        ({"size": 1}, "t: weights: size: no case labels this field, so its weight means nothing"),
        ({"name": -1}, "t: weights: name: a weight must be a number of at least 0, got -1"),
        ({"name": True}, "t: weights: name: a weight must be a number of at least 0, got True"),
        ({"name": float("nan")}, "t: weights: name: a weight must be a number of at least 0, got nan"),
        ([("name", 1)], "t: weights: must map field paths to numbers, as {'vendor': 2}, got [('name', 1)]"),
    ],
)
def test_wrong_weights(given: Any, message: str) -> None:
    """Names are checked as those of floors are."""
    with pytest.raises(LlmExtractError) as error:
        read_weights(given, "t", ("name", "size"), {"name"})
    assert str(error.value) == message
