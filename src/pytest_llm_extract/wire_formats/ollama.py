"""Ollama's own `/api/chat`; a stream is one object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pytest_llm_extract.wire_formats.base import Body, RawAnswer, RequestKeys, WireFormat
from pytest_llm_extract.wire_formats.members import mapping, mappings, text, tokens


def _read(body: Body) -> RawAnswer:
    message = mapping(body["message"])
    calls = [mapping(call.get("function")).get("arguments") for call in mappings(message.get("tool_calls"))]
    return RawAnswer(
        json.dumps(calls[-1], ensure_ascii=False) if calls else text(message.get("content")),
        None,
        "tool_calls" if calls and body.get("done_reason") == "stop" else text(body.get("done_reason")),
        text(body.get("model")),
        None,
        tokens(body, "prompt_eval_count"),
        tokens(body, "eval_count"),
    )


def _join(events: Sequence[Body]) -> Body:
    messages = [mapping(event.get("message")) for event in events]
    content = "".join(text(message.get("content")) or "" for message in messages)
    calls = [call for message in messages for call in mappings(message.get("tool_calls"))]
    return {**events[-1], "message": {"content": content, "tool_calls": calls}}


def _is_answer(body: Body) -> bool:
    return isinstance(body.get("message"), dict) and isinstance(body.get("done"), bool)


_REQUEST = RequestKeys(("system",), ("messages", "prompt"), ("tools", "format"))
FORMAT = WireFormat(_is_answer, _read, _is_answer, _join, request=_REQUEST)
