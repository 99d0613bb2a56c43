"""Find the values of the environment that are secrets."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pytest_llm_extract.credentials.names import is_secret_name
from pytest_llm_extract.credentials.placeholder_key import is_placeholder

MIN_LENGTH = 12
_MIN_LENGTH_NAMED = 6  # of a variable that the project names: any text may hold shorter values
_PAIR = re.compile(r"\s*([\w .-]+)=(.*)", re.DOTALL)


def environment_secrets(
    environ: Mapping[str, str] | None = None, named: tuple[str, ...] = (), spared: tuple[str, ...] = ()
) -> dict[str, tuple[str, ...]]:
    """The values that must not be written, by the name of their variable.

    Those of variables whose name says so, if they have at least 12 characters and are not a path, URL, number or plain
    word, and those of variables that match a `named` glob; none that match a `spared` one. Of a URL the password
    counts, of a connection string or a JSON object the values under such names, besides the whole.
    """
    variables = os.environ if environ is None else environ
    secret_values = {}
    # As `os.environ` holds the names: it decodes each of them again for whoever asks.
    for name in _counted(frozenset(getattr(variables, "_data", variables)), named, spared):
        value = variables.get(name, "")
        secrets = _secrets_of(value)
        if len(value) >= _MIN_LENGTH_NAMED and _matches(name, named):
            secrets = (*secrets, value)
        if secrets:
            secret_values[name] = tuple(dict.fromkeys(secrets))
    return secret_values


@lru_cache(maxsize=64)  # after each case the same ones, out of hundreds
def _counted(names: frozenset[str | bytes], named: tuple[str, ...], spared: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in sorted(map(os.fsdecode, names)) if _counts(name, named, spared))


def _counts(name: str, named: tuple[str, ...], spared: tuple[str, ...]) -> bool:
    return (is_secret_name(name) or _matches(name, named)) and not _matches(name, spared)


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


@lru_cache(maxsize=256)
def _secrets_of(value: str) -> tuple[str, ...]:
    return tuple(part for part in (value, *_parts(value)) if is_secret(part))


@lru_cache(maxsize=256)  # every request of a client carries the same key
def is_secret(value: str) -> bool:
    """Whether a string is long and unusual enough to be recognized as a secret."""
    return len(value) >= MIN_LENGTH and not (
        is_placeholder(value)
        or re.fullmatch(r"[\d\s.,:+TZ-]+", value)
        or (value.isalpha() and (value.islower() or value.isupper() or value.istitle()))
        or re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value)
        or _is_path(value)
    )


def _is_path(value: str) -> bool:
    try:
        if Path(value).exists():
            return True
    except (OSError, ValueError):  # longer than a path may be, or with characters that none has
        return False
    if not re.match(r"(/|~|\.{1,2}/|[A-Za-z]:[\\/])", value):
        return False
    # A secret in base64 may begin with a slash as well; it has no part that is a word.
    return any(re.fullmatch(r"[a-z][a-z_.-]+", part) for part in re.split(r"[\\/]", value))


def _parts(value: str) -> Iterator[str]:
    """The secret parts of a value, such as the password of a URL."""
    if value.lstrip().startswith("{"):
        try:
            yield from _named_texts(json.loads(value))
        except (ValueError, RecursionError):
            return
    elif ";" in value and "=" in value:
        pairs = [pair for piece in value.split(";") if (pair := _PAIR.fullmatch(piece))]
        yield from (text for name, text in (pair.groups() for pair in pairs) if is_secret_name(name))
    elif "://" in value:
        try:
            url = urlsplit(value)
        except ValueError:
            return
        yield from (url.password or "", unquote(url.password or ""))
        yield from (text for name, text in parse_qsl(url.query) if is_secret_name(name))


def _named_texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, str) and is_secret_name(name):
                yield member
            else:
                yield from _named_texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _named_texts(item)
