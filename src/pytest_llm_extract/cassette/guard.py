"""No network while replaying, and none for child processes: an audit hook that knows which context is which."""

from __future__ import annotations

import contextlib
import contextvars
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto"})


class Stopped(BaseException):
    """An extraction that cannot go on. No `Exception`: SDKs retry and hide those."""


class NetworkBlocked(Stopped):
    """An extraction that replays tried to reach the network."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target

    def __str__(self) -> str:
        return f"the extraction tried to reach {self.target}, and replay never touches the network"


class RequestInChild(Exception):
    """A child process tried to reach the network. An `Exception`, since any other one kills the workers of a pool."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target

    def __str__(self) -> str:
        return (
            f"a child process of the extraction tried to reach {self.target}; what child processes send is neither "
            "recorded nor replayed: send it from this process (threads are fine)"
        )


Stop = Callable[[BaseException], None]
# What is told of a connection that the extraction in this context may not make; None where it may.
_stop: contextvars.ContextVar[Stop | None] = contextvars.ContextVar("llm_extract_stop", default=None)
# In a child process of an extraction: the file that tells the parent what it tried to reach.
_telltale: Path | None = None
_installed = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS or (_telltale is None and _stop.get() is None):
        return
    address = arguments[0:2] if event == "socket.getaddrinfo" else arguments[1]
    # A text is the path of a Unix socket: this machine, no network.
    if isinstance(address, tuple):
        _refuse(":".join(str(part) for part in address[:2]))


def _refuse(target: str) -> None:
    refuse_in_child(target)
    if (stop := _stop.get()) is not None:
        error = NetworkBlocked(target)
        stop(error)
        raise error


def _install() -> None:
    global _installed
    if not _installed:
        sys.addaudithook(_hook)  # stays until the process ends; there is no way to remove one
        _installed = True


@contextlib.contextmanager
def blocked_network(stop: Stop) -> Iterator[None]:
    """Turn every connection that this context, or a thread it starts, opens into an error, which `stop` is told of."""
    _install()
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


@contextlib.contextmanager
def in_child(telltale: Path) -> Iterator[None]:
    """In a child process: no connection at all, and the file `telltale` says so to the parent."""
    global _telltale
    _install()
    before, _telltale = _telltale, telltale
    try:
        yield
    finally:
        _telltale = before


def refuse_in_child(target: str) -> None:
    """Stop a request of a child process.

    Raises:
        RequestInChild: this is one.
    """
    if _telltale is not None:
        with _telltale.open("a", encoding="utf-8") as file:
            file.write(f"{target}\n")
        raise RequestInChild(target)
