"""No network while replaying: an audit hook that knows which context is replaying, threads included."""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
from collections.abc import Iterator
from typing import Any

from pytest_llm_extract.cassette.ownership import Stopped, stopping

_replaying: contextvars.ContextVar[bool] = contextvars.ContextVar("llm_extract_replaying", default=False)
_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto"})
_lock, _installed, _armed = threading.Lock(), False, 0


class NetworkBlocked(Stopped):
    """An extraction that replays tried to reach the network."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target

    def __str__(self) -> str:
        return f"the extraction tried to reach {self.target}, and replay never touches the network"


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    # A thread that outlives the last replay is no concern of ours any more.
    if event not in _EVENTS or not _armed or not _replaying.get():
        return
    address = arguments[0:2] if event == "socket.getaddrinfo" else arguments[1]
    # A text is the path of a Unix socket: this machine, no network.
    if isinstance(address, tuple):
        raise stopping(NetworkBlocked(":".join(str(part) for part in address[:2])))


@contextlib.contextmanager
def blocked_network() -> Iterator[None]:
    """Turn every connection that this context, or a thread it starts, opens into an error."""
    global _installed, _armed
    with _lock:
        if not _installed:
            sys.addaudithook(_hook)  # stays until the process ends; there is no way to remove one
            _installed = True
        _armed += 1
    token = _replaying.set(True)
    try:
        yield
    finally:
        _replaying.reset(token)
        with _lock:
            _armed -= 1
