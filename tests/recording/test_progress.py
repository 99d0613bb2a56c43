"""Recording as a user meets it: a plan, many calls at once, within a budget, and nothing lost on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from standin import Reply, StandIn

from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.extraction.call import Call
from pytest_llm_extract.recording.batch import Batch
from pytest_llm_extract.recording.plan import Plan
from pytest_llm_extract.recording.progress import Progress, SuitePlan
from pytest_llm_extract.recording.thread_pool import in_threads
from pytest_llm_extract.report.results_json import json_schema

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])
SUITE = """
import os, time, pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

client = OpenAI(max_retries=0)

def read(text) -> Item:
    system = os.environ.get("SYSTEM", "Read.")
    answer = client.chat.completions.create(
        model="m", messages=[{"role": "system", "content": system}, {"role": "user", "content": text}])
    return Item.model_validate_json(answer.choices[0].message.content)

CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(12)]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
@pytest.mark.llm_accuracy(1.0)
def test_items(extraction):
    assert extraction.output.name
"""


class Provider(StandIn):
    """Echoes documents after a while, says what it costs, and knows how many calls were in flight at once."""

    def __init__(self, delay_s: float = 0.0, model: str = "gpt-4o-mini") -> None:
        self.in_flight = self.most_in_flight = self.answered = 0
        self._lock = threading.Lock()
        self._delay_s, self._model = delay_s, model
        super().__init__(self.answer)

    def answer(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
        with self._lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        time.sleep(self._delay_s)
        with self._lock:
            self.in_flight -= 1
            self.answered += 1
        return self.reply(body)

    def reply(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
        message = {"role": "assistant", "content": json.dumps({"name": body["messages"][-1]["content"]})}
        usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": self._model,
            "choices": [choice],
            "usage": usage,
        }


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of twelve cases, and a key that is none."""
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    pytester.makepyfile(test_items=SUITE)
    return pytester


@contextmanager
def serving(provider: StandIn) -> Iterator[None]:
    """The provider is where clients look for OpenAI."""
    with provider, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        yield


def cassettes(project: pytest.Pytester) -> list[Path]:
    """All files below the folder of cassettes."""
    return sorted(path for path in (project.path / "cassettes").rglob("*") if path.is_file())


@WORKERS
def test_a_plan_says_what_recording_would_do_and_does_nothing(project: pytest.Pytester, workers: str) -> None:
    """Fresh, stale by cause, missing, orphaned; calls, tokens and cost by earlier recordings; nothing is sent."""
    provider = Provider()
    with serving(provider):
        unknown = project.runpytest_subprocess("--llm-extract-plan")
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=13)
        sent = len(provider.requests)
        files = cassettes(project)
        files[0].unlink()
        files[1].rename(files[1].with_name("left-over.yaml"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SYSTEM", "Read well.")
            run = project.runpytest_subprocess("--llm-extract-plan", f"-n{workers}")
    unknown.stdout.fnmatch_lines(
        ["*test_items (read): 0 fresh, 12 missing", "*12 cassettes; expected: tokens and cost unknown*"]
    )
    run.stdout.fnmatch_lines(
        [
            "test_items.py::test_items (read): 0 fresh, 10 stale, 2 missing, 1 orphaned",
            "  stale: system prompt changed (10 cassettes)",
            "  orphaned: read/left-over.yaml: *",
            "  to record: 12 cassettes; expected: at least 12 calls, 12,000,000 tokens in and 0 out, $1.80",
            "12 cassettes to record",
        ]
    )
    assert run.ret == pytest.ExitCode.OK
    assert len(provider.requests) == sent


@WORKERS
@pytest.mark.parametrize("flag", ["--setup-plan", "--setup-only", "--collect-only"])
def test_nothing_is_recorded_where_no_test_runs(project: pytest.Pytester, flag: str, workers: str) -> None:
    """Whoever asks what would be set up sends no request and gets no cassette."""
    provider = Provider()
    with serving(provider):
        project.runpytest_subprocess("--llm-record", flag, f"-n{workers}")
    assert not provider.requests
    assert not cassettes(project)


@WORKERS
def test_calls_are_in_flight_at_once_and_never_mixed_up(project: pytest.Pytester, workers: str) -> None:
    """As many as the flag says, in the whole run; each cassette holds its own case."""
    provider = Provider(delay_s=0.2)
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-concurrency=6", f"-n{workers}")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        ["12 cassettes to record", "*recorded 12 of 12; 12 calls, 12,000,000 tokens, $1.80,*", "recorded: 12 *"]
    )
    assert "\ntest_items.py::test_items: recorded 12 of 12" in str(run.stdout)  # not behind the dots of the tests
    assert 2 <= provider.most_in_flight <= 6
    for path in cassettes(project):
        recording = load(path)
        assert recording is not None
        number = recording.case.removeprefix("c")
        assert json.loads(recording.exchanges[0].request_body)["messages"][-1]["content"] == f"doc {number}"
        assert f'"doc {number}' in recording.exchanges[0].response_body.decode().replace("\\", "")
    project.runpytest_subprocess(f"-n{workers}", "-q").assert_outcomes(passed=13)


def test_an_extractor_that_is_not_thread_safe_runs_alone(project: pytest.Pytester) -> None:
    """`concurrency=1` in the marker; with -q nothing is said about it."""
    module = project.path / "test_items.py"
    module.write_text(module.read_text().replace("cases=CASES)", "cases=CASES, concurrency=1)"))
    provider = Provider(delay_s=0.02)
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "-q")
    run.assert_outcomes(passed=13)
    run.stdout.no_fnmatch_line("*cassettes to record*")
    assert provider.most_in_flight == 1


