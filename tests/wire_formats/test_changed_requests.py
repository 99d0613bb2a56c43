"""What changed in a request is named alike for every API."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from request_bodies import SCHEMA, SYSTEM
from test_real_recordings import REAL

from pytest_llm_extract.cassette.file.exchange import Sent
from pytest_llm_extract.cassette.file.staleness import RequestChange, explain
from pytest_llm_extract.wire_formats.request import fixed_seed

# An Anthropic and a Gemini recording that have a system prompt.
RECORDED = {
    "system": "test_structured_output_with_formatting_instructions__anthropic_claude_sonnet_4_5",
    "systemInstruction": "test_google_nested_models_with_native_output",
}


def changed(body: dict[str, Any], old: str, new: str) -> RequestChange:
    """What is said of a request in which a string was replaced."""
    before = json.dumps(body)
    assert old in before
    return explain(sent(before), sent(before.replace(old, new)), "DOC")


def sent(body: str) -> Sent:
    """A request with this body."""
    return Sent("POST", "http://h/v1", {}, body.encode())


@pytest.mark.parametrize(
    ("body", "seed"),
    [
        ({"seed": 7, "temperature": 0.7}, 7),
        ({"seed": 0}, 0),
        ({"seed": 7, "temperature": 0.0}, None),
        ({"generationConfig": {"seed": 7, "temperature": 1}}, 7),
        ({"generationConfig": {"seed": 7, "temperature": 0}}, None),
        ({"options": {"seed": 7}}, 7),
        ({"messages": [{"role": "user", "content": '"seed": 7'}]}, None),
        ({"response_format": {"properties": {"seed": {"type": "integer"}}}}, None),
    ],
)
def test_seed_of_a_request(body: dict[str, Any], seed: int | None) -> None:
    """Where OpenAI, Google and Ollama have it, and where answers are drawn."""
    assert fixed_seed([b"no JSON", json.dumps(body).encode()]) == seed


@pytest.mark.parametrize("name", SYSTEM)
def test_system_prompt_is_named(name: str) -> None:
    """Its changed lines are shown as text, whatever key and block hold it."""
    change = changed(SYSTEM[name], "Be brief.", "Be exact.")
    assert (change.cause, change.lines) == ("system prompt changed", ("-Be brief.", "+Be exact."))


@pytest.mark.parametrize("name", SCHEMA)
def test_schema_is_named(name: str) -> None:
    """A schema inside other parameters is told apart from them."""
    assert changed(SCHEMA[name], '"string"', '"number"').cause == "schema changed"


def test_parameter_beside_a_schema_is_named() -> None:
    """What stands beside the schema stays a parameter."""
    assert changed(SCHEMA["gemini"], '"temperature": 0', '"temperature": 1').cause == "parameters changed"
    assert changed(SCHEMA["anthropic"], '"low"', '"high"').cause == "parameters changed"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real recordings are not beside this checkout")
@pytest.mark.parametrize("key", RECORDED)
def test_recorded_system_prompt_is_named(key: str) -> None:
    """The same holds in requests that real clients sent."""
    (path,) = (path for path in REAL.rglob("*.yaml") if path.stem.endswith(RECORDED[key]))
    request = yaml.safe_load(path.read_text("utf-8"))["interactions"][0]["request"]
    body = request.get("parsed_body") or json.loads(request["body"])
    after = copy.deepcopy(body)
    block = after[key]["parts"][0] if key == "systemInstruction" else after[key][0]
    block["text"] += "\nNew line."
    change = explain(sent(json.dumps(body)), sent(json.dumps(after)), None)
    assert change.cause == "system prompt changed"
    assert "New line." in change.lines[-1]
