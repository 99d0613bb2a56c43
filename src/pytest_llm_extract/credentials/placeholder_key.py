"""A key for clients that refuse to be built without one. Only they see it, and it is never sent."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

_KEY = "llm-extract-placeholder-no-key-for-"
_NAMED = re.compile(re.escape(_KEY) + r"([A-Z_]+)")
_BASIC = re.compile(r"Basic\s+([A-Za-z0-9+/=]+)", re.IGNORECASE)
# python-dotenv leaves alone what is set: the key of a `.env` file takes precedence over a placeholder.
_DOTENV = f"dotenv{os.sep}main.py"
_veiled_files: tuple[str, ...] = (_DOTENV,)
_Environ = type(os.environ)


class _Credential(NamedTuple):
    """The variables that hold the key of an SDK, and others that stand for another kind of its credentials.

    `joined` is what joins the keys in a message. `is_for_replay`: while a run records, nothing stands in, since the SDK
    finds credentials in places that a variable goes before.
    """

    keys: tuple[str, ...]
    others: tuple[str, ...] = ()
    joined: str = " or "
    is_for_replay: bool = False


_CREDENTIALS = (
    _Credential(("OPENAI_API_KEY",)),
    _Credential(("AZURE_OPENAI_API_KEY",), ("AZURE_OPENAI_AD_TOKEN",)),
    _Credential(
        ("ANTHROPIC_API_KEY",),
        ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_CONFIG_DIR", "ANTHROPIC_FEDERATION_RULE_ID"),
    ),
    _Credential(("GEMINI_API_KEY", "GOOGLE_API_KEY"), ("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE")),
    # Of boto3, which looks into files and asks the machine for its role after the environment.
    _Credential(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_BEARER_TOKEN_BEDROCK",), " and ", True),
)
VARIABLES = frozenset(name for credential in _CREDENTIALS for name in credential.keys)


def is_placeholder(value: str) -> bool:
    """Whether a key is the placeholder."""
    return value.startswith(_KEY)


def hint_of(error: BaseException | None) -> str | None:
    """The setting that lets other files than those of suites build a client, if this is its error without a key."""
    if error is None or not any(name in str(error) for name in VARIABLES):
        return None
    may = "lets conftests, fixtures and modules that do not name llm_extract build clients without a key"
    return f"llm-extract: `llm_extract_placeholder_key = true` {may}"


def add_hint(error: BaseException | None) -> None:
    """Note on an error of a client that found no key which setting lets conftests and fixtures build it."""
    if error is not None and (hint := hint_of(error)) is not None:
        error.add_note(hint)


def missing_keys(texts: Iterable[str]) -> str | None:
    """The variables whose placeholder is in a request (`GEMINI_API_KEY or GOOGLE_API_KEY`); None if none."""
    for text in texts:
        if key := _NAMED.search(text + _decoded(text)):
            return next(one.joined.join(one.keys) for one in _CREDENTIALS if key[1] in one.keys)
    return None


def _decoded(text: str) -> str:
    """Decode the base64 of HTTP basic authentication."""
    if (basic := _BASIC.search(text)) is None:
        return ""
    try:
        return base64.b64decode(basic[1]).decode("latin-1")
    except binascii.Error:
        return ""


# Setting the variables for the time of an extraction would be 80 lines less. It breaks four promises, which have tests
# in test_placeholder_key.py: the key of a `.env` file takes precedence, a program that copies its environment leaves no
# placeholder behind, what an extractor sets or deletes stays so, and `skipif(not os.getenv(…))` skips.
class _Keyed(_Environ):  # type: ignore[valid-type, misc]
    """The environment with a placeholder in the place of every key that is unset, or empty, as CI withholds a secret.

    The questions of veiled files are answered as if there were none. What somebody sets or deletes takes precedence.
    Another thread may be at work here when the environment is itself again, so nothing goes by the class of `self`.
    """

    def __getitem__(self, key: str) -> str:
        if _stands_in(key):
            _given.add(key)
            return _KEY + key
        value: str = _Environ.__getitem__(self, key)
        return value

    def __setitem__(self, key: str, value: str) -> None:
        _Environ.__setitem__(self, key, value)
        if value:  # a line `OPENAI_API_KEY=` of a `.env` file sets nothing
            _changed.add(key)

    def __delitem__(self, key: str) -> None:
        stood_in = _stands_in(key)
        _changed.add(key)
        try:
            _Environ.__delitem__(self, key)
        except KeyError:
            if not stood_in:
                raise

    def __iter__(self) -> Iterator[str]:
        names = [*_Environ.__iter__(self)]
        yield from (*names, *(key for key in VARIABLES.difference(names) if _stands_in(key)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, key: str, default: Any = None) -> Any:
        """As ever, but `os.getenv("OPENAI_API_KEY")` of a veiled file finds no placeholder."""
        return default if _is_veiled(key) else _Environ.get(self, key, default)

    def __contains__(self, key: object) -> bool:
        return not _is_veiled(key) and _Environ.__contains__(self, key)


def _is_veiled(key: object) -> bool:
    """Whether a veiled file asks for the key: then the caller's caller is in such a file."""
    if not isinstance(key, str) or not _stands_in(key):
        return False
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__") == "os":
        frame = frame.f_back
    return frame.f_code.co_filename.endswith(_veiled_files)


def _stands_in(key: str) -> bool:
    """Whether a variable holds the key of an SDK that finds no credentials of its own in the environment."""
    if key not in VARIABLES or key in _changed:
        return False
    credential = next(one for one in _CREDENTIALS if key in one.keys)
    if credential.is_for_replay and _run_records:
        return False
    return not any(map(_is_set, (*credential.keys, *credential.others)))


def _is_set(name: str) -> bool:
    return _own(name).lower() not in ("", "0", "false")


def _own(name: str) -> str:
    """The real value of a variable, read from the environment's own table to avoid an exception."""
    value = os.environ._data.get(os.environ.encodekey(name))  # type: ignore[attr-defined]
    return os.environ.decodevalue(value) if value else ""


_lock, _users = threading.Lock(), 0
_run_records = False
_changed, _given = set[str](), set[str]()  # variables that somebody set or deleted meanwhile; that somebody looked up


@contextlib.contextmanager
def placeholder_key(*veiled_files: str) -> Iterator[None]:
    """Give every unset key a placeholder while inside. Extractions in several threads share it.

    Nothing is set, so nothing is left behind. The code of files whose path ends like one of `veiled_files` does not
    see it, so that its `skipif(not os.getenv("OPENAI_API_KEY"))` stays skipped.
    """
    global _veiled_files, _users
    with _lock:
        _users += 1
        before, _veiled_files = _veiled_files, (*veiled_files, _DOTENV)
        os.environ.__class__ = _Keyed
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            _veiled_files = before
            if _users == 0:
                os.environ.__class__ = _Environ
                _changed.clear()


def note_recording(*, records: bool) -> None:
    """Note whether this process records, from now on."""
    global _run_records
    _run_records = records


def sweep() -> None:
    """Remove placeholders that were set: an extraction's `monkeypatch` restores what it found."""
    with _lock:
        for name in [*_given] if _users == 0 else ():
            if is_placeholder(_own(name)):
                del os.environ[name]