@WORKERS
def test_a_budget_stops_before_the_call_that_would_exceed_it(project: pytest.Pytester, workers: str) -> None:
    """What was recorded stays; the report says what is left; the next run pays only for that."""
    provider = Provider()
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-budget=0.80", f"-n{workers}")
        assert len(cassettes(project)) == len(provider.requests) == 5  # at 15 cents each
        project.runpytest_subprocess("--llm-record", "--llm-extract-budget=$1.06").assert_outcomes(passed=13)
    run.assert_outcomes(passed=5, failed=8)
    run.stdout.fnmatch_lines(
        [
            "*recorded 5 of 12; 5 calls, 5,000,000 tokens, $0.7500,*",
            "  7 cassettes left, *: the budget of $0.8000 does not allow it: $0.7500 is spent, and the next * $0.1500",
            "MISSING: not recorded: the budget of $0.8000*(7 cases: *",
        ]
    )
    assert len(provider.requests) == 12


@WORKERS
def test_results_and_recorder_name_the_same_cost(project: pytest.Pytester, workers: str) -> None:
    """That of each model that answered, also once shards are merged: a cheap last model makes the first no cheaper."""
    second = "client.chat.completions.create(model='gpt-4', messages=[{'role': 'user', 'content': text}])"
    module = SUITE.replace("    answer = ", f"    {second}\n    answer = ").replace('model="m"', 'model="gpt-4o-mini"')
    project.makepyfile(test_items=module)

    class Both(Provider):
        def reply(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
            answer = super().reply(body)
            assert isinstance(answer, dict)
            return answer | {"model": body["model"]}

    with serving(Both()):
        run = project.runpytest_subprocess("--llm-record", f"-n{workers}", "--llm-extract-json=out.json")
    run.stdout.fnmatch_lines(["*recorded 12 of 12; 24 calls, 24,000,000 tokens, $361.80, *"])
    merged = project.run(Path(sys.executable).with_name("llm-extract"), "merge", "out.json", "-o", "merged.json")
    assert merged.ret == 0
    for name in ("out.json", "merged.json"):
        results = json.loads((project.path / name).read_text())
        jsonschema.validate(results, json_schema())
        suite = results["suites"][0]
        assert suite["usage"]["cost_usd"] == pytest.approx(12 * (30 + 0.15))
        usage = suite["cases"][0]["usage"]
        assert usage["cost_usd"] == pytest.approx(30 + 0.15)
        assert [one["model"] for one in usage["by_model"]] == ["gpt-4", "gpt-4o-mini"]
        assert usage["input_tokens"] == sum(one["input_tokens"] for one in usage["by_model"]) == 2_000_000


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
    batch = Batch(Plan(nothing, SuitePlan("test_x.py::test_x", "read"), (nothing,) * 17, {}, {}), show)
    in_threads(lambda _: batch.add(Call(recorded=True)), range(16), 8, batch.stop)
    batch.stop.set()
    batch.add(Call(recorded=True))
    assert shown == list(range(1, 17))


def test_no_budget_without_a_price(project: pytest.Pytester) -> None:
    """A model that no price list has: for a prompt nothing is sent, for an extractor one call tells."""
    project.path.joinpath("read.md").write_text("Read.")
    marked = """
@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="acme-1", cases=CASES)
def test_prompt(extraction): pass
"""
    project.makepyfile(test_items=SUITE + marked)
    provider = Provider(model="acme-1")
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-budget=5", "--llm-extract-concurrency=1")
    assert [body["model"] for body in provider.requests] == ["m"]
    run.stdout.fnmatch_lines(
        ["MISSING: not recorded: the price of model 'acme-1' is not known, so no budget * (12 cases*"]
    )


@WORKERS
def test_one_call_tells_that_an_extractor_has_no_price(project: pytest.Pytester, workers: str) -> None:
    """The others wait for what it costs, and are not sent when nobody knows."""
    provider = Provider(delay_s=0.05, model="acme-1")
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-budget=5", f"-n{workers}")
    assert len(provider.requests) == 1
    run.stdout.fnmatch_lines(
        ["MISSING: not recorded: the price of model 'acme-1' is not known, so no budget * (11 cases*"]
    )


@WORKERS
def test_no_budget_without_a_price_for_a_prompt_in_tests(project: pytest.Pytester, workers: str) -> None:
    """A fixture that skips the last case leaves a suite to its tests: they know the model, and send nothing either."""
    project.path.joinpath("read.md").write_text("Read.")
    marked = """
@pytest.fixture(autouse=True)
def not_the_last(request):
    if "c11" in request.node.name:
        pytest.skip("not today")

@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="acme-1", cases=CASES)
def test_prompt(extraction): pass
"""
    project.makepyfile(test_items=SUITE.split("@pytest.mark")[0] + marked)
    provider = Provider()
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-budget=1", f"-n{workers}")
    assert provider.requests == []
    run.stdout.fnmatch_lines(
        [
            "MISSING: not recorded: the price of model 'acme-1' is not known, so no budget can be kept (11 cases: *",
        ]
    )


def test_what_passes_is_tried_again(project: pytest.Pytester) -> None:
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
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=13)
    assert len(provider.requests) == 36
    for path in cassettes(project):
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
def test_what_would_always_fail_ends_the_recording(project: pytest.Pytester, refusal: Reply, most: int) -> None:
    """A wrong key is not tried for every case; all cases are named, with the provider's own words."""
    provider = StandIn(lambda body: refusal)
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-concurrency=2")
    run.assert_outcomes(failed=13)
    run.stdout.fnmatch_lines([f"MISSING: not recorded: HTTP {refusal.status} *Incorrect *(12 cases: c0, c1, c2, …)"])
    assert len(provider.requests) <= most
    assert cassettes(project) == []


