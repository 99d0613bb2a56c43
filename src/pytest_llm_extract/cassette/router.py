"""Every HTTP request of an extraction goes to that extraction's own take: a replay or a recording.

vcrpy patches the whole process, so its patches are entered once, with one cassette that forwards each request to
the take held in a context variable. Requests outside an extraction go where they would have gone.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

from vcr.cassette import Cassette
from vcr.request import Request

from pytest_llm_extract import placeholder
from pytest_llm_extract.cassette import guard, ownership
from pytest_llm_extract.cassette.exchange import Exchange, Recording, address_of, path_of
from pytest_llm_extract.cassette.ownership import Stopped, Take
from pytest_llm_extract.cassette.patches import patched
from pytest_llm_extract.cassette.scrub import NotStorable, Scrubber, body_of, outline_of
from pytest_llm_extract.cassette.vcr_filters import HOOK
from pytest_llm_extract.config import Storage
from pytest_llm_extract.secrecy.travelled import remember


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

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        return (
            f"a thread that was not started by this extraction sent a request to {self.address}; "
            "start it inside, or use a ThreadPoolExecutor"
        )


class Outlived(Stopped):
    """A thread or task sent requests and goes on after its extraction: they may be another case's."""

    def __str__(self) -> str:
        return (
            "a thread or task that the extraction started sends its requests and goes on after it, so that they cannot "
            "be told from another case's; end it with the extraction, or use a ThreadPoolExecutor"
        )


class Unkept(ConnectionError):
    """A request of which nothing is recorded, on the project's own wish: on replay, its host cannot be reached."""

    def __init__(self, method: str, url: str) -> None:
        super().__init__(url)
        self.method, self.url = method, url

    def __str__(self) -> str:
        return (
            f"{self.method} {path_of(self.url)} is not recorded (a filter of {HOOK} keeps nothing of it), "
            "and replay never touches the network"
        )


class Replay(Take):
    """Plays a recording back by fingerprint, in order; remembers the first request that it does not hold."""

    def __init__(self, recording: Recording, ignore: tuple[str, ...] = (), storage: Storage | None = None) -> None:
        super().__init__()
        self.recording, self._scrubber = recording, Scrubber(storage or Storage(), ignore)
        self.matched = self._scrubber.matched
        self.played: list[Exchange] = []
        self.miss: tuple[str, str, bytes] | None = None
        self._left = list(recording.exchanges)
        self._lock = threading.Lock()

    @property
    def is_whole(self) -> bool:
        """Whether every recorded exchange was played."""
        return not self._left

    def response(self, request: Request) -> dict[str, Any]:
        """The recorded answer.

        Raises:
            CassetteMiss: the cassette does not hold this request, or not that often.
            Unkept: the project wants nothing of such requests recorded.
        """
        if (exchange := self._unscrubbed(request)) is not None:
            return exchange.to_vcr()
        sent = self._scrubber.request(request)
        if sent is None:
            raise Unkept(request.method, request.uri)
        remember(sent.credentials)
        with self._lock:
            for fingerprint_of in (attrgetter("fingerprint"), self._scrubber.fingerprint):
                for index, exchange in enumerate(self._left):
                    if fingerprint_of(exchange) == sent.fingerprint:
                        return self._play(index).to_vcr()
            self.miss = self.miss or (sent.method, sent.url, sent.body)
        raise ownership.stopping(CassetteMiss(request.method, request.uri))

    def _unscrubbed(self, request: Request) -> Exchange | None:
        """The next exchange, where its request was sent again without anything that would have to be scrubbed.

        Scrubbing is most of what a comparison takes, and hardly ever changes anything.
        """
        with self._lock:
            known = self._left[0].known_fingerprint if self._left else ""
            if not known or (credentials := self._scrubber.carried(request, known)) is None:
                return None
            remember(credentials)
            return self._play(0)

    def plain_answer(self, request: Request) -> bytes | None:
        """The body of the recorded answer, where no client has anything to add to it: the next one, JSON, a success.

        None where the request has to be sent after all: by a client, which has the words for whatever is different.
        """
        if self._scrubber.has_filters or (sent := self._scrubber.request(request)) is None:
            return None
        with self._lock:
            if not self._left or not self._left[0].is_json or self._left[0].fingerprint != sent.fingerprint:
                return None
            return self._play(0).response_body

    def _play(self, index: int) -> Exchange:
        self.played.append(self._left.pop(index))
        return self.played[-1]


class Record(Take):
    """Lets requests through and keeps what came back, scrubbed; `heard` is told of every answer."""

    def __init__(
        self,
        ignore: tuple[str, ...] = (),
        heard: Callable[[Exchange], None] | None = None,
        storage: Storage | None = None,
    ) -> None:
        super().__init__()
        self._scrubber, self._heard = Scrubber(storage or Storage(), ignore), heard
        self.matched = self._scrubber.matched
        self.exchanges: list[Exchange] = []
        self._sent: dict[int, Request] = {}
        self._unstored: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def unanswered(self) -> int:
        """Requests that went out and got no answer: the connection failed, or broke in the middle of it."""
        return len(self._sent)

    @property
    def problem(self) -> str | None:
        """Why what was kept would not replay: an answer that could not be stored, and was not asked for again."""
        kept = {exchange.fingerprint for exchange in self.exchanges}
        return next((words for key, words in self._unstored.items() if key not in kept), None)

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

    def append(self, request: Request, response: dict[str, Any]) -> None:
        """Keep an exchange; a failed one is dropped when the same request succeeds."""
        with self._lock:
            # What a client tried again and got is no longer waiting.
            self._sent = {key: sent for key, sent in self._sent.items() if not _same(sent, request)}
        exchange = self._stored(request, response)
        if exchange is None:
            return
        with self._lock:
            if exchange.status < 400:
                self.exchanges = [e for e in self.exchanges if e.status < 400 or e.fingerprint != exchange.fingerprint]
            self.exchanges.append(exchange)

    def _stored(self, request: Request, response: dict[str, Any]) -> Exchange | None:
        where, key = f"{request.method} {path_of(request.uri)}", ""
        try:
            sent = self._scrubber.request(request)
            if sent is None:
                return None
            remember(sent.credentials)
            key = sent.fingerprint
            if self._heard is not None:
                self._heard(outline_of(sent, response))
            exchange = self._scrubber.answer(sent, response)
            problem = f"a filter of {HOOK} keeps nothing of the answer to {where}, so it would be missing on replay"
        except NotStorable as error:
            exchange, problem = None, f"{where}: {error}"
        if exchange is None:
            self._unstored[key] = problem
        return exchange


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
        address = address_of(request.uri)
        for other in active:
            other.strays.append(address)
        raise Unowned(address)
    if (sender := ownership.worker()) is not None:
        take.senders.add(sender)
    return take


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
            take.send(request, body_of(request))
        return isinstance(take, Replay)

    def play_response(self, request: Request) -> dict[str, Any]:
        take = ownership.owner.get()
        assert isinstance(take, Replay)  # can_play_response_for said so in this very context
        return take.response(request)

    def append(self, request: Request, response: dict[str, Any]) -> None:
        take = ownership.owner.get()
        if isinstance(take, Record):
            take.append(request, response)


def plain_answer(url: str, body: bytes) -> bytes | None:
    """The body that the replay under way has for a POST of JSON; None where there is none, or the request must be sent.

    It is compared as any other request is.
    """
    take = ownership.owner.get()
    if not isinstance(take, Replay):
        return None
    return take.plain_answer(Request("POST", url, body, {"content-type": "application/json"}))


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
