"""Build the request of a prompt for each API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pytest_llm_extract.prompt.attachments import Attachment

APIS = ("chat", "responses")
FORMATS = ("json_schema", "json_object", "tool")
# Prompt files name the limit as Chat Completions does.
_RESPONSES_NAMES = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}


class Message(NamedTuple):
    """One turn: a string, or strings and files in reading order."""

    role: str
    content: str | tuple[str | Attachment, ...]


class ResponseFormat(NamedTuple):
    """How the answer is asked for: one of `FORMATS`; `schema` is the strict JSON Schema, None for `json_object`."""

    kind: str
    name: str
    schema: dict[str, Any] | None


def chat_body(
    model: str, messages: Sequence[Message], parameters: Mapping[str, Any], answer: ResponseFormat
) -> dict[str, Any]:
    """The body of a Chat Completions request."""
    turns = [{"role": message.role, "content": _content(message, _chat_part)} for message in messages]
    return {"model": model, "messages": turns, **parameters, **_chat_format(answer)}


def responses_body(
    model: str, messages: Sequence[Message], parameters: Mapping[str, Any], answer: ResponseFormat
) -> dict[str, Any]:
    """The body of a Responses request; the provider is asked not to keep it unless the parameters say `store`."""
    turns = [{"role": message.role, "content": _content(message, _responses_part)} for message in messages]
    named = {_RESPONSES_NAMES.get(name, name): value for name, value in parameters.items()}
    return {"model": model, "input": turns, "store": False, **named, **_responses_format(answer)}


def _chat_format(answer: ResponseFormat) -> dict[str, Any]:
    if answer.kind == "json_object":
        return {"response_format": {"type": "json_object"}}
    if answer.kind == "tool":
        function = {"name": answer.name, "strict": True, "parameters": answer.schema}
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": answer.name}},
            "parallel_tool_calls": False,
        }
    schema = {"name": answer.name, "strict": True, "schema": answer.schema}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _responses_format(answer: ResponseFormat) -> dict[str, Any]:
    if answer.kind == "json_object":
        return {"text": {"format": {"type": "json_object"}}}
    if answer.kind == "tool":
        return {
            "tools": [{"type": "function", "name": answer.name, "strict": True, "parameters": answer.schema}],
            "tool_choice": {"type": "function", "name": answer.name},
            "parallel_tool_calls": False,
        }
    return {"text": {"format": {"type": "json_schema", "name": answer.name, "strict": True, "schema": answer.schema}}}


def _content(message: Message, part: Any) -> str | list[dict[str, Any]]:
    return message.content if isinstance(message.content, str) else [part(piece) for piece in message.content]


def _chat_part(piece: str | Attachment) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"type": "text", "text": piece}
    if piece.is_image:
        return {"type": "image_url", "image_url": {"url": piece.data_url}}
    return {"type": "file", "file": {"filename": piece.path.name, "file_data": piece.data_url}}


def _responses_part(piece: str | Attachment) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"type": "input_text", "text": piece}
    if piece.is_image:
        return {"type": "input_image", "image_url": piece.data_url}
    return {"type": "input_file", "filename": piece.path.name, "file_data": piece.data_url}
