"""The Message Batches of Anthropic: one call creates a batch, and its results are a stream of JSON lines.

A batch has no name of ours. One whose creation was cut off is found by its age and size; its results say whose it is.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pytest_llm_extract.batches.api import BatchApi, Created, Line, Look, Target, in_path, json_line, text_lines
from pytest_llm_extract.batches.transport import Caller, NoReply, ask, call
from pytest_llm_extract.cassette.sent_batch import SentBatch
from pytest_llm_extract.formats.json_members import member_text

_MESSAGES = "/v1/messages"
_PAGES, _PAGE = 20, 100
_CLOCKS_S = 300.0  # by which the provider's clock and ours may differ
# The HTTP status of each kind of error, which a line of results leaves out.
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def _target(url: str, body: dict[str, Any]) -> Target | None:
    split = urlsplit(url)
    if not split.path.endswith(_MESSAGES):
        return None
    base = split._replace(path=split.path.removesuffix(_MESSAGES), query="").geturl()
    return Target("anthropic", base, _MESSAGES, str(body.get("model")))


def _line(identity: str, body: dict[str, Any], target: Target) -> bytes:
    return json_line({"custom_id": identity, "params": body})


def _upload(caller: Caller, batch: SentBatch, data: bytes) -> str | None:
    return None


def _create(caller: Caller, batch: SentBatch, data: bytes) -> Created:
    body = b'{"requests":[' + b",".join(data.splitlines()) + b"]}"
    url = _url(batch)
    return _created(ask(caller, url, body), url)


def _url(batch: SentBatch) -> str:
    return f"{batch.base}{_MESSAGES}/batches"


def _created(answer: dict[str, Any], url: str) -> Created:
    if not isinstance(answer.get("id"), str):
        raise NoReply(url, f"its answer has no id: {str(answer)[:80]}")
    until = answer.get("expires_at")
    return Created(answer["id"], until if isinstance(until, str) else None)


def _find(caller: Caller, batch: SentBatch) -> Created | None:
    """The batch that was created since, and has as many requests. The newest come first."""
    url, after = _url(batch), ""
    since = (batch.tried_s or 0.0) - _CLOCKS_S
    created: Created | None = None
    for _ in range(_PAGES):
        page = ask(caller, url, query={"limit": str(_PAGE), **({"after_id": after} if after else {})})
        listed = [one for one in page.get("data") or [] if isinstance(one, dict)]
        for one in listed:
            if _created_s(one) < since:
                return created
            if _n_requests(one) == len(batch.requests) and one.get("id") not in batch.not_ours:
                created = _created(one, url)  # the oldest of them was created first after ours was tried
        if not page.get("has_more") or not listed:
            return created
        after = str(listed[-1].get("id"))
    return created


def _created_s(answer: dict[str, Any]) -> float:
    try:
        return datetime.datetime.fromisoformat(str(answer.get("created_at"))).timestamp()
    except ValueError:
        return 0.0


def _n_requests(answer: dict[str, Any]) -> int:
    return sum(count for count in (answer.get("request_counts") or {}).values() if isinstance(count, int))


def _look(caller: Caller, batch: SentBatch) -> Look:
    url = f"{_url(batch)}/{in_path(batch.id or '')}"
    answer = ask(caller, url)
    state, n_all = str(answer.get("processing_status")), _n_requests(answer)
    n_left = int((answer.get("request_counts") or {}).get("processing") or 0)
    if answer.get("archived_at"):
        return Look("archived", True, n_all, n_all, "the provider has deleted the results: it keeps them for 29 days")
    return Look(state, state == "ended", n_all - n_left, n_all, None, ("results",))


def _cancel(caller: Caller, batch: SentBatch) -> object:
    return ask(caller, f"{_url(batch)}/{in_path(batch.id or '')}/cancel", b"{}")


def _read(caller: Caller, batch: SentBatch, look: Look) -> Iterator[Line | str]:
    # Not from `results_url`: the credentials go to no address that an answer names.
    for _ in look.facts:
        data, _headers = call(caller, "GET", f"{_url(batch)}/{in_path(batch.id or '')}/results")
        for text in text_lines(data):
            yield _result(text)


def _result(text: str) -> Line | str:
    """Read a line of results; a line that is not one stays a string."""
    try:
        row = json.loads(text)
        message, error = member_text(text, "result", "message"), member_text(text, "result", "error")
    except (ValueError, RecursionError):
        return text
    if not isinstance(row, dict) or not isinstance(row.get("custom_id"), str):
        return text
    identity, kind = row["custom_id"], str((row.get("result") or {}).get("type"))
    if kind == "succeeded" and message:
        return Line(identity, 200, message.encode("utf-8", "surrogatepass"))
    if kind == "errored" and error:
        return Line(identity, _status(row["result"]["error"]), error.encode("utf-8", "surrogatepass"))
    words = {"expired": "expired: the batch ended before this request was sent to the model"}
    return Line(identity, problem=words.get(kind, kind))


def _status(error: Any) -> int:
    inner = error.get("error") if isinstance(error, dict) else None
    return _STATUS.get(str((inner or {}).get("type")), 500) if isinstance(inner, dict | None) else 500


ANTHROPIC = BatchApi(
    "anthropic", 100_000, 250_000_000, 24, _target, _line, _upload, _create, _find, _look, _read, _cancel, False
)  # 256 MB
