"""Answers of Anthropic's Messages API, whole and as the events of a stream."""

from __future__ import annotations

import json
from typing import Any

from standin_streams import event, pieces


def message(body: dict[str, Any], text: str) -> dict[str, Any]:
    """A message that says a text, or calls the tool that the request forces with it."""
    limit = 4 * body["max_tokens"]
    cut = len(text) > limit
    content: dict[str, Any] = {"type": "text", "text": text[:limit], "citations": None}
    stop = "max_tokens" if cut else "end_turn"
    choice = body.get("tool_choice", {"type": "auto"})
    if choice["type"] in ("tool", "any"):
        name = choice.get("name", body["tools"][0]["name"])
        content, stop = {"type": "tool_use", "id": "toolu_standin", "name": name, "input": json.loads(text)}, "tool_use"
    tokens = {"input_tokens": len(str(body["messages"])) // 4, "output_tokens": len(text[:limit]) // 4}
    return {
        "id": "msg_standin",
        "type": "message",
        "role": "assistant",
        "model": f"{body['model']}-standin",
        "content": [content],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {**tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
    }


def events(whole: dict[str, Any]) -> str:
    """A message as events: start, each block with its deltas, the reason of its end with the usage, stop."""
    usage = whole["usage"]
    start = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    found: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        called = block["type"] == "tool_use"
        empty = {**block, "input": {}} if called else {**block, "text": ""}
        found.append({"type": "content_block_start", "index": index, "content_block": empty})
        for text in pieces(json.dumps(block["input"]) if called else block["text"]):
            delta = {"type": "input_json_delta", "partial_json": text} if called else _text_delta(text)
            found.append({"type": "content_block_delta", "index": index, "delta": delta})
        found.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    found.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": usage["output_tokens"]}})
    return "".join(event(one, one["type"]) for one in [*found, {"type": "message_stop"}])


def _text_delta(text: str) -> dict[str, Any]:
    return {"type": "text_delta", "text": text}
