"""Recordings of other tools, and damaged ones: read whole, or refused in one line that names the file."""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from cassette_mutations import (
    CHAT,
    EVENTS,
    GOOGLE,
    MUTATIONS,
    REQUEST,
    RESPONSES,
    SSE,
    Watch,
    answers_of,
    bombs,
    cassette,
    interaction,
    outcome,
    own,
    seeds,
)
from hypothesis import given
from hypothesis import strategies as st
from vcr.serialize import deserialize
from vcr.serializers import yamlserializer

from pytest_llm_extract.answers import NOTHING, RawAnswer, read_answer_body, read_wire_answer
from pytest_llm_extract.cassette import adopt, coding, names
from pytest_llm_extract.cassette.exchange import Exchange, Recording
from pytest_llm_extract.cassette.facts import summary
from pytest_llm_extract.cassette.load import load
from pytest_llm_extract.cassette.save import save
from pytest_llm_extract.errors import CassetteError

REAL = Path(__file__).parents[2] / "shared" / "data" / "cassettes"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real recordings are not beside this checkout")

# Where a recording's path ends; below it, as they stand in the file: how its last answer ended, the model, input and
# output tokens of all answers, and some of the last answer.
FACTS = """
test_ref_sibling_wire_contract[anthropic-structured-dict]
    tool_calls claude-haiku-4-5-20251001 746 73 {"name": "Ada Lovelace"}
test_ref_sibling_wire_contract[openai-structured-dict]
    tool_calls gpt-4o-mini-2024-07-18 98 29 {"name": "Ada Lovelace"}
test_mixed_tools_native_output
    stop claude-sonnet-4-5-20250929 1754 114 {"population": 14000000}
test_no_tools_native_output_strict_none
    stop claude-sonnet-4-5-20250929 197 18 {"population": 3850809}
test_no_tools_profile_default_native_output
    stop claude-sonnet-4-5-20250929 221 25 {"confidence": 0.5}
test_strict_none_tool_basemodel_output
    tool_calls claude-sonnet-4-5-20250929 731 110 {"population": 5312000}
test_strict_true_tool_native_output
    stop claude-sonnet-4-5-20250929 1555 76 {"population": 2161000}
test_anthropic_native_output_decimal_strict
    stop claude-sonnet-4-5-20250929 222 10 {"amount": 12.34}
test_anthropic_opus_46_adaptive_thinking_accepts_tool_output[unified]
    tool_calls claude-opus-4-6 671 55 {"city": "Paris", "country": "France"}
test_bedrock_mantle/test_native_output
    stop openai.gpt-5.6-luna 44 16 {"city": "Paris", "country": "France"}
test_deepseek_responses[structured_output]
    tool_calls deepseek-v4-flash 376 81 {"city": "Tokyo", "country": "Japan"}
test_google_dict_with_additional_properties_native_output
    stop gemini-2.5-flash 23 183 {"name": "api-config"}
test_google_discriminated_union_native_output
    stop gemini-2.5-flash 14 197 {"pet": {"pet_type": "cat", "meow_volume": 5}}
test_google_integer_enum_native_output
    stop gemini-2.5-flash 12 461 {"name": "Fix bug", "priority": 1}
test_google_native_output
    stop gemini-2.0-flash 8 20 {"city": "Mexico City", "country": "Mexico"}
test_google_nested_models_with_native_output
    stop gemini-2.5-flash 26 424 {"name": "My Collection"}
test_google_optional_fields_native_output_gemini_2_0
    stop gemini-2.0-flash 18 64 {"population": 2141000}
test_google_prefix_items_native_output_gemini_2_0
    stop gemini-2.0-flash 27 32 {"point": [40.7128, -74.006]}
test_google_recursive_schema_native_output_gemini_2_5
    stop gemini-2.5-flash 20 199 {"children": [{"value": "B"}, {"value": "C"}]}
test_groq_native_output
    stop openai/gpt-oss-120b 178 94 {"city": "Mexico City", "country": "Mexico"}
test_ollama_local_native_output_uses_json_schema
    stop qwen3:0.6b 136 15 {"city": "Paris", "country": "France"}
test_openai_native_output_multiple
    stop gpt-4o-2024-08-06 341 36 {"result": {"kind": "CityLocation"}}
test_openai_responses/test_native_output
    stop gpt-4o-2024-08-06 155 28 {"city": "Mexico City", "country": "Mexico"}
test_openai_responses_output_type
    tool_calls gpt-4o-2024-08-06 286 11 {"name": "Brazil", "age": 2023}
test_tool_choice_matrix[none_with_output-anthropic]
    tool_calls claude-sonnet-4-5-20250929 734 239 {"city": "Paris"}
test_tool_choice_matrix[none_with_output-cohere]
    tool_calls None 1469 42 {"city": "Paris", "summary": "Tell me about Paris"}
test_tool_choice_matrix[none_with_output-groq]
    tool_calls meta-llama/llama-4-scout-17b-16e-instruct 777 304 {"city": "Paris"}
test_tool_choice_matrix[none_with_output-openai]
    tool_calls gpt-5-mini-2025-08-07 156 561 {"city": "Paris"}
test_tool_choice_matrix[tools_plus_output-groq]
    tool_calls meta-llama/llama-4-scout-17b-16e-instruct 779 65 {"summary": "Current weather in Paris"}
test_native_output_with_function_tools
    stop gemini-3-flash-preview 190 186 {"city": "Mexico City", "country": "Mexico"}
test_anthropic_structured_outputs_legacy
    stop claude-sonnet-4-5-20250929 222 39 {"rating": 7}
test_anthropic_structured_outputs_with_events_with_no_content
    stop claude-sonnet-4-5-20250929 222 48 {"rating": 7}
test_structured_output_with_events_with_content
    stop gpt-4o-mini-2024-07-18 129 33 {"calories": 160}
test_structured_llm_achat_model_attributes
    stop gpt-4o-2024-08-06 113 19 {"customer_name": "Jane Doe"}
test_parsed_refused_completion
    stop gpt-4o-2024-08-06 195 39 refused: I'm very sorry, but I can't assist with that request.
test_parsed_refused_completion_with_events_with_no_content
    stop gpt-4o-2024-08-06 195 38 refused: I'm very sorry, but I can't assist with that.
test_responses_parse_async
    stop gpt-4.1-nano-2025-04-14 57 10 {"name": "Bob", "age": 42}
test_nested_model_deep_composition
    stop gemini-3.6-flash 16 606 {"name": "Carol"}
test_nested_model_optional
    stop gemini-3.6-flash 11 395 {"employer": {"company_name": "TechCorp"}}
test_prompt_with_pydantic_schema
    stop gemini-3.6-flash 5 503 {"age": 4}
test_opus_46_schema
    stop claude-opus-4-6 231 118 {"age": 4}
test_schema_prompt_async
    stop claude-sonnet-4-5-20250929 231 101 {"age": 4}
test_anthropic_instrumentation_async_messages_parse
    stop claude-sonnet-4-6 210 12 {"city": "Paris", "country": "France"}
test_instrument_google_genai_response_schema
    stop gemini-2.5-flash 2 71 {"answer": "Hello! How can I help you today?"}
test_anthropic_chat_model_acomplete[List three fruits-output_types3-list]
    tool_calls claude-3-haiku-20240307 437 41 {"value": ["apple", "banana", "orange"]}
test_anthropic_chat_model_acomplete[Return the numbers 1 to 5-output_types2-list]
    tool_calls claude-3-haiku-20240307 443 47 {"value": [1, 2, 3, 4, 5]}
test_anthropic_chat_model_acomplete_raises_tool_schema_parse_error
    tool_calls claude-3-haiku-20240307 424 33 {"value": 42}
test_anthropic_chat_model_complete[List three fruits-output_types3-list]
    tool_calls claude-3-haiku-20240307 437 41 {"value": ["apple", "banana", "orange"]}
test_anthropic_chat_model_complete[Return the numbers 1 to 5-output_types2-list]
    tool_calls claude-3-haiku-20240307 443 47 {"value": [1, 2, 3, 4, 5]}
test_anthropic_chat_model_complete_no_structured_output_error
    tool_calls claude-3-haiku-20240307 476 29 {"value": 42}
test_strict_mode/anthropic_claude_sonnet_4_5
    stop claude-sonnet-4-5-20250929 263 25 {"integer_a": 2, "integer_b": 2, "answer": 4}
anthropic_beta_claude_sonnet_4_0
    stop gemini-2.5-flash 12 77 {"output": 7}
mlx_community_Qwen3_0_6B_4bit_DWQ_053125
    stop gemini-2.5-flash 12 68 {"output": 7}
test_structured_output_with_formatting_instructions/anthropic_claude_sonnet_4_5
    stop claude-sonnet-4-5-20250929 285 30 {"rating": 7}
openai_gpt_4o_responses
    stop gpt-4o-2024-08-06 122 21 {"rating": 7}
openai_gpt_4o_completions
    stop gpt-4o-2024-08-06 124 20 {"rating": 7}
test_refusal/google_gemini_2_5_flash/stream
    stop gemini-2.5-flash 8 92 {"instructions": "I cannot provide instructions…"}
openai_gpt_4o_completions/sync
    stop gpt-4o-2024-08-06 64 13 refused: I'm very sorry, but I can't assist with that request.
openai_gpt_4o_responses/sync
    stop gpt-4o-2024-08-06 54 13 refused: I'm very sorry, but I can't assist with that.
test_structured_output/google_gemini_2_5_flash/stream
    stop gemini-2.5-flash 11 167 {"rating": 7}
anthropic_claude_sonnet_4_5/stream
    stop claude-sonnet-4-5-20250929 414 36 {"rating": 7}
async_stream
    stop gemini-2.5-flash 11 241 {"rating": 7}
test_gemini_agent_kickoff_structured_output_without_tools
    stop gemini-2.5-flash 102 370 {"topic": "Benefits of Remote Work"}
test_openai_responses_api_with_structured_output
    stop gpt-4o-mini-2024-07-18 76 34 {"result": 35}
test_output_json_dict_sequential
    stop gpt-4.1-mini-2025-04-14 276 5 {"score": 4}
"""


