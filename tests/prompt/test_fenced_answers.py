"""Answers that stand in a Markdown fence: refused in words that help, read on request, and counted."""

from __future__ import annotations

import json

import pytest
from recorded import record
from standin import StandIn

SUITE = """
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

CASES = [{"id": name, "input": name, "expected": {"name": "bolt"}} for name in ("c0", "c1")]

@pytest.mark.llm_extract(schema=Item, prompt="p.md", model="m", cases=CASES, response_format="json_object"STRIP)
@pytest.mark.llm_accuracy(1.0)
def test_items(extraction):
    assert extraction.output.name == "bolt"
"""
FENCED = '```json\n{"name": "bolt"}\n```'


def answer(body: dict[str, object]) -> str:
    """One answer in a fence, the other without."""
    return FENCED if "c0" in json.dumps(body) else '{"name": "bolt"}'


def test_a_fence_is_taken_off_where_the_marker_says_so(bare: pytest.Pytester) -> None:
    """Without `strip=` the case is invalid and the reason names it; with it the suite passes and says how many."""
    bare.makefile(".md", p="Read the item, as JSON.")
    bare.makepyfile(test_items=SUITE.replace("STRIP", ""))
    with StandIn(answer) as provider:
        recorded = record(bare, provider)
    recorded.assert_outcomes(passed=2, failed=1)
    recorded.stdout.fnmatch_lines(['*c0 *invalid: a Markdown fence, not JSON: strip="fence" reads it*'])
    bare.makepyfile(test_items=SUITE.replace("STRIP", ', strip="fence"'))
    accepted = bare.runpytest_subprocess("--llm-extract-accept")
    accepted.assert_outcomes(passed=3)
    accepted.stdout.fnmatch_lines(["*note: a Markdown fence was taken off 1 of 2 answers"])
    again = bare.runpytest_subprocess()
    again.assert_outcomes(passed=3)
    again.stdout.fnmatch_lines(["*no case lost, none gained*"])
    bare.makepyfile(test_items=SUITE.replace("STRIP", ', strip="fences"'))
    wrong = bare.runpytest_subprocess()
    wrong.stdout.fnmatch_lines(["*no strip 'fences'. Did you mean 'fence'?*"])
