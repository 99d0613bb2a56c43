"""Refuse network access during a replay, after an extraction and around it, with an audit hook."""

from __future__ import annotations

import functools
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any

from pytest_llm_extract.cassette.http import surroundings
from pytest_llm_extract.cassette.ownership import Stopped, Take, active, owner, stopping, warn_late

# Where the address is among an event's arguments; of others, the arguments begin with a host and a port.
_ADDRESS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getnameinfo": 0}
_NAMING = frozenset({"socket.gethostbyname", "socket.gethostbyaddr"})
_EVENTS = frozenset({"socket.getaddrinfo", *_ADDRESS, *_NAMING})
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})


class NetworkBlocked(Stopped):
    """Something that is offline tried to reach the network: an extraction that replays, or what judges its answer."""

    def __init__(self, target: str, who: str = Take.who) -> None:
        super().__init__(target)
        self.target, self.who = target, who

    def __str__(self) -> str:
        return f"{self.who} tried to reach {self.target}, and replay never touches the network"


class Judging(Take):
    """The validation and the scoring of an answer, which get along without the network."""

    is_offline = True
    who = "the validation or scoring of the answer"


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS:
        return
    __tracebackhide__ = True  # a test shows its own code
    take = owner.get()
    if take is None and not active and surroundings.here() is None:
        return
    is_late = take is not None and take not in active
    if take is not None and not take.is_offline and not is_late:
        return
    if event in _NAMING and arguments[0] in ("localhost", socket.gethostname()):
        return  # who asks for this machine's own address wants no network
    address = arguments[_ADDRESS[event]] if event in _ADDRESS else arguments[:2]
    # A text is the path of a Unix socket, and none that of a connected one: this machine, or connected before.
    if not isinstance(address, tuple):
        return
    target = ":".join(str(part) for part in address[:2])
    if take is None:
        _refuse_of_nobody(address[0], target)
        return
    if is_late:
        warn_late(target)
    raise stopping(NetworkBlocked(target, take.who))


def _refuse_of_nobody(host: Any, target: str) -> None:
    """Refuse a connection of code that no extraction owns, while one replays, or where a suite may connect nowhere.

    Raises:
        HostRefused: it may not connect.
    """
    __tracebackhide__ = True
    if offline := [take for take in list(active) if take.is_offline]:
        for take in offline:
            take.strays.append(target)
        raise surroundings.HostRefused(target, "while an extraction replays")
    if (around := surroundings.here()) is not None:
        around.check(host, target)


def _guarded(send: Callable[..., Any]) -> Callable[..., Any]:
    """A method of sockets that sends, refused to an extraction that replays: the socket was connected before it."""

    @functools.wraps(send)
    def guarded(sock: Any, *args: Any, **kwargs: Any) -> Any:
        take = owner.get()
        if take is not None and take.is_offline and take in active and sock.family in _INTERNET:
            raise stopping(NetworkBlocked(f"{_peer(sock)} over a connection from before", take.who))
        return send(sock, *args, **kwargs)

    return guarded


def _peer(sock: Any) -> str:
    try:
        return ":".join(str(part) for part in sock.getpeername()[:2])
    except OSError:
        return "a host"


def guard_uvloop() -> None:
    """Let the guard see the connections of uvloop, which opens them in C; nothing where it is not imported yet."""
    loop = getattr(sys.modules.get("uvloop"), "Loop", None)
    if loop is not None and not hasattr(loop.create_connection, "__wrapped__"):
        loop.create_connection = _told(loop.create_connection, lambda factory, host=None, port=None, **_: (host, port))
        loop.sock_connect = _told(loop.sock_connect, lambda sock, address: address)
        loop.create_datagram_endpoint = _told(
            loop.create_datagram_endpoint, lambda factory, local_addr=None, remote_addr=None, **_: remote_addr
        )


def _told(connect: Callable[..., Any], address_in: Callable[..., Any]) -> Callable[..., Any]:
    """A method of an event loop that asks the guard first. `address_in` finds the address in its arguments."""

    @functools.wraps(connect)
    def told(loop: Any, *args: Any, **kwargs: Any) -> Any:
        address = address_in(*args, **kwargs)
        if isinstance(address, tuple) and address[0] is not None:
            _hook("socket.connect", (None, address))
        return connect(loop, *args, **kwargs)

    return told


@functools.cache
def install() -> None:
    """Refuse every connection of a replay, and of threads and tasks that an extraction left behind.

    This lasts until the process ends: an audit hook cannot be removed.
    """
    sys.addaudithook(_hook)
    if sys.platform != "win32":  # whose event loops wake each other up over loopback
        for kind in (socket.socket, ssl.SSLSocket):
            for name in ("send", "sendall"):
                setattr(kind, name, _guarded(getattr(kind, name)))
