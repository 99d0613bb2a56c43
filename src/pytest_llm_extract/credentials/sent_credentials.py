"""Remember credentials that requests carried, since some are in no environment variable."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from pytest_llm_extract.credentials.environment import is_secret

_MOST = 64  # of tokens that change with every request, the last ones are enough
_lock = threading.Lock()
_seen: dict[str, str] = {}


def remember(credentials: Mapping[str, str]) -> None:
    """Take note of credentials, by value; the text says where they were (`header 'authorization'`)."""
    for value, where in credentials.items():
        if value not in _seen and is_secret(value):
            with _lock:
                while len(_seen) >= _MOST:
                    del _seen[next(iter(_seen))]
                _seen[value] = where


def travelled() -> dict[str, str]:
    """All remembered credentials, by value."""
    with _lock:
        return dict(_seen)
