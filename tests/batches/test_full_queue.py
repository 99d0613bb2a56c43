"""The queue of a provider takes so many tokens at a time: what finds no room waits, and is sent once there is some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from batched import batch_files, batching, cassette_names, collect, submit
from standin_batches import BatchProvider, Refusal
from standin_other_batches import AnthropicBatches, GoogleBatches
from test_other_providers import PLAIN

from pytest_llm_extract.batches.queue import Queue
from pytest_llm_extract.cassette.sent_batch import SentBatch

ALL = ["c0", "c1", "c2", "c3"]


def one_line(prompted: pytest.Pytester, provider: BatchProvider) -> int:
    """The bytes of one request in a file."""
    submit(prompted, "-k", "c0")
    (data,) = provider.files.values()
    provider.batches.clear()
    provider.files.clear()
    provider.requests.clear()
    for path in batch_files(prompted):
        path.unlink()
    return len(data)


def sizes(provider: BatchProvider) -> list[int]:
    """How many requests each batch had that was sent."""
    return [one["request_counts"]["total"] for one in provider.batches.values()]


def test_a_batch_that_the_queue_refuses_is_sent_in_parts(prompted: pytest.Pytester) -> None:
    """Nobody says how much the queue takes: the refusal does, and halves go one after the other."""
    with batching(BatchProvider()) as provider:
        provider.queue_bytes = 2 * one_line(prompted, provider) + 20
        submit(prompted).stdout.fnmatch_lines(["*sent 4 requests of 4 cases*"])
        refused = collect(prompted)
        refused.stdout.fnmatch_lines(
            [
                "  waiting: 4 requests: refused for want of room in the provider's queue: token_limit_exceeded: *",
                "test_items.py::test_items: sent 2 requests of 2 cases to * in 1 batch",
                "  waiting for room in the provider's queue: 2 requests; then: llm-extract collect",
            ]
        )
        assert (refused.ret, sizes(provider), len(provider.requests)) == (0, [4, 2], 2)
        collect(prompted)
        assert sizes(provider) == [4, 2]  # nothing has ended, so there is no room
        live = prompted.runpytest_subprocess("--llm-record")
        live.stdout.fnmatch_lines(["MISSING: not recorded: its request waits for room in the provider's queue of *"])
        assert provider.live == []
        provider.end()
        collect(prompted).stdout.fnmatch_lines(["*: 2 cassettes written from 1 batch", "*sent 2 requests of 2 cases*"])
        provider.end()
        assert collect(prompted).ret == 0
        assert (sizes(provider), len(provider.requests)) == ([4, 2, 2], 4)
    assert (cassette_names(prompted), batch_files(prompted)) == (ALL, [])
    prompted.runpytest_subprocess().assert_outcomes(passed=5)


def test_a_project_says_what_the_queue_takes(prompted: pytest.Pytester) -> None:
    """Then nothing is refused. A prompt that changes takes back what was not sent."""
    with batching(BatchProvider()) as provider:
        line = one_line(prompted, provider)
        provider.queue_bytes = 3 * line + 20
        prompted.makeini(f"[pytest]\nllm_extract_batch_tokens =\n    claude-* 1\n    gpt-4o* {3 * line // 4 + 5:,}")
        first = submit(prompted)
        first.stdout.fnmatch_lines(["*sent 3 requests of 3 cases*", "  waiting for room *: 1 request; *"])
        again = submit(prompted)
        again.stdout.fnmatch_lines(["  waiting: 1 request: not sent yet, for want of room *", "nothing was sent"])
        collect(prompted, "-k", "c0")  # what is not selected waits on
        provider.end()
        submit(prompted).stdout.fnmatch_lines(["*: 3 cassettes written *", "*sent 1 request of 1 case *"])
        provider.end()
        assert collect(prompted).ret == 0
        assert (sizes(provider), cassette_names(prompted), batch_files(prompted)) == ([3, 1], ALL, [])
        prompted.path.joinpath("read.md").write_text("Read well.")
        submit(prompted)
        prompted.path.joinpath("read.md").write_text("Read it.")
        collect(prompted).stdout.fnmatch_lines(["  never sent, and forgotten: the requests of 1 cassette, which *"])
        assert len(batch_files(prompted)) == 1


@pytest.mark.parametrize("kind", ["gpt", "gemini"])
def test_another_machine_has_sent_what_waited(prompted: pytest.Pytester, kind: str) -> None:
    """With the same state files: halves have the same names everywhere, so the batch is found, and paid once."""
    if kind == "gemini":
        prompted.makepyfile(test_items=PLAIN.replace("EXTRACTOR", kind))
    provider = GoogleBatches() if kind == "gemini" else BatchProvider()
    with batching(provider):
        prompted.makeini("[pytest]\nllm_extract_batch_tokens = * 1")
        submit(prompted, "-k", "c0 or c1")
        provider.end()
        committed = {path: path.read_bytes() for path in batch_files(prompted)}
        collect(prompted).stdout.fnmatch_lines(["*: 1 cassette written *", "*sent 1 request of 1 case *"])
        for path, data in committed.items():  # on the other machine
            path.write_bytes(data)
        collect(prompted).stdout.fnmatch_lines(
            ["  1 batch of test_items.py::test_items had been sent by another machine"]
        )
        provider.end()
        assert collect(prompted).ret == 0
    assert (len(provider.requests), cassette_names(prompted), batch_files(prompted)) == (2, ["c0", "c1"], [])


def test_a_request_that_is_larger_than_the_queue_is_named(prompted: pytest.Pytester) -> None:
    """It is offered alone, and is missing in the provider's words; no request waits without end."""
    with batching(BatchProvider()) as provider:
        provider.queue_bytes = 1
        submit(prompted, "-k", "c0 or c1")
        collect(prompted)
        for _ in range(2):
            run = collect(prompted)
        run.stdout.fnmatch_lines(["  still missing: 1 case (c?): token_limit_exceeded: Enqueued token limit *"])
        assert (provider.requests, batch_files(prompted)) == ([], [])