def real(ending: str) -> Path:
    """The recording whose path ends so."""
    wanted = f"__{ending.replace('/', '__')}.yaml"
    found = [path for path in REAL.rglob("*.yaml") if f"__{path.name}".endswith(wanted)]
    assert len(found) == 1, found
    return found[0]


def holds(value: Any, part: Any) -> bool:
    """Whether a value has this part in it; a text may end in `…`."""
    if isinstance(part, dict):
        return all(holds(value[key], member) for key, member in part.items())
    if isinstance(part, str) and part.endswith("…"):
        return str(value).startswith(part[:-1])
    return bool(value == part)


LINES = FACTS.strip().splitlines()


@needs_real
@pytest.mark.parametrize(("ending", "facts"), list(zip(LINES[::2], LINES[1::2], strict=True)))
def test_real_recording_is_read_out(ending: str, facts: str, tmp_path: Path) -> None:
    """Answer, usage, model, finish reason and refusal; kept as our own, it says the same, and stock vcrpy reads it."""
    finish, model, input_tokens, output_tokens, answer = facts.split(maxsplit=4)
    found = load(real(ending))
    assert found is not None
    said = summary(found)
    assert (said["finish_reason"], str(said["model"])) == (finish, model)
    assert (said["input_tokens"], said["output_tokens"]) == (int(input_tokens), int(output_tokens))
    if answer.startswith("refused: "):
        assert (said["refusal"], said["content"]) == (answer.removeprefix("refused: "), None)
    else:
        assert holds(json.loads(said["content"]), json.loads(answer))
    kept = adopt.as_kept(found, "c0")
    save(tmp_path / "kept.yaml", kept, adopt.head_of(kept, found, None, None))
    again = load(tmp_path / "kept.yaml")
    assert again is not None
    assert summary(again) == said
    assert again.fingerprints == found.fingerprints
    requests, responses = deserialize((tmp_path / "kept.yaml").read_text("utf-8"), yamlserializer)
    assert [request.body for request in requests] == [exchange.request_body for exchange in again.exchanges]
    assert [reply["body"]["string"] for reply in responses] == [exchange.response_body for exchange in again.exchanges]


