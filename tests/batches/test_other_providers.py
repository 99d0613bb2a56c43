"""Batches of Anthropic, Google and Azure, each in its own format, by extractors that call them in plain HTTP."""

from __future__ import annotations

import pytest
from batched import batch_file, batch_files, batching, cassette_names, collect, submit
from standin_batches import BatchProvider, Json
from standin_other_batches import AnthropicBatches, GoogleBatches, generation, message

from pytest_llm_extract.batches import create as creation

PLAIN = """
import json, os, pytest, urllib.request
from pydantic import BaseModel

class Item(BaseModel):
    name: str

CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(4)]

def post(path, body, **headers):
    url = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:9/v1").removesuffix("/v1") + path
    sent = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json", **headers})
    with urllib.request.urlopen(sent) as answer:
        return json.load(answer)

def claude(text) -> Item:
    body = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": text}]}
    found = post("/v1/messages", body, **{"x-api-key": "loopback-only", "anthropic-version": "2023-06-01"})
    return Item.model_validate_json(found["content"][0]["text"])

def gemini(text) -> Item:
    body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    found = post("/v1beta/models/gemini-2.5-flash:generateContent", body, **{"x-goog-api-key": "loopback-only"})
    return Item.model_validate_json(found["candidates"][0]["content"]["parts"][0]["text"])

@pytest.mark.llm_extract(extractor=EXTRACTOR, cases=CASES)
def test_items(extraction):
    assert extraction.output.name
"""


@pytest.mark.parametrize("extractor", ["claude", "gemini"])
def test_a_batch_of_each_provider(prompted: pytest.Pytester, extractor: str) -> None:
    """Sent with the extractor's own key and address, collected, and replayed as ordinary cassettes."""
    prompted.makepyfile(test_items=PLAIN.replace("EXTRACTOR", extractor))
    provider = AnthropicBatches() if extractor == "claude" else GoogleBatches()
    with batching(provider):
        submit(prompted).stdout.fnmatch_lines(["*sent 4 requests of 4 cases to http://127.0.0.1:* in 1 batch"])
        collect(prompted).stdout.fnmatch_lines(["  waiting: *, 0 of 4 requests done"])
        provider.changed = lambda lines: lines[::-1]
        provider.end()
        assert collect(prompted).ret == 0
        assert (len(provider.requests), provider.live, batch_files(prompted)) == (4, [], [])
    prompted.runpytest_subprocess("--llm-extract-plan").stdout.fnmatch_lines(["*: 4 fresh"])
    prompted.runpytest_subprocess().assert_outcomes(passed=5)


def refuse_anthropic(body: Json) -> Json | tuple[str, Json]:
    """One that is too long, one that the provider is too busy for."""
    said = body["messages"][0]["content"]
    kinds = {"doc 1": ("invalid_request_error", "prompt is too long"), "doc 2": ("overloaded_error", "Overloaded")}
    return (kinds[said][0], {"message": kinds[said][1]}) if said in kinds else message(body)


def refuse_google(body: Json) -> Json | tuple[int, Json]:
    """The same, by the codes of google.rpc.Status."""
    said = body["contents"][0]["parts"][0]["text"]
    kinds = {"doc 1": (3, "prompt is too long"), "doc 2": (14, "Overloaded")}
    return (kinds[said][0], {"message": kinds[said][1]}) if said in kinds else generation(body)


@pytest.mark.parametrize("extractor", ["claude", "gemini"])
def test_requests_that_fail_in_each_format(prompted: pytest.Pytester, extractor: str) -> None:
    """What the provider rejects for good is recorded, what it could not do is missing, in its words; so is no line."""
    prompted.makepyfile(test_items=PLAIN.replace("EXTRACTOR", extractor))
    provider = AnthropicBatches(refuse_anthropic) if extractor == "claude" else GoogleBatches(refuse_google)  # type: ignore[arg-type]
    with batching(provider):
        submit(prompted)
        provider.changed = lambda lines: lines[:3]
        provider.end()
        run = collect(prompted)
    run.stdout.fnmatch_lines(
        [
            "*: 2 cassettes written from 1 batch",
            "  still missing: 1 case (c2): HTTP 5*Overloaded*",
            "  still missing: 1 case (c3): the provider's results do not have this request",
        ]
    )
    assert (cassette_names(prompted), batch_files(prompted)) == (["c0", "c1"], [])


