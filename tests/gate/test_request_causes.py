"""The gate names what changed in requests of every API, and compares baselines of before by what they have."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_cases import case
from request_bodies import SCHEMA, SYSTEM

from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.fingerprint import origin
from pytest_llm_extract.cassette.file.hashed_requests import explain
from pytest_llm_extract.cassette.file.load import parse
from pytest_llm_extract.cassette.file.save import cassette_text
from pytest_llm_extract.config.settings import Storage
from pytest_llm_extract.gate.causes import describe_causes
from pytest_llm_extract.results.accepted import Origin, without_prompt


def origin_of(body: dict[str, Any]) -> Origin:
    """Where an answer to this request comes from."""
    hashes = origin(json.dumps(body).encode(), "DOC")
    del hashes["document"]
    return Origin(**hashes)


def causes(then: Origin, now: Origin) -> list[str]:
    """What the gate says of a case whose request was that, and is this."""
    found = replace(case(1, "name:c", "name:c"), origin=now)
    assert found.baseline is not None
    return describe_causes([replace(found, baseline=found.baseline._replace(origin=then))])


def replaced(body: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """The same request with another string in it."""
    found: dict[str, Any] = json.loads(json.dumps(body).replace(old, new))
    assert found != body
    return found


@pytest.mark.parametrize("name", SYSTEM)
def test_system_prompt_is_the_cause(name: str) -> None:
    """Whatever key holds it, and with the document hidden."""
    then, now = SYSTEM[name], replaced(SYSTEM[name], "Be brief.", "Be exact.")
    assert causes(origin_of(then), origin_of(now)) == ["changed since the baseline: system prompt (1 case)"]
    assert causes(origin_of(then), origin_of(then)) == ["no request changed since the baseline"]


@pytest.mark.parametrize("name", SCHEMA)
def test_schema_is_the_cause(name: str) -> None:
    """Also where it stands inside other parameters."""
    then, now = SCHEMA[name], replaced(SCHEMA[name], '"string"', '"number"')
    assert causes(origin_of(then), origin_of(now)) == ["changed since the baseline: schema (1 case)"]


def test_messages_are_a_cause() -> None:
    """A user turn is not the system prompt."""
    then, now = SYSTEM["gemini"] | {"contents": [{"parts": [{"text": "Read."}]}]}, SYSTEM["gemini"]
    assert causes(origin_of(then), origin_of(now)) == ["changed since the baseline: messages (1 case)"]


@pytest.mark.parametrize("older", ["then", "now"])
def test_origin_of_before_is_compared_by_what_it_has(older: str) -> None:
    """A baseline, or a cassette with hashes alone, of a version that did not split requests of every API."""
    then, now = (origin_of(SYSTEM[name]) for name in ("chat", "chat"))
    changed = origin_of(replaced(SYSTEM["chat"], "Be brief.", "Be exact."))
    sides = {"then": (then._replace(request=None), changed), "now": (then, changed._replace(request=None))}
    assert causes(*sides[older]) == ["changed since the baseline: prompt (1 case)"]
    assert causes(then._replace(request=None), now) == ["no request changed since the baseline"]


def test_prompt_file_is_one_cause() -> None:
    """Its own hash says that it changed, whatever the file was filled with for each case."""
    then, now = (origin_of(SYSTEM[name]) for name in ("chat", "responses"))
    then, now = (one._replace(prompt="p", request=without_prompt(one.request)) for one in (then, now))
    assert causes(then, now) == ["no request changed since the baseline"]
    assert causes(then, now._replace(prompt="q")) == ["changed since the baseline: prompt (1 case)"]


@pytest.mark.parametrize("name", SYSTEM)
def test_cassette_with_hashes_alone_names_the_part(name: str) -> None:
    """Where request bodies are not stored, the stale report says as much."""
    body = json.dumps(SYSTEM[name]).encode()
    headers = {"content-type": ["application/json"]}
    exchange = Exchange("POST", "http://h/v1", headers, body, 200, "OK", headers, b"{}")
    text = cassette_text(Path("x"), Recording((exchange,), "c"), {}, Storage(keeps_requests=False), "DOC")
    recorded = parse(text)
    sent = replace(exchange.sent, body=body.replace(b"Be brief.", b"Be exact."))
    assert explain(recorded, recorded.exchanges[0], sent, "DOC", ()).cause == "system prompt changed"
