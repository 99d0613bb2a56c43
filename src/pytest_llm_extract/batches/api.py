"""What a batch API is: one value for each provider, and the words in which they speak of batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from pytest_llm_extract.batches.transport import Caller
from pytest_llm_extract.cassette.sent_batch import SentBatch


class Target(NamedTuple):
    """Where a request would be sent in a batch: the provider, the address of its API, and what one batch shares."""

    provider: str
    base: str
    endpoint: str
    model: str


class Look(NamedTuple):
    """How far a batch is. `state` is the provider's own word; `problem` is why there may be no results, in its words.

    `facts` are what its results are found by. `is_full` says that the provider's queue had no room for it.
    """

    state: str
    has_ended: bool
    n_done: int = 0
    n_all: int = 0
    problem: str | None = None
    facts: tuple[str, ...] = ()
    is_full: bool = False


class Line(NamedTuple):
    """One result: an HTTP answer as the request would have got it, or the reason why there is none."""

    id: str
    status: int = 0
    body: bytes = b""
    problem: str | None = None


class Created(NamedTuple):
    """A batch at its provider, and the time until which it is worked on (ISO 8601), where the provider says it."""

    id: str
    until: str | None = None


class BatchApi(NamedTuple):
    """One provider's batches.

    `target_of` says where the request of a URL and a body goes in a batch; None for a request of another API.
    `line_of` writes one request of a batch. `upload` gives the id of a file that was uploaded, None where the API has
    no files. `create` makes the batch. `find` looks for a batch that may have been created. `read` gives its results.
    `cancel` asks for the end of a batch; what was answered until then stays.
    `has_names` says that the provider keeps the name of a batch, by which any machine finds it.
    """

    name: str
    most_requests: int
    most_bytes: int
    hours: int
    target_of: Callable[[str, dict[str, Any]], Target | None]
    line_of: Callable[[str, dict[str, Any], Target], bytes]
    upload: Callable[[Caller, SentBatch, bytes], str | None]
    create: Callable[[Caller, SentBatch, bytes], Created]
    find: Callable[[Caller, SentBatch], Created | None]
    look: Callable[[Caller, SentBatch], Look]
    read: Callable[[Caller, SentBatch, Look], Iterator[Line | str]]
    cancel: Callable[[Caller, SentBatch], object]
    has_names: bool


def json_line(value: Any) -> bytes:
    """A value as one line of JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a surrogate pair
        text = json.dumps(value, separators=(",", ":")).encode()
    return text + b"\n"


def in_path(identity: str) -> str:
    """An id as a part of a URL's path."""
    return quote(identity, safe="")


def text_lines(data: bytes) -> Iterator[str]:
    """The lines of a file of results that are not empty."""
    for line in data.split(b"\n"):
        if text := line.decode("utf-8", "replace").strip():
            yield text
