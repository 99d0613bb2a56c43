"""Rate limits and errors of a provider: what is tried again, what ends the recording."""

from __future__ import annotations

from typing import Any

import pytest
from standin import Reply, StandIn
from unrecorded import Provider, cassettes, serving

from pytest_llm_extract.cassette.file.load import load


@pytest.mark.slow
def test_what_passes_is_tried_again(unrecorded: pytest.Pytester) -> None:
    """429 with Retry-After, 500, a connection that breaks: the whole case is repeated, and nothing of it is kept."""

    seen: list[str] = []

    class Flaky(Provider):
        def reply(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
            document = body["messages"][-1]["content"]
            with self._lock:
                seen.append(document)
            if seen.count(document) > 2:
                return super().reply(body)
            if document.endswith("1"):
                return Reply(200, "cut off", headers={"content-length": "5000", "connection": "close"})
            if document.endswith("2"):
                return Reply(500, "oops")
            return Reply(429, "{}", headers={"retry-after-ms": "50"})

    provider = Flaky()
    with serving(provider):
        unrecorded.runpytest_subprocess("--llm-record").assert_outcomes(passed=13)
    assert len(provider.requests) == 36
    for path in cassettes(unrecorded):
        recording = load(path)
        assert recording is not None
        assert [exchange.status for exchange in recording.exchanges] == [200]


@pytest.mark.parametrize(
    ("refusal", "most"),
    [
        (Reply(401, '{"error": {"message": "Incorrect API key provided"}}'), 3),
        (Reply(429, '{"error": {"message": "Incorrect or no credit", "code": "insufficient_quota"}}'), 3),
        (Reply(404, '{"error": {"message": "Incorrect model"}}'), 12),
    ],
)
def test_what_would_always_fail_ends_the_recording(unrecorded: pytest.Pytester, refusal: Reply, most: int) -> None:
    """A wrong key is not tried for every case; all cases are named, with the provider's own words."""
    provider = StandIn(lambda body: refusal)
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-concurrency=2")
    run.assert_outcomes(failed=13)
    words = f"HTTP {refusal.status} * from {provider.base_url}/chat/completions: *Incorrect *"
    run.stdout.fnmatch_lines([f"MISSING: not recorded: {words}(12 cases: c0, c1, c2, …)"])
    assert len(provider.requests) <= most
    assert cassettes(unrecorded) == []


def test_a_parameter_that_is_always_rejected_ends_the_recording(unrecorded: pytest.Pytester) -> None:
    """Ten rejections and no answer: the cases that are left are not asked for."""
    provider = StandIn(lambda body: Reply(400, '{"error": {"message": "Unknown parameter"}}'))
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-concurrency=1")
    assert len(provider.requests) == 10
    run.stdout.fnmatch_lines(["MISSING: not recorded: HTTP 400 *Unknown parameter*(2 cases: *"])


def test_a_long_wait_ends_the_recording(unrecorded: pytest.Pytester) -> None:
    """A limit of the day: nobody waits for an hour, and the rest is not asked for."""
    provider = Provider()
    refusal = Reply(429, "{}", headers={"retry-after": "3600"})
    provider.reply = lambda body: refusal  # type: ignore[method-assign]
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-concurrency=1", timeout=60)
    assert len(provider.requests) == 1
    waits = "it asks to wait 3,600 s, and recording waits 120 s at most"
    run.stdout.fnmatch_lines([f"MISSING: not recorded: HTTP 429 *; {waits} (12 cases: *"])


@pytest.mark.slow
@pytest.mark.parametrize("odd", ["inf", "nan", "-5", "soon"])
def test_a_wait_that_is_no_time_is_none(unrecorded: pytest.Pytester, odd: str) -> None:
    """The provider is asked again as if it had said nothing."""
    provider = Provider()
    replies = [Reply(429, "{}", headers={"retry-after": odd})]
    reply = provider.reply
    provider.reply = lambda body: replies.pop() if replies else reply(body)  # type: ignore[method-assign]
    with serving(provider):
        unrecorded.runpytest_subprocess("--llm-record").assert_outcomes(passed=13)
