"""Requests and answers as a cassette stores them: scrubbed and decoded."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import mktime_tz, parsedate_tz
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pytest_llm_extract import clock
from pytest_llm_extract.cassette.file.fingerprint import FIRST, Scheme, body_hash, fingerprint, query_digest
from pytest_llm_extract.wire_formats import NOTHING, is_cut_off, is_failed, joined_pieces, read_wire_answer

_REJECTIONS = frozenset({400, 413, 422})
# Some providers answer 400 where the account, the key or the name of the model is at fault, and not the request.
_OF_THE_ACCOUNT = re.compile(
    rb"api[_ ]?key|insufficient_quota|credit balance|billing|payment|location is not supported"
    rb"|model[_ ]not[_ ](?:found|exist)|invalid model|valid model id",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sent:
    """A request as it may be stored, and the credentials that it carried, each with where it was.

    `scrubbed` names what was taken out of its body.
    """

    method: str
    url: str
    headers: dict[str, list[str]]
    body: bytes
    credentials: dict[str, str] = field(default_factory=dict)
    scheme: Scheme = FIRST
    scrubbed: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the request."""
        return fingerprint(self.method, self.url, self.body, self.headers, self.scheme)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as stored: scrubbed, decoded, bodies as bytes.

    `known_fingerprint` is that of the request, where it is known to be true; `scheme` says what it is made of.
    `scrubbed` names what was taken out of the bodies when it was recorded.
    """

    method: str
    url: str
    request_headers: dict[str, list[str]]
    request_body: bytes
    status: int
    reason: str
    response_headers: dict[str, list[str]]
    response_body: bytes
    known_fingerprint: str = field(default="", compare=False, repr=False)
    scheme: Scheme = field(default=FIRST, compare=False, repr=False)
    scrubbed: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the request."""
        return self.known_fingerprint or self.sent.fingerprint

    @property
    def sent(self) -> Sent:
        """The request."""
        return Sent(self.method, self.url, self.request_headers, self.request_body, scheme=self.scheme)

    @property
    def without_request(self) -> Exchange:
        """With hashes in the place of the request's body and query; its fingerprint is the same."""
        return replace(self, url=self._url_without_query, request_body=body_hash(self.request_body, self.scheme))

    @property
    def _url_without_query(self) -> str:
        """With the names of its parameters and the version of the API alone; of a GET, with a hash of its query."""
        split = urlsplit(self.url)
        if self.scheme.version > 1 and self.method.upper() in ("GET", "HEAD"):
            compared = query_digest(self.method, split)
            return urlunsplit(split._replace(query=f"sha256={compared}" if compared else ""))
        pairs = parse_qsl(split.query, keep_blank_values=True)
        query = [(name, value if name == "api-version" else "") for name, value in pairs]
        return urlunsplit(split._replace(query=urlencode(query)))

    @property
    def retry_after_s(self) -> float | None:
        """Seconds to wait before the next try, as the provider asks; None if it does not say.

        From `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
        """
        for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
            for value in self.response_headers.get(name, ()):
                try:
                    seconds = float(value) * unit
                except ValueError:
                    if (date := parsedate_tz(value)) is None:
                        continue
                    seconds = mktime_tz(date) - clock.wall_s()
                if math.isfinite(seconds):
                    return max(0.0, seconds)
        return None

    @property
    def is_json(self) -> bool:
        """Whether the request succeeded, and its answer says that it is JSON."""
        kinds = self.response_headers.get("content-type", ())
        return self.status == 200 and any(kind.startswith("application/json") for kind in kinds)

    @property
    def is_page(self) -> bool:
        """Whether the answer is empty or HTML, so it comes from a proxy or a login page and not from an API."""
        return self.response_body.lstrip()[:9].lower().startswith((b"<html", b"<!doctype")) or not self.response_body

    @property
    def is_cut_off(self) -> bool:
        """Whether the request succeeded and its answer is incomplete."""
        kinds = [kind.partition(";")[0].strip().lower() for kind in self.response_headers.get("content-type", ())]
        is_answer = 200 <= self.status < 300 and not self.is_page
        return is_answer and any(is_cut_off(self.response_body, kind) for kind in kinds)

    @property
    def is_failed(self) -> bool:
        """Whether the request succeeded and its answer reports an error."""
        return 200 <= self.status < 300 and is_failed(self.response_body)

    @property
    def says_something(self) -> bool:
        """Whether the request succeeded, or its error is an answer (of a content filter)."""
        return self.status < 400 or read_wire_answer(self.response_body) != NOTHING

    @property
    def is_rejected(self) -> bool:
        """Whether the provider will never answer this request: it is too long, say, or has a value that is not allowed.

        A wrong key, an empty account and an unknown model are not the request's fault.
        """
        return self.status in _REJECTIONS and not _OF_THE_ACCOUNT.search(self.response_body)

    def to_vcr(self) -> dict[str, Any]:
        """The response in vcrpy's form. It is made anew each time, since vcrpy's stubs change it."""
        return {
            "status": {"code": self.status, "message": self.reason},
            "headers": {name: list(values) for name, values in self.response_headers.items()},
            "body": {"string": self.response_body},
        }


class Recording(NamedTuple):
    """The exchanges of one case in request order, and the facts about them."""

    exchanges: tuple[Exchange, ...]
    case: str = ""
    meta: Mapping[str, Any] = MappingProxyType({})

    @property
    def fingerprints(self) -> list[str]:
        """The sha256 of each request, in request order."""
        return [exchange.fingerprint for exchange in self.exchanges]

    @property
    def scheme(self) -> Scheme:
        """What its fingerprints are made of."""
        return self.exchanges[0].scheme if self.exchanges else FIRST

    @property
    def said(self) -> Iterator[tuple[str, str]]:
        """What the bodies say in several pieces, joined, each with its place in words."""
        for number, exchange in enumerate(self.exchanges, start=1):
            for name, body in (("request", exchange.request_body), ("response", exchange.response_body)):
                yield from ((f"interaction {number}, {name} body", text) for text in joined_pieces(body))

    @property
    def scrubbed(self) -> list[str]:
        """What was taken out of the bodies of an exchange, by name: `password (answer)`."""
        return list(dict.fromkeys(name for exchange in self.exchanges for name in exchange.scrubbed))

    def attempt_after(self, old: Recording | None) -> int:
        """Which recording of its requests this is: 1, or the next one where `old` holds the same requests."""
        if old is None or old.fingerprints != self._fingerprints_under(old.scheme):
            return 1
        return int(old.meta.get("attempt", 1)) + 1

    def _fingerprints_under(self, scheme: Scheme) -> list[str]:
        return [replace(exchange.sent, scheme=scheme).fingerprint for exchange in self.exchanges]

    @property
    def without_requests(self) -> Recording:
        """The recording as it is kept where requests may hold personal data: hashes of their bodies, no query."""
        return self._replace(exchanges=tuple(exchange.without_request for exchange in self.exchanges))


def as_bytes(body: Any) -> bytes:
    """A body as bytes; vcrpy and YAML may hold it as a string.

    Raises:
        ValueError: it is neither.
    """
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    raise ValueError(f"a body is {type(body).__name__}, not text")


def address_of(url: str) -> str:
    """Host and path of a URL, safe to show: user and query are left out."""
    split = urlsplit(url)
    return urlunsplit((split.scheme, split.netloc.rpartition("@")[2], split.path, "", ""))


def path_of(url: str) -> str:
    """The path of a URL."""
    return urlsplit(url).path
