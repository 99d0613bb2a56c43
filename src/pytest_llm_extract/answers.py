"""What an answer says of itself: Chat Completions and Responses, read alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RawAnswer:
    """One answer as it came.

    `content` is the arguments of the first tool call, or else the text. `finish_reason` is in the words of Chat
    Completions (`stop`, `length`, `content_filter`), whatever the API. Tokens are 0 where none are reported.
    """

    content: str | None
    refusal: str | None
    finish_reason: str | None
    model: str | None = None
    system_fingerprint: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0


def read_answer_body(body: Mapping[str, Any]) -> RawAnswer:
    """Read the JSON of an answer; of other APIs than the two, only the model and the tokens."""
    content, refusal, finish_reason = _responses(body) if isinstance(body.get("output"), list) else _chat(body)
    error = _mapping(body.get("error"))
    if error.get("code") == "content_filter":
        refusal = str(error.get("message") or "content_filter")
    usage = _mapping(body.get("usage"))
    return RawAnswer(
        content,
        refusal,
        finish_reason,
        _text(body.get("model")),
        _text(body.get("system_fingerprint")),
        _tokens(usage, "prompt_tokens", "input_tokens"),
        _tokens(usage, "completion_tokens", "output_tokens"),
    )


_Read = tuple[str | None, str | None, str | None]


def _chat(body: Mapping[str, Any]) -> _Read:
    choice = next(_mappings(body.get("choices")), {})
    message = _mapping(choice.get("message"))
    call = next(_mappings(message.get("tool_calls")), {})
    arguments = _text(_mapping(call.get("function")).get("arguments"))
    content = _text(message.get("content")) if arguments is None else arguments
    return content, _text(message.get("refusal")), _text(choice.get("finish_reason"))


def _responses(body: Mapping[str, Any]) -> _Read:
    items = list(_mappings(body["output"]))
    parts = [part for item in items if item.get("type") == "message" for part in _mappings(item.get("content"))]
    calls = [_text(item.get("arguments")) for item in items if item.get("type") == "function_call"]
    texts = [_text(part.get("text")) or "" for part in parts if part.get("type") == "output_text"]
    refusals = [_text(part.get("refusal")) or "refused" for part in parts if part.get("type") == "refusal"]
    content = calls[0] if calls else "".join(texts) if texts else None
    return content, refusals[0] if refusals else None, _ending(body)


def _ending(body: Mapping[str, Any]) -> str | None:
    status = _text(body.get("status"))
    if status == "incomplete":
        reason = _text(_mapping(body.get("incomplete_details")).get("reason"))
        return "length" if reason == "max_output_tokens" else reason
    return "stop" if status == "completed" else status


def _tokens(usage: Mapping[str, Any], *names: str) -> int:
    return next((usage[name] for name in names if isinstance(usage.get(name), int)), 0)


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
