"""Remove a placeholder key from a request that carries a real credential too."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from vcr.request import Request

from pytest_llm_extract.cassette.scrub.scrubber import credentials_of
from pytest_llm_extract.credentials import placeholder_key
from pytest_llm_extract.credentials.environment import is_secret


def drop_unused_placeholder(request: Request) -> None:
    """Take the placeholder out of a request that carries a credential of its own, as `default_headers` sets it.

    A cookie does not count: servers set them unasked.
    """
    headers: MutableMapping[Any, Any] = request.headers
    held = [name for name, value in headers.items() if placeholder_key.missing_keys([_text(value)])]
    if held and _changes_what_is_sent(request) and _has_own_credential(request):
        for name in held:
            del headers[name]


def placeholder_in(request: Request, body: bytes) -> str | None:
    """The variables whose placeholder occurs in a request; None if there are none."""
    texts = [*map(_text, request.headers.values()), request.uri, body.decode("latin-1")]
    return placeholder_key.missing_keys(texts)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _has_own_credential(request: Request) -> bool:
    return any(
        is_secret(value) and "cookie" not in where and placeholder_key.missing_keys([value]) is None
        for value, where in credentials_of(request).items()
    )


def _changes_what_is_sent(request: Request) -> bool:
    """Whether vcrpy sends these very headers; with aiohttp it has a copy."""
    return type(request) is not Request or asyncio._get_running_loop() is None