@needs_real
def test_every_real_recording_has_its_facts() -> None:
    """The facts are of all recordings, each of which has as many exchanges as its index says."""
    index = json.loads((REAL / "INDEX.json").read_text("utf-8"))
    n_exchanges = {
        f"{entry['repo'].replace('/', '+')}/{entry['path'].replace('/', '__')}": entry["interactions"]
        for entry in index
    }
    assert {path.relative_to(REAL).as_posix() for path in map(real, LINES[::2])} == n_exchanges.keys()
    for name, n in n_exchanges.items():
        found = load(REAL / name)
        assert found is not None
        assert len(found.exchanges) == n


def changed(body: Any, **members: Any) -> dict[str, Any]:
    """A body with other members."""
    return {**body, **members}


def events(*given: dict[str, Any]) -> bytes:
    """Server-sent events, with what else servers send."""
    lines = [": keep-alive", "", *(f"data: {json.dumps(event)}\r\n" for event in given), "data: [DONE]", ""]
    return "\r\n".join(lines).encode()


def call(name: str, arguments: str) -> dict[str, Any]:
    """A function call of Chat Completions."""
    return {"id": "x", "type": "function", "function": {"name": name, "arguments": arguments}}


def chat(finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion."""
    return changed(CHAT, choices=[{"index": 0, "message": message, "finish_reason": finish}])


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """A chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "model": "m-1", "choices": [choice], "usage": None}


