"""Refuse network access during a replay and after an extraction, with an audit hook."""

from __future__ import annotations

import functools
import socket
import sys
from typing import Any

from pytest_llm_extract.cassette.ownership import Stopped, active, owner, stopping, warn_late

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
    if event not in _EVENTS or (take := owner.get()) is None:
        return
    is_late = take not in active
    if not take.is_offline and not is_late:
        return
    if event in _NAMING and arguments[0] in ("localhost", socket.gethostname()):
        return  # who asks for this machine's own address wants no network
    address = arguments[_ADDRESS[event]] if event in _ADDRESS else arguments[:2]
    # A text is the path of a Unix socket, and none that of a connected one: this machine, or connected before.
    if isinstance(address, tuple):
        target = ":".join(str(part) for part in address[:2])
        if is_late:
            warn_late(target)
        raise stopping(NetworkBlocked(target))


@functools.cache
def install() -> None:
    """Refuse every connection of a replay, and of threads and tasks that an extraction left behind.

    This lasts until the process ends: an audit hook cannot be removed.
    """
    sys.addaudithook(_hook)
