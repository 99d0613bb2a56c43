"""Answers of Google's generateContent, whole and as the events of a stream."""

from __future__ import annotations

import json
from typing import Any

from standin_streams import event, pieces


def generation(body: dict[str, Any], text: str) -> dict[str, Any]:
    """A candidate that says a text, or calls the function that the request forces with it."""
    limit = 4 * body.get("generationConfig", {}).get("maxOutputTokens", len(text))
    part: dict[str, Any] = {"text": text[:limit]}
    choice = body.get("toolConfig", {}).get("functionCallingConfig", {})
    if choice.get("mode") == "ANY":
        name = body["tools"][0]["functionDeclarations"][0]["name"]
        part = {"functionCall": {"name": name, "args": json.loads(text)}}
    tokens = len(str(body["contents"])) // 4, len(text[:limit]) // 4
    return {
        "candidates": [_candidate(part, "MAX_TOKENS" if len(text) > limit else "STOP")],
        "usageMetadata": {
            "promptTokenCount": tokens[0],
            "candidatesTokenCount": tokens[1],
            "totalTokenCount": sum(tokens),
        },
        "modelVersion": "gemini-standin",
        "responseId": "standin",
    }


def events(whole: dict[str, Any]) -> str:
    """A generation as events, each with a piece of the text; the last has the reason of its end."""
    candidate = whole["candidates"][0]
    parts = [
        {"text": text} if "text" in part else part
        for part in candidate["content"]["parts"]
        for text in (pieces(part["text"]) if "text" in part else [""])
    ]
    ends = [None] * (len(parts) - 1) + [candidate["finishReason"]]
    return "".join(event({**whole, "candidates": [_candidate(*one)]}) for one in zip(parts, ends, strict=True))


def _candidate(part: dict[str, Any], end: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"content": {"role": "model", "parts": [part]}, "index": 0}
    return {**found, "finishReason": end} if end else found