def test_an_error_that_an_extractor_takes_for_an_answer_is_none(project: pytest.Pytester) -> None:
    """requests without raise_for_status: the provider's error does not become the recorded answer."""
    direct = """
import requests
def read(text) -> Item:
    answer = requests.post(os.environ["OPENAI_BASE_URL"] + "/chat/completions",
                           json={"model": "m", "messages": [{"role": "user", "content": text}]})
    return Item.model_validate_json(answer.text)
"""
    project.makepyfile(test_items=SUITE.replace("CASES =", direct + "\nCASES ="))
    with serving(StandIn(lambda body: Reply(403, '{"error": "no"}'))):
        run = project.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(['MISSING: not recorded: HTTP 403 *"no"*'])
    assert cassettes(project) == []


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
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """It returns a default in the place of an answer: the old cassettes stay, and the provider's words are shown."""
    project.makepyfile(test_items=hiding(FORGIVING))
    with serving(Provider()):
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=3)
    before = {path: path.read_bytes() for path in cassettes(project)}
    monkeypatch.setenv("SYSTEM", "Read it again.")
    with serving(provider := StandIn(lambda body: Reply(status, '{"error": {"message": "Incorrect"}}'))):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-concurrency=1")
    run.assert_outcomes(failed=3)
    run.stdout.fnmatch_lines([f"STALE: not recorded: HTTP {status} *Incorrect*(2 cases: c0, c1)"])
    assert len(provider.requests) == (1 if status in (401, 403) else 2)
    assert {path: path.read_bytes() for path in cassettes(project)} == before


