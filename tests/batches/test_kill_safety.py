"""A process that ends at any moment loses no batch and sends none twice."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from batched import batch_file, batch_files, batching, cassette_names, collect, submit
from commands import LLM_EXTRACT
from standin_batches import BatchProvider, Refusal

from pytest_llm_extract import clock
from pytest_llm_extract.batches import create as creation
from pytest_llm_extract.batches.lock import locked
from pytest_llm_extract.session.batch_desk import BatchDesk


def killed_at(prompted: pytest.Pytester, provider: BatchProvider, path: str, *, before: bool) -> None:
    """Send, and lose the process at a call of the API, before or after the provider took it."""
    if before:
        provider.refuse = lambda method, called: Refusal(500, {}) if (method, called) == ("POST", path) else None
    else:
        take = provider._create

        def take_and_fail(asked: Any) -> Any:
            take(asked)
            raise Refusal(502, {"error": {"message": "Bad gateway"}})

        provider._create = take_and_fail  # type: ignore[method-assign]
    run = submit(prompted)
    run.stdout.fnmatch_lines(["  not sent: no answer from *: HTTP 50*; whether the batch was created is not known: *"])
    assert run.ret == 1
    provider.refuse = lambda method, called: None
    provider.__dict__.pop("_create", None)
    assert batch_file(prompted)["id"] is None


@pytest.mark.parametrize(("path", "before"), [("/v1/files", True), ("/v1/batches", True), ("/v1/batches", False)])
def test_a_batch_that_may_have_been_created_is_looked_for(
    prompted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, path: str, before: bool
) -> None:
    """By the metadata that it carries. It is sent again only if the provider does not have it."""
    monkeypatch.setattr(creation, "_SETTLED_S", 0.2)
    with batching(BatchProvider()) as provider:
        for number in range(3):  # of others, and older than ours
            provider.batches[f"other_{number}"] = {"id": f"other_{number}", "status": "completed", "created_at": 1}
        killed_at(prompted, provider, path, before=before)
        assert len(provider.requests) == (0 if before else 4)
        assert submit(prompted).ret == 0
        assert len(provider.requests) == 4
        provider.end()
        assert collect(prompted).ret == 0
    assert (cassette_names(prompted), batch_files(prompted)) == (["c0", "c1", "c2", "c3"], [])


def test_it_is_found_among_many(prompted: pytest.Pytester) -> None:
    """On a later page of the provider's list."""
    with batching(BatchProvider()) as provider:
        killed_at(prompted, provider, "/v1/batches", before=False)
        for number in range(150):
            late = {"id": f"late_{number}", "status": "completed", "created_at": 5_000_000_000, "metadata": None}
            provider.batches[f"late_{number}"] = late
        provider.end()
        assert collect(prompted).ret == 0
        assert sum(call == "GET /v1/batches" for call in provider.calls) == 2


def test_a_collection_that_was_cut_off_goes_on(prompted: pytest.Pytester) -> None:
    """What it wrote is not written anew, the rest is; the file of the batch goes last."""
    with batching(BatchProvider()) as provider:
        submit(prompted)
        provider.end()
        (path,) = batch_files(prompted)
        kept = path.read_bytes()
        collect(prompted, "-k", "c0 or c1")
        path.write_bytes(kept)  # as if the process had ended before this
        before = {file: file.stat().st_mtime_ns for file in (prompted.path / "cassettes").rglob("c*.yaml")}
        run = collect(prompted)
        run.stdout.fnmatch_lines(["*: 2 cassettes written from 1 batch"])
        assert {file: file.stat().st_mtime_ns for file in before} == before
    assert (cassette_names(prompted), batch_files(prompted)) == (["c0", "c1", "c2", "c3"], [])


def test_two_processes_take_turns(tmp_path: Path) -> None:
    """The second one says that it waits, and goes on when the first one ends."""
    said: list[str] = []
    inside, end = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path):
            inside.set()
            end.wait(5)

    first = threading.Thread(target=hold)
    first.start()
    inside.wait(5)
    threading.Timer(0.1, end.set).start()
    started = clock.monotonic_s()
    with locked(tmp_path, lambda: said.append("waits")):
        first.join(5)
        assert clock.monotonic_s() - started > 0.05
    assert said == ["waits"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "<<<<<<< ours\n" + text + "=======\n>>>>>>> theirs\n", "has a merge conflict in line 1"),
        (lambda text: text[:-20], "is not JSON"),
        (lambda text: json.dumps(json.loads(text) | {"version": 2}), "has version 2: update pytest-llm-extract"),
        (lambda text: json.dumps(json.loads(text) | {"id": "../../evil"}), "has an id that no provider gives"),
        (lambda text: json.dumps(json.loads(text) | {"requests": {"x": 1}}), "has a member of the wrong type"),
        (lambda text: json.dumps(json.loads(text) | {"key": "x"}), "has not the members of a batch"),
    ],
)
def test_a_damaged_file_of_a_batch_stops_the_run(prompted: pytest.Pytester, change: Any, words: str) -> None:
    """Whoever went on without it might pay twice; nothing is asked of the provider either."""
    with batching(BatchProvider()) as provider:
        submit(prompted)
        (path,) = batch_files(prompted)
        path.write_text(change(path.read_text()))
        seen = len(provider.calls)
        run = prompted.runpytest_subprocess("--llm-record")
        assert run.ret == pytest.ExitCode.USAGE_ERROR
        run.stderr.fnmatch_lines([f"ERROR: {path}: {words}"])
        assert (len(provider.calls), provider.live) == (seen, [])


LOOKS_LATE = """
from pathlib import Path
from pytest_llm_extract.session.batch_desk import BatchDesk

opened, turns = BatchDesk.opened, []

def opened_late(desk):
    turns.append(1)
    if len(turns) == 2:  # the first one is to collect
        Path("kept").rename({path!r})
    return opened(desk)

BatchDesk.opened = opened_late
"""


def test_a_batch_that_another_process_sent_meanwhile(
    prompted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs planned the same; the second one looks again before it sends, and finds nothing left."""
    monkeypatch.setattr(BatchDesk, "opened", BatchDesk.opened)  # as it is again afterwards
    with batching(BatchProvider()) as provider:
        submit(prompted)
        (path,) = batch_files(prompted)
        path.rename(prompted.path / "kept")
        prompted.makeconftest(LOOKS_LATE.format(path=str(path)))
        submit(prompted).stdout.fnmatch_lines(["nothing was sent"])
    assert len(provider.requests) == 4


@pytest.mark.slow
def test_two_collections_at_once(prompted: pytest.Pytester) -> None:
    """Both end well, and every cassette is whole."""
    command = [LLM_EXTRACT, "collect"]
    with batching(BatchProvider()) as provider:
        submit(prompted)
        provider.end()
        pair = [subprocess.Popen(command, cwd=prompted.path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        said = [process.communicate(timeout=60)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], said
    assert (cassette_names(prompted), batch_files(prompted)) == (["c0", "c1", "c2", "c3"], [])
    assert sum("4 cassettes written" in text for text in said) == 1
