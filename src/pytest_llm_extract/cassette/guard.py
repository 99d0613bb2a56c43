"""No network while replaying: an audit hook that knows which context is replaying, threads included."""

from __future__ import annotations

import contextlib
import contextvars
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

from pytest_llm_extract.cassette.ownership import Stopped, stopping

_replaying: contextvars.ContextVar[bool] = contextvars.ContextVar("llm_extract_replaying", default=False)
# Where the address stands among an event's arguments; of others, the arguments begin with a host and a port.
_ADDRESS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getnameinfo": 0}
_NAMING = frozenset({"socket.gethostbyname", "socket.gethostbyaddr"})
_EVENTS = frozenset({"socket.getaddrinfo", *_ADDRESS, *_NAMING})
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
    if event in _NAMING and arguments[0] in ("localhost", socket.gethostname()):
        return  # who asks for this machine's own address wants no network
    address = arguments[_ADDRESS[event]] if event in _ADDRESS else arguments[:2]
    # A text is the path of a Unix socket, and none that of a connected one: this machine, or connected before.
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