def test_a_parameter_that_is_always_rejected_ends_the_recording(project: pytest.Pytester) -> None:
    """Ten rejections and no answer: the cases that are left are not asked for."""
    provider = StandIn(lambda body: Reply(400, '{"error": {"message": "Unknown parameter"}}'))
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-concurrency=1")
    assert len(provider.requests) == 10
    run.stdout.fnmatch_lines(["MISSING: not recorded: HTTP 400 *Unknown parameter*(2 cases: *"])


def test_a_wrong_key_is_told_where_an_extractor_falls_back(project: pytest.Pytester) -> None:
    """Its second model would answer all cases."""
    project.makepyfile(test_items=hiding(FALLING_BACK))

    class Closed(Provider):
        def reply(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
            is_fallback = body["messages"][-1]["content"].startswith("fallback")
            return super().reply(body) if is_fallback else Reply(401, '{"error": {"message": "Incorrect"}}')

    with serving(Closed()):
        run = project.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["MISSING: not recorded: HTTP 401 *Incorrect*(2 cases: c0, c1)"])
    assert cassettes(project) == []


@pytest.mark.parametrize("wrapper", [FORGIVING, FALLING_BACK])
def test_a_broken_connection_that_an_extractor_survives(project: pytest.Pytester, wrapper: str) -> None:
    """Asked again, then missing: a request without an answer cannot be replayed. The line names the connection."""
    project.makepyfile(test_items=hiding(wrapper))

    class Breaking(Provider):
        def reply(self, body: dict[str, Any]) -> dict[str, Any] | Reply:
            is_broken = body["messages"][-1]["content"] == "doc 1"
            cut = Reply(200, "cut off", headers={"content-length": "5000", "connection": "close"})
            return cut if is_broken else super().reply(body)

    with serving(provider := Breaking()):
        run = project.runpytest_subprocess("--llm-record")
    sent = [body["messages"][-1]["content"] for body in provider.requests]
    assert sent.count("doc 1") == 5
    address = f"{provider.base_url}/chat/completions"
    run.stdout.fnmatch_lines([f"MISSING: not recorded: no answer from {address}, and a request * (1 case: c1)"])
    assert len(cassettes(project)) == 1


