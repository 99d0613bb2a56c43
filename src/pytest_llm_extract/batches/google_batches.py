"""The batches of Google's Gemini API: an uploaded JSONL file, a long-running operation, and a file of results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pytest_llm_extract.batches.api import BatchApi, Created, Line, Look, Target, json_line, text_lines
from pytest_llm_extract.batches.transport import Caller, NoReply, ask, call, read_object
from pytest_llm_extract.cassette.sent_batch import SentBatch
from pytest_llm_extract.formats.json_members import member_text

_METHOD = re.compile(r"(?P<before>.*?)(?P<version>/v1[a-z0-9]*)/(?P<model>models/[\w.-]+):generateContent")
_NAME = re.compile(r"(?:batches|files)/[\w-]+")
_ENDED = frozenset({"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})
_PAGES, _PAGE = 20, 100
# The HTTP status of each code of google.rpc.Status, as the API itself answers it.
_STATUS = {3: 400, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 13: 500, 14: 503, 16: 401}


def _target(url: str, body: dict[str, Any]) -> Target | None:
    split = urlsplit(url)
    if (match := _METHOD.fullmatch(split.path)) is None:
        return None
    base = split._replace(path=match["before"], query="").geturl()
    return Target("google", base, f"{match['version']}/{match['model']}", match["model"].partition("/")[2])


def _line(identity: str, body: dict[str, Any], target: Target) -> bytes:
    return json_line({"key": identity, "request": body})


def _version(batch: SentBatch) -> str:
    return batch.endpoint.split("/")[1]


def _upload(caller: Caller, batch: SentBatch, data: bytes) -> str | None:
    """A resumable upload of one piece: its first call gives the address of the second, on the same host."""
    url = f"{batch.base}/upload/{_version(batch)}/files"
    about = json_line({"file": {"displayName": batch.name, "mimeType": "application/jsonl"}})
    start = {
        "content-type": "application/json",
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": str(len(data)),
        "x-goog-upload-header-content-type": "application/jsonl",
    }
    _, headers = call(caller, "POST", url, about, start)
    there = urlsplit(headers.get("x-goog-upload-url", ""))
    own = urlsplit(url)
    if (there.scheme, there.netloc) != (own.scheme, own.netloc):
        raise NoReply(url, "it gives no address for the upload that is its own")
    whole = {
        "content-type": "application/jsonl",
        "x-goog-upload-offset": "0",
        "x-goog-upload-command": "upload, finalize",
    }
    bare = Caller(caller.headers, there.query)
    body, _ = call(bare, "POST", there._replace(query="").geturl(), data, whole)
    return _name(read_object(body, url).get("file"), url)


def _name(answer: Any, url: str) -> str:
    name = answer.get("name") if isinstance(answer, dict) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise NoReply(url, f"its answer has no name: {str(answer)[:80]}")
    return name


def _create(caller: Caller, batch: SentBatch, data: bytes) -> Created:
    url = f"{batch.base}{batch.endpoint}:batchGenerateContent"
    body = json_line({"batch": {"displayName": batch.name, "inputConfig": {"fileName": batch.file}}})
    answer = ask(caller, url, body)
    return Created(_name(answer, url))


def _find(caller: Caller, batch: SentBatch) -> Created | None:
    """By the display name, which is ours."""
    url, token = f"{batch.base}/{_version(batch)}/batches", ""
    for _ in range(_PAGES):
        query = {"pageSize": str(_PAGE), **({"pageToken": token} if token else {})}
        page = ask(caller, url, query=query)
        for one in page.get("operations") or []:
            if isinstance(one, dict) and (one.get("metadata") or {}).get("displayName") == batch.name:
                return Created(_name(one, url))
        token = str(page.get("nextPageToken") or "")
        if not token:
            return None
    return None


def _look(caller: Caller, batch: SentBatch) -> Look:
    url = f"{batch.base}/{_version(batch)}/{batch.id}"
    answer = ask(caller, url)
    metadata = answer.get("metadata") or {}
    state = str(metadata.get("state") or "").removeprefix("BATCH_STATE_").removeprefix("JOB_STATE_")
    counts = metadata.get("batchStats") or {}
    n_all = int(counts.get("requestCount") or 0)
    n_left = int(counts.get("pendingRequestCount") or 0)
    output = answer.get("response") or metadata.get("output") or {}
    file = output.get("responsesFile")
    error = answer.get("error")
    problem = str(error.get("message")) if isinstance(error, dict) else None
    if state in _ENDED and problem is None and "SUCCEEDED" not in state:
        problem = f"the batch is {state}"
    files = (file,) if isinstance(file, str) and _NAME.fullmatch(file) else ()
    return Look(state, state in _ENDED or bool(answer.get("done")), n_all - n_left, n_all, problem, files)


def _cancel(caller: Caller, batch: SentBatch) -> object:
    return ask(caller, f"{batch.base}/{_version(batch)}/{batch.id}:cancel", b"{}")


def _read(caller: Caller, batch: SentBatch, look: Look) -> Iterator[Line | str]:
    for file in look.facts:
        url = f"{batch.base}/download/{_version(batch)}/{file}:download"
        for text in text_lines(call(caller, "GET", url, headers={"accept": "*/*"}, query={"alt": "media"})[0]):
            yield _result(text)


def _result(text: str) -> Line | str:
    """Read a line of results; a line that is not one stays a string."""
    try:
        row = json.loads(text)
        response = member_text(text, "response")
    except (ValueError, RecursionError):
        return text
    if not isinstance(row, dict) or not isinstance(row.get("key"), str):
        return text
    if isinstance(row.get("response"), dict) and response:
        return Line(row["key"], 200, response.encode("utf-8", "surrogatepass"))
    error = row.get("error")
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        body = json_line({"error": error}).strip()
        return Line(row["key"], _STATUS.get(error["code"], error["code"] if error["code"] >= 400 else 500), body)
    return Line(row["key"], problem=f"the result has no answer: {text[:200]}")


GOOGLE = BatchApi(
    "google", 50_000, 1_900_000_000, 48, _target, _line, _upload, _create, _find, _look, _read, _cancel, True
)  # a file of 2 GB; a batch expires after 48 hours
