"""What people's extractors do, and what the provider does to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from extractors import EXTRACTORS, HEAD, TAIL, echo
from recorded import record
from standin import Reply, StandIn


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXTRACTORS)
def test_extractors_record_and_replay(bare: pytest.Pytester, kind: str) -> None:
    """Recorded once; replayed with the provider counting connections, none of which come."""
    bare.makepyfile(test_items=HEAD + EXTRACTORS[kind] + TAIL)
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=4)
        connections = provider.connections
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_BASE_URL", provider.base_url)
            bare.runpytest_subprocess().assert_outcomes(passed=4)
        assert provider.connections == connections
    bare.runpytest_subprocess("-n2").assert_outcomes(passed=4)


def test_network_while_replaying_is_an_error(bare: pytest.Pytester) -> None:
    """A side door to the network is closed during replay, also in a thread."""
    bare.makepyfile(test_items=HEAD + EXTRACTORS["sync"] + TAIL)
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=4)
        port = provider.base_url.split(":")[2].split("/")[0]
        side_door = f"""
def read(text) -> Item:
    thread = threading.Thread(target=socket.create_connection, args=(("127.0.0.1", {port}),))
    thread.start()
    thread.join()
    socket.create_connection(("127.0.0.1", {port}))
    return Item.model_validate_json(ask(text))
"""
        bare.makepyfile(test_items=HEAD + side_door + TAIL)
        connections = provider.connections
        run = bare.runpytest_subprocess()
        assert provider.connections == connections
    run.stdout.fnmatch_lines(["*tried to reach 127.0.0.1:*replay never touches the network*"])


def test_cached_answer_is_no_replay(bare: pytest.Pytester) -> None:
    """An extractor that sends nothing has not been tested."""
    bare.makepyfile(test_items=HEAD + EXTRACTORS["sync"] + TAIL)
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=4)
    bare.makepyfile(test_items=HEAD + "def read(text) -> Item:\n    return Item(name=text)" + TAIL)
    run = bare.runpytest_subprocess()
    run.assert_outcomes(failed=4)
    run.stdout.fnmatch_lines(["*sent no request*"])


def test_retried_failure_is_dropped(bare: pytest.Pytester) -> None:
    """A 500 that the client retried is not kept, so replay needs no waiting."""
    bare.makepyfile(test_items=HEAD + EXTRACTORS["sync"] + TAIL)
    seen: list[str] = []

    def flaky(body: dict[str, Any]) -> str | Reply:
        seen.append(str(body))
        return Reply(500, "{}", headers={"retry-after-ms": "1"}) if seen.count(str(body)) == 1 else echo(body)

    with StandIn(flaky) as provider:
        record(bare, provider).assert_outcomes(passed=4)
    texts = [path.read_text() for path in bare.path.rglob("cassettes/**/*.yaml")]
    assert len(texts) == 3
    assert all("code: 500" not in text for text in texts)


def test_only_what_is_needed_is_recorded(bare: pytest.Pytester) -> None:
    """Fresh cassettes are left alone; -k records the selected case only."""
    bare.makepyfile(test_items=HEAD + EXTRACTORS["sync"] + TAIL)
    with StandIn(echo) as provider:
        record(bare, provider, "-k", "c1").assert_outcomes(passed=1)
        assert len(provider.requests) == 1
        record(bare, provider).assert_outcomes(passed=4)
        assert len(provider.requests) == 3
        record(bare, provider).assert_outcomes(passed=4)
        assert len(provider.requests) == 3


@pytest.mark.slow
@pytest.mark.own_process
def test_provider_down_is_one_line(bare: pytest.Pytester) -> None:
    """Nothing is written, and the line says who did not answer."""
    bare.makepyfile(test_items=HEAD.replace("OpenAI()", "OpenAI(max_retries=0)", 1) + EXTRACTORS["sync"] + TAIL)
    with StandIn(echo) as provider:
        pass
    run = record(bare, provider)
    run.assert_outcomes(failed=4)
    run.stdout.fnmatch_lines([f"*MISSING: not recorded: no answer from {provider.base_url}*: Connection error*"])
    assert not list(bare.path.rglob("cassettes/**/*.yaml"))


PROMPT_SUITE = """
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str
    size: int | None = None

CASES = [{"id": "c0", "input": "doc", "expected": {"name": "doc", "size": None}}]

@pytest.mark.llm_extract(schema=Item, prompt="read.md", cases=CASES, model="m", response_format="json_object")
def test_items(extraction):
    extraction.output
    print("body ran")