def message(stop: str, *blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An answer of Anthropic's."""
    usage = {"input_tokens": 3, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 100, "output_tokens": 2}
    return {"type": "message", "model": "c", "content": list(blocks), "stop_reason": stop, "usage": usage, **more}


def candidate(reason: str, *parts: dict[str, Any]) -> dict[str, Any]:
    """An answer of Google's."""
    usage = {"promptTokenCount": 5, "cachedContentTokenCount": 4, "candidatesTokenCount": 2, "thoughtsTokenCount": 7}
    found = {"content": {"parts": list(parts)}, "finishReason": reason}
    return {"candidates": [found], "usageMetadata": usage, "modelVersion": "g"}


def response(status: str = "completed", *output: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An answer of the Responses API."""
    return changed(RESPONSES, model="m-1", status=status, output=list(output), **more)


def said(text: str) -> dict[str, Any]:
    """A message of the Responses API."""
    return {"type": "message", "content": [{"type": "output_text", "text": text}]}


THOUGHT = {"text": "I think", "thought": True}
COHERE_TOOL = {"message": {"tool_calls": {"function": {"name": "f", "arguments": ""}}}}
COHERE_USAGE = {"billed_units": {"input_tokens": 1}, "tokens": {"input_tokens": 8, "output_tokens": 2}}
ANSWERS: dict[str, tuple[dict[str, Any] | bytes, RawAnswer]] = {
    "chat": (CHAT, RawAnswer('{"name": "bolt"}', None, "stop", "m-1", None, 3, 2)),
    "chat, cut off": (chat("length", content="{"), RawAnswer("{", None, "length", "m-1", None, 3, 2)),
    "chat, refused": (chat(content=None, refusal="No."), RawAnswer(None, "No.", "stop", "m-1", None, 3, 2)),
    "chat, the last of two calls": (
        chat("tool_calls", content="Let me see", tool_calls=[call("look_up", "{}"), call("final", '{"a": 1}')]),
        RawAnswer('{"a": 1}', None, "tool_calls", "m-1", None, 3, 2),
    ),
    "chat, parts and thoughts": (
        chat(content=[{"type": "thinking", "thinking": []}, {"type": "text", "text": "{}"}]),
        RawAnswer("{}", None, "stop", "m-1", None, 3, 2),
    ),
    "chat stream": (
        events(
            {"choices": [], "prompt_filter_results": []},
            chunk(content="", role="assistant"),
            chunk(content='{"a":'),
            chunk(content=" 1}"),
            chunk("stop"),
            {
                **chunk(),
                "choices": [],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2},
                "system_fingerprint": "f",
            },
        ),
        RawAnswer('{"a": 1}', None, "stop", "m-1", "f", 3, 2),
    ),
    "chat stream of calls": (
        events(
            chunk(tool_calls=[{"index": 0, **call("look_up", "")}]),
            chunk(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}]),
            chunk(tool_calls=[{"index": 1, **call("final", '{"a"')}]),
            chunk("tool_calls", tool_calls=[{"index": 1, "function": {"arguments": ": 1}"}}]),
        ),
        RawAnswer('{"a": 1}', None, "tool_calls", "m-1"),
    ),
    "chat stream that broke off": (
        events(chunk(content="{")).replace(b"[DONE]", b'{"object": "chat.com'),
        RawAnswer("{", None, None, "m-1"),
    ),
    "responses": (response("completed", said("{"), said("}")), RawAnswer("{}", None, "stop", "m-1", None, 1)),
    "responses, a call": (
        response("completed", {"type": "reasoning"}, {"type": "function_call", "arguments": "{}"}),
        RawAnswer("{}", None, "tool_calls", "m-1", None, 1),
    ),
    "responses, cut off": (
        response("incomplete", said("{"), incomplete_details={"reason": "max_output_tokens"}),
        RawAnswer("{", None, "length", "m-1", None, 1),
    ),
    "responses, refused": (
        response("completed", {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}),
        RawAnswer(None, "No.", "stop", "m-1", None, 1),
    ),
    "responses stream": (
        events(
            {"type": "response.created", "response": response("in_progress")},
            {"type": "response.output_text.delta", "delta": "{"},
            {"type": "response.completed", "response": response("completed", said("{}"))},
        ),
        RawAnswer("{}", None, "stop", "m-1", None, 1),
    ),
    "responses stream that broke off": (
        events(
            {"type": "response.created", "response": {"model": "m-1", "status": "in_progress", "output": []}},
            {"type": "response.output_text.delta", "delta": '{"a'},
            {"type": "response.output_text.delta", "delta": '"'},
        ),
        RawAnswer('{"a"', None, None, "m-1"),
    ),
    "anthropic": (
        message("end_turn", {"type": "thinking", "thinking": "I think"}, {"type": "text", "text": "{}"}),
        RawAnswer("{}", None, "stop", "c", None, 113, 2),
    ),
    "anthropic, a tool": (
        message("tool_use", {"type": "text", "text": "Here"}, {"type": "tool_use", "input": {"ä": 1.50}}),
        RawAnswer('{"ä": 1.5}', None, "tool_calls", "c", None, 113, 2),
    ),
    "anthropic, cut off": (message("max_tokens"), RawAnswer(None, None, "length", "c", None, 113, 2)),
    "anthropic, refused": (
        message("refusal", stop_details={"explanation": "No."}),
        RawAnswer(None, "No.", "content_filter", "c", None, 113, 2),
    ),
    "anthropic stream": (SSE.encode(), RawAnswer('{"a": 1}', None, "tool_calls", "c", None, 3, 2)),
    "anthropic stream that broke off": (events(*EVENTS[:3]), RawAnswer('{"a": 1}', None, None, "c", None, 3)),
    "google": (candidate("STOP", THOUGHT, {"text": "{}"}), RawAnswer("{}", None, "stop", "g", None, 5, 9)),
    "google, a call": (
        candidate("STOP", {"functionCall": {"name": "f", "args": {"a": 1}}}),
        RawAnswer('{"a": 1}', None, "tool_calls", "g", None, 5, 9),
    ),
    "google, cut off": (candidate("MAX_TOKENS"), RawAnswer(None, None, "length", "g", None, 5, 9)),
    "google, filtered": (candidate("SAFETY"), RawAnswer(None, "SAFETY", "content_filter", "g", None, 5, 9)),
    "google, filtered before": (
        {"promptFeedback": {"blockReason": "OTHER"}, "modelVersion": "g"},
        RawAnswer(None, "OTHER", "content_filter", "g"),
    ),
    "google stream": (events(*GOOGLE), RawAnswer('{"a": 1}', None, "stop", "g", None, 1)),
    "google stream as an array": (json.dumps(GOOGLE).encode(), RawAnswer('{"a": 1}', None, "stop", "g", None, 1)),
    "cohere": (
        {"message": {"content": [{"type": "text", "text": "{}"}]}, "finish_reason": "COMPLETE", "usage": COHERE_USAGE},
        RawAnswer("{}", None, "stop", None, None, 8, 2),
    ),
    "cohere stream": (
        events(
            {"type": "message-start"},
            {"type": "content-delta", "delta": {"message": {"content": {"text": "Let me see"}}}},
            {"type": "tool-call-start", "delta": COHERE_TOOL},
            {"type": "tool-call-delta", "delta": {"message": {"tool_calls": {"function": {"arguments": "{}"}}}}},
            {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": COHERE_USAGE}},
        ),
        RawAnswer("{}", None, "tool_calls", None, None, 8, 2),
    ),
    "bedrock converse": (
        {
            "output": {"message": {"content": [{"text": "Here"}, {"toolUse": {"input": {"a": 1}}}]}},
            "stopReason": "tool_use",
            "usage": {"inputTokens": 3, "cacheReadInputTokens": 4, "outputTokens": 2},
        },
        RawAnswer('{"a": 1}', None, "tool_calls", None, None, 7, 2),
    ),
    "ollama": (
        {"model": "q", "message": {"content": "{}"}, "done": True, "done_reason": "stop", "eval_count": 2},
        RawAnswer("{}", None, "stop", "q", None, 0, 2),
    ),
    "ollama stream": (
        b'{"model": "q", "message": {"content": "{"}, "done": false}\n'
        b'{"model": "q", "message": {"content": "}"}, "done": true, "done_reason": "length", "prompt_eval_count": 4}\n',
        RawAnswer("{}", None, "length", "q", None, 4),
    ),
    "azure, filtered": (
        {"error": {"code": "content_filter", "message": "No."}},
        RawAnswer(None, "No.", "content_filter"),
    ),
    "embeddings": ({"object": "list", "data": [], "model": "e", "usage": {"prompt_tokens": 5}}, NOTHING),
    "an error": ({"error": {"code": "rate_limit", "message": "Slow down"}}, NOTHING),
    "no JSON": (b"<html>", NOTHING),
    "no text": (b"\xff\x00", NOTHING),
    "nothing": (b"", NOTHING),
    "deep": (b"[" * 100_000, NOTHING),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_wire_format_is_read(name: str) -> None:
    """Content, refusal, finish reason in the words of Chat Completions, model, and every token that is paid for."""
    given, expected = ANSWERS[name]
    assert read_wire_answer(given if isinstance(given, bytes) else json.dumps(given).encode()) == expected
    if isinstance(given, dict):
        assert read_answer_body(given) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
_NAMES = ["choices", "output", "content", "candidates", "message", "type", "delta", "index", "usage", "error", "done"]


@given(st.dictionaries(st.sampled_from(_NAMES), JSON, max_size=4), st.booleans())
def test_any_json_is_an_answer_or_nothing(body: dict[str, Any], stream: bool) -> None:
    """Whatever types stand in the places of an answer, reading it does not fail."""
    kinds: list[dict[str, Any]] = [
        {"type": "message_start"},
        {"type": "message-start"},
        {"choices": [{"delta": {}}]},
        {"candidates": []},
    ]
    for kind in kinds if stream else []:
        assert isinstance(read_wire_answer(events(kind, body)), RawAnswer)
    assert isinstance(read_wire_answer(json.dumps({"type": "message", **body}).encode()), RawAnswer)


def write(folder: Path, data: Any, name: str = "c.yaml") -> Path:
    """A file that holds this text, these bytes, or this data."""
    path = folder / name
    text = data if isinstance(data, str | bytes) else yaml.dump(data, allow_unicode=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(folder: Path, data: Any, name: str = "c.yaml") -> str:
    """In which words a file is refused, after its name."""
    path = write(folder, data, name)
    with pytest.raises(CassetteError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert len(str(error.value).splitlines()) == 1
    return str(error.value).removeprefix(f"{path}: ")


ANSWER = json.dumps(CHAT)
RAW_DEFLATE = zlib.compressobj(wbits=-15)
BODIES: dict[str, dict[str, Any]] = {
    "text": interaction({"string": ANSWER}),
    "bytes": interaction({"string": ANSWER.encode()}),
    "a body without a member": interaction(ANSWER),
    "gzip": interaction({"string": gzip.compress(ANSWER.encode())}, headers={"content-encoding": "GZIP"}),
    "gzip that was decoded": interaction({"string": ANSWER}, headers={"Content-Encoding": ["gzip"]}),
    "deflate": interaction({"string": zlib.compress(ANSWER.encode())}, headers={"Content-Encoding": ["deflate"]}),
    "raw deflate": interaction(
        {"string": RAW_DEFLATE.compress(ANSWER.encode()) + RAW_DEFLATE.flush()},
        headers={"Content-Encoding": ["deflate"]},
    ),
    "gzip twice": interaction(
        {"string": gzip.compress(gzip.compress(ANSWER.encode()))},
        headers={"Content-Encoding": ["gzip, identity", "gzip"]},
    ),
    "base64": interaction({"base64_string": base64.encodebytes(ANSWER.encode()).decode()}),
    "parsed": interaction(None, parsed_body=CHAT),
    "a request as aiohttp hands it over": interaction({"string": ANSWER}, sent=REQUEST),
    "a request in bytes": interaction({"string": ANSWER}, sent=json.dumps(REQUEST).encode()),
    "a request in base64": interaction(
        {"string": ANSWER}, sent={"base64_string": base64.b64encode(json.dumps(REQUEST).encode()).decode()}
    ),
    "httpx, before vcrpy 6": {
        **interaction(None),
        "response": {"status_code": 200, "http_version": "HTTP/1.1", "headers": {"a": "b"}, "content": ANSWER},
    },
}


def is_json(data: Any) -> bool:
    """Whether vcrpy's JSON serializer would take it."""
    try:
        return bool(json.dumps(data))
    except TypeError:
        return False


FORMS = [(name, ".yaml") for name in BODIES] + [(name, ".json") for name, body in BODIES.items() if is_json(body)]


@pytest.mark.parametrize(("name", "suffix"), FORMS)
def test_every_form_of_a_body_is_the_same_exchange(tmp_path: Path, name: str, suffix: str) -> None:
    """However a tool writes it down; headers that describe the transfer are gone."""
    data = cassette(BODIES[name], metadata={"by": "another tool"})
    path = write(tmp_path, data if suffix == ".yaml" else json.dumps(data, indent=4), f"c{suffix}")
    found = load(path)
    assert found is not None
    (exchange,) = found.exchanges
    assert json.loads(exchange.request_body) == REQUEST
    assert json.loads(exchange.response_body) == CHAT
    assert (exchange.status, exchange.method) == (200, "POST")
    assert not {name.lower() for name in exchange.response_headers} & {"content-encoding", "content-length"}


@pytest.mark.parametrize(("name", "package"), [("br", "brotli"), ("zstd", "zstandard")])
def test_coding_that_needs_a_package(name: str, package: str) -> None:
    """It is decoded with the package, and named without; cut off or too long, it is refused."""
    try:
        module = __import__(package)
    except ImportError:
        with pytest.raises(coding.CodingError, match=f"is coded as '{name}': install {package} to read it"):
            coding.decode(b"x", [name], 100)
        return
    compress = module.compress if name == "br" else module.ZstdCompressor().compress
    packed = compress(ANSWER.encode())
    assert coding.decode(packed, [name], 10_000) == ANSWER.encode()
    for damaged, limit in ((packed[:-5], 10_000), (b"\xff" + packed, 10_000), (compress(bytes(10**7)), 1000)):
        with pytest.raises(coding.CodingError):
            coding.decode(damaged, [name], limit)


GZIPPED = gzip.compress(ANSWER.encode())
PLAIN = interaction({"string": ANSWER})
WITHOUT_STATUS = {"request": PLAIN["request"], "response": {"body": None, "headers": {}}}
END = "interactions: []\nversion: 1\n"


def coded(body: bytes, name: str = "gzip") -> dict[str, Any]:
    """A cassette whose answer is coded."""
    return cassette(PLAIN, interaction({"string": body}, headers={"Content-Encoding": [name]}))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "is not a vcrpy cassette: it is nothing, not a mapping with interactions"),
        ("- 1\n", "is not a vcrpy cassette: it is a list, not a mapping with interactions"),
        ("[{request: 1}]\n", "is a cassette of vcrpy before 1.0; migrate it"),
        ("version: 1\n", "interactions is missing"),
        (END, "interactions: holds no exchange"),
        ({"interactions": [PLAIN]}, "`version: 1` is missing, so the file may be cut off"),
        (cassette(PLAIN, version=2), "version: is not 1, the only version"),
        (cassette(PLAIN, version="1"), "version: is a text, not a number"),
        (cassette(PLAIN, WITHOUT_STATUS), "interactions[1].response: status is missing"),
        (
            cassette(interaction(None, status={"code": "200"})),
            "interactions[0].response.status.code: is a text, not a n",
        ),
        (cassette(interaction(None, status={"code": 99})), "interactions[0].response.status.code: is no HTTP status"),
        (cassette(interaction(None, status={"code": True})), "interactions[0].response.status.code: is true or false"),
        (
            cassette(interaction(None, headers={"a": [{}]})),
            "interactions[0].response.headers.a[0]: is a mapping, not a t",
        ),
        (cassette(interaction([])), "interactions[0].response.body: is a list, not a text or binary or nothing"),
        (cassette(interaction({"strong": ""})), "interactions[0].response.body: is a mapping, not a text or binary"),
        (cassette(interaction({"base64_string": "a"})), "interactions[0].response.body.base64_string: is not base64"),
        (cassette(interaction("x", parsed_body={})), "interactions[0].response.parsed_body: stands beside body"),
        (cassette(interaction(None, parsed_body=[b"\xff"])), "parsed_body: holds binary, which is not JSON"),
        (cassette(PLAIN, {}), "interactions[1]: request is missing"),
        (cassette({**PLAIN, "request": []}), "interactions[0].request: is a list, not a mapping"),
        (
            cassette({**PLAIN, "request": {**PLAIN["request"], "uri": "http://["}}),
            "interactions[0].request.uri: is no URL",
        ),
        (coded(b"\x1f\x8bnonsense"), "interactions[1].response.body.string: is not what its content-encoding says"),
        (coded(GZIPPED[:-9]), "interactions[1].response.body.string: is cut off: its coding does not end"),
        (coded(GZIPPED + b"x"), "interactions[1].response.body.string: goes on after the end of its coding"),
        (coded(b"x", "rot13"), "interactions[1].response.body.string: is coded as 'rot13', which is not known"),
        ("interactions: [1\n", "line 2: is not YAML: did not find expected ',' or ']'"),
        ("<<<<<<< HEAD\ninteractions: []\n=======\n", "line 1: merge conflict marker"),
        ("a: 1\na: 2\n" + END, "line 2: key 'a' is written twice"),
        (
            "a: !!python/object/apply:os.system [ls]\n" + END,
            "line 1: the tag '!!python/object/apply:os.system' is not al",
        ),
        ("\na: !!python/name:os.system\n" + END, "line 2: the tag '!!python/name:os.system' is not allowed"),
        ("!!python/tuple a: 1\n" + END, "line 1: the tag '!!python/tuple' is not allowed"),
        ("a: !!binary x===\n" + END, "line 1: a !!binary is not base64"),
        (END + "---\n" + END, "line 3: holds more than one document"),
        ("? [a]\n: 1\n" + END, "line 1: a key is a text"),
        (b"a: \xff\n" + END.encode(), "is not UTF-8 (byte 3)"),
        (END.encode("utf-16"), "is not UTF-8 (byte 0)"),
        ('{"version": 1,\n"version": 1}', "is not JSON: key 'version' is written twice"),
        ('{"version": 1,\n"interactions": [', "line 2: is not JSON: Expecting value"),
    ],
)
def test_what_is_wrong_has_its_place(tmp_path: Path, data: Any, words: str) -> None:
    """One line: the file, the path of the value or its line, and what is wrong there."""
    assert refused(tmp_path, data).startswith(words) or words in refused(tmp_path, data)


