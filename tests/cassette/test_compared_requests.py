"""What makes a recorded request another one: order inside schemas, the query of a GET, headers that change meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from recorded import record
from standin import StandIn
from vcr.request import Request

from pytest_llm_extract.cassette.file.exchange import Recording, Sent
from pytest_llm_extract.cassette.file.fingerprint import FIRST, VERSION, Scheme, fingerprint
from pytest_llm_extract.cassette.file.load import load, parse
from pytest_llm_extract.cassette.file.save import cassette_text
from pytest_llm_extract.cassette.http.replay import CassetteMiss, Record, Replay
from pytest_llm_extract.config.options import HEADERS
from pytest_llm_extract.config.settings import Storage

NEW = Scheme(VERSION, HEADERS)
A, B = {"type": "string"}, {"type": "number"}
FIRST_ORDER, OTHER_ORDER = {"reasoning": A, "answer": B}, {"answer": B, "reasoning": A}
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def schema(properties: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema with these members."""
    return {"type": "object", "properties": properties}


def bodies(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The same schema where each API has it."""
    found = schema(properties)
    tool = {"type": "function", "function": {"name": "f", "parameters": found}}
    return {
        "response_format": CHAT | {"response_format": {"type": "json_schema", "json_schema": {"schema": found}}},
        "tools": CHAT | {"tools": [tool]},
        "responses": {"input": "hi", "text": {"format": {"type": "json_schema", "schema": found}}},
        "anthropic": CHAT | {"tools": [{"name": "f", "input_schema": found}]},
        "google": {"contents": [], "generationConfig": {"responseSchema": {"type": "ARRAY", "items": found}}},
        "bedrock": {"toolConfig": {"tools": [{"toolSpec": {"inputSchema": {"json": found}}}]}},
        "ollama": CHAT | {"format": found},
        "guided_json": CHAT | {"guided_json": found},
        "nested": CHAT | {"format": schema({"rows": {"type": "array", "items": found}})},
        "definitions": CHAT | {"format": {"$ref": "#/$defs/R", "$defs": {"R": found}}},
    }


def of(body: Any, scheme: Scheme = NEW, url: str = "http://h/v1/x", method: str = "POST", **headers: str) -> str:
    """The fingerprint of a request."""
    named = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return fingerprint(method, url, json.dumps(body).encode() if body else b"", named, scheme)


@pytest.mark.parametrize("place", bodies({}))
def test_order_inside_a_schema_counts(place: str) -> None:
    """Reasoning before the answer is another prompt than the answer first; cassettes of before do not know it."""
    before, after = bodies(FIRST_ORDER)[place], bodies(OTHER_ORDER)[place]
    assert of(before) != of(after)
    assert of(before, FIRST) == of(after, FIRST)


def test_order_elsewhere_does_not_count() -> None:
    """Clients write the members of a body, a message or a tool in any order."""
    body = bodies(FIRST_ORDER)["tools"]
    turned = {name: body[name] for name in reversed(body)}
    turned["messages"] = [{"content": "hi", "role": "user"}]
    turned["tools"] = [dict(reversed(body["tools"][0].items()))]
    assert list(turned) != list(body)
    assert of(turned) == of(body)


def test_old_fingerprint_of_a_plain_request_is_the_new_one() -> None:
    """What has neither schema, query nor header is what it was."""
    assert of(CHAT, FIRST) == of(CHAT)


def test_query_of_a_get_counts() -> None:
    """In any order of its parameters; signed URLs are new each time, and a POST has its version of the API alone."""
    one = of(None, url="http://h/docs?page=1&of=a", method="GET")
    assert one == of(None, url="http://other/docs?of=a&page=1", method="get")
    assert one != of(None, url="http://h/docs?page=2&of=a", method="GET")
    assert of(None, url="http://h/f?X-Amz-Signature=a&n=1", method="GET") == of(None, url="http://h/f", method="GET")
    assert of(CHAT, url="http://h/v1/x?trace=1") == of(CHAT)
    assert of(CHAT, url="http://h/v1/x?api-version=1") != of(CHAT, url="http://h/v1/x?api-version=2")


def test_headers_that_change_the_meaning_count() -> None:
    """In any order of their words; other headers do not."""
    assert of(CHAT, anthropic_beta="a") != of(CHAT)
    assert of(CHAT, anthropic_beta="a, b") == of(CHAT, anthropic_beta="b,a", user_agent="x")
    assert of(CHAT, anthropic_version="2023-06-01") != of(CHAT, anthropic_version="2024-01-01")
    assert of(CHAT, Scheme(VERSION), anthropic_beta="a") == of(CHAT)


def recording(scheme: Scheme | None = None, keeps: bool = True) -> Recording:
    """A GET and a POST with a schema, a credential in the query, and a header, as they are read from their file."""
    storage = Storage(keeps_requests=keeps)
    take = Record(storage=storage, scheme=scheme)
    answer = {"status": {"code": 200, "message": "OK"}, "headers": {"content-type": ["application/json"]}}
    for request in requests():
        take.append(request, answer | {"body": {"string": b'{"a": 1}'}})
    text = cassette_text(Path("x.yaml"), Recording(tuple(take.exchanges), "c"), {}, storage)
    return parse(text)


def requests(page: int = 1, beta: str = "b1", properties: Any = FIRST_ORDER) -> list[Request]:
    """What an extractor sends."""
    body = json.dumps(bodies(properties)["tools"]).encode()
    return [
        Request("GET", f"http://h/docs?page={page}&api_key=sk-secretsecretsecret", b"", {}),
        Request("POST", "http://h/v1/x", body, {"Anthropic-Beta": beta, "Authorization": "Bearer x"}),
    ]


def missed(recorded: Recording, sent: list[Request]) -> Sent | None:
    """The first request that a replay does not find."""
    take = Replay(recorded)
    for request in sent:
        try:
            take.response(request)
        except CassetteMiss:
            break
    return take.miss


@pytest.mark.parametrize("keeps", [True, False])
def test_cassette_finds_what_it_recorded_and_nothing_else(keeps: bool) -> None:
    """Whole requests or hashes of them."""
    recorded = recording(keeps=keeps)
    assert missed(recorded, requests()) is None
    for changed in (requests(page=2), requests(beta="b2"), requests(properties=OTHER_ORDER)):
        assert missed(recorded, changed) is not None


def test_stored_query_has_no_credential() -> None:
    """What is compared is what may be stored."""
    get, _ = recording().exchanges
    assert get.url == "http://h/docs?page=1&api_key=REDACTED"
    assert "page" not in recording(keeps=False).exchanges[0].url


@pytest.mark.parametrize("keeps", [True, False])
def test_old_cassette_is_compared_as_it_was_recorded(keeps: bool) -> None:
    """An update of the package makes no cassette stale."""
    recorded = recording(FIRST, keeps)
    assert "fingerprint_version" not in recorded.meta
    assert missed(recorded, requests(page=2, beta="b2", properties=OTHER_ORDER)) is None


def test_recording_again_counts_attempts_across_the_change() -> None:
    """The same request recorded under the new rules is its second recording."""
    take = Record()
    answer = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b"{}"}}
    for request in requests():
        take.append(request, answer)
    again = Recording(tuple(take.exchanges), "c")
    assert again.attempt_after(recording(FIRST)) == 2


def test_other_headers_stay_with_their_cassette() -> None:
    """A cassette is compared by the headers that it was recorded with, whatever the setting is now."""
    recorded = recording(Scheme(VERSION, ("x-tenant",)))
    assert recorded.meta["headers"] == "x-tenant"
    assert missed(recorded, requests(beta="b2")) is None
    none = recording(Scheme(VERSION))
    assert none.meta["headers"] == ""
    assert missed(none, requests(beta="b2")) is None


def test_a_later_fingerprint_is_refused(tmp_path: Path) -> None:
    """A cassette of a newer version of this package says so."""
    text = cassette_text(Path("x.yaml"), recording(), {}).replace('version": 2', 'version": 3')
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(Exception, match="update pytest-llm-extract"):
        load(tmp_path / "x.yaml")


SUITE = """
import json, urllib.request, os
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

def read(text) -> Item:
    body = {"model": "m", "messages": [{"role": "user", "content": text}], "tools": [
        {"name": "f", "input_schema": {"type": "object", "properties": {"a": {}, "b": {}}}}]}
    request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", json.dumps(body).encode(),
        {"content-type": "application/json", "anthropic-beta": "tools-1"})
    with urllib.request.urlopen(request) as answer:
        return Item.model_validate_json(json.load(answer)["choices"][0]["message"]["content"])

