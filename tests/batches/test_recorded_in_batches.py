"""Recording in the batches of a provider, from sending to replay."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml
from batched import PROMPT, batch_file, batch_files, batching, cassette_names, collect, submit
from commands import LLM_EXTRACT
from standin_batches import BatchProvider, Json, completion

from pytest_llm_extract.batches import requests
from pytest_llm_extract.report.results_json import json_schema


def test_a_batch_becomes_ordinary_cassettes(prompted: pytest.Pytester) -> None:
    """Sent, named in a file without documents or keys, waited for, collected, replayed; every request is sent once."""
    with batching(BatchProvider()) as provider:
        sent = submit(prompted)
        assert sent.ret == 0
        sent.stdout.fnmatch_lines(
            [
                "test_items.py::test_items: sent 4 requests of 4 cases to http://127.0.0.1:*/v1 in 1 batch",
                "  expected: about ??? tokens in by their length, $0.0000?? at half of the list price; tokens out *",
                "  answers within 24 hours*; then: llm-extract collect",
            ]
        )
        text = json.dumps(batch_file(prompted))
        assert [word for word in ("doc 0", "loopback-only") if word in text] == []
        assert submit(prompted).ret == 0  # nothing is sent twice
        replay = prompted.runpytest_subprocess()
        replay.stdout.fnmatch_lines(["    its request is in a batch that was sent *: llm-extract collect"])
        early = collect(prompted)
        early.stdout.fnmatch_lines(["  waiting: batch_0, sent *: in_progress, 0 of 4 requests done"])
        assert cassette_names(prompted) == []
        live = prompted.runpytest_subprocess("--llm-record")  # nor live
        live.assert_outcomes(failed=5)
        live.stdout.fnmatch_lines(
            ["MISSING: not recorded: its request is in a batch that was sent *: llm-extract collect*"]
        )
        provider.end()
        done = collect(prompted)
        done.stdout.fnmatch_lines(["test_items.py::test_items: 4 cassettes written from 1 batch"])
        assert (done.ret, batch_files(prompted)) == (0, [])
        assert {headers["authorization"] for headers in provider.headers} == {"Bearer loopback-only"}
    assert (len(provider.requests), provider.live) == (4, [])
    prompted.runpytest_subprocess("--llm-extract-json=out.json").assert_outcomes(passed=5)
    case = json.loads((prompted.path / "out.json").read_text())["suites"][0]["cases"][0]
    assert case["latency_s"] is None
    assert case["usage"]["cost_usd"] == pytest.approx(0.075)  # half of the list price
    head = yaml.safe_load(next((prompted.path / "cassettes").rglob("c0*.yaml")).read_text())["x_llm_extract"]["run"]
    assert (head["via"], head.get("latency_s")) == ("batch", None)


def test_the_next_recording_collects_what_ended(prompted: pytest.Pytester) -> None:
    """And then records live what is missing for another reason; a stale case is sent too."""
    with batching(BatchProvider()) as provider:
        submit(prompted, "-k", "c0 or c1")
        provider.end()
        run = prompted.runpytest_subprocess("--llm-record")
        run.assert_outcomes(passed=5)
        run.stdout.fnmatch_lines(["*: 2 cassettes written from 1 batch", "*: recorded 2 of 2; *"])
        prompted.runpytest_subprocess("--llm-extract-accept").stdout.fnmatch_lines(
            ["note: the answers came in different ways: 2 batch, 2 live; a provider may serve batches otherwise"]
        )
        assert (len(provider.requests), len(provider.live)) == (2, 2)
        prompted.path.joinpath("read.md").write_text("Read well.")
        plan = prompted.runpytest_subprocess("--llm-extract-plan")
        plan.stdout.fnmatch_lines(["*to record: 4 cassettes; expected: about 4 calls, 4,000,000 *, $0.4500"])
        plan = prompted.runpytest_subprocess("--llm-extract-plan", "--llm-extract-batch")
        plan.stdout.fnmatch_lines(["*to record: 4 cassettes; expected: about *, $0.4500, in batches $0.2250"])
        again = submit(prompted)
        again.stdout.fnmatch_lines(["  expected: about 4 calls, *, $0.2250, half of the list price"])
        plan = prompted.runpytest_subprocess("--llm-extract-plan")
        plan.stdout.fnmatch_lines(["  4 cassettes of these wait for a batch: llm-extract collect"])
        provider.end()
        assert collect(prompted).ret == 0
    after = prompted.runpytest_subprocess("--llm-extract-json=out.json")
    after.assert_outcomes(passed=5)
    causes = "changed since the baseline: prompt (4 cases), batch or live answer (2 cases); *"
    after.stdout.fnmatch_lines([f"*{causes}"])
    jsonschema.validate(json.loads((prompted.path / "out.json").read_text()), json_schema())


@pytest.mark.slow
def test_the_command_waits(prompted: pytest.Pytester) -> None:
    """`llm-extract collect` exits 3 while a batch goes on; --wait looks again until it ended."""
    with batching(BatchProvider()) as provider:
        submit(prompted)
        assert prompted.run(LLM_EXTRACT, "collect").ret == 3
        check = prompted.run(LLM_EXTRACT, "check")
        check.stdout.fnmatch_lines(["waiting  *: 4 cases (c0, c1, c2, c3): sent in a batch; llm-extract collect *"])
        seen = len(provider.calls)
        provider.refuse = lambda method, path: provider.end() if len(provider.calls) > seen + 2 else None
        run = prompted.run(LLM_EXTRACT, "collect", "--wait")
        assert run.ret == 0
        assert str(run.stdout).count("waiting:") == 1
        run.stdout.fnmatch_lines(["*waiting: *", "test_items.py::test_items: 4 cassettes written from 1 batch"])
        run = prompted.run(LLM_EXTRACT, "collect")
        run.stdout.fnmatch_lines(["no batch was sent, or all were collected"])


def test_samples_are_requests_of_their_own(prompted: pytest.Pytester) -> None:
    """Samples share a fingerprint, so the id of a request has the sample; equal cases share a request."""
    numbers = iter(range(100))
    cases = PROMPT.replace("cases=CASES", 'cases=[*CASES[:1], CASES[0] | {"id": "same"}], samples=2')
    prompted.makepyfile(test_items=cases.replace("accuracy(1.0)", "accuracy(0.0)"))
    with batching(BatchProvider(lambda body: completion(json.dumps({"name": f"answer {next(numbers)}"})))) as provider:
        submit(prompted)
        assert sorted(name.rpartition("-")[2] for name in batch_file(prompted)["requests"]) == ["1", "2"]
        provider.end()
        collect(prompted)
    assert len(provider.requests) == 2
    prompted.runpytest_subprocess("--llm-extract-json=out.json").assert_outcomes(passed=3)
    cases = json.loads((prompted.path / "out.json").read_text())["suites"][0]["cases"]
    answers = [[case["raw"], case["samples"][0]["raw"]] for case in cases]
    assert answers[0] == answers[1]
    assert answers[0][0] != answers[0][1]


def test_a_budget_holds_for_batches(prompted: pytest.Pytester) -> None:
    """At the price of batches; where no recording tells what a request costs, nothing is sent."""
    with batching(BatchProvider()) as provider:
        unknown = submit(prompted, "--llm-extract-budget=1")
        unknown.stdout.fnmatch_lines(["  not sent: what it costs is not known, *: 4 cases (c0, c1, c2, c3)"])
        assert provider.requests == []
        prompted.runpytest_subprocess("--llm-record")  # at 15 cents each
        prompted.path.joinpath("read.md").write_text("Read well.")
        run = submit(prompted, "--llm-extract-budget=0.16")
        run.stdout.fnmatch_lines(
            ["*sent 2 requests of 2 cases*", "  not sent: the budget of $0.1600 *: 2 cases (c2, c3)"]
        )
    assert len(provider.requests) == 2


@pytest.mark.parametrize("flag", ["--llm-extract-batch", "--llm-extract-batch --llm-extract-record=all"])
def test_flags_that_do_not_fit_are_refused(prompted: pytest.Pytester, flag: str) -> None:
    """A batch records what is missing or stale."""
    run = prompted.runpytest_subprocess(*flag.split())
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: --llm-extract-batch: *"])


def test_a_key_is_needed(prompted: pytest.Pytester) -> None:
    """To send, and to collect; a batch that nobody can ask for is kept."""
    without = submit(prompted)
    without.stdout.fnmatch_lines(["  not sent: recording needs OPENAI_API_KEY: 4 cases *"])
    with batching(BatchProvider()) as provider:
        submit(prompted)
        provider.end()
    run = collect(prompted)
    run.stdout.fnmatch_lines(["  waiting: batch_0, 4 requests: collecting needs OPENAI_API_KEY"])
    with batching(BatchProvider()):  # at another address
        run = collect(prompted)
    run.stdout.fnmatch_lines(["*it was sent to http://127.0.0.1:*, and the requests of today go to another address"])
    assert len(batch_file(prompted)["requests"]) == 4


def test_limits_make_several_batches(prompted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the number of requests nor the size of a batch exceeds what the provider takes."""
    api = requests.APIS["openai"]
    assert (api.most_requests, api.most_bytes) == (50_000, 190_000_000)
    monkeypatch.setitem(requests.APIS, "openai", api)  # as it is again afterwards

    def limit(name: str, most: int) -> None:
        setting = f'APIS["openai"] = APIS["openai"]._replace({name}={most})'
        prompted.makeconftest(f"from pytest_llm_extract.batches.requests import APIS\n{setting}")

    with batching(BatchProvider()) as provider:
        limit("most_requests", 3)
        submit(prompted).stdout.fnmatch_lines(["*sent 4 requests of 4 cases * in 2 batches"])
        assert [one["request_counts"]["total"] for one in provider.batches.values()] == [3, 1]
        provider.end()
        assert collect(prompted).ret == 0
        prompted.path.joinpath("read.md").write_text("Read well.")
        limit("most_bytes", 500)
        submit(prompted).stdout.fnmatch_lines(["*sent 4 requests of 4 cases * in 4 batches"])
    prompted.runpytest_subprocess("-k", "c0")


