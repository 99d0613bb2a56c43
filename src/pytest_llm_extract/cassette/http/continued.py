"""Continue a recording with answers that did not come over HTTP, such as those of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vcr.request import Request

from pytest_llm_extract.cassette import ownership
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording, Sent
from pytest_llm_extract.cassette.file.fingerprint import VERSION, Scheme
from pytest_llm_extract.cassette.http.replay import CassetteMiss, Replay, Unkept
from pytest_llm_extract.cassette.http.shared_exchanges import SharedExchanges
from pytest_llm_extract.cassette.http.unused_placeholder import drop_unused_placeholder, placeholder_in
from pytest_llm_extract.cassette.scrub.headers import NotStorable
from pytest_llm_extract.cassette.scrub.scrubber import Scrubber, body_of
from pytest_llm_extract.config.settings import Storage
from pytest_llm_extract.credentials.sent_credentials import remember

# The answer to a request, in vcrpy's form, when the extraction sends it for the n-th time; None where there is none.
Find = Callable[[Sent, int], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Unanswered:
    """A request without an answer: as the client would have sent it, with its credentials, and as it may be stored.

    `number` counts the equal requests of its extraction. `needs` are the variables of a key that is not set.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    sent: Sent = field(repr=False)
    number: int
    needs: str | None


class Continued(Replay):
    """Replays a recording, then finds further answers, and stops the extraction at a request that has neither.

    `exchanges` are what was answered, in order; `found` are those that were not in the old recording.
    With `is_quick`, an untouched client for prompts takes no part, so that its requests show no credentials.
    """

    def __init__(
        self,
        old: Recording | None,
        find: Find,
        ignore: tuple[str, ...],
        storage: Storage,
        shared: SharedExchanges | None = None,
        *,
        is_quick: bool,
    ) -> None:
        super().__init__(old or Recording(()), ignore, storage, shared=shared)
        self._new = Scrubber(storage, ignore, Scheme(VERSION, storage.headers))
        self._find, self._is_quick = find, is_quick
        self.exchanges: list[Exchange] = []
        self.found: list[Exchange] = []
        self.without_answer: list[Unanswered] = []
        self.problem: str | None = None  # why an answer could not be stored
        self.unanswered: list[Request] = []  # nothing goes out, so nothing is waited for

    def response(self, request: Request) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            CassetteMiss: there is none yet.
            Unkept: the project wants nothing of such requests recorded.
        """
        if (sent := self._new.request(request)) is None:
            raise Unkept(request.method, request.uri)
        remember(sent.credentials)
        if (exchange := self._answered(request, sent)) is None:
            raise ownership.stopping(CassetteMiss(request.method, request.uri))
        return exchange.to_vcr()

    def plain_answer(self, request: Request) -> bytes | None:
        """The body of an answer that no client has to look at: a success in JSON; None for every other."""
        if not self._is_quick or self._left or self._new.has_filters:
            return None
        if (sent := self._new.request(request)) is None:
            return None
        recorded = self._find(sent, self._number(sent))
        if recorded is not None and recorded["status"]["code"] != 200:
            return None
        if (exchange := self._answered(request, sent)) is None:
            raise ownership.stopping(CassetteMiss(request.method, request.uri))
        return exchange.response_body

    def _answered(self, request: Request, sent: Sent) -> Exchange | None:
        with self._lock:
            exchange = self._kept(request, sent) or self._fresh(sent)
            if exchange is not None:
                self.exchanges.append(exchange)
            else:
                self.without_answer.append(self._missed(request, sent))
        return exchange

    def _kept(self, request: Request, sent: Sent) -> Exchange | None:
        """An answer of the old recording, with the request as recordings of today store it."""
        then = sent if self.recording.scheme == sent.scheme else self._scrubber.request(request)
        if not self._left or then is None or (recorded := self._recorded(then)) is None:
            return None
        return replace(
            recorded,
            method=sent.method,
            url=sent.url,
            request_headers=sent.headers,
            request_body=sent.body,
            scheme=sent.scheme,
            known_fingerprint=sent.fingerprint,
        )

    def _fresh(self, sent: Sent) -> Exchange | None:
        if (response := self._find(sent, self._number(sent))) is None:
            return None
        try:
            exchange = self._new.answer(sent, response)
        except NotStorable as error:
            exchange, self.problem = None, str(error)
        if exchange is None:
            self.problem = self.problem or "a filter of the project keeps nothing of the answer"
            return None
        self.found.append(exchange)
        return exchange

    def _number(self, sent: Sent) -> int:
        return 1 + sum(exchange.fingerprint == sent.fingerprint for exchange in self.exchanges)

    def _missed(self, request: Request, sent: Sent) -> Unanswered:
        body = body_of(request)
        drop_unused_placeholder(request)
        pairs = getattr(request.headers, "raw", None) or request.headers.items()
        headers = {_text(name).lower(): _text(value) for name, value in pairs}
        needs = placeholder_in(request, body)
        return Unanswered(request.method, request.uri, headers, body, sent, self._number(sent), needs)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
