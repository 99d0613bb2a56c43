"""A loopback stand-in for batch APIs: it keeps files and batches, and answers requests when it is told to."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loopback import LoopbackServer

Json = dict[str, Any]
Answer = Callable[[Json], Json | tuple[int, Json]]


class Refusal(Exception):
    """An HTTP error for a call of the API."""

    def __init__(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


def completion(content: str, model: str = "gpt-4o-mini") -> Json:
    """A chat completion with this text."""
    message = {"role": "assistant", "content": content, "refusal": None}
    return {
        "id": "chatcmpl-batch",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000},
    }


def echoed(body: Json) -> Json:
    """The document of a request is the name of the item."""
    return completion(json.dumps({"name": body["messages"][-1]["content"]}))


class BatchProvider:
    """Serves files and batches. `end()` works off all batches, by `answer`, a body or a status and a body.

    `requests` are the bodies that were ever taken in a batch, `live` those that came outside of one, `calls` every
    call by method and path. `refuse` gives the refusal of a call, None for none. `changed` may change lines of results.
    `queue_bytes` of batches go on at a time; one that finds no room fails as a whole.
    """

    def __init__(self, answer: Answer = echoed) -> None:
        self.answer = answer
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Json] = {}
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.requests: list[Json] = []
        self.live: list[Json] = []
        self.refuse: Callable[[str, str], Refusal | None] = lambda method, path: None
        self.changed: Callable[[list[Json]], list[Any]] = lambda lines: lines
        self.ends_at_once = False
        self.queue_bytes: int | None = None
        self.lock = threading.RLock()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                self.serve(b"")

            def do_POST(self) -> None:
                self.serve(self.rfile.read(int(self.headers.get("content-length", 0))))

            def serve(self, body: bytes) -> None:
                split = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                more: dict[str, str] = {}
                try:
                    with provider.lock:
                        provider.calls.append(f"{self.command} {split.path}")
                        provider.headers.append(headers)
                        if (refusal := provider.refuse(self.command, split.path)) is not None:
                            raise refusal
                        found = provider.serve(self.command, split.path, parse_qs(split.query), headers, body)
                    if isinstance(found, tuple):
                        found, more = found
                    status, data = 200, found if isinstance(found, bytes) else json.dumps(found).encode()
                except Refusal as refused:
                    status, data, more = refused.status, json.dumps(refused.body).encode(), refused.headers
                self.send_response(status)
                for name, value in {
                    "content-type": "application/json",
                    "content-length": str(len(data)),
                    **more,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = LoopbackServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.base_url = f"{self.url}/v1"

    def __enter__(self) -> BatchProvider:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.end()

    def serve(
        self, method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes
    ) -> Json | bytes | tuple[Json | bytes, dict[str, str]]:
        """Answer one call."""
        path = re.sub(r"^(/openai)?(/deployments/[^/]+)?(/v1)?", "", path)
        if method == "POST" and path == "/files":
            return self._take_file(headers["content-type"], body)
        if method == "POST" and path == "/batches":
            return self._create(json.loads(body))
        if method == "GET" and path == "/batches":
            return self._list(query)
        if method == "POST" and (found := re.fullmatch(r"/batches/([\w-]+)/cancel", path)):
            self._known(self.batches, found[1])["status"] = "cancelling"
            return dict(self.batches[found[1]])
        if found := re.fullmatch(r"/batches/([\w-]+)", path):
            return dict(self._known(self.batches, found[1]))
        if found := re.fullmatch(r"/files/([\w-]+)(/content)?", path):
            data: bytes = self._known(self.files, found[1])
            return data if found[2] else {"id": found[1], "status": "processed"}
        if path in ("/chat/completions", "/responses"):
            self.live.append(json.loads(body))
            answered = self.answer(json.loads(body))
            if isinstance(answered, tuple):
                raise Refusal(*answered)
            return answered
        raise Refusal(404, {"error": {"message": f"no such path: {path}"}})

    def _known(self, things: dict[str, Any], name: str) -> Any:
        if name not in things:
            raise Refusal(404, {"error": {"message": f"no such thing: {name}"}})
        return things[name]

    def _take_file(self, kind: str, body: bytes) -> Json:
        whole = BytesParser().parsebytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body)
        fields: dict[Any, Any] = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in whole.walk()
            if not part.is_multipart()
        }
        assert fields["purpose"] == b"batch"
        name = f"file-{len(self.files)}"
        self.files[name] = fields["file"]
        return {"id": name, "object": "file", "purpose": "batch", "status": "processed"}

    def _create(self, asked: Json) -> Json:
        lines = self.lines_of(asked["input_file_id"])
        ids = [line["custom_id"] for line in lines]
        assert asked["completion_window"] == "24h"
        assert len(set(ids)) == len(ids) <= 50_000
        assert len({line["body"]["model"] for line in lines}) == 1
        assert all(line["method"] == "POST" and line["url"] == asked["endpoint"] for line in lines)
        name = f"batch_{len(self.batches)}"
        is_full = self._is_full(asked["input_file_id"])
        self.requests += [] if is_full else [line["body"] for line in lines]
        counts = {"total": len(lines), "completed": 0, "failed": 0}
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "status": "in_progress",
            "created_at": 4_000_000_000 + len(self.batches),
            "expires_at": 4_000_086_400,
            "request_counts": counts,
            **{member: asked.get(member) for member in ("endpoint", "input_file_id", "metadata")},
        }
        if is_full:
            words = "Enqueued token limit reached for gpt-4o-mini in organization org-x. Limit: 90,000 enqueued tokens."
            error = {"code": "token_limit_exceeded", "message": words, "line": None}
            self._work_off(self.batches[name], "failed", {"errors": {"object": "list", "data": [error]}})
        if self.ends_at_once:
            self.end()
        return self.batches[name]

    def _is_full(self, file: str) -> bool:
        open_files = [one["input_file_id"] for one in self.batches.values() if one["status"] == "in_progress"]
        return self.queue_bytes is not None and sum(len(self.files[one]) for one in [*open_files, file]) > (
            self.queue_bytes
        )

    def _list(self, query: dict[str, list[str]]) -> Json:
        listed = list(reversed(self.batches.values()))
        after = query.get("after", [""])[0]
        start = 1 + next((n for n, one in enumerate(listed) if one["id"] == after), -1)
        page = listed[start : start + int(query.get("limit", ["20"])[0])]
        return {"object": "list", "data": page, "has_more": start + len(page) < len(listed)}

    def lines_of(self, file: str) -> list[Json]:
        """The lines of a file."""
        return [json.loads(line) for line in self.files[file].splitlines()]

    def end(self, status: str = "completed", **members: Any) -> None:
        """End every batch that goes on. `failed`: it is refused as a whole."""
        with self.lock:
            for batch in self.batches.values():
                if batch["status"] in ("in_progress", "cancelling"):
                    self._work_off(batch, status, members)

    def _work_off(self, batch: Json, status: str, members: Json) -> None:
        batch |= {"status": status, **members}
        if status == "failed":
            return
        results = [self._result(n, line) for n, line in enumerate(self.lines_of(batch["input_file_id"]))]
        good: list[str] = []
        bad: list[str] = []
        for line in self.changed(results):
            is_bad = isinstance(line, dict) and (line["error"] or line["response"]["status_code"] >= 400)
            (bad if is_bad else good).append(line if isinstance(line, str) else json.dumps(line))
        for member, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                batch[member] = f"file-{batch['id']}-{member}"
                self.files[batch[member]] = "\n".join(lines).encode()
        batch["request_counts"] |= {"completed": len(good), "failed": len(bad)}

    def _result(self, number: int, line: Json) -> Json:
        answered = self.answer(line["body"])
        status, body = answered if isinstance(answered, tuple) else (200, answered)
        response = {"status_code": status, "request_id": f"req_{number}", "body": body}
        return {"id": f"batch_req_{number}", "custom_id": line["custom_id"], "response": response, "error": None}


def expired(line: Json) -> Json:
    """The line of a request that was not reached in time."""
    words = "This request could not be executed before the completion window expired."
    return {**line, "response": None, "error": {"code": "batch_expired", "message": words}}
