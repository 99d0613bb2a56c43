"""Whole answers of OpenAI's two APIs as the server-sent events that a stream brings them in."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PIECE = 7  # characters of text in one event


def pieces(text: str) -> Iterator[str]:
    """A text in the pieces that the events of a stream bring."""
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))


def event(data: dict[str, Any], name: str | None = None) -> str:
    """One server-sent event."""
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n"


def chat_events(completion: dict[str, Any]) -> str:
    """A chat completion as chunks, the last two with the finish reason and the usage."""
    choice = completion["choices"][0]
    message = choice["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "" if message["content"] else None}]
    for call in message.get("tool_calls", ()):
        function = call["function"]
        start = {"index": 0, "id": call["id"], "type": "function", "function": {**function, "arguments": ""}}
        deltas.append({"tool_calls": [start]})
        for text in pieces(function["arguments"]):
            deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": text}}]})
    deltas += [{"content": text} for text in pieces(message["content"] or "")]
    head = {**completion, "object": "chat.completion.chunk", "usage": None}
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    chunks.append({**head, "choices": [], "usage": completion["usage"]})
    return "".join(map(event, chunks)) + "data: [DONE]\n\n"


def response_events(response: dict[str, Any]) -> str:
    """A response as events: created, each item with its deltas, completed."""
    events: list[dict[str, Any]] = [{"type": "response.created", "response": {**response, "output": []}}]
    for index, item in enumerate(response["output"]):
        at = {"output_index": index}
        events.append({"type": "response.output_item.added", **at, "item": _empty(item)})
        events += [{**found, **at, "item_id": item["id"]} for found in _item_events(item)]
        events.append({"type": "response.output_item.done", **at, "item": item})
    events.append({"type": f"response.{response['status']}", "response": response})
    return "".join(event({**found, "sequence_number": n}, found["type"]) for n, found in enumerate(events))


def _empty(item: dict[str, Any]) -> dict[str, Any]:
    return item | {name: type(item[name])() for name in ("content", "arguments") if name in item}


def _item_events(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "arguments" in item:
        for text in pieces(item["arguments"]):
            yield {"type": "response.function_call_arguments.delta", "delta": text}
        yield {"type": "response.function_call_arguments.done", "name": item["name"], "arguments": item["arguments"]}
    for index, part in enumerate(item.get("content", ())):
        at = {"content_index": index, "logprobs": []}
        yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
        for text in pieces(part["text"]):
            yield {"type": "response.output_text.delta", **at, "delta": text}
        yield {"type": "response.output_text.done", **at, "text": part["text"]}
        yield {"type": "response.content_part.done", **at, "part": part}


@contextmanager
def never_ending(content: str) -> Iterator[str]:
    """The address of a server that answers with a stream, says `[DONE]` and does not hang up."""
    message = {"role": "assistant", "content": content}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    events = chat_events({"id": "c", "created": 1, "model": "m", "choices": [choice], "usage": usage}).encode()
    assert events.endswith(b"data: [DONE]\n\n")
    server = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            held.append(connection)
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + events[:-5])
            time.sleep(0.05)
            connection.sendall(events[-5:])

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
    server.close()
    for connection in held:
        connection.close()
