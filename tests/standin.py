"""A loopback stand-in for an OpenAI-compatible provider: it follows rules, and says nothing about any model.

`python tests/standin.py --port 8808` serves the invoice reader that the examples were recorded with.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


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
    request that forces a tool gets the text as the arguments of its call.
    """

    def __init__(self, answer: Callable[[dict[str, Any]], str | dict[str, Any] | Reply], port: int = 0) -> None:
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
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                standin.requests.append(body)
                standin.paths.append(self.path)
                standin.headers.append({name.lower(): value for name, value in self.headers.items()})
                answered = answer(body)
                whole = _response if self.path.partition("?")[0].endswith("/responses") else _completion
                reply = answered if isinstance(answered, Reply) else Reply(200, json.dumps(whole(body, answered)))
                data = reply.body.encode()
                self.send_response(reply.status)
                sent = {"content-type": reply.content_type, "content-length": str(len(data)), **reply.headers}
                for name, value in sent.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def serve(self) -> None:
        self._server.serve_forever()

    def __enter__(self) -> StandIn:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _completion(body: dict[str, Any], answered: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(answered, dict):
        return answered
    limit = 4 * body.get("max_tokens", len(answered))
    content, finish_reason = answered[:limit], "length" if len(answered) > limit else "stop"
    tokens = sum(len(str(message["content"])) // 4 for message in body["messages"]), len(content) // 4
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if "tool_choice" in body:
        function = {"name": body["tool_choice"]["function"]["name"], "arguments": content}
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


def _response(body: dict[str, Any], answered: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(answered, dict):
        return answered
    limit = 4 * body.get("max_output_tokens", len(answered))
    text, cut = answered[:limit], len(answered) > limit
    status = "incomplete" if cut else "completed"
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    item = {"id": "msg_standin", "type": "message", "role": "assistant", "status": status, "content": content}
    if "tool_choice" in body:
        call = {"call_id": "call_standin", "name": body["tool_choice"]["name"], "arguments": text}
        item = {"id": "fc_standin", "type": "function_call", "status": status, **call}
    tokens = sum(len(str(turn["content"])) // 4 for turn in body["input"]), len(text) // 4
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


if __name__ == "__main__":
    from standin_invoices import answer_invoice

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8808)
    StandIn(answer_invoice, parser.parse_args().port).serve()
