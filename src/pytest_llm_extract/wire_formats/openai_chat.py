"""Chat Completions, of OpenAI and of everyone who speaks like it: Azure, Groq, DeepSeek, Mistral, Ollama's `/v1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_llm_extract.wire_formats.base import (
    Body,
    RawAnswer,
    RequestKeys,
    WireFormat,
    arguments,
    joined,
    mapping,
    mappings,
    text,
    tokens,
)


def _read(body: Body) -> RawAnswer:
    choice = next(mappings(body.get("choices")), {})
    message = mapping(choice.get("message"))
    calls = arguments(message.get("tool_calls"))
    usage = mapping(body.get("usage"))
    return RawAnswer(
        calls[-1] if calls else _content(message.get("content")),
        text(message.get("refusal")),
        text(choice.get("finish_reason")),
        text(body.get("model")),
        text(body.get("system_fingerprint")),
        tokens(usage, "prompt_tokens"),
        tokens(usage, "completion_tokens"),
    )


def _content(content: Any) -> str | None:
    """A text, or (Mistral) a list of parts of which some are thoughts."""
    if not isinstance(content, list):
        return text(content)
    return joined([text(part.get("text")) or "" for part in mappings(content) if part.get("type") == "text"])


def _is_chunk(event: Body) -> bool:
    return event.get("object") == "chat.completion.chunk" or any("delta" in c for c in mappings(event.get("choices")))


def _join(chunks: Sequence[Body]) -> Body:
    """Its first choice; usage stands in the last chunk, or in each."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    calls: dict[str, dict[str, Any]] = {}
    finish = None
    for chunk in chunks:
        whole |= {name: chunk[name] for name in ("model", "system_fingerprint", "usage") if chunk.get(name)}
        for choice in mappings(chunk.get("choices")):
            if choice.get("index", 0) == 0:
                delta = mapping(choice.get("delta"))
                _add(message, delta, "content", "refusal")
                for call in mappings(delta.get("tool_calls")):
                    _add(calls.setdefault(str(call.get("index")), {}), mapping(call.get("function")), "arguments")
                finish = choice.get("finish_reason") or finish
    tool_calls = [{"function": function} for function in calls.values()]
    return {**whole, "choices": [{"message": {**message, "tool_calls": tool_calls}, "finish_reason": finish}]}


def _add(whole: dict[str, Any], delta: Body, *names: str) -> None:
    for name in names:
        if (more := text(delta.get(name))) is not None:
            whole[name] = whole.get(name, "") + more


_REQUEST = RequestKeys(schema=("response_format", "tools"))
FORMAT = WireFormat(lambda body: isinstance(body.get("choices"), list), _read, _is_chunk, _join, request=_REQUEST)
