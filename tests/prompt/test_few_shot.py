"""Examples and context in a prompt."""

from __future__ import annotations

import json

import pytest
from prompted import PIXELS, echo, write
from recorded import record
from standin import StandIn

SHOTS = {
    "file": ("examples='shots.jsonl'", ""),
    "column": ("examples='shots'", ""),
    "callable": (
        "examples=shots",
        "def shots(case):\n    return [('bolt', Item(name='bolt'))]\n",
    ),
}


@pytest.mark.parametrize("kind", SHOTS)
def test_examples_go_before_the_document(bare: pytest.Pytester, kind: str) -> None:
    """Pairs as user and assistant turns, worded as the document is."""
    arguments, extra = SHOTS[kind]
    write(bare, arguments, extra=extra)
    bare.makefile(".jsonl", shots=json.dumps({"id": "s0", "input": "bolt", "expected": {"name": "bolt"}}))
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
        sent = next(body for body in provider.requests if body["messages"][-1]["content"] == "doc 1")
        turns = [(turn["role"], turn["content"]) for turn in sent["messages"]]
    assert turns == [("system", "Read."), ("user", "bolt"), ("assistant", '{"name": "bolt"}'), ("user", "doc 1")]
    bare.runpytest_subprocess().assert_outcomes(passed=3)


def test_changed_examples_are_stale_and_another_prompt(bare: pytest.Pytester) -> None:
    """The examples are part of the prompt: they are in the request, and in the prompt's fingerprint."""
    write(bare, "examples='shots.jsonl'")
    bare.makefile(".jsonl", shots=json.dumps({"id": "s0", "input": "bolt", "expected": {"name": "bolt"}}))
    with StandIn(echo) as provider:
        record(bare, provider, "--llm-extract-json=before.json").assert_outcomes(passed=3)
    bare.makefile(".jsonl", shots=json.dumps({"id": "s0", "input": "bolt", "expected": {"name": "Bolt"}}))
    run = bare.runpytest_subprocess("--llm-extract-json=after.json")
    run.stdout.fnmatch_lines(["STALE: messages changed (2 cases: c0, c1)", '*-{"name": "bolt"}', '*+{"name": "Bolt"}'])
    prompts = [
        json.loads((bare.path / name).read_text())["suites"][0]["prompt"] for name in ("before.json", "after.json")
    ]
    assert prompts[0]["fingerprint"] != prompts[1]["fingerprint"]


CONTEXTS = {
    "column": ("context='found'", ""),
    "callable": ("context=search", "def search(case):\n    return case.columns['found']\n"),
}


@pytest.mark.parametrize("kind", CONTEXTS)
def test_context(bare: pytest.Pytester, kind: str) -> None:
    """A column or a callable fills `{{context}}`."""
    arguments, extra = CONTEXTS[kind]
    write(bare, arguments, prompt="Read. Known: {{context}}", extra=extra)
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
        assert sorted(sent["messages"][0]["content"] for sent in provider.requests) == [
            "Read. Known: shelf 0",
            "Read. Known: shelf 1",
        ]
    bare.runpytest_subprocess().assert_outcomes(passed=3)


RETRIEVAL = """
import os, requests
def search(case):
    base = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
    key = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
    return requests.post(base + "/search", json={"query": case.input}, headers=key).json()["found"]
"""


@pytest.mark.slow
def test_retrieval_is_recorded_with_its_case(bare: pytest.Pytester) -> None:
    """A context that is fetched over HTTP replays too, and nothing is fetched at collection."""
    write(bare, "context=search", prompt="Known: {{context}}", extra=RETRIEVAL)
    with StandIn(lambda body: {"found": "shelf 7"} if "query" in body else echo(body)) as provider:
        bare.runpytest_subprocess("--collect-only").assert_outcomes()
        assert provider.requests == []
        record(bare, provider).assert_outcomes(passed=3)
        sent = next(body for body in provider.requests if "messages" in body)
        assert sent["messages"][0]["content"] == "Known: shelf 7"
    bare.runpytest_subprocess("-n2", "--llm-extract-json=results.json").assert_outcomes(passed=3)
    [suite] = json.loads((bare.path / "results.json").read_text())["suites"]
    assert [case["passages"] for case in suite["cases"]] == ["shelf 7", "shelf 7"]


def test_files_as_examples(bare: pytest.Pytester) -> None:
    """An example's input may be a file as well."""
    shots = "[[Path(__file__).parent / 'shot.png', {'name': 'x'}]]"
    write(bare, f"examples={shots}")
    bare.path.joinpath("shot.png").write_bytes(PIXELS)
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
        assert provider.requests[0]["messages"][1]["content"][0]["type"] == "image_url"
    bare.runpytest_subprocess().assert_outcomes(passed=3)
