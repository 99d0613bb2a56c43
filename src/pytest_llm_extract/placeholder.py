"""A key for clients that refuse to be built without one; it is seen by them alone, and never sent."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_KEY = "llm-extract-placeholder-no-key-for-"
_NAMED = re.compile(re.escape(_KEY) + r"([A-Z_]+)")
_BASIC = re.compile(r"Basic\s+([A-Za-z0-9+/=]+)", re.IGNORECASE)
# python-dotenv leaves alone what is set: the key of a `.env` file goes before a placeholder.
_DOTENV = f"dotenv{os.sep}main.py"
_veiled_files: tuple[str, ...] = ()
_Environ = type(os.environ)


@dataclass(frozen=True)
class _Credential:
    """The variables that hold the key of an SDK, and others that stand for another kind of its credentials."""

    keys: tuple[str, ...]
    others: tuple[str, ...] = ()


_CREDENTIALS = (
    _Credential(("OPENAI_API_KEY",)),
    _Credential(("AZURE_OPENAI_API_KEY",), ("AZURE_OPENAI_AD_TOKEN",)),
    _Credential(
        ("ANTHROPIC_API_KEY",),
        ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_CONFIG_DIR", "ANTHROPIC_FEDERATION_RULE_ID"),
    ),
    _Credential(("GEMINI_API_KEY", "GOOGLE_API_KEY"), ("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE")),
)
VARIABLES = frozenset(name for credential in _CREDENTIALS for name in credential.keys)


def is_placeholder(value: str) -> bool:
    """Whether a key is the one that stands for none."""
    return value.startswith(_KEY)


def missing_keys(texts: Iterable[str]) -> str | None:
    """The variables whose placeholder stands in a request (`GEMINI_API_KEY or GOOGLE_API_KEY`); None if none does."""
    for text in texts:
        if found := _NAMED.search(text + _decoded(text)):
            return next(" or ".join(one.keys) for one in _CREDENTIALS if found[1] in one.keys)
    return None


def _decoded(text: str) -> str:
    """What the base64 of HTTP basic authentication says."""
    if (found := _BASIC.search(text)) is None:
        return ""
    try:
        return base64.b64decode(found[1]).decode("latin-1")
    except binascii.Error:
        return ""


class _Veiled(_Environ):  # type: ignore[valid-type, misc]
    """An environment in which the veiled files' own questions are answered as if there were no placeholder."""

    def get(self, key: str, default: Any = None) -> Any:
        """As ever, but `os.getenv("OPENAI_API_KEY")` of a veiled file finds nothing."""
        return default if self._is_veiled(key) else super().get(key, default)

    def __contains__(self, key: object) -> bool:
        return not self._is_veiled(key) and super().__contains__(key)

    def _is_veiled(self, key: object) -> bool:
        if key not in VARIABLES or not is_placeholder(str(super().get(key, ""))):
            return False
        frame = sys._getframe(2)
        while frame.f_back is not None and frame.f_globals.get("__name__") == "os":
            frame = frame.f_back
        return frame.f_code.co_filename.endswith(_veiled_files)


# What the variables that are set were before: nothing, or empty, as CI sets a secret that it withholds.
_lock, _users, _before = threading.Lock(), 0, dict[str, str | None]()


def _needed() -> dict[str, str | None]:
    """The variables of every SDK that finds no credentials of its own in the environment, and what they are."""
    found: dict[str, str | None] = {}
    for one in _CREDENTIALS:
        keys = {name: os.environ.get(name) for name in one.keys}
        if not any(map(_is_set, (*keys.values(), *map(os.environ.get, one.others)))):
            found |= keys
    return found


def _is_set(value: str | None) -> bool:
    return value is not None and value.lower() not in ("", "0", "false")


@contextlib.contextmanager
def placeholder_key(*veiled_files: str) -> Iterator[None]:
    """Set the placeholder for every key that is unset, while inside; extractions in several threads share it.

    The code of files whose path ends like one of `veiled_files` does not see it, so that its
    `skipif(not os.getenv("OPENAI_API_KEY"))` stays skipped.
    """
    global _veiled_files, _users
    with _lock:
        _users += 1
        if _users == 1:
            _before.update(_needed())
            os.environ.update({name: _KEY + name for name in _before})
        if veiled_files and _before:
            _veiled_files, os.environ.__class__ = (*veiled_files, _DOTENV), _Veiled
    try:
        yield
    finally:
        with _lock:
            os.environ.__class__ = _Environ
            _users -= 1
            if _users == 0:
                _take_away()


def sweep() -> None:
    """Take away placeholders that came back: a `monkeypatch` that an extraction used puts back what it found."""
    with _lock:
        for name in VARIABLES if _users == 0 else ():
            if is_placeholder(os.environ.get(name, "")):
                del os.environ[name]


def _take_away() -> None:
    for name, before in _before.items():
        if os.environ.get(name) != _KEY + name:
            continue  # someone has set a key meanwhile
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
    _before.clear()