@pytest.mark.llm_extract(extractor=read, cases=[{"id": "c0", "input": "doc", "expected": {"name": "doc"}}])
def test_items(extraction):
    assert extraction.output.name
"""


def named(body: dict[str, Any]) -> str:
    """The document as the name."""
    return json.dumps({"name": body["messages"][-1]["content"]})


def test_report_says_what_changed(bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Order and header are named; the setting turns headers off for new cassettes."""
    bare.makepyfile(test_items=SUITE)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    with StandIn(named) as provider:
        record(bare, provider).assert_outcomes(passed=2)
    bare.runpytest_subprocess().assert_outcomes(passed=2)
    bare.makepyfile(test_items=SUITE.replace('"a": {}, "b": {}', '"b": {}, "a": {}'))
    run = bare.runpytest_subprocess()
    run.stdout.fnmatch_lines(["*STALE*schema changed*", "*order of keys changed: a, b → b, a*"])
    bare.makepyfile(test_items=SUITE.replace("tools-1", "tools-2"))
    run = bare.runpytest_subprocess()
    run.stdout.fnmatch_lines(["*STALE*header 'anthropic-beta' changed*", "*-tools-1*", "*+tools-2*"])
    bare.makeini("[pytest]\nllm_extract_headers =\n")
    with StandIn(named) as provider:
        record(bare, provider).assert_outcomes(passed=2)
    bare.makepyfile(test_items=SUITE.replace("tools-1", "tools-3"))
    bare.runpytest_subprocess().assert_outcomes(passed=2)
    (path,) = bare.path.rglob("cassettes/**/*.yaml")
    assert "tools-2" not in path.read_text()
    assert yaml.safe_load(path.read_text())["x_llm_extract"]["run"]["headers"] == ""


def test_header_with_a_credential_is_not_compared(bare: pytest.Pytester) -> None:
    """It would be stored."""
    bare.makepyfile(test_items=SUITE)
    bare.makeini("[pytest]\nllm_extract_headers = Authorization\n")
    run = bare.runpytest_subprocess()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*llm_extract_headers: must not name a header with a credential, got 'authorization'*"])