"""
MESSAGE: dict[str, Any] = {"role": "assistant", "content": '{"name": "doc"}', "refusal": None}
FILTERED = json.dumps({"error": {"message": "filtered", "code": "content_filter"}})


def completion(finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion with another end."""
    return {"model": "m-1", "choices": [{"index": 0, "message": MESSAGE | message, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("answer", "status", "name", "size"),
    [
        (completion(), "ok", "correct", "absent_ok"),
        (completion(content='{"name": "dog", "size": 1}'), "ok", "wrong", "spurious"),
        (completion(content='{"name": "doc", "size": "big"}'), "invalid", "correct", "spurious"),
        (completion(content='{"size": 2}'), "invalid", "missing", "spurious"),
        (completion(content="no json"), "invalid", "missing", "invalid"),
        (completion(content="[]"), "invalid", "missing", "invalid"),
        (completion(content=None), "invalid", "missing", "invalid"),
        (completion(refusal="I can't."), "refused", "missing", "invalid"),
        (completion(finish="content_filter"), "refused", "missing", "invalid"),
        (completion(finish="length"), "truncated", "missing", "invalid"),
        (Reply(400, FILTERED), "refused", "missing", "invalid"),
    ],
)
def test_every_end_has_its_path_to_the_denominator(
    bare: pytest.Pytester, answer: dict[str, Any] | Reply, status: str, name: str, size: str
) -> None:
    """The case passes, imperfect; its body is left at `.output`; its leaves are counted. Replay says the same."""
    bare.makepyfile(test_items=PROMPT_SUITE)
    bare.path.joinpath("read.md").write_text("Read.")
    with StandIn(lambda body: answer) as provider:
        record(bare, provider).assert_outcomes(passed=2)
    run = bare.runpytest_subprocess("--llm-extract-json=out.json", "-s")
    run.assert_outcomes(passed=2)
    case = json.loads(Path(bare.path, "out.json").read_text())["suites"][0]["cases"][0]
    assert case["status"] == status
    assert [case["fields"][path][0]["outcome"] for path in ("name", "size")] == [name, size]
    assert ("body ran" in run.stdout.str()) == (status == "ok")


VOLATILE = """
import uuid

def read(text) -> Item:
    answer = client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": text}], metadata={"request_id": str(uuid.uuid4())})
    return Item.model_validate_json(answer.choices[0].message.content)
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_volatile_values_are_ignored_and_said(bare: pytest.Pytester, workers: str) -> None:
    """A request id of its own in every request: stale without `ignore`, replayed with it, and the report says so."""
    suite = HEAD + VOLATILE + TAIL
    ignoring = suite.replace("cases=CASES)", "cases=CASES, ignore=['metadata.request_id'])")
    with StandIn(echo) as provider:
        bare.makepyfile(test_items=suite)
        record(bare, provider).stdout.fnmatch_lines(["STALE: parameters changed, though it was recorded a moment ago*"])
        stale = bare.runpytest_subprocess(f"-n{workers}")
        stale.assert_outcomes(failed=4)
        stale.stdout.fnmatch_lines(["STALE: parameters changed*", "*request_id*"])
        bare.makepyfile(test_items=ignoring)
        bare.runpytest_subprocess(f"-n{workers}").assert_outcomes(passed=4)
    for path in bare.path.glob("cassettes/**/*.yaml"):
        path.unlink()
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=4)
    run = bare.runpytest_subprocess(f"-n{workers}")
    run.assert_outcomes(passed=4)
    run.stdout.fnmatch_lines(["warning: requests are stored and compared without metadata.request_id"])
    assert '"request_id": "(ignored)"' in next(bare.path.glob("cassettes/**/*.yaml")).read_text()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_path_of_ignore_that_no_request_has_is_said(bare: pytest.Pytester, workers: str) -> None:
    """Stale cassettes alone would tell of a typo; a path that some case has is none, nor is one below another."""
    paths = "ignore=['metadata', 'metadata.request_id', 'metadata.requst_id', 'messages[].name', 'temperature'])"
    read = VOLATILE.replace("metadata=", '**({"temperature": 0} if text == "doc 2" else {}), metadata=')
    bare.makepyfile(test_items=(HEAD + read + TAIL).replace("cases=CASES)", f"cases=CASES, {paths}"))
    line = "warning: ignore= names metadata.requst_id, messages[[]].name, which no request has: a typo?"
    with StandIn(echo) as provider:
        record(bare, provider).stdout.fnmatch_lines([line])
    run = bare.runpytest_subprocess(f"-n{workers}")
    run.assert_outcomes(passed=4)
    run.stdout.fnmatch_lines([line, "warning: requests are stored and compared without metadata, *"])
    bare.runpytest_subprocess("-k", "c0").stdout.no_fnmatch_line("warning: ignore=*")
