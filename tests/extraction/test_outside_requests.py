"""Requests that belong to no extraction: of a session fixture, or of the test's own body."""

from __future__ import annotations

import json

import pytest
from recorded import reachable, record
from standin import StandIn

SUITE = """
import pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

def ask(text):
    answer = OpenAI(max_retries=0).chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return answer.choices[0].message.content

def read(text) -> Item:
    return Item.model_validate_json(ask(text))

@pytest.fixture(scope="session")
def glossary():
    return ask("What is a bolt?")

CASES = [{"id": f"c{n}", "input": f"doc {n}", "expected": {"name": f"doc {n}"}} for n in range(2)]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction, glossary):
    assert extraction.output.name
"""


def named(body: dict[str, list[dict[str, str]]]) -> str:
    """The document as its name."""
    return json.dumps({"name": body["messages"][-1]["content"]})


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_requests_outside_of_extractions_are_reported(bare: pytest.Pytester, workers: str) -> None:
    """They go live, in each replay too: the report says how many, and to whom."""
    bare.makepyfile(test_items=SUITE)
    with StandIn(named) as provider:
        record(bare, provider)
        with reachable(provider.base_url):
            run = bare.runpytest_subprocess(workers)
        n = 2 if workers == "-n2" else 1
        said = (
            f"note: {n} request{'s' if n > 1 else ''} to {provider.base_url}/chat/completions outside of an extraction*"
        )
    run.assert_outcomes(passed=3)
    run.stdout.fnmatch_lines([said])


def test_requests_outside_of_extractions_can_be_refused(bare: pytest.Pytester) -> None:
    """With the ini, the fixture fails and nothing is sent."""
    bare.makepyfile(test_items=SUITE)
    with StandIn(named) as provider:
        record(bare, provider)
        sent = len(provider.requests)
        bare.makeini("[pytest]\nllm_extract_strict_network = true\n")
        with reachable(provider.base_url):
            run = bare.runpytest_subprocess()
        assert len(provider.requests) == sent
    run.stdout.fnmatch_lines(["*was sent outside of an extraction, so it is neither recorded nor replayed*"])
    assert run.ret == pytest.ExitCode.TESTS_FAILED


DOTENV = """
from dotenv import load_dotenv
load_dotenv()
"""


def test_empty_key_of_a_dotenv_file_is_no_key(bare: pytest.Pytester) -> None:
    """`OPENAI_API_KEY=`, as templates have it: the client is built, and the replay needs nothing."""
    pytest.importorskip("dotenv", reason="python-dotenv is not installed")
    suite = SUITE.replace("(extraction, glossary)", "(extraction)").replace("def ask", "CLIENT = OpenAI()\n\ndef ask")
    bare.makepyfile(test_items=suite)
    with StandIn(named) as provider:
        record(bare, provider).assert_outcomes(passed=3)
    bare.makepyfile(test_items=DOTENV + suite)
    bare.path.joinpath(".env").write_text("OPENAI_API_KEY=\n")
    bare.runpytest_subprocess().assert_outcomes(passed=3)
