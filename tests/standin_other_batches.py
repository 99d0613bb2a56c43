"""Loopback stand-ins for the batches of Anthropic and Google."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

from standin_batches import Answer, BatchProvider, Json, Refusal


def message(body: Json) -> Json:
    """The message that Anthropic answers: the document as the item's name."""
    content = body["messages"][-1]["content"]
    return {
        "id": "msg_batch",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": json.dumps({"name": content})}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1_000_000, "output_tokens": 0},
    }


def generation(body: Json) -> Json:
    """What Gemini answers: the document as the item's name."""
    content = body["contents"][-1]["parts"][0]["text"]
    part = {"text": json.dumps({"name": content})}
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 1_000_000, "candidatesTokenCount": 1, "totalTokenCount": 1_000_001},
        "modelVersion": "gemini-2.5-flash",
    }


class AnthropicBatches(BatchProvider):
    """Message Batches. A line of results is changed as `{"custom_id": …, "result": …}`."""

    def __init__(self, answer: Answer = message) -> None:
        super().__init__(answer)

    def serve(self, method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes) -> Any:
        """Answer one call."""
        key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if key != "loopback-only" or not headers.get("anthropic-version"):
            raise Refusal(
                401, {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
            )
        if (method, path) == ("POST", "/v1/messages/batches"):
            return self._take(json.loads(body)["requests"])
        if (method, path) == ("GET", "/v1/messages/batches"):
            listed = [{name: one[name] for name in one if name != "lines"} for one in reversed(self.batches.values())]
            return {"data": listed, "has_more": False, "first_id": None, "last_id": None}
        if method == "POST" and (found := re.fullmatch(r"/v1/messages/batches/([\w-]+)/cancel", path)):
            self._known(self.batches, found[1])["processing_status"] = "canceling"
            return {}
        if found := re.fullmatch(r"/v1/messages/batches/([\w-]+)(/results)?", path):
            batch = self._known(self.batches, found[1])
            return batch["lines"] if found[2] else {name: batch[name] for name in batch if name != "lines"}
        if (method, path) == ("POST", "/v1/messages"):
            self.live.append(json.loads(body))
            return self.answer(json.loads(body))
        raise Refusal(404, {"type": "error", "error": {"type": "not_found_error", "message": path}})

    def _take(self, requests: list[Json]) -> Json:
        ids = [request["custom_id"] for request in requests]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", identity) for identity in ids)
        self.requests += [request["params"] for request in requests]
        return self.add(f"msgbatch_{len(self.batches)}", requests)

    def add(self, name: str, requests: list[Json]) -> Json:
        """Take these requests in a batch of this name."""
        now = datetime.datetime.now(datetime.UTC)
        self.batches[name] = {
            "id": name,
            "type": "message_batch",
            "processing_status": "in_progress",
            "created_at": now.isoformat().replace("+00:00", "Z"),
            "expires_at": (now + datetime.timedelta(hours=24)).isoformat().replace("+00:00", "Z"),
            "request_counts": {"processing": len(requests), "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
            "results_url": "https://elsewhere.invalid/results",
            "asked": requests,
        }
        return {name: value for name, value in self.batches[name].items() if name != "asked"}

    def end(self, status: str = "ended", **members: Any) -> None:
        """End every batch."""
        with self.lock:
            for batch in self.batches.values():
                if batch["processing_status"] != "ended":
                    results = self.changed([self._line(request) for request in batch["asked"]])
                    counts = {"processing": 0, "succeeded": len(batch["asked"])}
                    lines = "\n".join(json.dumps(line) for line in results).encode()
                    batch |= {"processing_status": "ended", "request_counts": counts, "lines": lines, **members}

    def _line(self, request: Json) -> Json:
        answered = self.answer(request["params"])
        result: Json = {"type": "succeeded", "message": answered}
        if isinstance(answered, tuple):
            error = {"type": answered[0], "message": answered[1]["message"]}
            result = {"type": "errored", "error": {"type": "error", "error": error, "request_id": None}}
        return {"custom_id": request["custom_id"], "result": result}


class GoogleBatches(BatchProvider):
    """Files and batches of the Gemini API."""

    def __init__(self, answer: Answer = generation) -> None:
        super().__init__(answer)

    def serve(self, method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes) -> Any:
        """Answer one call."""
        path = re.sub(r"^(/upload|/download)?/v1/", r"\1/v1beta/", path)  # which newer clients use
        if headers.get("x-goog-api-key") != "loopback-only":
            raise Refusal(403, {"error": {"code": 403, "message": "no key", "status": "PERMISSION_DENIED"}})
        if (method, path) == ("POST", "/upload/v1beta/files"):
            return self._upload(query, headers, body)
        if (method, path) == ("POST", "/v1beta/models/gemini-2.5-flash:batchGenerateContent"):
            return self._take(json.loads(body)["batch"])
        if (method, path) == ("GET", "/v1beta/batches"):
            return {"operations": list(reversed(self.batches.values()))}
        if method == "POST" and (found := re.fullmatch(r"/v1beta/(batches/\d+):cancel", path)):
            self._known(self.batches, found[1])["metadata"]["state"] = "BATCH_STATE_CANCELLING"
            return {}
        if found := re.fullmatch(r"/v1beta/(batches/\d+)", path):
            return dict(self._known(self.batches, found[1]))
        if (found := re.fullmatch(r"/download/v1beta/(files/[\w-]+):download", path)) and query["alt"] == ["media"]:
            return self._known(self.files, found[1])
        if path.endswith(":generateContent"):
            self.live.append(json.loads(body))
            return self.answer(json.loads(body))
        raise Refusal(404, {"error": {"code": 404, "message": path}})

    def _upload(self, query: dict[str, list[str]], headers: dict[str, str], body: bytes) -> Any:
        if headers["x-goog-upload-command"] == "start":
            assert headers["x-goog-upload-protocol"] == "resumable"
            return {}, {"x-goog-upload-url": f"{self.url}/upload/v1beta/files?upload_id=1"}
        assert query["upload_id"] == ["1"]
        name = f"files/in{len(self.files)}"
        self.files[name] = body
        return {"file": {"name": name, "state": "ACTIVE"}}

    def _take(self, batch: Json) -> Json:
        lines = self.lines_of(batch["inputConfig"]["fileName"])
        assert len({line["key"] for line in lines}) == len(lines)
        self.requests += [line["request"] for line in lines]
        name = f"batches/{len(self.batches)}"
        counts = {"requestCount": str(len(lines)), "pendingRequestCount": str(len(lines))}
        about = {"state": "BATCH_STATE_PENDING", "displayName": batch["displayName"], "batchStats": counts}
        self.batches[name] = {"name": name, "metadata": about, "asked": batch["inputConfig"]["fileName"]}
        return self.batches[name]

    def end(self, status: str = "BATCH_STATE_SUCCEEDED", **members: Any) -> None:
        """End every batch; one that does not succeed has no results."""
        with self.lock:
            for name, batch in self.batches.items():
                if not batch.get("done"):
                    batch["metadata"] |= {"state": status}
                    batch |= {"done": True, **members}
                    if status == "BATCH_STATE_SUCCEEDED":
                        lines = self.changed([self._line(line) for line in self.lines_of(batch["asked"])])
                        file = f"files/out-{name.replace('/', '-')}"
                        self.files[file] = "\n".join(json.dumps(line) for line in lines).encode()
                        batch["response"] = {"responsesFile": file}

    def _line(self, line: Json) -> Json:
        answered = self.answer(line["request"])
        if isinstance(answered, tuple):
            return {"key": line["key"], "error": {"code": answered[0], **answered[1]}}
        return {"key": line["key"], "response": answered}