@WORKERS
def test_modes(project: pytest.Pytester, workers: str) -> None:
    """missing leaves stale ones; a marker caps what a run may do; all takes whole suites, and counts attempts."""
    provider, n = Provider(), f"-n{workers}"
    with serving(provider), pytest.MonkeyPatch.context() as patch:
        project.runpytest_subprocess("--llm-record", n)
        partial = project.runpytest_subprocess("--llm-extract-record=all", "-k", "c1", n)
        assert partial.ret == pytest.ExitCode.USAGE_ERROR
        partial.stderr.fnmatch_lines(
            ["ERROR: *test_items: 3 of 12 cases are selected, and 'all' records whole suites*"]
        )
        assert len(provider.requests) == 12
        project.runpytest_subprocess("--llm-extract-record=all", n).assert_outcomes(passed=13)
        assert len(provider.requests) == 24
        assert all(yaml.safe_load(path.read_text())["x_llm_extract"]["attempt"] == 2 for path in cassettes(project))
        patch.setenv("SYSTEM", "Read well.")
        project.runpytest_subprocess("--llm-extract-record=missing", n).assert_outcomes(failed=13)
        module = project.path / "test_items.py"
        module.write_text(module.read_text().replace("cases=CASES)", "cases=CASES, record='none')"))
        project.runpytest_subprocess("--llm-record", n).assert_outcomes(failed=13)
    assert len(provider.requests) == 24


def test_recording_sees_the_fixtures_of_its_tests(project: pytest.Pytester) -> None:
    """An autouse fixture and an `llm_client` of the module count while recording; fixtures end before the tests."""
    fixtures = """
events = []

@pytest.fixture(autouse=True)
def tidy(monkeypatch):
    monkeypatch.setenv("SYSTEM", "From a fixture.")
    events.append("up")
    yield
    events.append("down")

@pytest.fixture(scope="module")
def llm_client():
    return OpenAI(base_url=os.environ["OPENAI_BASE_URL"] + "/own")

@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="m", cases=CASES[:1])
def test_prompt(extraction):
    assert events == ["up", "down"] * (len(events) // 2) + ["up"]

@pytest.mark.llm_extract(extractor=read, cases=CASES[:1])
@pytest.mark.skip
def test_skipped(extraction): pass
"""
    project.path.joinpath("read.md").write_text("Read.")
    project.makepyfile(test_items=SUITE + fixtures)
    provider = Provider()
    with serving(provider):
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=15, skipped=2)
        assert len(provider.requests) == 13
        assert provider.paths.count("/v1/own/chat/completions") == 1
        assert {body["messages"][0]["content"] for body in provider.requests} == {"From a fixture.", "Read."}
        project.runpytest_subprocess("--llm-record", "-n2").assert_outcomes(passed=15, skipped=2)
    assert len(provider.requests) == 13


@WORKERS
def test_a_crash_while_recording_is_the_failure_of_its_test(project: pytest.Pytester, workers: str) -> None:
    """The extractor's own exception, with its traceback, in the test of its case; the others are recorded."""
    crash = "    if text == 'doc 3': raise LookupError('no such shelf')\n    system ="
    module = project.path / "test_items.py"
    module.write_text(module.read_text().replace("    system =", crash))
    with serving(Provider()):
        run = project.runpytest_subprocess("--llm-record", f"-n{workers}")
    run.assert_outcomes(passed=11, failed=2)
    run.stdout.fnmatch_lines(["*LookupError: no such shelf*", "FAILED test_items.py::test_items[[]c3[]]*"])
    assert len(cassettes(project)) == 11


@WORKERS
def test_what_an_extractor_or_a_fixture_ends_is_left_to_its_test(project: pytest.Pytester, workers: str) -> None:
    """sys.exit and pytest.skip in an extractor, a fixture that fails: tests tell it; all others are recorded."""
    ends = """    if text == "doc 3": raise SystemExit(3)
    if text == "doc 4": pytest.skip("a blank page")
    system ="""
    broken = """
@pytest.fixture
def shelf(): raise OSError("no shelf")

@pytest.mark.llm_extract(extractor=read, cases=CASES[:1])
def test_broken(extraction, shelf): pass
"""
    project.makepyfile(test_items=SUITE.replace("    system =", ends) + broken)
    with serving(Provider()):
        run = project.runpytest_subprocess("--llm-record", f"-n{workers}")
        again = project.runpytest_subprocess("--llm-record", f"-n{workers}")
    for found in (run, again):
        found.assert_outcomes(passed=10, failed=3, skipped=1, errors=1)  # one case and both gates fail
        found.stdout.fnmatch_lines(["*SystemExit*", "*OSError: no shelf*"])
    assert len(cassettes(project)) == 10