def two_steps(body: Json) -> Json:
    """What an extractor of two steps is answered: the second request holds the first answer."""
    return completion(json.dumps({"name": body["messages"][-1]["content"].removeprefix("check ")}))


STEPS = """
import pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

client = OpenAI(max_retries=0)
CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(2)]

def ask(text):
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": text}])
    return Item.model_validate_json(answer.choices[0].message.content)

def read(text) -> Item:
    found = ask(text)
    for step in range(STEPS):
        found = ask("check " + found.name)
    return found

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction):
    assert extraction.output.name
"""


@pytest.mark.parametrize("stored", ["full", "hash"])
def test_an_extractor_of_two_steps_takes_two_rounds(prompted: pytest.Pytester, stored: str) -> None:
    """Each run goes as far as it is answered; what it has so far is kept, and is not a whole recording."""
    prompted.makeini(f"[pytest]\nllm_extract_store_requests = {stored}")
    prompted.makepyfile(test_items=STEPS.replace("STEPS", "1"))
    with batching(BatchProvider(two_steps)) as provider:
        submit(prompted)
        provider.end()
        collect(prompted).stdout.fnmatch_lines(["  2 cases (c0, c1) have a further request: pytest --llm-record *"])
        replay = prompted.runpytest_subprocess()
        replay.stdout.fnmatch_lines(["STALE: its recording in batches is not finished: it has a further request*"])
        submit(prompted).stdout.fnmatch_lines(["*sent 2 requests of 2 cases*"])
        provider.end()
        assert collect(prompted).ret == 0
    assert [body["messages"][0]["content"] for body in provider.requests] == [
        "doc 0",
        "doc 1",
        "check doc 0",
        "check doc 1",
    ]
    assert provider.live == []
    prompted.runpytest_subprocess().assert_outcomes(passed=3)