def test_messages_show_no_value(tmp_path: Path) -> None:
    """A recording may hold secrets where they do not belong."""
    data = cassette(interaction(None, status={"code": "hunter2-hunter2"}, headers={"a": [{"b": "hunter2-hunter2"}]}))
    assert "hunter2" not in refused(tmp_path, data)


def test_unusual_files(tmp_path: Path) -> None:
    """A folder, a pipe, a file of a gigabyte (which is not read), one that may not be read, one that is not there."""
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    with (tmp_path / "big.yaml").open("wb") as file:
        file.truncate(2**30)
    for name, words in {
        "folder": "is no regular file",
        "pipe": "is no regular file",
        "big": "has 1,073,741,824 bytes, more than a cassette may have",
    }.items():
        with pytest.raises(CassetteError, match=f"{name}.yaml: {words}"):
            load(tmp_path / f"{name}.yaml")
    assert load(tmp_path / "none.yaml") is None
    assert load(tmp_path / "none" / "none.yaml") is None


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    """A file or a folder that is a link to the outside is refused, read or missing; inside, links are fine."""
    root, outside = tmp_path / "cassettes", tmp_path / "outside"
    for folder in (root / "suite", outside):
        folder.mkdir(parents=True)
        write(folder, cassette(PLAIN))
    (root / "link.yaml").symlink_to(outside / "c.yaml")
    (root / "folder").symlink_to(outside, target_is_directory=True)
    (root / "round.yaml").symlink_to(root / "round.yaml")
    (root / "inside.yaml").symlink_to(root / "suite" / "c.yaml")
    for name in ("link.yaml", "folder/c.yaml", "folder/missing.yaml"):
        with pytest.raises(CassetteError, match="a symbolic link leads it out of"):
            load(root / name, root)
    with pytest.raises(CassetteError, match=r"round\.yaml: cannot be read"):
        load(root / "round.yaml", root)
    assert load(root / "inside.yaml", root) is not None
    (tmp_path / "other").symlink_to(root, target_is_directory=True)
    assert load(tmp_path / "other" / "suite" / "c.yaml", tmp_path / "other") is not None