@pytest.mark.parametrize("extractor", ["claude", "gemini"])
def test_other_providers_refuse_at_once(prompted: pytest.Pytester, extractor: str) -> None:
    """By HTTP 429, before a batch is there: the halves wait as those of OpenAI do. Without credit nothing waits."""
    prompted.makepyfile(test_items=PLAIN.replace("EXTRACTOR", extractor))
    provider = AnthropicBatches() if extractor == "claude" else GoogleBatches()
    words: dict[str, Any] = {"error": {"message": "too many requests in the queue", "type": "rate_limit_error"}}

    def refuse(method: str, path: str) -> Refusal | None:
        creates = method == "POST" and path.endswith(("/messages/batches", ":batchGenerateContent"))
        return Refusal(429, words, {"retry-after": "0"}) if creates else None

    with batching(provider):
        provider.refuse = refuse
        run = submit(prompted)
        run.stdout.fnmatch_lines(
            [
                "*: sent nothing",
                "  waiting for room in the provider's queue: 4 requests; then: llm-extract collect",
                "  a batch of 4 requests was refused by *: HTTP 429: too many requests in the queue",
            ]
        )
        assert run.ret == 0
        provider.refuse = lambda method, path: None
        collect(prompted).stdout.fnmatch_lines(["*sent 2 requests of 2 cases *"])
        provider.end()
        collect(prompted).stdout.fnmatch_lines(["*: 2 cassettes written *", "*sent 2 requests of 2 cases *"])
        provider.end()
        assert collect(prompted).ret == 0
        assert (len(provider.requests), cassette_names(prompted)) == (4, ALL)
        prompted.path.joinpath("test_items.py").write_text(PLAIN.replace("EXTRACTOR", extractor).replace("doc", "text"))
        provider.refuse = refuse
        assert submit(prompted, "-k", "c0").ret == 1  # an empty queue does not take even one request
        alone = prompted.runpytest_subprocess("--llm-extract-collect=wait", "-k", "c0")  # which would be in vain
        alone.stdout.fnmatch_lines(["  not sent: a batch of 1 request* was refused *: HTTP 429: too many requests *"])
        assert len(batch_files(prompted)) == 1
        prompted.runpytest_subprocess("--llm-extract-collect=cancel")
        words["error"]["type"] = "insufficient_quota"
        submit(prompted).stdout.fnmatch_lines(["  not sent: a batch of 4 requests was refused *: HTTP 429: *"])
        assert batch_files(prompted) == []


def test_what_a_queue_takes() -> None:
    """What the project says. Where nobody says it, all at first, and what was refused when nothing else goes on."""
    assert Queue(0, 10).takes(11)
    assert [Queue(4, limit).takes(6) for limit in (None, 10, 9)] == [True, True, False]
    assert [Queue(n_open, None).takes(6, has_waited=True) for n_open in (0, 4)] == [True, False]


def test_halves_have_the_same_names_everywhere(tmp_path: Path) -> None:
    """And each request is in one of them."""
    requests = {name: (f"{name}.yaml",) for name in "abc"}
    batch = SentBatch("0" * 16, "s", "openai", "http://x", "/v1", "m", "2026-01-01", requests, id="b", n_tokens=9)
    halves = [batch.write(tmp_path).halved(tmp_path) for _ in range(2)]
    assert halves[0] == halves[1]
    assert [(list(half.requests), half.n_tokens, half.id, half.is_queued) for half in halves[0]] == [
        (["a", "b"], 6, None, True),
        (["c"], 3, None, True),
    ]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_line_that_is_not_a_limit_is_refused(prompted: pytest.Pytester) -> None:
    """A model and a number."""
    prompted.makeini("[pytest]\nllm_extract_batch_tokens = 90000")
    run = prompted.runpytest_subprocess("--llm-extract-plan")
    run.stderr.fnmatch_lines(["*ini llm_extract_batch_tokens: must be a model (glob) and a number of tokens *'90000'"])