def test_suites_of_several_modules_are_recorded_before_the_tests(project: pytest.Pytester) -> None:
    """What is set up for one module is not in the way of the next one."""
    project.makepyfile(test_more=SUITE, test_most=SUITE)
    with serving(Provider()):
        run = project.runpytest_subprocess("--llm-record")
    run.assert_outcomes(passed=39)
    for module in ("items", "more", "most"):
        run.stdout.fnmatch_lines([f"test_{module}.py::test_items: recorded 12 of 12; *"])


def test_a_value_that_differs_in_every_request_is_told_at_once(project: pytest.Pytester) -> None:
    """Recorded, and stale a moment later: the report says what to do, and nothing is recorded twice."""
    module = project.path / "test_items.py"
    module.write_text(module.read_text().replace('"content": system}', '"content": system + str(time.time_ns())}'))
    provider = Provider()
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(
        [
            "STALE: system prompt changed, though it was recorded a moment ago*ignore=*(12 cases: *",
            "*in another way in 11 cases",
        ]
    )
    assert len(provider.requests) == 12


@WORKERS
def test_what_only_a_test_can_call_is_recorded_in_it(project: pytest.Pytester, workers: str) -> None:
    """`extraction.run`: one call at a time, within the same budget, also by several workers."""
    body = """cases=CASES[:2], concurrency=1)
def test_planned(extraction): pass

@pytest.mark.llm_extract(cases=CASES, schema=Item)
@pytest.mark.llm_accuracy(1.0)
def test_items(extraction):
    extraction.run(read, extraction.case.input)
"""
    suite = SUITE[: SUITE.index("cases=CASES)")] + body
    project.makepyfile(test_items=suite)
    provider = Provider(delay_s=0.05)
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-budget=0.70", f"-n{workers}")
        assert len(provider.requests) == 5
        assert provider.most_in_flight == 1
        project.runpytest_subprocess("--llm-record", f"-n{workers}").assert_outcomes(passed=3 + 13)
    run.stdout.fnmatch_lines(
        ["  12 cases can only be looked at and recorded by the tests themselves", "MISSING: not recorded: the budget*"]
    )
    assert len(provider.requests) == 2 + 12


@WORKERS
@pytest.mark.parametrize("kind", ["BaseException", "GeneratorExit"])
def test_an_extractor_that_raises_no_exception_fails_alone(project: pytest.Pytester, workers: str, kind: str) -> None:
    """A class beside Exception: with its traceback, in the test of its case; all others are recorded."""
    crash = f"""    class Cancelled({kind}): pass
    if text == "doc 3": raise Cancelled("no such shelf")
    system ="""
    project.makepyfile(test_items=SUITE.replace("    system =", crash))
    with serving(Provider()):
        run = project.runpytest_subprocess("--llm-record", f"-n{workers}")
    run.assert_outcomes(passed=11, failed=2)
    run.stdout.fnmatch_lines(["*raise Cancelled(*", "*Cancelled: no such shelf*"])
    assert len(cassettes(project)) == 11


@pytest.mark.parametrize("end", ["raise SystemExit(3)", "pytest.skip('a blank page')", "pytest.xfail('blank')"])
def test_what_an_extractor_ends_costs_what_it_sent(project: pytest.Pytester, end: str) -> None:
    """The budget knows of its requests, and so does the count; its test does not send them again."""
    project.makepyfile(test_items=SUITE.replace("    return Item", f"    {end}\n    return Item"))
    provider = Provider()
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-budget=0.40", "--llm-extract-concurrency=1")
    assert len(provider.requests) == 2  # of 0.15 dollars each
    run.stdout.fnmatch_lines(["*recorded 0 of 12; 2 calls, 2,000,000 tokens, $0.3000, *"])


