"""No network while replaying: an audit hook that knows whose code is running, threads included."""

from __future__ import annotations

import socket
import sys
import threading
from typing import Any

from pytest_llm_extract.cassette.ownership import Stopped, owner, stopping

# Where the address stands among an event's arguments; of others, the arguments begin with a host and a port.
_ADDRESS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getnameinfo": 0}
_NAMING = frozenset({"socket.gethostbyname", "socket.gethostbyaddr"})
_EVENTS = frozenset({"socket.getaddrinfo", *_ADDRESS, *_NAMING})


class NetworkBlocked(Stopped):
    """An extraction that replays tried to reach the network."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target

    def __str__(self) -> str:
        return f"the extraction tried to reach {self.target}, and replay never touches the network"


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    # A thread that outlives the last replay is no concern of ours any more.
    if event not in _EVENTS or not blocked_network.n_inside or (take := owner.get()) is None or not take.is_offline:
        return
    if event in _NAMING and arguments[0] in ("localhost", socket.gethostname()):
        return  # who asks for this machine's own address wants no network
    address = arguments[_ADDRESS[event]] if event in _ADDRESS else arguments[:2]
    # A text is the path of a Unix socket, and none that of a connected one: this machine, or connected before.
    if isinstance(address, tuple):
        raise stopping(NetworkBlocked(":".join(str(part) for part in address[:2])))


class _BlockedNetwork:
    """While replays are under way, every connection that one of them opens, or a thread it starts, is an error."""

    def __init__(self) -> None:
        self._lock, self._is_installed, self.n_inside = threading.Lock(), False, 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._is_installed:
                sys.addaudithook(_hook)  # stays until the process ends; there is no way to remove one
                self._is_installed = True
            self.n_inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self.n_inside -= 1


blocked_network = _BlockedNetwork()
