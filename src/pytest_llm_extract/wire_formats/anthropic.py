"""Anthropic's Messages API, also as Bedrock and Vertex serve it: text, native output, tool use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pytest_llm_extract.wire_formats.base import Body, RawAnswer, RequestKeys, WireFormat
from pytest_llm_extract.wire_formats.members import joined, mapping, mappings, text, tokens

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def _read(body: Body) -> RawAnswer:
    blocks = list(mappings(body.get("content")))
    calls = [_arguments(block.get("input")) for block in blocks if block.get("type") == "tool_use"]
    texts = [text(block.get("text")) or "" for block in blocks if block.get("type") == "text"]
    reason = text(body.get("stop_reason"))
    explained = text(mapping(body.get("stop_details")).get("explanation"))
    usage = mapping(body.get("usage"))
    return RawAnswer(
        calls[-1] if calls else joined(texts),
        (explained or "refused") if reason == "refusal" else None,
        _FINISH.get(reason or "", reason),
        text(body.get("model")),
        None,
        tokens(usage, *_INPUT),
        tokens(usage, "output_tokens"),
    )


def _arguments(value: Any) -> str:
    """An object, or the text of one that came in pieces; of a tool without arguments, no piece comes."""
    return value or "{}" if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False)


def _join(events: Sequence[Body]) -> Body:
    """The message of the first event with its blocks filled; the last event has the final counts."""
    whole: dict[str, Any] = {}
    blocks: dict[str, dict[str, Any]] = {}
    for event in events:
        kind, delta, index = event.get("type"), mapping(event.get("delta")), str(event.get("index"))
        if kind == "message_start":
            whole = dict(mapping(event.get("message")))
        elif kind == "content_block_start":
            block = dict(mapping(event.get("content_block")))
            blocks[index] = {**block, "input": ""} if block.get("type") == "tool_use" else block
        elif kind == "content_block_delta":
            _add(blocks.setdefault(index, {}), delta)
        elif kind == "message_delta":
            usage = {**mapping(whole.get("usage")), **mapping(event.get("usage"))}
            whole = {**whole, **delta, "usage": usage}
    return {**whole, "content": list(blocks.values())}


def _add(block: dict[str, Any], delta: Body) -> None:
    for name, piece in (("text", "text"), ("input", "partial_json")):
        if (more := text(delta.get(piece))) is not None:
            block[name] = (text(block.get(name)) or "") + more


def _is_answer(body: Body) -> bool:
    return body.get("type") == "message" and isinstance(body.get("content"), list)


_REQUEST = RequestKeys(("system",), schema=("tools", "output_config.format", "output_format"))
FORMAT = WireFormat(_is_answer, _read, lambda event: event.get("type") == "message_start", _join, request=_REQUEST)