def start(project: pytest.Pytester, *arguments: str) -> subprocess.Popen[str]:
    """`pytest --llm-record` that goes on by itself."""
    command = [sys.executable, "-m", "pytest", "--llm-record", "-p", "no:cacheprovider", *arguments]
    return subprocess.Popen(command, cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(condition: Any, limit_s: float = 60.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("arguments", [(), ("-n2",)])
def test_kill_loses_no_more_than_was_in_flight(project: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    """kill -9 in the middle: every file that is there is whole, and the next run pays only for the rest."""
    provider = Provider(delay_s=0.1)
    with serving(provider):
        process = start(project, "--llm-extract-concurrency=2", *arguments)
        wait_for(lambda: provider.answered >= 5)
        if arguments:  # the recording worker is a child
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            for child in children.read_text().split() if children.exists() else []:
                os.kill(int(child), signal.SIGKILL)
        process.kill()
        process.communicate()
        time.sleep(0.3)  # what was in flight arrives at the provider
        sent, kept = len(provider.requests), [path for path in cassettes(project) if path.suffix == ".yaml"]
        assert all(load(path) is not None for path in kept)
        assert sent - 2 <= len(kept) + 2
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=13)
        assert len(provider.requests) == sent + 12 - len(kept)


@pytest.mark.usefixtures("interruptible")
def test_interrupt_keeps_what_was_recorded(project: pytest.Pytester) -> None:
    """Ctrl-C while a call hangs: pytest ends as interrupted, soon, and what was recorded is there."""
    provider = Provider(delay_s=0.05)
    slow = threading.Event()

    def hang(body: dict[str, Any]) -> dict[str, Any] | Reply:
        if body["messages"][-1]["content"] == "doc 6":
            slow.wait(60)
        return provider.reply(body)

    with serving(standin := StandIn(hang)):
        process = start(project, "--llm-extract-concurrency=1")
        wait_for(lambda: len(standin.requests) == 7)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        slow.set()
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in output
    assert "interrupted; 6 of 12 are recorded and kept, the next recording takes up the rest" in output
    assert len(cassettes(project)) == 6


@pytest.mark.usefixtures("interruptible")
def test_interrupt_sends_nothing_more(project: pytest.Pytester) -> None:
    """Ctrl-C while all calls wait, as the provider asked them to: none of them goes out."""
    provider = StandIn(lambda body: Reply(429, "{}", headers={"retry-after": "60"}))
    with serving(provider):
        process = start(project)
        wait_for(lambda: len(provider.requests) >= 4)
        time.sleep(1.0)  # for those that were under way
        sent = len(provider.requests)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert len(provider.requests) == sent


def test_a_worker_that_dies_while_recording_stops_nobody(project: pytest.Pytester) -> None:
    """One case takes its process down: the other cases are recorded, and the run comes to an end."""
    module = project.path / "test_items.py"
    crash = "    if text == 'doc 11': time.sleep(1) or os._exit(3)\n    system ="
    module.write_text(module.read_text().replace("    system =", crash))
    with serving(Provider()):
        run = project.runpytest_subprocess("--llm-record", "-n2", timeout=120)
    assert run.ret != pytest.ExitCode.OK
    assert len(cassettes(project)) == 11


def test_two_runs_at_once_lose_nothing(project: pytest.Pytester) -> None:
    """The same suite recorded by two processes: every cassette is whole, and both runs are green."""
    provider = Provider(delay_s=0.05)
    with serving(provider):
        runs = [start(project), start(project)]
        ended = [(run.communicate()[0], run.returncode) for run in runs]
        assert [code for _, code in ended] == [0, 0], ended
        assert len(cassettes(project)) == 12
        project.runpytest_subprocess().assert_outcomes(passed=13)


def test_a_folder_that_cannot_be_written_costs_nothing(project: pytest.Pytester) -> None:
    """Found out before the first call."""
    project.path.joinpath("cassettes").write_text("a file where the folder should be")
    provider = Provider()
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["MISSING: not recorded: *cannot be written to: *(12 cases: *"])
    assert provider.requests == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--llm-extract-budget=much"], "--llm-extract-budget: is US dollars, such as 0.50, not 'much'"),
        (["--llm-extract-concurrency=0"], "--llm-extract-concurrency: is a whole number from 1 to 1000, not '0'"),
        (["-o", "llm_extract_budget=-1"], "ini llm_extract_budget: is US dollars, such as 0.50, not -1.0"),
        (["--llm-extract-budget="], "*--llm-extract-budget: needs a value, not an empty text*"),
        (["-o", "llm_extract_cassettes="], "ini llm_extract_cassettes: is a folder below the rootdir*, not ''"),
        (["-o", "llm_extract_scrub=a, b"], "ini llm_extract_scrub: is one name a line, not 'a, b'"),
    ],
)
def test_wrong_numbers_are_usage_errors(project: pytest.Pytester, arguments: list[str], problem: str) -> None:
    """One line that names the flag or ini, and exit status 4."""
    run = project.runpytest_subprocess(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"*{problem}"])


