"""Answers of every wire format, whole and streamed, are read alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cassette_mutations import CHAT, EVENTS, GOOGLE, RESPONSES, SSE
from hypothesis import given
from hypothesis import strategies as st

from pytest_llm_extract.wire_formats import (
    NOTHING,
    RawAnswer,
    is_cut_off,
    is_failed,
    read_answer_body,
    read_wire_answer,
)


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


def candidate(reason: str | int, *parts: dict[str, Any]) -> dict[str, Any]:
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
COHERE_1 = "\n".join(
    json.dumps(event)
    for event in (
        {"event_type": "stream-start", "generation_id": "x"},
        {"event_type": "text-generation", "text": "{"},
        {"event_type": "text-generation", "text": "}"},
        {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": {"text": "{}", "meta": COHERE_USAGE}},
    )
).encode()
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
    "chat, an empty reason": (chat("", content="{}"), RawAnswer("{}", None, "stop", "m-1", None, 3, 2)),
    "chat, a call with an empty reason": (
        chat("", content=None, tool_calls=[call("f", "{}")]),
        RawAnswer("{}", None, "tool_calls", "m-1", None, 3, 2),
    ),
    "chat, a function call": (
        chat("function_call", content=None, function_call={"name": "f", "arguments": '{"a": 1}'}),
        RawAnswer('{"a": 1}', None, "tool_calls", "m-1", None, 3, 2),
    ),
    "chat, a custom tool": (
        chat("tool_calls", tool_calls=[{"type": "custom", "custom": {"name": "f", "input": "a = 1"}}]),
        RawAnswer("a = 1", None, "tool_calls", "m-1", None, 3, 2),
    ),
    "chat stream of a function call": (
        events(
            chunk(function_call={"name": "f", "arguments": ""}),
            chunk(function_call={"arguments": '{"a"'}),
            chunk("function_call", function_call={"arguments": ": 1}"}),
        ),
        RawAnswer('{"a": 1}', None, "tool_calls", "m-1"),
    ),
    "chat stream of a custom tool": (
        events(
            chunk(tool_calls=[{"index": 0, "type": "custom", "custom": {"name": "f", "input": "a ="}}]),
            chunk("tool_calls", tool_calls=[{"index": 0, "custom": {"input": " 1"}}]),
        ),
        RawAnswer("a = 1", None, "tool_calls", "m-1"),
    ),
    "chat stream of groq": (
        events(
            {**chunk(content="{}"), "x_groq": {"id": "r"}},
            {**chunk("stop"), "x_groq": {"id": "r", "usage": {"prompt_tokens": 3, "completion_tokens": 2}}},
        ),
        RawAnswer("{}", None, "stop", "m-1", None, 3, 2),
    ),
    "completions": (
        {
            "object": "text_completion",
            "model": "m-1",
            "choices": [{"text": "{}", "finish_reason": "length"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2},
        },
        RawAnswer("{}", None, "length", "m-1", None, 3, 2),
    ),
    "completions stream": (
        events(
            {"object": "text_completion", "model": "m-1", "choices": [{"text": "{", "finish_reason": None}]},
            {"object": "text_completion", "model": "m-1", "choices": [{"text": "}", "finish_reason": "stop"}]},
        ),
        RawAnswer("{}", None, "stop", "m-1"),
    ),
    "responses, a custom tool": (
        response("completed", {"type": "custom_tool_call", "name": "f", "input": "a = 1"}),
        RawAnswer("a = 1", None, "tool_calls", "m-1", None, 1),
    ),
    "anthropic, a tool without arguments": (
        message("tool_use", {"type": "tool_use", "input": {}}),
        RawAnswer("{}", None, "tool_calls", "c", None, 113, 2),
    ),
    "anthropic stream of a tool without arguments": (
        events(
            {"type": "message_start", "message": {"model": "c"}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "input": {}}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        ),
        RawAnswer("{}", None, "tool_calls", "c"),
    ),
    "google, the number of an end": (candidate(1, {"text": "{}"}), RawAnswer("{}", None, "stop", "g", None, 5, 9)),
    "google, the number of a cut": (candidate(2), RawAnswer(None, None, "length", "g", None, 5, 9)),
    "google, the number of a filter": (candidate(3), RawAnswer(None, "SAFETY", "content_filter", "g", None, 5, 9)),
    "google, Model Armor": (
        candidate("MODEL_ARMOR"),
        RawAnswer(None, "MODEL_ARMOR", "content_filter", "g", None, 5, 9),
    ),
    "google, Model Armor before": (
        {"promptFeedback": {"blockReason": 5}, "modelVersion": "g"},
        RawAnswer(None, "MODEL_ARMOR", "content_filter", "g"),
    ),
    "cohere version 1": (
        {"generation_id": "x", "text": "{}", "finish_reason": "COMPLETE", "meta": COHERE_USAGE},
        RawAnswer("{}", None, "stop", None, None, 8, 2),
    ),
    "cohere version 1, a tool": (
        {"generation_id": "x", "text": "", "finish_reason": "COMPLETE", "tool_calls": [{"parameters": {"a": 1}}]},
        RawAnswer('{"a": 1}', None, "tool_calls"),
    ),
    "cohere version 1 stream": (
        COHERE_1,
        RawAnswer("{}", None, "stop", None, None, 8, 2),
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


@pytest.mark.parametrize("count", [-1, 10**400, True, "3", None, 1.5])
def test_counts_that_are_none_are_not_told(count: Any) -> None:
    """Negative and absurd ones too, which would otherwise be added up, or priced."""
    body = {"choices": [], "model": "gpt-4o-mini", "usage": {"prompt_tokens": count, "completion_tokens": 3}}
    answer = read_answer_body(body)
    assert (answer.input_tokens, answer.output_tokens) == (0, 3)


WHOLE = json.dumps({"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}).encode()
CHUNK = {"choices": [{"index": 0, "delta": {"content": "{}"}, "finish_reason": None}]}
LAST = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def cut(*said: dict[str, Any]) -> bytes:
    """Server-sent events without the line that ends them."""
    return events(*said).removesuffix(b"data: [DONE]\r\n")


@pytest.mark.parametrize(
    ("body", "media_type", "is_cut"),
    [
        (WHOLE, "application/json", False),
        (WHOLE[:-1], "application/json", True),
        (WHOLE[:-1], "application/problem+json", True),
        (WHOLE[:-1], "text/plain", False),
        (b"upstream timeout", "application/json", True),
        (b"", "application/json", False),
        (b"[" * 100_000, "application/json", False),
        (b'{"text": "\xff\x00", "number": ' + b"1" * 5000 + b"}", "application/json", False),
        (b"\xef\xbb\xbf" + WHOLE, "application/json", False),
        (events(CHUNK, LAST), "text/event-stream", False),
        (cut(CHUNK), "text/event-stream", True),
        (events(CHUNK), "text/event-stream", False),
        (events(CHUNK, LAST), "application/json", False),
        (events({"some": "event"}), "text/event-stream", False),
        (COHERE_1, "application/stream+json", False),
        (COHERE_1.rsplit(b"\n", 1)[0], "application/stream+json", True),
        (cut({"type": "response.created", "response": {"status": "in_progress"}}), "text/event-stream", True),
        (
            cut({"type": "message_start", "message": {"model": "c"}}, {"type": "error", "error": {}}),
            "text/event-stream",
            True,
        ),
    ],
)
def test_an_answer_that_broke_off_is_known(body: bytes, media_type: str, is_cut: bool) -> None:
    """JSON without its end, a stream without its last event; what is only odd, or of an unknown kind, is whole."""
    assert is_cut_off(body, media_type) is is_cut


@pytest.mark.parametrize(
    ("body", "is_none"),
    [
        ({"output": [], "status": "failed", "error": {"code": "server_error"}}, True),
        ({"output": [], "status": "completed", "error": None}, False),
        ({"output": [], "status": "incomplete"}, False),
        ({"error": {"message": "overloaded"}}, True),
        ({"error": "overloaded"}, True),
        ({"error": None, "id": 3}, False),
        ({"error": {"code": "content_filter"}}, False),
        ({"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}], "error": {}}, False),
    ],
)
def test_an_error_under_http_200_is_known(body: dict[str, Any], is_none: bool) -> None:
    """A response that failed, or an error in the place of an answer; a content filter's word is an answer."""
    assert is_failed(json.dumps(body).encode()) is is_none
