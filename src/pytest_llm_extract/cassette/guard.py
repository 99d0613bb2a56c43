"""No network while replaying: an audit hook that knows which context is replaying, threads included."""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_replaying: contextvars.ContextVar[bool] = contextvars.ContextVar("llm_extract_replaying", default=False)
_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto"})
_installed = False


class NetworkBlocked(BaseException):
    """An extraction that replays tried to reach the network. No `Exception`: SDKs retry and hide those."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target

    def __str__(self) -> str:
        return f"the extraction tried to reach {self.target}, and replay never touches the network"


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS or not _replaying.get():
        return
    address = arguments[0:2] if event == "socket.getaddrinfo" else arguments[1]
    # A text is the path of a Unix socket: this machine, no network.
    if isinstance(address, tuple):
        raise NetworkBlocked(":".join(str(part) for part in address[:2]))


@contextlib.contextmanager
def blocked_network() -> Iterator[None]:
    """Turn every connection that this context, or a thread it starts, opens into an error."""
    global _installed
    if not _installed:
        sys.addaudithook(_hook)  # stays until the process ends; there is no way to remove one
        _installed = True
    token = _replaying.set(True)
    try:
        yield
    finally:
        _replaying.reset(token)


_start, _submit = threading.Thread.start, ThreadPoolExecutor.submit


def _start_in_context(thread: threading.Thread) -> None:
    context, run = contextvars.copy_context(), thread.run
    thread.run = lambda: context.run(run)  # type: ignore[method-assign]
    _start(thread)


def _submit_in_context(pool: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    return _submit(pool, contextvars.copy_context().run, fn, *args, **kwargs)


class _Inheritance:
    """Counts the extractions that are under way: the first of them patches, the last one takes the patches off."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                threading.Thread.start = _start_in_context  # type: ignore[method-assign, assignment]
                ThreadPoolExecutor.submit = _submit_in_context  # type: ignore[method-assign, assignment]

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                threading.Thread.start = _start  # type: ignore[method-assign]
                ThreadPoolExecutor.submit = _submit  # type: ignore[method-assign]


# Threads and pool jobs that are started while an extraction is under way run in a copy of their starter's context.
inherited_context = _Inheritance()
