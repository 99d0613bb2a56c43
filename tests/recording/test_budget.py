"""`--llm-extract-budget`: what a recording may cost, and what it did cost."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from commands import LLM_EXTRACT
from standin import Reply
from unrecorded import IN_TEST, SUITE, Provider, cassettes, serving

from pytest_llm_extract.report.results_json import json_schema

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


@WORKERS
def test_a_budget_stops_before_the_call_that_would_exceed_it(unrecorded: pytest.Pytester, workers: str) -> None:
    """What was recorded stays; the report says what is left; the next run pays only for that."""
    provider = Provider()
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-budget=0.80", f"-n{workers}")
        assert len(cassettes(unrecorded)) == len(provider.requests) == 5  # at 15 cents each
        unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-budget=$1.06").assert_outcomes(passed=13)
    run.assert_outcomes(passed=5, failed=8)
    run.stdout.fnmatch_lines(
        [
            "*recorded 5 of 12; 5 calls, 5,000,000 tokens, $0.7500,*",
            "  7 cassettes not recorded: the budget of $0.8000 *$0.7500 is spent, * $0.1500 (run again to continue)",
            "MISSING: not recorded: the budget of $0.8000*(7 cases: *",
        ]
    )
    assert len(provider.requests) == 12


@WORKERS
def test_results_and_recorder_name_the_same_cost(unrecorded: pytest.Pytester, workers: str) -> None:
    """That of each model that answered, also once shards are merged: a cheap last model makes the first no cheaper."""
    second = "client.chat.completions.create(model='gpt-4', messages=[{'role': 'user', 'content': text}])"
    module = SUITE.replace("    answer = ", f"    {second}\n    answer = ").replace('model="m"', 'model="gpt-4o-mini"')
    unrecorded.makepyfile(test_items=module)

    class Both(Provider):
        def reply(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
            answer = super().reply(body)
            assert isinstance(answer, dict)
            return answer | {"model": body["model"]}

    with serving(Both()):
        run = unrecorded.runpytest_subprocess("--llm-record", f"-n{workers}", "--llm-extract-json=out.json")
    run.stdout.fnmatch_lines(["*recorded 12 of 12; 24 calls, 24,000,000 tokens, $361.80, *"])
    merged = unrecorded.run(LLM_EXTRACT, "merge", "out.json", "-o", "merged.json")
    assert merged.ret == 0
    for name in ("out.json", "merged.json"):
        results = json.loads((unrecorded.path / name).read_text())
        jsonschema.validate(results, json_schema())
        suite = results["suites"][0]
        assert suite["usage"]["cost_usd"] == pytest.approx(12 * (30 + 0.15))
        usage = suite["cases"][0]["usage"]
        assert usage["cost_usd"] == pytest.approx(30 + 0.15)
        assert [one["model"] for one in usage["by_model"]] == ["gpt-4", "gpt-4o-mini"]
        assert usage["input_tokens"] == sum(one["input_tokens"] for one in usage["by_model"]) == 2_000_000


def test_no_budget_without_a_price(unrecorded: pytest.Pytester) -> None:
    """A model that no price list has: for a prompt nothing is sent, for an extractor one call tells."""
    unrecorded.path.joinpath("read.md").write_text("Read.")
    marked = """
@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="acme-1", cases=CASES)
def test_prompt(extraction): pass
"""
    unrecorded.makepyfile(test_items=SUITE + marked)
    provider = Provider(model="acme-1")
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-budget=5", "--llm-extract-concurrency=1")
    assert [body["model"] for body in provider.requests] == ["m"]
    run.stdout.fnmatch_lines(
        ["MISSING: not recorded: the price of model 'acme-1' is not known, so no budget * (12 cases*"]
    )


@WORKERS
def test_one_call_tells_that_an_extractor_has_no_price(unrecorded: pytest.Pytester, workers: str) -> None:
    """The others wait for what it costs, and are not sent when nobody knows."""
    provider = Provider(delay_s=0.05, model="acme-1")
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-budget=5", f"-n{workers}")
    assert len(provider.requests) == 1
    run.stdout.fnmatch_lines(
        ["MISSING: not recorded: the price of model 'acme-1' is not known, so no budget * (11 cases*"]
    )


@WORKERS
def test_no_budget_without_a_price_for_a_prompt_in_tests(unrecorded: pytest.Pytester, workers: str) -> None:
    """A fixture that skips the last case leaves a suite to its tests: they know the model, and send nothing either."""
    unrecorded.path.joinpath("read.md").write_text("Read.")
    marked = """
@pytest.fixture(autouse=True)
def not_the_last(request):
    if "c11" in request.node.name:
        pytest.skip("not today")

@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="acme-1", cases=CASES)
def test_prompt(extraction): pass
"""
    unrecorded.makepyfile(test_items=SUITE.split("@pytest.mark")[0] + marked)
    provider = Provider()
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-budget=1", f"-n{workers}")
    assert provider.requests == []
    run.stdout.fnmatch_lines(
        [
            "MISSING: not recorded: the price of model 'acme-1' is not known, so no budget can be kept (11 cases: *",
        ]
    )


@pytest.mark.parametrize("end", ["raise SystemExit(3)", "pytest.skip('a blank page')", "pytest.xfail('blank')"])
def test_what_an_extractor_ends_costs_what_it_sent(unrecorded: pytest.Pytester, end: str) -> None:
    """The budget knows of its requests, and so does the count; its test does not send them again."""
    unrecorded.makepyfile(test_items=SUITE.replace("    return Item", f"    {end}\n    return Item"))
    provider = Provider()
    with serving(provider):
        run = unrecorded.runpytest_subprocess(
            "--llm-record", "--llm-extract-budget=0.40", "--llm-extract-concurrency=1"
        )
    assert len(provider.requests) == 2  # of 0.15 dollars each
    run.stdout.fnmatch_lines(["*recorded 0 of 12; 2 calls, 2,000,000 tokens, $0.3000, *"])


def test_no_budget_in_tests_without_a_price(unrecorded: pytest.Pytester) -> None:
    """The first recording tells that its price is not known; no other one goes out."""
    unrecorded.makepyfile(test_items=SUITE.split("@pytest.mark")[0] + IN_TEST)
    provider = Provider(model="unheard-of")
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-budget=0.01")
    assert len(provider.requests) == 1
    run.stdout.fnmatch_lines(["*not recorded: the price of model 'unheard-of' is not known*"])
