"""No network while replaying: an audit hook that knows whose code is running, threads included."""

from __future__ import annotations

import functools
import socket
import sys
from typing import Any

from pytest_llm_extract.cassette.ownership import Stopped, active, owner, stopping

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
    if event not in _EVENTS or (take := owner.get()) is None or not take.is_offline:
        return
    if not any(other.is_offline for other in list(active)):
        return  # a thread that outlives the last replay is no concern of ours any more
    if event in _NAMING and arguments[0] in ("localhost", socket.gethostname()):
        return  # who asks for this machine's own address wants no network
    address = arguments[_ADDRESS[event]] if event in _ADDRESS else arguments[:2]
    # A text is the path of a Unix socket, and none that of a connected one: this machine, or connected before.
    if isinstance(address, tuple):
        raise stopping(NetworkBlocked(":".join(str(part) for part in address[:2])))


@functools.cache
def install() -> None:
    """From now on, while replays are under way, every connection of theirs, or of a thread they start, is an error.

    Until the process ends: there is no way to remove an audit hook.
    """
    sys.addaudithook(_hook)