def test_after_three_rounds_live_calls_are_asked_for(prompted: pytest.Pytester) -> None:
    """An equal request of one extraction has an id of its own. A live recording then records the case as a whole."""
    prompted.makepyfile(test_items=STEPS.replace("STEPS", "3"))
    provider = BatchProvider(two_steps)
    provider.ends_at_once = True
    with batching(provider):
        for _ in range(3):
            submit(prompted)
        last = submit(prompted)
        last.stdout.fnmatch_lines(
            ["  not sent: it has a further request after 3 rounds: record it live: 2 cases (c0, c1)"]
        )
        assert (len(provider.requests), provider.live) == (6, [])
        prompted.runpytest_subprocess("--llm-record").assert_outcomes(passed=3)
        assert len(provider.live) == 8


def test_what_no_batch_takes_is_named(prompted: pytest.Pytester) -> None:
    """A stream, another API, and a body that calls its extraction itself."""
    own = (
        STEPS.replace("STEPS", "0")
        + """
def stream(text) -> Item:
    parts = client.chat.completions.create(model="m", stream=True, messages=[{"role": "user", "content": text}])
    return Item.model_validate_json("".join(part.choices[0].delta.content or "" for part in parts))

def embed(text) -> Item:
    client.embeddings.create(model="m", input=text)

@pytest.mark.llm_extract(extractor=stream, cases=CASES)
def test_stream(extraction): pass

@pytest.mark.llm_extract(extractor=embed, cases=CASES)
def test_embed(extraction): pass

@pytest.mark.llm_extract(schema=Item, cases=CASES)
def test_own(extraction):
    extraction.run(read, extraction.case.input)
"""
    )
    prompted.makepyfile(test_items=own)
    with batching(BatchProvider()) as provider:
        run = submit(prompted)
        run.stdout.fnmatch_lines(
            [
                "  2 cases can only be checked and recorded by the tests themselves",
                "  not sent: it asks for a stream: record it live: 2 cases (c0, c1)",
                "  not sent: no batch API is known for http://*/v1/embeddings: record it live: 2 cases (c0, c1)",
            ]
        )
    assert len(provider.requests) == 2


def test_variants_with_the_same_requests_are_sent_once(prompted: pytest.Pytester) -> None:
    """Nothing is paid twice: the second variant waits for the batch of the first, and is copied with it."""
    prompted.path.joinpath("again.md").write_text("Read.")
    prompted.makepyfile(test_items=PROMPT.replace("cases=CASES", 'cases=CASES, prompts=["again.md"]'))
    with batching(BatchProvider()) as provider:
        submit(prompted).stdout.fnmatch_lines(["*sent 4 requests of 4 cases*"])
        submit(prompted)
        live = prompted.runpytest_subprocess("--llm-record")
        live.stdout.fnmatch_lines(["  4 cassettes of these wait for a batch: *", "  4 cassettes of these wait for a *"])
        provider.end()
        assert collect(prompted).ret == 0
        assert (len(provider.requests), provider.live) == (4, [])
    prompted.runpytest_subprocess().assert_outcomes(passed=9)
