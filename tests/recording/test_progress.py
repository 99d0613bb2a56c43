"""Many calls in flight: none mixed up, and what is shown of them."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from typing import Any

import pytest
from _pytest._io import TerminalWriter
from unrecorded import Provider, cassettes, serving

from pytest_llm_extract import clock
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.extraction.call import Call
from pytest_llm_extract.extraction.recording_failure import Failure
from pytest_llm_extract.recording.plan import RecordingPlan
from pytest_llm_extract.recording.progress import Progress, SuitePlan
from pytest_llm_extract.recording.running_plan import RunningPlan
from pytest_llm_extract.recording.shown_progress import ShownProgress
from pytest_llm_extract.recording.thread_pool import in_threads
from pytest_llm_extract.report.recording_progress import Log, Quiet, progress_words

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


@WORKERS
def test_calls_are_in_flight_at_once_and_never_mixed_up(unrecorded: pytest.Pytester, workers: str) -> None:
    """As many as the flag says, in the whole run; each cassette holds its own case."""
    provider = Provider(delay_s=0.2)
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-concurrency=6", f"-n{workers}")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        ["12 cassettes to record", "*recorded 12 of 12; 12 calls, 12,000,000 tokens, $1.80,*", "recorded: 12 *"]
    )
    assert "\ntest_items.py::test_items: recorded 12 of 12" in str(run.stdout)  # not behind the dots of the tests
    assert 2 <= provider.most_in_flight <= 6
    for path in cassettes(unrecorded):
        recording = load(path)
        assert recording is not None
        number = recording.case.removeprefix("c")
        assert json.loads(recording.exchanges[0].request_body)["messages"][-1]["content"] == f"doc {number}"
        assert f'"doc {number}' in recording.exchanges[0].response_body.decode().replace("\\", "")
    unrecorded.runpytest_subprocess(f"-n{workers}", "-q").assert_outcomes(passed=13)


def test_an_extractor_that_is_not_thread_safe_runs_alone(unrecorded: pytest.Pytester) -> None:
    """`concurrency=1` in the marker; with -q nothing is said about it."""
    module = unrecorded.path / "test_items.py"
    module.write_text(module.read_text().replace("cases=CASES)", "cases=CASES, concurrency=1)"))
    provider = Provider(delay_s=0.02)
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "-q")
    run.assert_outcomes(passed=13)
    run.stdout.no_fnmatch_line("*cassettes to record*")
    assert provider.most_in_flight == 1


def test_progress_is_shown_by_one_thread_at_a_time() -> None:
    """In order, so that a bar begins once; what outlives an interrupted run has nothing to show any more."""
    shown: list[int] = []
    showing = threading.Lock()

    def show(progress: Progress) -> None:
        assert showing.acquire(blocking=False)
        time.sleep(0.002)
        shown.append(progress.done)
        showing.release()

    nothing: Any = None
    running = RunningPlan(RecordingPlan(nothing, SuitePlan("test_x.py::test_x", "read"), (nothing,) * 17, {}, {}), show)
    in_threads(lambda _: running.add(Call(recorded=True)), range(16), 8, running.stop)
    running.stop.set()
    running.add(Call(recorded=True))
    assert shown == list(range(1, 17))


def test_a_slow_provider_does_not_look_like_a_hung_run() -> None:
    """Progress is shown while nothing is answered, with the tries that failed, why, and the time to the next."""
    shown: list[Progress] = []
    nothing: Any = None
    running = RunningPlan(
        RecordingPlan(nothing, SuitePlan("test_x.py::test_x", "read"), (nothing,) * 2, {}, {}), shown.append
    )

    def work(_: int) -> None:
        running.retry(Failure("HTTP 503 Service Unavailable from http://127.0.0.1:1/v1: overloaded", 503), 30)
        time.sleep(0.5)
        running.add(Call(recorded=True))

    in_threads(work, [1], 1, running.stop, running.show)
    words = [progress_words(progress) for progress in shown]
    failed = r"1 try failed, the next in (30|29) s: HTTP 503 .* from http://127\.0\.0\.1:1/v1: overloaded"
    assert re.fullmatch(rf"0/2, 0 tokens, \$0\.0000, {failed}", words[0]), words
    assert words[-1].startswith("1/2, 0 tokens")
    assert "failed" not in words[-1]


def test_an_extraction_that_loops_can_be_seen() -> None:
    """What has no end has no tokens yet, but its calls are counted; they no longer are once it has ended."""
    shown: list[Progress] = []
    progress = ShownProgress(2, shown.append)
    with progress.counting() as count, progress.counting() as other:
        for _ in range(1200):
            count()
        other()
        progress.show()
    progress.show()
    assert [progress_words(one) for one in shown] == [
        "0/2, 0 tokens, $0.0000, 1,201 calls by cases that go on",
        "0/2, 0 tokens, $0.0000",
    ]


class Terminal:
    """As much of pytest's terminal reporter as lines need."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._tw = TerminalWriter(io.StringIO())

    def write_line(self, line: str) -> None:
        self.lines.append(line)

    def flush(self) -> None:
        """Nothing is held back."""


def test_quiet_runs_show_progress_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """With -q there is neither a plan nor a summary, but a line a minute."""
    now_s = 0.0
    monkeypatch.setattr(clock, "monotonic_s", lambda: now_s)
    quiet, log = Terminal(), Terminal()
    displays = (Quiet(quiet), Log(log))
    for second in range(0, 181, 5):
        now_s = float(second)
        for display in displays:
            display.lines(["a plan"] if second == 0 else [])
            display.progress("test_x.py::test_x", Progress(12, done=second // 60))
    assert quiet.lines == [f"recording test_x.py::test_x: {n}/12, 0 tokens, $0.0000" for n in (1, 2, 3)]
    assert (log.lines[0], len(log.lines)) == ("a plan", 1 + 18)


def test_a_value_that_differs_in_every_request_is_told_at_once(unrecorded: pytest.Pytester) -> None:
    """Recorded, and stale a moment later: the report says what to do, and nothing is recorded twice."""
    module = unrecorded.path / "test_items.py"
    module.write_text(module.read_text().replace('"content": system}', '"content": system + str(time.time_ns())}'))
    provider = Provider()
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(
        [
            "STALE: system prompt changed, though it was recorded a moment ago*ignore=*(12 cases: *",
            "*in another way in 11 cases",
        ]
    )
    assert len(provider.requests) == 12


def test_a_model_with_half_a_surrogate_pair_is_recorded(unrecorded: pytest.Pytester) -> None:
    """JSON may hold it, a file may not: the head of the cassette has its escape."""
    with serving(Provider(model="m\ud800")):
        unrecorded.runpytest_subprocess("--llm-record").assert_outcomes(passed=13)
    unrecorded.runpytest_subprocess().assert_outcomes(passed=13)