def test_a_long_wait_ends_the_recording(project: pytest.Pytester) -> None:
    """A limit of the day: nobody waits for an hour, and the rest is not asked for."""
    provider = Provider()
    refusal = Reply(429, "{}", headers={"retry-after": "3600"})
    provider.reply = lambda body: refusal  # type: ignore[method-assign]
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-concurrency=1", timeout=60)
    assert len(provider.requests) == 1
    waits = "it asks to wait 3,600 s, and recording waits 120 s at most"
    run.stdout.fnmatch_lines([f"MISSING: not recorded: HTTP 429 *; {waits} (12 cases: *"])


@pytest.mark.parametrize("odd", ["inf", "nan", "-5", "soon"])
def test_a_wait_that_is_no_time_is_none(project: pytest.Pytester, odd: str) -> None:
    """The provider is asked again as if it had said nothing."""
    provider = Provider()
    replies = [Reply(429, "{}", headers={"retry-after": odd})]
    reply = provider.reply
    provider.reply = lambda body: replies.pop() if replies else reply(body)  # type: ignore[method-assign]
    with serving(provider):
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=13)


def test_a_model_with_half_a_surrogate_pair_is_recorded(project: pytest.Pytester) -> None:
    """JSON may hold it, a file may not: the head of the cassette has its escape."""
    with serving(Provider(model="m\ud800")):
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=13)
    project.runpytest_subprocess().assert_outcomes(passed=13)


def test_an_extractor_that_is_cancelled_fails_alone(project: pytest.Pytester) -> None:
    """As a crash of its own, and not of the run."""
    crash = "    if text == 'doc 3':\n        import asyncio\n        raise asyncio.CancelledError\n    system ="
    project.makepyfile(test_items=SUITE.replace("    system =", crash))
    with serving(Provider()):
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=11, failed=2)


IN_TEST = """
@pytest.mark.llm_extract(schema=Item, cases=CASES[:4])
def test_own(extraction):
    extraction.run(read, extraction.case.input)
"""


def test_no_budget_in_tests_without_a_price(project: pytest.Pytester) -> None:
    """The first recording tells that its price is not known; no other one goes out."""
    project.makepyfile(test_items=SUITE.split("@pytest.mark")[0] + IN_TEST)
    provider = Provider(model="unheard-of")
    with serving(provider):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-budget=0.01")
    assert len(provider.requests) == 1
    run.stdout.fnmatch_lines(["*not recorded: the price of model 'unheard-of' is not known*"])


@pytest.mark.usefixtures("all_plugins")
def test_a_test_that_is_run_again_is_not_recorded_again(project: pytest.Pytester) -> None:
    """Recording until a test passes would be choosing the answer."""
    pytest.importorskip("pytest_rerunfailures")
    body = "\n    assert extraction.output.name.endswith('9')"
    project.makepyfile(test_items=SUITE.split("@pytest.mark")[0] + IN_TEST.rstrip() + body)
    provider = Provider()
    with serving(provider):
        project.runpytest_subprocess("--llm-extract-record=all", "--reruns=3")
    assert len(provider.requests) == 4
