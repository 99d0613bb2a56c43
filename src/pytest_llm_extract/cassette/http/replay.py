"""Answer the requests of one extraction from a recording, or record them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from vcr.request import Request

from pytest_llm_extract.cassette import ownership
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording, Sent, path_of
from pytest_llm_extract.cassette.file.fingerprint import VERSION, Scheme
from pytest_llm_extract.cassette.http.shared_exchanges import SharedExchanges
from pytest_llm_extract.cassette.http.unused_placeholder import drop_unused_placeholder, placeholder_in
from pytest_llm_extract.cassette.ownership import Stopped, Take
from pytest_llm_extract.cassette.scrub.headers import NotStorable
from pytest_llm_extract.cassette.scrub.scrubber import Scrubber, body_of, outline_of
from pytest_llm_extract.cassette.scrub.vcr_filters import HOOK
from pytest_llm_extract.config.settings import Storage
from pytest_llm_extract.credentials.sent_credentials import remember
from pytest_llm_extract.errors import CassetteError, SecretFoundError


class CassetteMiss(Stopped):
    """The cassette does not hold a request."""

    def __init__(self, method: str, url: str) -> None:
        super().__init__(url)
        self.method, self.url = method, url

    def __str__(self) -> str:
        return f"{self.method} {path_of(self.url)} is not in the cassette"


class KeyNeeded(Stopped):
    """Recording needs a key: the placeholder is never sent."""

    def __init__(self, variables: str) -> None:
        super().__init__(variables)
        self.variables = variables

    def __str__(self) -> str:
        return f"recording needs {self.variables}"


class NotShared(Stopped):
    """The recording of an answer that all cases share cannot be read."""


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
    """Replays a recording by fingerprint, in order, and remembers the first request that it does not hold.

    `scheme` is what is compared; None for what the recording says. `shared` are the exchanges of all cases, None where
    there are none. Where they are sent, `n_unshared` counts those that are under way or failed.
    """

    is_offline = True

    def __init__(
        self,
        recording: Recording,
        ignore: tuple[str, ...] = (),
        storage: Storage | None = None,
        scheme: Scheme | None = None,
        shared: SharedExchanges | None = None,
    ) -> None:
        super().__init__()
        self.recording = recording
        self.shared, self.n_unshared = shared, 0
        self._scrubber = Scrubber(storage or Storage(), ignore, scheme or recording.scheme)
        self.matched = self._scrubber.matched
        self.played: list[Exchange] = []
        self.miss: Sent | None = None
        self._left = list(recording.exchanges)
        self._lock = threading.Lock()

    def nearest(self, sent: Sent) -> Exchange | None:
        """The recorded exchange that was not played and is most like a request; None where all were played."""
        same_path = (exchange for exchange in self._left if path_of(exchange.url) == path_of(sent.url))
        return next(same_path, next(iter(self._left), None))

    @property
    def is_whole(self) -> bool:
        """Whether every recorded exchange was replayed, but for those that all cases share: the process has them."""
        return all(self.shares(exchange.url, exchange.request_body) for exchange in self._left)

    def shares(self, url: str, body: bytes) -> bool:
        """Whether all cases share the answer to a request."""
        return self.shared is not None and self.shared.owns(url, body)

    def has_shared(self, request: Request) -> bool:
        """Whether all cases share the answer to a request, and it is recorded, or can be."""
        if self.shared is None or not self.shares(request.uri, body_of(request)):
            return False
        sent = self._scrubber.request(request)
        return sent is not None and (self.shared.sends or self.shared.find(sent) is not None)

    def sends(self, request: Request) -> bool:
        """Whether a request is sent, though the extraction replays: the process may need a real token later on."""
        if self.shared is None or not self.shared.sends or not self.shares(request.uri, body := body_of(request)):
            return False
        if placeholder_in(request, body):
            return False
        with self._lock:
            self.n_unshared += 1
            self.is_offline = False
        return True

    def append(self, request: Request, response: dict[str, Any]) -> None:
        """Keep the answer to a shared request, if it is one."""
        sent = self._scrubber.request(request)
        if self.shared is None or sent is None or response["status"]["code"] >= 400:
            return
        with contextlib.suppress(NotStorable, CassetteError, SecretFoundError):  # recording says so
            if (exchange := self._scrubber.answer(sent, response)) is not None:
                self.shared.keep(exchange)
        with self._lock:
            self.n_unshared -= 1
            self.is_offline = self.n_unshared == 0

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
            if (recorded := self._recorded(sent) or self._shared(sent)) is not None:
                return recorded.to_vcr()
            self.miss = self.miss or sent
        raise ownership.stopping(CassetteMiss(request.method, request.uri))

    def _recorded(self, sent: Sent) -> Exchange | None:
        """Play the exchange of this request; None where the recording does not hold it, or not that often."""
        for fingerprint_of in (attrgetter("fingerprint"), self._scrubber.fingerprint):
            for index, exchange in enumerate(self._left):
                if fingerprint_of(exchange) == sent.fingerprint:
                    return self._play(index)
        return None

    def _shared(self, sent: Sent) -> Exchange | None:
        """The exchange of a request whose answer all cases share; None where it is not recorded."""
        if self.shared is None or not self.shares(sent.url, sent.body):
            return None
        try:
            return self.shared.find(sent)
        except CassetteError as error:
            raise ownership.stopping(NotShared(str(error))) from None

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
    """Sends requests and keeps the scrubbed answers. `heard` is called with every answer.

    `scheme` is what the recording compares; None for what new ones do. `shared` keeps the exchanges of all cases.
    """

    def __init__(
        self,
        ignore: tuple[str, ...] = (),
        heard: Callable[[Exchange], None] | None = None,
        storage: Storage | None = None,
        scheme: Scheme | None = None,
        shared: SharedExchanges | None = None,
    ) -> None:
        super().__init__()
        self._shared = shared
        storage = storage or Storage()
        scheme = scheme or Scheme(VERSION, storage.headers)
        self._scrubber, self._heard = Scrubber(storage, ignore, scheme), heard
        self.matched = self._scrubber.matched
        self.exchanges: list[Exchange] = []
        self._sent: dict[int, Request] = {}
        self._unstored: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def unanswered(self) -> list[Request]:
        """Requests that got no answer: the connection failed, or broke in the middle, or nobody waited for it.

        Without those that the project wants nothing recorded of, which have none on replay either.
        """
        with self._lock:
            sent = list(self._sent.values())
        return [request for request in sent if self._is_kept(request)]

    def _is_kept(self, request: Request) -> bool:
        try:
            return self._scrubber.request(request) is not None
        except (NotStorable, Stopped):
            return True

    @property
    def problem(self) -> str | None:
        """Why what was kept would not replay: an answer that could not be stored, and was not asked for again."""
        kept = {exchange.fingerprint for exchange in self.exchanges}
        return next((words for key, words in self._unstored.items() if key not in kept), None)

    def send(self, request: Request, body: bytes) -> None:
        """Take note of a request that goes out; stop one that has a placeholder key and no credential of its own.

        Raises:
            KeyNeeded: it does.
        """
        if placeholder_in(request, body):
            drop_unused_placeholder(request)
            if variables := placeholder_in(request, body):
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
                if self._is_kept_for_all(exchange):
                    return
            self.exchanges.append(exchange)

    def _is_kept_for_all(self, exchange: Exchange) -> bool:
        """Keep an exchange that all cases share; whether it is one."""
        if self._shared is None or not self._shared.owns(exchange.url, exchange.request_body):
            return False
        try:
            self._shared.keep(exchange)
        except (CassetteError, SecretFoundError) as error:
            self._unstored[exchange.fingerprint] = str(error)
        return True

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