def test_recording_through_a_link_writes_nothing_outside(recorded: pytest.Pytester) -> None:
    """A suite's folder that leads elsewhere is an error of its cases, also when recording."""
    folder = next((recorded.path / "cassettes").rglob("c0*.yaml")).parent
    outside = recorded.path / "outside"
    folder.rename(outside)
    folder.symlink_to(outside, target_is_directory=True)
    next(outside.glob("c0*.yaml")).unlink()
    before = sorted(outside.iterdir())
    run = recorded.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["*a symbolic link leads it out of*"])
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert sorted(outside.iterdir()) == before


def test_bombs_are_refused(tmp_path: Path) -> None:
    """A small file that would grow without end is one line; JSON that is only nested deeply is a body like others."""
    read = {name for name, text in bombs().items() if isinstance(outcome(text, tmp_path), Recording)}
    assert read == {"deep JSON in a body"}


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """Sees code that runs, and files that are written outside of its folder."""
    folder = tmp_path_factory.mktemp("damaged")
    for seed in seeds(folder):
        assert isinstance(outcome(seed, folder), Recording)  # what is imported late is imported now
    return Watch(folder).install()


def test_truncated_or_flipped_cassette_is_never_another_one(watch: Watch) -> None:
    """At every third byte: an error, or (the last line break is gone, a header changed) the same exchanges."""
    whole = own(watch.folder)
    expected = answers_of(known) if isinstance(known := outcome(whole, watch.folder), Recording) else []
    rng = random.Random(0)
    read = 0
    watch.armed = True
    for at in range(0, len(whole), 3):
        flipped = whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :]
        for text in (whole[:at], flipped):
            found = outcome(text, watch.folder)
            read += isinstance(found, Recording)
            assert isinstance(found, str) or answers_of(found) == expected, text
    watch.armed = False
    assert watch.seen is None
    assert 0 < read < len(whole) / 10


