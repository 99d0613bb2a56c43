"""A loopback stand-in for providers: it follows rules, and says nothing about any model.

It speaks Chat Completions and Responses, Anthropic's Messages and Google's generateContent, streamed or not.

`python tests/standin.py --port 8808` serves the readers that the examples were recorded with.
"""

from __future__ import annotations

import argparse
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any

import standin_anthropic
import standin_google
import standin_streams
from loopback import LoopbackServer


@dataclass
class Reply:
    """A whole HTTP answer, for errors and oddities."""

    status: int
    body: str
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class StandIn:
    """Serves `answer(body)`: a text is the message's content, a dict a whole body, a `Reply` a whole answer.

    A text longer than the request's `max_tokens` (`max_output_tokens`) is cut there, at four characters a token. A
    request that forces a tool gets the text as the arguments of its call. One that asks for a stream gets events, each
    in a chunk of its own.
    """

    def __init__(
        self,
        answer: Callable[[dict[str, Any]], str | dict[str, Any] | Reply],
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        standin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet an answer: two would wait for a delayed acknowledgement

            def setup(self) -> None:
                standin.connections += 1
                super().setup()

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["content-length"]))
                multipart = self.headers.get("content-type", "").startswith("multipart/")
                body = {"multipart": sent.decode()} if multipart else json.loads(sent)
                standin.requests.append(body)
                standin.paths.append(self.path)
                standin.headers.append({name.lower(): value for name, value in self.headers.items()})
                answered = answer(body)
                reply = answered if isinstance(answered, Reply) else _reply(self.path, body, answered)
                data, streamed = reply.body.encode(), reply.content_type == "text/event-stream"
                length = {"transfer-encoding": "chunked"} if streamed else {"content-length": str(len(data))}
                self.send_response(reply.status)
                for name, value in {"content-type": reply.content_type, **length, **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if streamed:
                    self.send_events(data)
                else:
                    self.wfile.write(data)

            def send_events(self, data: bytes) -> None:
                for event in data.split(b"\n\n")[:-1]:
                    self.wfile.write(b"%x\r\n%s\n\n\r\n" % (len(event) + 2, event))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = LoopbackServer(("127.0.0.1", port), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.base_url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}/v1"

    def serve(self) -> None:
        self._server.serve_forever()

    def __enter__(self) -> StandIn:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.end()


def said(body: dict[str, Any]) -> str:
    """The text of the last turn of a request, in any of the APIs."""
    turns: Any = body.get("messages") or body.get("input") or body.get("contents")
    if isinstance(turns, str):
        return turns
    content = turns[-1].get("content") or turns[-1].get("parts")
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _reply(path: str, body: dict[str, Any], answered: str | dict[str, Any]) -> Reply:
    path = path.partition("?")[0]
    whole, events = _api(path)
    found = answered if isinstance(answered, dict) else whole(body, answered)
    if body.get("stream") or path.endswith(":streamGenerateContent"):
        return Reply(200, events(found), "text/event-stream")
    return Reply(200, json.dumps(found))


def _api(path: str) -> tuple[Callable[[dict[str, Any], str], dict[str, Any]], Callable[[dict[str, Any]], str]]:
    """How the API of a path answers with a text, and how it streams such an answer."""
    if path.endswith("enerateContent"):
        return standin_google.generation, standin_google.events
    if path.endswith("/messages"):
        return standin_anthropic.message, standin_anthropic.events
    if path.endswith("/responses"):
        return _response, standin_streams.response_events
    return _completion, standin_streams.chat_events


def _completion(body: dict[str, Any], answered: str) -> dict[str, Any]:
    limit = 4 * body.get("max_tokens", len(answered))
    content, finish_reason = answered[:limit], "length" if len(answered) > limit else "stop"
    tokens = sum(len(str(message["content"])) // 4 for message in body["messages"]), len(content) // 4
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if body.get("tool_choice", "auto") != "auto":
        function = {"name": _tool(body), "arguments": content}
        message |= {"content": None, "tool_calls": [{"id": "call_standin", "type": "function", "function": function}]}
    return {
        "id": "chatcmpl-standin",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": f"{body['model']}-standin",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
        "system_fingerprint": "fp_standin",
    }


def _response(body: dict[str, Any], answered: str) -> dict[str, Any]:
    limit = 4 * body.get("max_output_tokens", len(answered))
    text, cut = answered[:limit], len(answered) > limit
    status = "incomplete" if cut else "completed"
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    item = {"id": "msg_standin", "type": "message", "role": "assistant", "status": status, "content": content}
    if body.get("tool_choice", "auto") != "auto":
        call = {"call_id": "call_standin", "name": _tool(body), "arguments": text}
        item = {"id": "fc_standin", "type": "function_call", "status": status, **call}
    tokens = len(str(body["input"])) // 4, len(text) // 4
    return {
        "id": "resp_standin",
        "object": "response",
        "created_at": 1_700_000_000,
        "model": f"{body['model']}-standin",
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": [{"id": "rs_standin", "type": "reasoning", "summary": []}, item],
        "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1], "total_tokens": sum(tokens)},
    }


def _tool(body: dict[str, Any]) -> str:
    """The name of the tool that a request forces, or of its only one."""
    chosen = body["tools"][0] if isinstance(body["tool_choice"], str) else body["tool_choice"]
    name: str = chosen.get("function", chosen)["name"]
    return name


if __name__ == "__main__":
    from standin_agreements import answer_example

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8808)
    StandIn(answer_example, parser.parse_args().port).serve()
