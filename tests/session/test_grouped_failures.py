"""Many cases that fail in the same way are one failure on the terminal."""

from __future__ import annotations

import pytest
from recorded import record
from standin import StandIn

CASES = 'CASES = [{"id": f"c{n}", "input": f"doc {n}", "expected": {"name": "x"}} for n in range(40)]'
SUITE = f"""
import pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

def read(text) -> Item:
    OpenAI().chat.completions.create(model="m", messages=[{{"role": "user", "content": text}}])
    if text == "doc 7":
        raise KeyError("another")
    raise RuntimeError(f"no {{text}}")

{CASES}

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction):
    assert extraction.output
"""
PROMPT = f"""
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

{CASES}

@pytest.mark.llm_extract(schema=Item, prompt="read.md", cases=CASES, model="m")
def test_items(extraction):
    assert extraction.output
"""


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_same_crash_has_one_traceback(bare: pytest.Pytester, workers: str) -> None:
    """Each kind of crash is shown once, with the others by name; the counts and -vv have every case."""
    bare.makepyfile(test_items=SUITE)
    with StandIn(lambda body: '{"name": "x"}') as provider:
        run = record(bare, provider, workers)
    run.assert_outcomes(failed=41)
    text = run.stdout.str()
    assert text.count("E       RuntimeError: no doc") == 1
    assert text.count("E           KeyError: 'another'") == 1
    run.stdout.fnmatch_lines(["*test_items: 39 cases*", "*c0 failed as shown, and in the same way*", "c1, c2, *more"])
    assert text.count("FAILED test_items.py::test_items[") == 1
    run.stdout.fnmatch_lines(["FAILED test_items.py::test_items - 39 cases: *"])
    assert bare.runpytest_subprocess(workers, "-vv").stdout.str().count("E       RuntimeError: no doc") == 39


def test_missing_cases_are_one_failure(pytester: pytest.Pytester) -> None:
    """The section of the suite says what is missing and how it is recorded."""
    pytester.makepyfile(test_items=PROMPT)
    pytester.path.joinpath("read.md").write_text("Read {{ input }}")
    run = pytester.runpytest_subprocess()
    run.assert_outcomes(failed=41)
    run.stdout.fnmatch_lines(
        [
            "*test_items: 40 cases*",
            'missing: c0, c1, c2, c3, c4 and 35 more; see "llm-extract: test_items.py::test_items" below',
        ]
    )
    run.stdout.fnmatch_lines(["FAILED test_items.py::test_items - 40 cases: missing"])
    assert "no cassette c" not in run.stdout.str()