def test_foreign_cassette_cut_between_exchanges_is_an_error(tmp_path: Path) -> None:
    """Only vcrpy's last line tells that a file is whole."""
    text = yaml.dump(cassette(PLAIN, interaction({"string": SSE})))
    assert "may be cut off" in refused(tmp_path, text[: text.rindex("\n- request") + 1])
    assert "may be cut off" in refused(tmp_path, text[: text.index("version: 1")])


def test_damaged_cassettes(watch: Watch) -> None:
    """A few hundred mutations of every form: read or refused, no code, nothing outside, no other error."""
    rng, given = random.Random(7), seeds(watch.folder)
    found = {True: 0, False: 0}
    watch.armed = True
    for number in range(400):
        text = MUTATIONS[number % len(MUTATIONS)](rng, given[number % len(given)])
        found[isinstance(outcome(text, watch.folder), Recording)] += 1
    watch.armed = False
    assert watch.seen is None
    assert min(found.values()) > 40


@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.integers(100, 599),
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, body: bytes, status: int) -> None:
    """Any body, byte for byte, unless it is JSON, which is spread over lines."""
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    exchange = Exchange("POST", "https://h/v1/x", {}, b"{}", status, "OK", {"content-type": ["a/b"]}, body)
    save(path, Recording((exchange,), "c0"), {})
    found = load(path)
    assert found is not None
    again = found.exchanges[0].response_body
    assert again == body or json.loads(again) == json.loads(body)
    assert found.exchanges[0].status == status


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            '\\"bolt\\"',
            '\\"bold\\"',
            "x_llm_extract.answers: an answer was edited by hand: its digest no longer matches",
        ),
        ("code: 200", "code: 201", "x_llm_extract.answers: an answer was edited by hand"),
        ('"temperature": 0.0', '"temperature": 1.0', "x_llm_extract.fingerprints: a request was edited by hand"),
        ("format: 1", "format: 2", "x_llm_extract.format: is not 1: update pytest-llm-extract"),
        ("fingerprints:", "fingerprint:", "x_llm_extract: fingerprints is missing"),
        ("attempt: 1", "attempt: one", "x_llm_extract.attempt: is a text, not a number"),
        ("case: c0", "case: [c0]", "x_llm_extract.case: is a list, not a text"),
    ],
)
def test_cassette_of_ours_that_was_edited(tmp_path: Path, before: str, after: str, words: str) -> None:
    """What it says of itself has to be true."""
    text = own(tmp_path).decode()
    assert before in text
    assert refused(tmp_path, text.replace(before, after, 1)).startswith(words)


