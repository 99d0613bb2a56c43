"""A batch that is cancelled, and one whose suite got another name."""

from __future__ import annotations

from pathlib import Path

import pytest
from batched import batch_file, batch_files, batching, cassette_names, collect, submit
from commands import llm_extract
from standin_batches import BatchProvider
from standin_other_batches import AnthropicBatches, GoogleBatches
from test_other_providers import PLAIN

from pytest_llm_extract.cassette.sent_batch import SentBatch, sent_batches

OLD, NEW = "test_items.py::test_items", "test_items.py::test_parts"


@pytest.mark.parametrize(
    ("extractor", "provider", "words"),
    [
        (None, BatchProvider(), "cancelling"),
        ("claude", AnthropicBatches(), "canceling"),
        ("gemini", GoogleBatches(), "CANCELLING"),
    ],
)
def test_a_batch_is_cancelled(
    prompted: pytest.Pytester, extractor: str | None, provider: BatchProvider, words: str
) -> None:
    """What it has answered by then is collected later. What was not sent is forgotten at once."""
    if extractor is not None:
        prompted.makepyfile(test_items=PLAIN.replace("EXTRACTOR", extractor))
    prompted.makeini("[pytest]\nllm_extract_batch_tokens = * 1")
    with batching(provider):
        submit(prompted, "-k", "c0 or c1")
        run = prompted.runpytest_subprocess("--llm-extract-collect=cancel")
        run.stdout.fnmatch_lines(
            [
                f"  waiting: *, sent *: {words}, 0 of 1 requests done",
                "  never sent, and forgotten: the requests of 1 cassette, which waited for room *",
            ]
        )
        provider.end()
        collect(prompted).stdout.fnmatch_lines(["*: 1 cassette written from 1 batch"])
        assert (len(provider.requests), cassette_names(prompted), batch_files(prompted)) == (1, ["c0"], [])


def test_a_batch_moves_with_its_suite(prompted: pytest.Pytester) -> None:
    """Before there is a single cassette; the message that a batch has no suite says the command."""
    module = prompted.path / "test_items.py"
    with batching(BatchProvider()) as provider:
        submit(prompted)
        module.write_text(module.read_text().replace("test_items", "test_parts"))
        for run in (collect(prompted), prompted.runpytest_subprocess("--llm-record", "-k", "c3")):
            run.stdout.fnmatch_lines([f"*if that was renamed: llm-extract mv {OLD} NEW"])
        moved = llm_extract("mv", OLD, NEW, cwd=prompted.path)
        assert (moved.stdout, moved.returncode) == (f"moved 1 batch to {NEW} (read)\n", 0)
        assert batch_file(prompted)["suite"] == NEW
        provider.end()
        assert collect(prompted).ret == 0
    prompted.runpytest_subprocess().assert_outcomes(passed=5)


def test_a_batch_of_a_split_suite(tmp_path: Path) -> None:
    """Each part has its own requests, and none has fewer than before; an equal request is in both."""
    requests = {"1": ("a", "b"), "2": ("b",), "3": ("c",)}
    batch = SentBatch("0" * 16, OLD, "openai", "http://x", "/v1", "m", "2026-01-01", requests, id="batch_1")
    batch.write(tmp_path).hand_over(tmp_path, NEW, {"b"})
    found = {one.suite: (one.requests, one.id) for one in sent_batches(tmp_path)}
    assert found == {
        OLD: ({"1": ("a",), "3": ("c",)}, "batch_1"),
        NEW: ({"1": ("b",), "2": ("b",)}, "batch_1"),
    }
