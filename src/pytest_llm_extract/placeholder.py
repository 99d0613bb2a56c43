"""A key for clients that refuse to be built without one; it is seen by them alone, and never sent."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

KEY = "llm-extract-placeholder-no-key"
VARIABLES = ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY")
_veiled_files: tuple[str, ...] = ()
_Environ = type(os.environ)


class _Veiled(_Environ):  # type: ignore[valid-type, misc]
    """An environment in which the veiled files' own questions are answered as if there were no placeholder."""

    def get(self, key: str, default: Any = None) -> Any:
        """As ever, but `os.getenv("OPENAI_API_KEY")` of a veiled file finds nothing."""
        return default if self._is_veiled(key) else super().get(key, default)

    def __contains__(self, key: object) -> bool:
        return not self._is_veiled(key) and super().__contains__(key)

    def _is_veiled(self, key: object) -> bool:
        if key not in VARIABLES or self[key] != KEY:
            return False
        frame = sys._getframe(2)
        while frame.f_back is not None and frame.f_globals.get("__name__") == "os":
            frame = frame.f_back
        return frame.f_code.co_filename.endswith(_veiled_files)


_lock, _users, _set = threading.Lock(), 0, list[str]()


@contextlib.contextmanager
def placeholder_key(*veiled_files: str) -> Iterator[None]:
    """Set the placeholder for every variable that is unset, while inside; extractions in several threads share it.

    The code of files whose path ends like one of `veiled_files` does not see it, so that its
    `skipif(not os.getenv("OPENAI_API_KEY"))` stays skipped.
    """
    global _veiled_files, _users
    with _lock:
        _users += 1
        if _users == 1:
            _set[:] = [name for name in VARIABLES if name not in os.environ]
            os.environ.update(dict.fromkeys(_set, KEY))
        if veiled_files and _set:
            _veiled_files, os.environ.__class__ = veiled_files, _Veiled
    try:
        yield
    finally:
        with _lock:
            os.environ.__class__ = _Environ
            _users -= 1
            for name in _set if _users == 0 else ():
                if os.environ.get(name) == KEY:
                    del os.environ[name]
