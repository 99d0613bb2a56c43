"""Errors of a provider that an extractor hides: they replace no cassette."""

from __future__ import annotations

from typing import Any

import pytest
from standin import Reply, StandIn
from unrecorded import SUITE, Provider, cassettes, serving


def test_an_error_that_an_extractor_takes_for_an_answer_is_none(unrecorded: pytest.Pytester) -> None:
    """requests without raise_for_status: the provider's error does not become the recorded answer."""
    direct = """
import requests
def read(text) -> Item:
    answer = requests.post(os.environ["OPENAI_BASE_URL"] + "/chat/completions",
                           json={"model": "m", "messages": [{"role": "user", "content": text}]})
    return Item.model_validate_json(answer.text)
"""
    unrecorded.makepyfile(test_items=SUITE.replace("CASES =", direct + "\nCASES ="))
    with serving(StandIn(lambda body: Reply(403, '{"error": "no"}'))):
        run = unrecorded.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(['MISSING: not recorded: HTTP 403 *"no"*'])
    assert cassettes(unrecorded) == []


FORGIVING = """
def read(text) -> Item:
    try:
        return strict_read(text)
    except openai.APIError:
        return Item(name="")
"""
FALLING_BACK = FORGIVING.replace('Item(name="")', 'strict_read("fallback for " + text)')


def hiding(wrapper: str) -> str:
    """The suite with an extractor that hides what the provider did; two cases."""
    strict = SUITE.replace("import os", "import openai, os").replace("def read", "def strict_read")
    return strict.replace("CASES =", wrapper + "\nCASES =").replace("range(12)", "range(2)")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_error_that_an_extractor_hides_replaces_no_cassette(
    unrecorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """It returns a default in the place of an answer: the old cassettes stay, and the provider's words are shown."""
    unrecorded.makepyfile(test_items=hiding(FORGIVING))
    with serving(Provider()):
        unrecorded.runpytest_subprocess("--llm-record").assert_outcomes(passed=3)
    before = {path: path.read_bytes() for path in cassettes(unrecorded)}
    monkeypatch.setenv("SYSTEM", "Read it again.")
    with serving(provider := StandIn(lambda body: Reply(status, '{"error": {"message": "Incorrect"}}'))):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-concurrency=1")
    run.assert_outcomes(failed=3)
    run.stdout.fnmatch_lines([f"STALE: not recorded: HTTP {status} *Incorrect*(2 cases: c0, c1)"])
    assert len(provider.requests) == (1 if status in (401, 403) else 2)
    assert {path: path.read_bytes() for path in cassettes(unrecorded)} == before


def test_a_wrong_key_is_told_where_an_extractor_falls_back(unrecorded: pytest.Pytester) -> None:
    """Its second model would answer all cases."""
    unrecorded.makepyfile(test_items=hiding(FALLING_BACK))

    class Closed(Provider):
        def reply(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
            is_fallback = body["messages"][-1]["content"].startswith("fallback")
            return super().reply(body) if is_fallback else Reply(401, '{"error": {"message": "Incorrect"}}')

    with serving(Closed()):
        run = unrecorded.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["MISSING: not recorded: HTTP 401 *Incorrect*(2 cases: c0, c1)"])
    assert cassettes(unrecorded) == []


@pytest.mark.slow
@pytest.mark.own_process
@pytest.mark.parametrize("wrapper", [FORGIVING, FALLING_BACK])
def test_a_broken_connection_that_an_extractor_survives(unrecorded: pytest.Pytester, wrapper: str) -> None:
    """Asked again, then missing: a request without an answer cannot be replayed. The line names the connection."""
    unrecorded.makepyfile(test_items=hiding(wrapper))

    class Breaking(Provider):
        def reply(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
            is_broken = body["messages"][-1]["content"] == "doc 1"
            cut = Reply(200, "cut off", headers={"content-length": "5000", "connection": "close"})
            return cut if is_broken else super().reply(body)

    with serving(provider := Breaking()):
        run = unrecorded.runpytest_subprocess("--llm-record")
    sent = [body["messages"][-1]["content"] for body in provider.requests]
    assert sent.count("doc 1") == 5
    address = f"{provider.base_url}/chat/completions"
    run.stdout.fnmatch_lines([f"MISSING: not recorded: no answer from {address}, and a request * (1 case: c1)"])
    assert len(cassettes(unrecorded)) == 1