def test_anthropic_batches_that_end_early(prompted: pytest.Pytester) -> None:
    """Each line says what became of its request; a batch whose results are gone says so."""
    prompted.makepyfile(test_items=PLAIN.replace("EXTRACTOR", "claude"))
    with batching(AnthropicBatches()) as provider:
        provider.changed = lambda lines: [
            lines[0],
            lines[1] | {"result": {"type": "expired"}},
            lines[2] | {"result": {"type": "canceled"}},
            lines[3],
        ]
        submit(prompted)
        provider.end()
        collect(prompted).stdout.fnmatch_lines(
            ["  still missing: 1 case (c1): expired: the batch *", "  still missing: 1 case (c2): canceled"]
        )
        provider.changed = lambda lines: lines
        submit(prompted)
        provider.end(archived_at="2026-01-01T00:00:00Z")
        collect(prompted).stdout.fnmatch_lines(["  still missing: 2 cases (c1, c2): the provider has deleted *"])


@pytest.mark.parametrize("state", ["EXPIRED", "FAILED", "CANCELLED"])
def test_google_batches_that_end_without_results(prompted: pytest.Pytester, state: str) -> None:
    """All of its requests are missing, and the state is said, or the provider's words."""
    prompted.makepyfile(test_items=PLAIN.replace("EXTRACTOR", "gemini"))
    error = {"error": {"code": 13, "message": "internal trouble"}} if state == "FAILED" else {}
    with batching(GoogleBatches()) as provider:
        submit(prompted)
        provider.end(f"BATCH_STATE_{state}", **error)
        words = "internal trouble" if error else f"the batch is {state}"
        collect(prompted).stdout.fnmatch_lines([f"  still missing: 4 cases (c0, c1, c2, c3): {words}"])
    assert batch_files(prompted) == []


def test_an_anthropic_batch_is_found_by_its_requests(
    prompted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no name of ours: one of the same size that is another's is let go once its results tell."""
    prompted.makepyfile(test_items=PLAIN.replace("EXTRACTOR", "claude"))
    monkeypatch.setattr(creation, "_SETTLED_S", 0.1)
    provider = AnthropicBatches()
    with batching(provider):
        others = [{"custom_id": f"x{n}", "params": {"model": "m", "messages": [{"content": "x"}]}} for n in range(4)]
        provider.add("msgbatch_other", others)
        submit(prompted)
        (path,) = batch_files(prompted)
        path.write_text(path.read_text().replace('"id": "msgbatch_1"', '"id": null'))  # killed before this was known
        provider.end()
        assert collect(prompted).ret == 0
        assert (len(provider.requests), cassette_names(prompted)) == (4, ["c0", "c1", "c2", "c3"])


AZURE = """
import os, pytest
from openai import AzureOpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str

CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(2)]

@pytest.fixture(scope="session")
def llm_client():
    url = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:9/v1").removesuffix("/v1")
    return AzureOpenAI(azure_endpoint=url, api_version="2024-10-21", api_key="azure-loopback", max_retries=0)

@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="my-deployment", cases=CASES)
def test_items(extraction):
    assert extraction.output.name
"""


def test_an_azure_deployment(prompted: pytest.Pytester) -> None:
    """The deployment is the model of each line, the version of the API stands in every call."""
    prompted.makepyfile(test_items=AZURE)
    with batching(BatchProvider()) as provider:
        submit(prompted).stdout.fnmatch_lines(["*sent 2 requests of 2 cases to http://127.0.0.1:*/openai in 1 batch"])
        sent = batch_file(prompted)
        assert (sent["endpoint"], sent["model"]) == ("/chat/completions", "my-deployment")
        assert {body["model"] for body in provider.requests} == {"my-deployment"}
        assert provider.calls == ["POST /openai/files", "POST /openai/batches"]
        provider.end()
        assert collect(prompted).ret == 0
        assert {headers["api-key"] for headers in provider.headers} == {"azure-loopback"}
    prompted.runpytest_subprocess().assert_outcomes(passed=3)
