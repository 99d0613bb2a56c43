"""Every HTTP request of an extraction goes to that extraction's own take: a replay or a recording.

vcrpy patches the whole process, so its patches are entered once, with one cassette that forwards each request to
the take held in a context variable. Requests outside an extraction go where they would have gone.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from typing import Any

from vcr.cassette import Cassette
from vcr.request import Request

from pytest_llm_extract import placeholder
from pytest_llm_extract.cassette import guard, ownership, scrub
from pytest_llm_extract.cassette.exchange import Exchange, Recording, as_bytes, path_of, scrubbed
from pytest_llm_extract.cassette.key import fingerprint
from pytest_llm_extract.cassette.ownership import Stopped, Take
from pytest_llm_extract.cassette.patches import patched


class CassetteMiss(Stopped):
    """A request that the cassette does not hold."""

    def __init__(self, method: str, url: str) -> None:
        super().__init__(url)
        self.method, self.url = method, url

    def __str__(self) -> str:
        return f"{self.method} {path_of(self.url)} is not in the cassette"


class KeyNeeded(Stopped):
    """Recording without a key: the placeholder is never sent."""

    def __init__(self, variables: str) -> None:
        super().__init__(variables)
        self.variables = variables

    def __str__(self) -> str:
        return f"recording needs {self.variables}"


class Unowned(Exception):
    """A request during an extraction, from a thread that does not belong to it; the thread may be anybody's."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return (
            f"a thread that was not started by this extraction sent a request to {self.url}; "
            "start it inside, or use a ThreadPoolExecutor"
        )


class Outlived(Stopped):
    """A thread or task sent requests and goes on after its extraction: they may be another case's."""

    def __str__(self) -> str:
        return (
            "a thread or task that the extraction started sends its requests and goes on after it, so that they cannot "
            "be told from another case's; end it with the extraction, or use a ThreadPoolExecutor"
        )


class Replay(Take):
    """Plays a recording back by fingerprint, in order; remembers the first request that it does not hold."""

    def __init__(self, recording: Recording, ignore: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.recording, self._ignore = recording, ignore
        self.played: list[Exchange] = []
        self.miss: tuple[str, str, bytes] | None = None
        self._left = list(recording.exchanges)
        self._lock = threading.Lock()

    @property
    def is_whole(self) -> bool:
        """Whether every recorded exchange was played."""
        return not self._left

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
        raise ownership.stopping(CassetteMiss(request.method, request.uri))

    def _fingerprint(self, exchange: Exchange) -> str:
        """That of the recorded request, also where it was recorded before its volatile values were ignored."""
        if not self._ignore:
            return exchange.fingerprint
        return fingerprint(exchange.method, exchange.url, scrub.scrub_body(exchange.request_body, self._ignore))


class Record(Take):
    """Lets requests through and keeps what came back, scrubbed; `heard` is told of every answer."""

    def __init__(self, ignore: tuple[str, ...] = (), heard: Callable[[Exchange], None] | None = None) -> None:
        super().__init__()
        self._ignore, self._heard = ignore, heard
        self.exchanges: list[Exchange] = []
        self._sent: dict[int, Request] = {}
        self._lock = threading.Lock()

    @property
    def unanswered(self) -> int:
        """Requests that went out and got no answer: the connection failed, or broke in the middle of it."""
        return len(self._sent)

    def send(self, request: Request, body: bytes) -> None:
        """Take note of a request that goes out; stop one that carries a placeholder key anywhere.

        Raises:
            KeyNeeded: it does.
        """
        headers = [v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in request.headers.values()]
        if variables := placeholder.missing_keys([*headers, request.uri, body.decode("latin-1")]):
            raise ownership.stopping(KeyNeeded(variables))
        with self._lock:
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


_active: set[Take] = set()


def _take_of(request: Request) -> Take | None:
    """The take of the extraction that sends a request; None outside of extractions.

    Raises:
        Unowned: the thread belongs to no extraction that is under way, though others are, or to one that has ended.
    """
    take, active = ownership.owner.get(), list(_active)
    if take is None and not active:
        return None
    if take not in active:
        for other in active:
            other.strays.append(request.uri)
        raise Unowned(request.uri)
    if (sender := ownership.worker()) is not None:
        take.senders.add(sender)
    return take


def _body_of(request: Request) -> bytes:
    body = request.body
    if hasattr(body, "read"):
        body = body.read()
    if body is None or isinstance(body, str | bytes):
        return as_bytes(body)
    return bytes(body) if isinstance(body, bytearray) else b"".join(map(as_bytes, body))


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
        take = _take_of(request)
        if isinstance(take, Record):
            take.send(request, _body_of(request))
        return isinstance(take, Replay)

    def play_response(self, request: Request) -> dict[str, Any]:
        take = ownership.owner.get()
        assert isinstance(take, Replay)  # can_play_response_for said so in this very context
        return take.response(request, _body_of(request))

    def append(self, request: Request, response: dict[str, Any]) -> None:
        take = ownership.owner.get()
        if isinstance(take, Record):
            take.append(request, _body_of(request), response)


@contextlib.contextmanager
def routed() -> Iterator[None]:
    """Enter vcrpy's patches, once for many extractions."""
    with patched(_Router):
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
    """Route the requests of this context, and of what it starts, to one take.

    What stops the extraction ends here, and is the take's `stopped`; so is a thread or task that sent some of them and
    does not end with the extraction.
    """
    token, caller = ownership.owner.set(take), ownership.worker()
    _active.add(take)
    try:
        blocked = guard.blocked_network() if isinstance(take, Replay) else contextlib.nullcontext()
        with _uncovered, ownership.inherited_context, blocked:
            yield
    except (Stopped, BaseExceptionGroup):  # which a task group makes of it
        if take.stopped is None:
            raise
    except Exception:
        _refuse_outliving(take, caller)
        raise
    else:
        _refuse_outliving(take, caller)
    finally:
        _active.discard(take)
        ownership.owner.reset(token)


def _refuse_outliving(take: Take, caller: ownership.Worker | None) -> None:
    if ownership.outlive(take.senders - {caller}):
        take.stopped = Outlived()
        if isinstance(take, Replay):
            take.miss = None  # it may be another case's request that was not found
