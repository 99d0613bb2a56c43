"""The batches of OpenAI and Azure OpenAI: a JSONL file, and a batch of it."""

from __future__ import annotations

import datetime
import json
import re
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pytest_llm_extract import clock
from pytest_llm_extract.batches.api import BatchApi, Created, Line, Look, Target, in_path, json_line, text_lines
from pytest_llm_extract.batches.transport import Caller, NoReply, ask, call, read_object
from pytest_llm_extract.cassette.sent_batch import SentBatch
from pytest_llm_extract.formats.json_members import member_text

_ENDPOINT = re.compile(r"(?P<before>.*?)(?:/deployments/(?P<deployment>[^/]+))?(?P<api>/chat/completions|/responses)")
_ENDED = frozenset({"failed", "completed", "expired", "cancelled"})
_KEY = "llm_extract_batch"  # of the metadata that the provider keeps with a batch
_PAGES, _PAGE = 50, 100
_DAY_S = 86_400.0
_FILE_S, _PAUSE_S = 120.0, 1.0  # Azure looks at a file before it takes it


def _target(url: str, body: dict[str, Any]) -> Target | None:
    """OpenAI names the version of the API in each line; Azure's deployments are models, below a path without it."""
    split = urlsplit(url)
    if (match := _ENDPOINT.fullmatch(split.path)) is None:
        return None
    base = split._replace(path=match["before"], query="").geturl()
    deployment = match["deployment"]
    endpoint = match["api"] if deployment else f"/v1{match['api']}"
    return Target("openai", base, endpoint, str(deployment or body.get("model")))


def _line(identity: str, body: dict[str, Any], target: Target) -> bytes:
    return json_line(
        {"custom_id": identity, "method": "POST", "url": target.endpoint, "body": {**body, "model": target.model}}
    )


def _upload(caller: Caller, batch: SentBatch, data: bytes) -> str | None:
    boundary = secrets.token_hex(16)
    head = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{batch.name}.jsonl"\r\n'
        "content-type: application/jsonl\r\n\r\n"
    )
    form = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    url, kind = f"{batch.base}/files", {"content-type": f"multipart/form-data; boundary={boundary}"}
    file = read_object(call(caller, "POST", url, form, kind)[0], url)
    until = clock.monotonic_s() + _FILE_S
    while file.get("status") in ("pending", "running", "notRunning") and clock.monotonic_s() < until:
        clock.sleep(_PAUSE_S)
        file = ask(caller, f"{url}/{in_path(str(file.get('id')))}")
    return _id(file, url)


def _create(caller: Caller, batch: SentBatch, data: bytes) -> Created:
    url = f"{batch.base}/batches"
    asked = {"input_file_id": batch.file, "endpoint": batch.endpoint, "completion_window": "24h"}
    body = json_line({**asked, "metadata": {_KEY: batch.name}})
    return _created(ask(caller, url, body), url)


def _created(answer: dict[str, Any], url: str) -> Created:
    until = answer.get("expires_at")
    if not isinstance(until, int | float):
        return Created(_id(answer, url))
    return Created(_id(answer, url), datetime.datetime.fromtimestamp(until, datetime.UTC).isoformat())


def _id(answer: dict[str, Any], url: str) -> str:
    if not isinstance(answer.get("id"), str):
        raise NoReply(url, f"its answer has no id: {str(answer)[:80]}")
    return str(answer["id"])


def _find(caller: Caller, batch: SentBatch) -> Created | None:
    """The newest batches first, until one is a day older than ours."""
    url, after = f"{batch.base}/batches", ""
    for _ in range(_PAGES):
        page = ask(caller, url, query={"limit": str(_PAGE), **({"after": after} if after else {})})
        listed = [one for one in page.get("data") or [] if isinstance(one, dict)]
        for one in listed:
            metadata = one.get("metadata")
            is_named = isinstance(metadata, dict) and metadata.get(_KEY) == batch.name
            if is_named or (batch.file is not None and one.get("input_file_id") == batch.file):
                return _created(one, url)
        ages = [one["created_at"] for one in listed if isinstance(one.get("created_at"), int | float)]
        if not page.get("has_more") or not listed or min(ages, default=0) < (batch.tried_s or 0) - _DAY_S:
            return None
        after = str(listed[-1].get("id"))
    return None


def _look(caller: Caller, batch: SentBatch) -> Look:
    url = f"{batch.base}/batches/{in_path(batch.id or '')}"
    answer = ask(caller, url)
    state, counts = str(answer.get("status")), answer.get("request_counts") or {}
    n_done = sum(int(counts.get(name) or 0) for name in ("completed", "failed"))
    files = tuple(str(answer[name]) for name in ("output_file_id", "error_file_id") if answer.get(name))
    n_all, problem = int(counts.get("total") or 0), _problem(answer)
    is_full = state == "failed" and "token_limit_exceeded" in (problem or "")
    return Look(state, state in _ENDED, n_done, n_all, problem, files, is_full)


def _problem(answer: dict[str, Any]) -> str | None:
    """Why a batch was refused as a whole, or left requests undone."""
    errors = (answer.get("errors") or {}).get("data") or []
    words = [
        f"{error.get('code') or 'error'}: {error.get('message')}"
        + (f" (line {error['line']})" if error.get("line") else "")
        for error in errors
        if isinstance(error, dict)
    ]
    if words:
        return "; ".join(words[:3])[:500]
    return f"the batch is {answer.get('status')}" if answer.get("status") not in ("completed", None) else None


def _cancel(caller: Caller, batch: SentBatch) -> object:
    return ask(caller, f"{batch.base}/batches/{in_path(batch.id or '')}/cancel", b"{}")


def _read(caller: Caller, batch: SentBatch, look: Look) -> Iterator[Line | str]:
    for file in look.facts:
        data, _ = call(caller, "GET", f"{batch.base}/files/{in_path(file)}/content", headers={"accept": "*/*"})
        for text in text_lines(data):
            yield _result(text)


def _result(text: str) -> Line | str:
    """Read a line of an output or error file; any other line stays a string."""
    try:
        row = json.loads(text)
        body = member_text(text, "response", "body")
    except (ValueError, RecursionError):
        return text
    if not isinstance(row, dict) or not isinstance(row.get("custom_id"), str):
        return text
    identity, response, error = row["custom_id"], row.get("response"), row.get("error")
    if isinstance(response, dict) and isinstance(response.get("status_code"), int) and body:
        return Line(identity, response["status_code"], body.encode("utf-8", "surrogatepass"))
    if isinstance(error, dict):
        return Line(identity, problem=f"{error.get('code') or 'error'}: {error.get('message')}")
    return Line(identity, problem=f"the result has no answer: {text[:200]}")


OPENAI = BatchApi(
    "openai", 50_000, 190_000_000, 24, _target, _line, _upload, _create, _find, _look, _read, _cancel, True
)  # 200 MB, of whichever size the provider takes a megabyte to be
