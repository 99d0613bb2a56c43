"""The Responses API, of OpenAI, Azure, Bedrock Mantle and DeepSeek."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llm_extract.wire_formats.base import Body, RawAnswer, RequestKeys, WireFormat
from pytest_llm_extract.wire_formats.members import joined, mapping, mappings, text, tokens

_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_ENDS = ("response.completed", "response.incomplete", "response.failed")


def _read(body: Body) -> RawAnswer:
    items = list(mappings(body["output"]))
    parts = [part for item in items if item.get("type") == "message" for part in mappings(item.get("content"))]
    calls = [text(item.get(_CALLS[item["type"]])) for item in items if item.get("type") in _CALLS]
    texts = [text(part.get("text")) or "" for part in parts if part.get("type") == "output_text"]
    refusals = [text(part.get("refusal")) or "refused" for part in parts if part.get("type") == "refusal"]
    usage = mapping(body.get("usage"))
    return RawAnswer(
        calls[-1] if calls else joined(texts),
        refusals[0] if refusals else None,
        "tool_calls" if calls and body.get("status") == "completed" else _ending(body),
        text(body.get("model")),
        text(body.get("system_fingerprint")),
        tokens(usage, "input_tokens"),
        tokens(usage, "output_tokens"),
    )


def _ending(body: Body) -> str | None:
    status = text(body.get("status"))
    if status == "incomplete":
        reason = text(mapping(body.get("incomplete_details")).get("reason"))
        return "length" if reason == "max_output_tokens" else reason
    return {"completed": "stop", "in_progress": None, "queued": None}.get(status or "", status)


def _join(events: Sequence[Body]) -> Body:
    """The response of the last event; of a stream that broke off, the items and the text that came."""
    whole = next((mapping(event.get("response")) for event in reversed(events) if event.get("type") in _ENDS), None)
    if whole is not None:
        return {"output": [], **whole}
    begun = next((mapping(event["response"]) for event in events if "response" in event), {})
    items = [mapping(event.get("item")) for event in events if event.get("type") == "response.output_item.done"]
    deltas = [event.get("delta") for event in events if event.get("type") == "response.output_text.delta"]
    cut = {"type": "output_text", "text": "".join(delta for delta in deltas if isinstance(delta, str))}
    return {**begun, "output": items or [{"type": "message", "content": [cut]}]}


def _is_event(event: Body) -> bool:
    return (text(event.get("type")) or "").startswith("response.")


_REQUEST = RequestKeys(("instructions",), ("input",), ("tools", "text"))
FORMAT = WireFormat(lambda body: isinstance(body.get("output"), list), _read, _is_event, _join, request=_REQUEST)
