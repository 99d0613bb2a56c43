"""Calls of a batch API, with the address and the credentials of a request that an extraction would have sent."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from pytest_llm_extract import clock
from pytest_llm_extract.errors import LlmExtractError, PlacedError

_TIMEOUT_S = 120.0
_TRIES, _PAUSE_S, _LONGEST_PAUSE_S = 5, 0.5, 30.0
_SHOWN = 300  # characters of an answer
# Names of headers that say who asks, and for which version of the API; others may differ from request to request.
_SAYS_WHO = re.compile(r"auth|key|token|cookie|organization|project|workspace|beta|version|user")
# What belongs to one request or connection; the rest is who asks.
_OF_ONE_REQUEST = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "idempotency-key",
        "te",
        "transfer-encoding",
    }
)


class Refused(LlmExtractError):
    """The provider answered with an error, so nothing was done. `status` is that of HTTP.

    `is_full` says that it takes no more for now: its queue is full, and not the account empty.
    """

    def __init__(self, status: int, words: str, retry_after: str | None = None, *, is_full: bool = False) -> None:
        super().__init__(words)
        self.status, self.words, self.is_full = status, words, is_full
        self.wait_s = float(retry_after) if retry_after and retry_after.isdecimal() else None

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.words}"


class NoReply(PlacedError):
    """The provider gave no answer, or failed: nobody knows whether it did what it was asked for."""

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(f"no answer from {address}", problem)


@dataclass(frozen=True)
class Caller:
    """Who asks: the headers and the query of a client's request. They are kept in memory alone."""

    headers: Mapping[str, str] = field(repr=False)
    query: str = field(default="", repr=False)

    @classmethod
    def of(cls, headers: Mapping[str, str], url: str) -> Caller:
        """The caller of a request with these headers, by lower-case name."""
        kept = {
            name: value
            for name, value in headers.items()
            if name not in _OF_ONE_REQUEST and not name.startswith("x-stainless-")
        }
        return cls(kept, urlsplit(url).query)

    @property
    def identity(self) -> tuple[tuple[str, str], ...]:
        """What makes two callers the same."""
        said = sorted((name, value) for name, value in self.headers.items() if _SAYS_WHO.search(name))
        return (*said, ("query", self.query))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would take the credentials to another address."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def call(
    caller: Caller,
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> tuple[bytes, Mapping[str, str]]:
    """Send one request, and return body and headers of its answer. What only asks is tried again where it fails.

    Raises:
        Refused: the provider answered with an error that another try would not change.
        NoReply: it did not answer, or is out of order.
    """
    pieces = [piece for piece in (caller.query, urlencode(query or {})) if piece]
    whole = f"{url}?{'&'.join(pieces)}" if pieces else url
    for rest in reversed(range(_TRIES)):
        try:
            return _call_once(caller, method, whole, body, headers or {})
        except NoReply as error:
            if method != "GET" or not rest:
                raise
            _wait(_TRIES - rest, error)
        except Refused as error:
            if error.status != 429 or not rest:
                raise
            _wait(_TRIES - rest, error)
    raise AssertionError("the last try returns or raises")


def _wait(number: int, error: LlmExtractError) -> None:
    asked_s = error.wait_s if isinstance(error, Refused) else None
    clock.sleep(min(_LONGEST_PAUSE_S, _PAUSE_S * 2**number if asked_s is None else asked_s))


def _call_once(
    caller: Caller, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
) -> tuple[bytes, Mapping[str, str]]:
    own = {"accept": "application/json", **headers}
    request = urllib.request.Request(url, body, {**caller.headers, **own}, method=method)
    address = urlsplit(url)._replace(query="").geturl()
    try:
        with _opener.open(request, timeout=_TIMEOUT_S) as answer:
            return answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            said, retry_after = error.read(), error.headers.get("retry-after")
        words, is_full = error_words(said), error.code == 429 and b"insufficient_quota" not in said
        if error.code >= 500 or error.code == 408:
            raise NoReply(address, f"HTTP {error.code}: {words}") from None
        raise Refused(error.code, words, retry_after, is_full=is_full) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise NoReply(address, str(reason) or type(error).__name__) from None


def error_words(body: bytes) -> str:
    """What an error says: the message in the formats of the providers, or the text."""
    text = body.decode(errors="replace")
    try:
        error: Any = json.loads(text)
    except ValueError:
        return text.strip()[:_SHOWN]
    while isinstance(error, dict) and "error" in error:
        error = error["error"]
    message = error.get("message") if isinstance(error, dict) else error
    return str(message or text)[:_SHOWN]


def ask(caller: Caller, url: str, body: bytes | None = None, query: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Get the JSON object at an address, or what is answered to JSON that is posted there.

    Raises:
        Refused: as `call`.
        NoReply: as `call`, or the answer is not a JSON object.
    """
    if body is None:
        return read_object(call(caller, "GET", url, query=query)[0], url)
    return read_object(call(caller, "POST", url, body, {"content-type": "application/json"}, query)[0], url)


def read_object(body: bytes, address: str) -> dict[str, Any]:
    """The JSON object of an answer.

    Raises:
        NoReply: it is something else, such as the page of a proxy.
    """
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise NoReply(address, f"its answer is not JSON: {body[:80]!r}")
    return value
