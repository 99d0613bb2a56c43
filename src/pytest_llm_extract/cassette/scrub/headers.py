"""Headers as clients and vcrpy have them: which are stored, and which carry a credential."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pytest_llm_extract.cassette.file.content_encoding import CodingError, decode
from pytest_llm_extract.cassette.scrub.credential_names import is_query_credential, may_be_credential
from pytest_llm_extract.credentials.environment import is_secret
from pytest_llm_extract.credentials.names import word_set

REQUEST_HEADERS = frozenset({"content-type", "accept"})
RESPONSE_HEADERS = frozenset({"content-type", "retry-after", "retry-after-ms"})
_READ = REQUEST_HEADERS | RESPONSE_HEADERS | {"content-encoding", "location"}
# What a header says in every client, and what hosts and tracers add; every other one counts as a credential.
_HARMLESS = word_set(
    """
    host connection user-agent date expect te trailer transfer-encoding upgrade via range referer origin pragma
    priority dnt from max-forwards keep-alive forwarded anthropic-version anthropic-beta openai-beta openai-version
    api-version x-title http-referer x-request-id request-id x-correlation-id correlation-id idempotency-key
    traceparent tracestate baggage sentry-trace x-amzn-trace-id x-cloud-trace-context amz-sdk-invocation-id
    amz-sdk-request x-amz-date x-amz-content-sha256 x-amz-target x-client-name x-client-version x-client-request-id
    x-ms-client-request-id x-ms-date x-ms-useragent x-ms-version x-goog-api-client x-goog-request-params
    x-goog-api-version x-server-timeout cf-ray cf-connecting-ip cf-ipcountry
    """
)
_HARMLESS_BEGINNINGS = (
    *("accept-", "content-", "if-", "sec-", "x-stainless-", "x-b3-", "x-datadog-", "x-forwarded-", "x-amzn-bedrock-"),
    *("cache-", "x-ratelimit-", "x-cohere-", "x-fern-", "x-envoy-", "uber-trace-"),
)


class NotStorable(Exception):
    """An exchange that cannot be stored, with the reason."""


class SentHeaders:
    """Headers as clients and vcrpy have them: names in any case, one value or a list, text or bytes.

    Most say nothing that is of interest here. `also` are names of headers that are kept, beside the usual ones.
    """

    def __init__(self, headers: Mapping[str, Any], also: frozenset[str] = frozenset()) -> None:
        self._values: dict[str, list[str]] = {}
        # httpx decodes each of its headers for whoever asks for them by name.
        for written, value in getattr(headers, "raw", None) or headers.items():
            if name := _of_interest(written, also):
                values = map(_header_text, value) if isinstance(value, list | tuple) else (_header_text(value),)
                self._values.setdefault(name, []).extend(values)

    def first(self, name: str) -> str:
        """The first value; empty if there is none."""
        return next(iter(self._values.get(name, ())), "")

    def kept(self, allowed: frozenset[str]) -> dict[str, list[str]]:
        """The headers on the allowlist, each with the list of its values."""
        return {name: list(values) for name, values in self._values.items() if name in allowed}

    def decoded(self, body: bytes) -> bytes:
        """Decode a body; some clients have decoded it before vcrpy sees it."""
        codings = self._values.get("content-encoding", [])
        if not body or not codings:
            return body
        try:
            return decode(body, codings)
        except CodingError as error:
            if _is_text(body):
                return body
            raise NotStorable(f"its body {error}") from None

    def credentials(self, *, unknown: bool = True) -> dict[str, str]:
        """The credentials in the headers, each with the name of its header.

        Of `unknown` headers, what looks as if it could be one: a word of letters and digits.
        """
        secrets: dict[str, str] = {}
        for name, values in self._values.items():
            if is_query_credential(name):
                secrets |= {secret: f"header {name!r}" for value in values for secret in _secrets_of(name, value)}
            elif unknown and not _is_harmless(name):
                secrets |= {
                    secret: f"header {name!r}" for value in values for secret in value.split() if _could_be(secret)
                }
        return secrets


@lru_cache(maxsize=1024)
def _of_interest(name: Any, also: frozenset[str]) -> str | None:
    """The name of a header as it is looked up, if it is."""
    name = _header_text(name).lower()
    return name if name in _READ or name in also or not _is_harmless(name) else None


def _is_harmless(name: str) -> bool:
    """Whether a header never carries a credential; one whose name says that it does, is not."""
    if name in REQUEST_HEADERS or name in RESPONSE_HEADERS or name in _HARMLESS:
        return True
    return name.startswith(_HARMLESS_BEGINNINGS) and not may_be_credential(name)


def _could_be(value: str) -> bool:
    """Whether a word of a header could be a credential: it is not a name, a version or a date."""
    return is_secret(value) and any(map(str.isalpha, value)) and re.search(r"\d|[a-z][A-Z]", value) is not None


def _header_text(value: Any) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _secrets_of(name: str, value: str) -> Iterator[str]:
    if "cookie" in name:
        yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
        return
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower().startswith("aws4-"):  # a signature, which is another one for every request
        return
    yield rest.strip() or scheme
    if scheme.lower() == "basic":
        try:
            yield base64.b64decode(rest).decode().partition(":")[2]
        except ValueError:
            return


def _is_text(body: bytes) -> bool:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n" for character in text)
