"""Bedrock's Converse. Its streams are binary frames, which are not read."""

from __future__ import annotations

import json

from pytest_llm_extract.wire_formats.base import Body, RawAnswer, RequestKeys, WireFormat
from pytest_llm_extract.wire_formats.members import joined, mapping, mappings, text, tokens

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


def _read(body: Body) -> RawAnswer:
    blocks = list(mappings(mapping(mapping(body["output"]).get("message")).get("content")))
    uses = [mapping(block["toolUse"]) for block in blocks if isinstance(block.get("toolUse"), dict)]
    texts = [found for block in blocks if (found := text(block.get("text"))) is not None]
    reason = text(body.get("stopReason"))
    usage = mapping(body.get("usage"))
    return RawAnswer(
        json.dumps(uses[-1].get("input"), ensure_ascii=False) if uses else joined(texts),
        None,
        _FINISH.get(reason or "", reason),
        input_tokens=tokens(usage, "inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"),
        output_tokens=tokens(usage, "outputTokens"),
    )


def _is_answer(body: Body) -> bool:
    return isinstance(body.get("output"), dict) and "stopReason" in body


_REQUEST = RequestKeys(("system",), schema=("toolConfig", "outputConfig"))
FORMAT = WireFormat(_is_answer, _read, request=_REQUEST)