def test_answer_may_be_edited_on_purpose(tmp_path: Path) -> None:
    """Without its digests, which a pull request shows, an edited answer is replayed."""
    data = yaml.safe_load(own(tmp_path))
    del data["x_llm_extract"]["answers"]
    data["interactions"][0]["response"]["body"]["string"] = "{}"
    found = load(write(tmp_path, data))
    assert found is not None
    assert found.exchanges[0].response_body == b"{}"


def test_exchange_that_was_cut_out_of_a_cassette_of_ours(tmp_path: Path) -> None:
    """Its fingerprint is still in the list."""
    data = yaml.safe_load(own(tmp_path))
    del data["interactions"][1]
    assert refused(tmp_path, data).startswith("x_llm_extract.fingerprints: are 2, and the exchanges 1; record")


STRANGE_IDS = [
    "../../x",
    "/etc/passwd",
    "CON",
    "nul.txt",
    "x" * 300,
    "🙂",
    "a\x00b",
    "..",
    ".",
    "",
    "a/../../b",
    "C:\\x",
    "~",
]


@given(st.sampled_from(STRANGE_IDS) | st.text(), st.sampled_from(["prompt", *STRANGE_IDS]) | st.text())
def test_cassettes_lie_below_their_folder(case_id: str, variant: str) -> None:
    """Whatever the id of a case or the name of a variant; and every part is a name that all file systems take."""
    root = Path("/somewhere/cassettes")
    suite = names.suite_folder(root, f"../other/test_x.py::{variant}")
    path = suite / names.folder_name(variant) / names.file_name(case_id)
    parts = path.relative_to(root).parts
    assert ".." not in parts
    assert len(parts) == 6
    for part in parts:
        assert part.isascii()
        assert 0 < len(part) <= 100
        assert not set(part) & set('<>:"/\\|?*\0')
        assert not part.endswith((".", " "))
        assert part.split(".")[0].lower() not in ("con", "prn", "aux", "nul", "com1", "lpt9")
