"""Every HTTP request of an extraction goes to that extraction's own take: a replay or a recording.

vcrpy patches the whole process, so its patches are entered once, with one cassette that forwards each request to
the take held in a context variable. Requests outside an extraction go where they would have gone.
"""

from __future__ import annotations

import contextlib
import contextvars
import http.client
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from vcr.cassette import Cassette
from vcr.request import Request

from pytest_llm_extract import placeholder
from pytest_llm_extract.cassette import guard, scrub
from pytest_llm_extract.cassette.exchange import Exchange, Recording, path_of, scrubbed
from pytest_llm_extract.cassette.key import fingerprint


class CassetteMiss(BaseException):
    """A request that the cassette does not hold. No `Exception`: SDKs retry and hide those."""

    def __init__(self, method: str, url: str) -> None:
        super().__init__(url)
        self.method, self.url = method, url

    def __str__(self) -> str:
        return f"{self.method} {path_of(self.url)} is not in the cassette"


class KeyNeeded(BaseException):
    """Recording without a key: the placeholder is never sent."""

    def __str__(self) -> str:
        return "recording needs OPENAI_API_KEY (or the key of the provider that the extractor calls)"


class Unowned(BaseException):
    """A request during an extraction, from a thread that the extraction did not start."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return f"a thread that was started before the extraction sent a request to {self.url}; start it inside"


class Replay:
    """Plays a recording back by fingerprint, in order; remembers the first request that it does not hold."""

    def __init__(self, recording: Recording, ignore: tuple[str, ...] = ()) -> None:
        self.recording, self._ignore = recording, ignore
        self.played: list[Exchange] = []
        self.miss: tuple[str, str, bytes] | None = None
        self._left = list(recording.exchanges)
        self._lock = threading.Lock()

    def response(self, request: Request, body: bytes) -> dict[str, Any]:
        """The recorded answer.

        Raises:
            CassetteMiss: the cassette does not hold this request, or not that often.
        """
        url, clean = scrub.scrub_url(request.uri), scrub.scrub_request_body(body, self._ignore)
        wanted = fingerprint(request.method, url, clean)
        with self._lock:
            for index, exchange in enumerate(self._left):
                if self._fingerprint(exchange) == wanted:
                    self.played.append(self._left.pop(index))
                    return exchange.to_vcr()
            self.miss = self.miss or (request.method, url, clean)
        raise CassetteMiss(request.method, request.uri)

    def _fingerprint(self, exchange: Exchange) -> str:
        """That of the recorded request, also where it was recorded before its volatile values were ignored."""
        if not self._ignore:
            return exchange.fingerprint
        return fingerprint(exchange.method, exchange.url, scrub.scrub_body(exchange.request_body, self._ignore))


class Record:
    """Lets requests through and keeps what came back, scrubbed; `heard` is told of every answer."""

    def __init__(self, ignore: tuple[str, ...] = (), heard: Callable[[Exchange], None] | None = None) -> None:
        self._ignore, self._heard = ignore, heard
        self.exchanges: list[Exchange] = []
        self._sent: dict[int, Request] = {}
        self._lock = threading.Lock()

    @property
    def unanswered(self) -> int:
        """Requests that went out and got no answer: the connection failed, or broke in the middle of it."""
        return len(self._sent)

    def send(self, request: Request) -> None:
        """Take note of a request that goes out; stop one that carries the placeholder key.

        Raises:
            KeyNeeded: it does.
        """
        values = [str(value) for value in request.headers.values()]
        if any(placeholder.KEY in value for value in [*values, request.uri]):
            raise KeyNeeded
        self._sent[id(request)] = request

    def append(self, request: Request, body: bytes, response: dict[str, Any]) -> None:
        """Keep an exchange; a failed one is dropped when the same request succeeds."""
        exchange = scrubbed(request.method, request.uri, request.headers, body, response, self._ignore)
        if self._heard is not None:
            self._heard(exchange)
        with self._lock:
            # What a client tried again and got is no longer waiting.
            self._sent = {key: sent for key, sent in self._sent.items() if not _same(sent, request)}
            if exchange.status < 400:
                self.exchanges = [e for e in self.exchanges if e.status < 400 or e.fingerprint != exchange.fingerprint]
            self.exchanges.append(exchange)


def _same(one: Request, other: Request) -> bool:
    return one is other or (one.method, one.uri, one.body) == (other.method, other.uri, other.body)


Take = Replay | Record
_take: contextvars.ContextVar[Take | None] = contextvars.ContextVar("llm_extract_take", default=None)
_active: set[Take] = set()


def _body_of(request: Request) -> bytes:
    body = request.body
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body or b"")


class _Router(Cassette):  # type: ignore[misc]  # vcrpy has no types
    """What vcrpy's stubs take for the cassette."""

    def _load(self) -> None:
        self.rewound = True

    def _save(self, force: bool = False) -> None:
        """Nothing: each take is written by its case."""

    @property
    def write_protected(self) -> bool:
        return False

    def filter_request(self, request: Request) -> Request:
        return request

    def can_play_response_for(self, request: Request) -> bool:
        take = _take.get()
        if take is None:
            if _active:
                raise Unowned(request.uri)
            return False
        if isinstance(take, Record):
            take.send(request)
            return False
        return True

    def play_response(self, request: Request) -> dict[str, Any]:
        take = _take.get()
        assert isinstance(take, Replay)  # can_play_response_for said so in this very context
        return take.response(request, _body_of(request))

    def append(self, request: Request, response: dict[str, Any]) -> None:
        take = _take.get()
        if isinstance(take, Record):
            take.append(request, _body_of(request), response)


@contextlib.contextmanager
def routed() -> Iterator[None]:
    """Enter vcrpy's patches, once for many extractions."""
    with contextlib.ExitStack() as stack:
        # While urllib3 connects, vcrpy takes its patches off the whole process: requests of other threads go live.
        stack.enter_context(mock.patch("vcr.patch.force_reset", contextlib.nullcontext))
        stack.enter_context(_Router.use(path="pytest-llm-extract"))
        yield


def is_on_top() -> bool:
    """Whether nobody entered another cassette since ours."""
    return isinstance(getattr(http.client.HTTPConnection, "cassette", None), _Router)


class _Uncovered:
    """While extractions are under way, no cassette of a fixture (pytest-recording's, say) lies over ours."""

    def __init__(self) -> None:
        self._lock, self._inside, self._again = threading.Lock(), 0, contextlib.ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1 and not is_on_top():
                self._again.enter_context(routed())

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._again.close()


_uncovered = _Uncovered()


@contextlib.contextmanager
def taking(take: Take) -> Iterator[None]:
    """Route the requests of this context, and of the threads it starts, to one take."""
    token = _take.set(take)
    _active.add(take)
    try:
        network = guard.blocked_network() if isinstance(take, Replay) else contextlib.nullcontext()
        with _uncovered, guard.inherited_context, network:
            yield
    finally:
        _active.discard(take)
        _take.reset(token)
