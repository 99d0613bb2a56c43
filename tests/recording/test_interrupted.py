"""Recordings that are killed, interrupted or run twice at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from standin import Reply, StandIn
from unrecorded import Provider, cassettes, serving

from pytest_llm_extract.cassette.file.load import load


def start(unrecorded: pytest.Pytester, *arguments: str) -> subprocess.Popen[str]:
    """`pytest --llm-record` that goes on by itself."""
    command = [sys.executable, "-m", "pytest", "--llm-record", "-p", "no:cacheprovider", *arguments]
    return subprocess.Popen(command, cwd=unrecorded.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(condition: Any, limit_s: float = 60.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_kill_loses_no_more_than_was_in_flight(unrecorded: pytest.Pytester) -> None:
    """kill -9 in the middle: every file that is there is whole, and the next run pays only for the rest."""
    provider = Provider(delay_s=0.1)
    with serving(provider):
        process = start(unrecorded, "--llm-extract-concurrency=2")
        wait_for(lambda: provider.answered >= 5)
        process.kill()
        process.communicate()
        time.sleep(0.3)  # what was in flight arrives at the provider
        sent, kept = len(provider.requests), [path for path in cassettes(unrecorded) if path.suffix == ".yaml"]
        assert all(load(path) is not None for path in kept)
        assert sent - 2 <= len(kept) + 2
        unrecorded.runpytest_subprocess("--llm-record").assert_outcomes(passed=13)
        assert len(provider.requests) == sent + 12 - len(kept)


@pytest.mark.usefixtures("interruptible")
def test_interrupt_keeps_what_was_recorded(unrecorded: pytest.Pytester) -> None:
    """Ctrl-C while a call hangs: pytest ends as interrupted, soon, and what was recorded is there."""
    provider = Provider(delay_s=0.05)
    slow = threading.Event()

    def hang(body: dict[str, Any]) -> dict[str, Any] | Reply:
        if body["messages"][-1]["content"] == "doc 6":
            slow.wait(60)
        return provider.reply(body)

    with serving(standin := StandIn(hang)):
        process = start(unrecorded, "--llm-extract-concurrency=1")
        wait_for(lambda: len(standin.requests) == 7)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        slow.set()
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in output
    assert "interrupted; 6 of 12 are recorded and kept; run again to continue" in output
    assert len(cassettes(unrecorded)) == 6


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_interrupt_sends_nothing_more(unrecorded: pytest.Pytester) -> None:
    """Ctrl-C while all calls wait, as the provider asked them to: none of them goes out."""
    provider = StandIn(lambda body: Reply(429, "{}", headers={"retry-after": "60"}))
    with serving(provider):
        process = start(unrecorded)
        wait_for(lambda: len(provider.requests) >= 4)
        time.sleep(1.0)  # for those that were under way
        sent = len(provider.requests)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert len(provider.requests) == sent


@pytest.mark.slow
def test_two_runs_at_once_lose_nothing(unrecorded: pytest.Pytester) -> None:
    """The same suite recorded by two processes: every cassette is whole, and both runs are green."""
    provider = Provider(delay_s=0.05)
    with serving(provider):
        runs = [start(unrecorded), start(unrecorded)]
        ended = [(run.communicate()[0], run.returncode) for run in runs]
        assert [code for _, code in ended] == [0, 0], ended
        assert len(cassettes(unrecorded)) == 12
        unrecorded.runpytest_subprocess().assert_outcomes(passed=13)
