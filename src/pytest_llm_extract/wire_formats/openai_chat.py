"""Chat Completions, of OpenAI and of everyone who speaks like it: Azure, Groq, DeepSeek, Mistral, Ollama's `/v1`.

The older Completions (`/v1/completions`), which answer with a string instead of a message, are read too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_llm_extract.wire_formats.base import Body, RawAnswer, RequestKeys, WireFormat
from pytest_llm_extract.wire_formats.members import arguments, joined, mapping, mappings, text, tokens


def _read(body: Body) -> RawAnswer:
    choice = next(mappings(body.get("choices")), {})
    message = mapping(choice.get("message"))
    calls = arguments([*mappings(message.get("tool_calls")), {"function": message.get("function_call")}])
    usage = mapping(body.get("usage"))
    return RawAnswer(
        calls[-1] if calls else _content(message.get("content", choice.get("text"))),
        text(message.get("refusal")),
        _ending(choice.get("finish_reason"), bool(calls)),
        text(body.get("model")),
        text(body.get("system_fingerprint")),
        tokens(usage, "prompt_tokens"),
        tokens(usage, "completion_tokens"),
    )


def _ending(reason: Any, is_call: bool) -> str | None:
    """Why an answer ended. A call that was forced ends with `stop`; older servers say nothing, or `function_call`."""
    if reason in ("", "stop"):
        return "tool_calls" if is_call else "stop"
    return "tool_calls" if reason == "function_call" else text(reason)


def _content(content: Any) -> str | None:
    """A text, or (Mistral) a list of parts of which some are thoughts."""
    if not isinstance(content, list):
        return text(content)
    return joined([text(part.get("text")) or "" for part in mappings(content) if part.get("type") == "text"])


def _is_chunk(event: Body) -> bool:
    chunks = ("chat.completion.chunk", "text_completion")
    return event.get("object") in chunks or any("delta" in c for c in mappings(event.get("choices")))


def _join(chunks: Sequence[Body]) -> Body:
    """Its first choice; usage is in the last chunk, or in each (Groq: in `x_groq`)."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    calls: dict[str, dict[str, Any]] = {}
    finish = None
    for chunk in chunks:
        given = {**mapping(chunk.get("x_groq")), **{name: value for name, value in chunk.items() if value}}
        whole |= {name: given[name] for name in ("model", "system_fingerprint", "usage") if given.get(name)}
        for choice in mappings(chunk.get("choices")):
            if choice.get("index", 0) == 0:
                delta = {"content": choice.get("text"), **mapping(choice.get("delta"))}
                _add(message, delta, "content", "refusal")
                _add_calls(calls, delta)
                finish = choice.get("finish_reason") or finish
    tool_calls = [{"function": function} for function in calls.values()]
    return {**whole, "choices": [{"message": {**message, "tool_calls": tool_calls}, "finish_reason": finish}]}


def _add_calls(calls: dict[str, dict[str, Any]], delta: Body) -> None:
    """Pieces of the arguments of functions, and of the input of custom tools."""
    pieces = [*mappings(delta.get("tool_calls"))]
    if "function_call" in delta:
        pieces.append({"index": None, "function": delta["function_call"]})
    for piece in pieces:
        call = calls.setdefault(str(piece.get("index")), {})
        _add(call, mapping(piece.get("function")), "arguments")
        _add(call, {"arguments": mapping(piece.get("custom")).get("input")}, "arguments")


def _add(whole: dict[str, Any], delta: Body, *names: str) -> None:
    for name in names:
        if (more := text(delta.get(name))) is not None:
            whole[name] = whole.get(name, "") + more


_REQUEST = RequestKeys(turns=("messages", "prompt"), schema=("response_format", "tools", "functions"))
FORMAT = WireFormat(lambda body: isinstance(body.get("choices"), list), _read, _is_chunk, _join, request=_REQUEST)
