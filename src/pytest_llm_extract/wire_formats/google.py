"""Google's generateContent and streamGenerateContent, of Gemini and Vertex."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llm_extract.wire_formats.base import Body, RawAnswer, RequestKeys, WireFormat
from pytest_llm_extract.wire_formats.members import joined, mapping, mappings, text, tokens

_FINISH = {"STOP": "stop", "MAX_TOKENS": "length"}
_FILTERED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR")
# Vertex's messages, written as JSON by a client that keeps the numbers of its enums.
_REASONS = {1: "STOP", 2: "MAX_TOKENS", 5: "OTHER", 9: "MALFORMED_FUNCTION_CALL"}
_REASONS |= {3: "SAFETY", 4: "RECITATION", 6: "BLOCKLIST", 7: "PROHIBITED_CONTENT", 8: "SPII", 10: "MODEL_ARMOR"}
_BLOCKS = dict(enumerate(("SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "MODEL_ARMOR", "JAILBREAK"), start=1))


def _read(body: Body) -> RawAnswer:
    candidate = next(mappings(body.get("candidates")), {})
    parts = [part for part in mappings(mapping(candidate.get("content")).get("parts")) if not part.get("thought")]
    called = [part["functionCall"] for part in parts if isinstance(part.get("functionCall"), dict)]
    calls = [json.dumps(call.get("args"), ensure_ascii=False) for call in called]
    texts = [found for part in parts if (found := text(part.get("text"))) is not None]
    reason, feedback = _named(candidate.get("finishReason"), _REASONS), mapping(body.get("promptFeedback"))
    blocked = text(feedback.get("blockReasonMessage")) or _named(feedback.get("blockReason"), _BLOCKS)
    filtered = blocked is not None or reason in _FILTERED
    usage = mapping(body.get("usageMetadata"))
    return RawAnswer(
        calls[-1] if calls else joined(texts),
        (blocked or text(candidate.get("finishMessage")) or reason) if filtered else None,
        "content_filter" if filtered else "tool_calls" if calls and reason == "STOP" else _ending(reason),
        text(body.get("modelVersion")),
        None,
        tokens(usage, "promptTokenCount", "toolUsePromptTokenCount"),
        tokens(usage, "candidatesTokenCount", "thoughtsTokenCount"),
    )


def _named(value: Any, names: Mapping[int, str]) -> str | None:
    """The name of an enum's value, which may be its number; None for none, and for the number 0."""
    return names.get(value) if isinstance(value, int) else text(value)


def _ending(reason: str | None) -> str | None:
    return reason and _FINISH.get(reason, reason.lower())


def _join(events: Sequence[Body]) -> Body:
    """Each event is a whole body with some of the parts; the counts of the last one hold."""
    whole: dict[str, Any] = {}
    candidate: dict[str, Any] = {}
    parts: list[Body] = []
    for event in events:
        whole |= event
        first = next(mappings(event.get("candidates")), {})
        candidate |= {name: value for name, value in first.items() if value is not None}
        parts += mappings(mapping(first.get("content")).get("parts"))
    return {**whole, "candidates": [{**candidate, "content": {"parts": parts}}]}


def _is_answer(body: Body) -> bool:
    return isinstance(body.get("candidates"), list) or isinstance(body.get("promptFeedback"), dict)


_REQUEST = RequestKeys(
    ("systemInstruction", "system_instruction"),
    ("contents",),
    ("tools", "generationConfig.responseSchema", "generationConfig.responseJsonSchema"),
)
FORMAT = WireFormat(_is_answer, _read, _is_answer, _join, request=_REQUEST)
