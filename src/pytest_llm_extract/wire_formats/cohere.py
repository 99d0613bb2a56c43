"""Cohere's chat, versions 2 and 1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pytest_llm_extract.wire_formats.base import Body, RawAnswer, RequestKeys, WireFormat
from pytest_llm_extract.wire_formats.members import arguments, joined, mapping, mappings, text, tokens

_FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "TOOL_CALL": "tool_calls",
    "MAX_TOKENS": "length",
    "ERROR_TOXIC": "content_filter",
}


def _read(body: Body) -> RawAnswer:
    if "message" not in body:
        return _read_v1(body)
    message = mapping(body.get("message"))
    calls = arguments(message.get("tool_calls"))
    texts = [text(part.get("text")) or "" for part in mappings(message.get("content")) if part.get("type") == "text"]
    reason = text(body.get("finish_reason"))
    usage = mapping(mapping(body.get("usage")).get("tokens"))
    return RawAnswer(
        calls[-1] if calls else joined(texts),
        None,
        reason and _FINISH.get(reason, reason.lower()),
        input_tokens=tokens(usage, "input_tokens"),
        output_tokens=tokens(usage, "output_tokens"),
    )


def _read_v1(body: Body) -> RawAnswer:
    """A text, or calls of tools beside the text about them."""
    calls = [json.dumps(call.get("parameters"), ensure_ascii=False) for call in mappings(body.get("tool_calls"))]
    reason = text(body.get("finish_reason"))
    usage = mapping(mapping(body.get("meta")).get("tokens"))
    return RawAnswer(
        calls[-1] if calls else text(body.get("text")),
        None,
        "tool_calls" if calls and reason == "COMPLETE" else reason and _FINISH.get(reason, reason.lower()),
        input_tokens=tokens(usage, "input_tokens"),
        output_tokens=tokens(usage, "output_tokens"),
    )


def _join(events: Sequence[Body]) -> Body:
    """Text and arguments come in pieces; the last event ends it, and in version 1 has the whole answer."""
    if any("event_type" in event for event in events):
        end = next((event for event in events if event.get("event_type") == "stream-end"), {})
        pieces = [text(event.get("text")) or "" for event in events if event.get("event_type") == "text-generation"]
        return {"text": "".join(pieces), **mapping(end.get("response")), "finish_reason": end.get("finish_reason")}
    texts, calls, end = "", list[dict[str, Any]](), dict[str, Any]()
    for event in events:
        delta = mapping(event.get("delta"))
        message = mapping(delta.get("message"))
        texts += text(mapping(message.get("content")).get("text")) or ""
        piece = text(mapping(mapping(message.get("tool_calls")).get("function")).get("arguments")) or ""
        if event.get("type") == "tool-call-start":
            calls.append({"arguments": piece})
        elif event.get("type") == "tool-call-delta" and calls:
            calls[-1]["arguments"] += piece
        elif event.get("type") == "message-end":
            end = dict(delta)
    content = [{"type": "text", "text": texts}] if texts else []
    return {**end, "message": {"content": content, "tool_calls": [{"function": call} for call in calls]}}


def _is_answer(body: Body) -> bool:
    if "message" not in body:
        return "generation_id" in body and isinstance(body.get("text"), str)
    return isinstance(body["message"], dict) and "finish_reason" in body


def _is_event(event: Body) -> bool:
    return event.get("type") == "message-start" or event.get("event_type") == "stream-start"


_REQUEST = RequestKeys(("preamble",), ("messages", "chat_history", "message"), ("tools", "response_format"))
FORMAT = WireFormat(_is_answer, _read, _is_event, _join, request=_REQUEST)
