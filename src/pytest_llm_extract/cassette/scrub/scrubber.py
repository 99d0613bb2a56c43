"""Make requests and answers storable: headers by allowlist, decoded bodies, no credentials."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from vcr.request import Request

from pytest_llm_extract.cassette.file.exchange import Exchange, Sent, as_bytes
from pytest_llm_extract.cassette.file.fingerprint import FIRST, IGNORED, Scheme, is_hash, read_json, without
from pytest_llm_extract.cassette.file.fingerprint import fingerprint as fingerprint_of
from pytest_llm_extract.cassette.file.multipart import change_parts
from pytest_llm_extract.cassette.scrub.credential_names import normal
from pytest_llm_extract.cassette.scrub.headers import REQUEST_HEADERS, RESPONSE_HEADERS, SentHeaders
from pytest_llm_extract.cassette.scrub.redaction import Redaction
from pytest_llm_extract.cassette.scrub.vcr_filters import VcrFilters, filters_of
from pytest_llm_extract.config.settings import Storage
from pytest_llm_extract.credentials.environment import is_secret


class Scrubber:
    """Scrubs in one way, on record and on replay; the project's own filters come first.

    `ignore` are paths of volatile values in a request's JSON body, which are neither stored nor compared. `matched`
    says of each whether some request had it, and is empty as long as there was none. `scheme` is what is compared.
    """

    def __init__(self, storage: Storage, ignore: tuple[str, ...] = (), scheme: Scheme = FIRST) -> None:
        self._scheme, self._headers = scheme, REQUEST_HEADERS.union(scheme.headers)
        self._names = frozenset(map(normal, storage.scrub))
        self._ignore = sorted(ignore, key=len, reverse=True)  # `a.b` before `a`, below which nothing is left
        self.matched: dict[str, bool] = {}
        self._filters: VcrFilters | None = filters_of(storage.offer_vcr)

    @property
    def has_filters(self) -> bool:
        """Whether the project sets filters on what is stored and compared."""
        return self._filters is not None

    def request(self, request: Request) -> Sent | None:
        """A request; None where a filter of the project keeps nothing of it.

        Raises:
            NotStorable: its body cannot be decoded.
            FilterFailed: a filter of the project raised an error.
        """
        if self._filters is not None and (request := self._filters.request(request)) is None:
            return None
        headers, redaction = SentHeaders(request.headers, self._headers), Redaction(self._names, digests_files=True)
        url = self._url_ignoring(redaction.url(request.uri))
        body = redaction.body(headers.decoded(body_of(request)), headers.first("content-type"))
        credentials = dict.fromkeys(redaction.taken, "URL or body") | headers.credentials()
        kept = {name: values for name, values in headers.kept(self._headers).items() if normal(name) not in self._names}
        scrubbed = tuple(f"{name} (request)" for name in redaction.scrubbed)
        return Sent(request.method, url, kept, self._ignoring(body), credentials, self._scheme, scrubbed)

    def carried(self, request: Request, fingerprint: str) -> dict[str, str] | None:
        """The credentials of a request that is, as it was sent, the one of this fingerprint, each with where it was.

        None for every other one, and where the project has a say. The fingerprint is that of a request without
        credentials in its body, so this one has none there either.
        """
        if self._filters is not None or self._names or self._ignore:
            return None
        headers = SentHeaders(request.headers, self._headers)
        kept = headers.kept(self._headers)
        if fingerprint_of(request.method, request.uri, body_of(request), kept, self._scheme) != fingerprint:
            return None
        return _credentials_of(request, headers)

    def answer(self, sent: Sent, response: Mapping[str, Any]) -> Exchange | None:
        """A request with its answer, as vcrpy's stubs hand it over; None where a filter keeps nothing of it.

        Raises:
            NotStorable: its body cannot be decoded.
            FilterFailed: a filter of the project raised an error.
        """
        if self._filters is not None and (response := self._filters.response(copy.deepcopy(response))) is None:
            return None
        outline = outline_of(sent, response)
        headers = SentHeaders(response["headers"])
        echoes = [value for value in sent.credentials if is_secret(value)]
        redaction = Redaction(self._names, echoes, is_error=outline.status >= 400)
        body = redaction.body(headers.decoded(as_bytes(response["body"]["string"])), headers.first("content-type"))
        kept = {name: values for name, values in outline.response_headers.items() if normal(name) not in self._names}
        if 300 <= outline.status < 400 and (location := headers.first("location")):
            kept["location"] = [redaction.url(location)]
        reason = redaction.text(outline.reason)
        scrubbed = (*sent.scrubbed, *(f"{name} (answer)" for name in redaction.scrubbed))
        return replace(outline, reason=reason, response_headers=kept, response_body=body, scrubbed=scrubbed)

    def fingerprint(self, exchange: Exchange) -> str | None:
        """That of a recorded request, also where it was recorded before today's names, paths and filters."""
        if is_hash(exchange.request_body):
            return exchange.fingerprint
        headers = {name: values[0] for name, values in exchange.request_headers.items() if values}
        sent = self.request(Request(exchange.method, exchange.url, exchange.request_body, headers))
        return sent.fingerprint if sent else None

    def _url_ignoring(self, url: str) -> str:
        """A URL with the parameters put aside that `ignore` names as `?name`."""
        names = {path[1:] for path in self._ignore if path.startswith("?")}
        if not names:
            return url
        split = urlsplit(url)
        pairs = parse_qsl(split.query, keep_blank_values=True)
        ignored = names.intersection(name for name, _ in pairs)
        self.matched |= {f"?{name}": name in ignored or self.matched.get(f"?{name}", False) for name in names}
        if not ignored:
            return url
        kept = [(name, IGNORED if name in ignored else value) for name, value in pairs]
        return urlunsplit(split._replace(query=urlencode(kept)))

    def _ignoring(self, body: bytes) -> bytes:
        if not self._ignore:
            return body
        if (value := read_json(body)) is None:
            return change_parts(body, self._put_aside)
        clean = self._put_aside(value)
        return body if clean is value else json.dumps(clean).encode()

    def _put_aside(self, value: Any) -> Any:
        for path in (path for path in self._ignore if not path.startswith("?")):
            before, value = value, without(value, path)
            self.matched[path] = value is not before or self.matched.get(path, False)
        return value


def credentials_of(request: Request) -> dict[str, str]:
    """The credentials in the URL and in headers that are known to carry them, each with where it was."""
    return _credentials_of(request, SentHeaders(request.headers), unknown=False)


def _credentials_of(request: Request, headers: SentHeaders, *, unknown: bool = True) -> dict[str, str]:
    redaction = Redaction()
    redaction.url(request.uri)
    return dict.fromkeys(redaction.taken, "URL") | headers.credentials(unknown=unknown)


def outline_of(sent: Sent, response: Mapping[str, Any]) -> Exchange:
    """Make an exchange without the answer's body."""
    status, headers = response["status"], SentHeaders(response["headers"]).kept(RESPONSE_HEADERS)
    answered = status["code"], status["message"] or "", headers, b""
    return Exchange(sent.method, sent.url, sent.headers, sent.body, *answered, scheme=sent.scheme)


def body_of(request: Request) -> bytes:
    """The body of a request; clients give a string, bytes, a file or pieces."""
    body = request.body
    if hasattr(body, "read"):
        body = body.read()
    if body is None or isinstance(body, str | bytes):
        return as_bytes(body)
    return bytes(body) if isinstance(body, bytearray) else b"".join(map(as_bytes, body))
