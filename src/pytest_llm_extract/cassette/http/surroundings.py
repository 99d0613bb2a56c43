"""Where a suite may connect outside its extractions: in its module, fixtures and test bodies, while it replays."""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import ipaddress
import socket
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

_HINT = ". The ini llm_extract_allowed_hosts can allow this host, and `llm_recorded` records what a fixture asks"
_HERE = frozenset({"", "localhost", "0.0.0.0", "::", "localhost.localdomain"})


class HostRefused(ConnectionError):
    """A connection that a suite must not make while it replays."""

    def __init__(self, target: str, where: str, hint: str = "") -> None:
        super().__init__(target)
        self.target, self.where, self.hint = target, where, hint

    def __str__(self) -> str:
        return f"{self.target} was refused {self.where}: replay never touches the network{self.hint}"


class Surroundings:
    """Code of a suite outside its extractions. It may connect to this machine and to the `allowed` hosts (globs)."""

    def __init__(self, what: str, allowed: tuple[str, ...]) -> None:
        self._what, self._allowed = what, allowed

    def check(self, host: Any, target: str) -> None:
        """Make sure that this host may be reached.

        Raises:
            HostRefused: it is neither this machine nor an allowed host.
        """
        __tracebackhide__ = True
        name = host.decode("latin-1") if isinstance(host, bytes) else host
        if name is None or not isinstance(name, str) or self.may_reach(name):
            return
        raise HostRefused(target, f"in {self._what}", _HINT)

    def may_reach(self, host: str) -> bool:
        """Whether a host is this machine or allowed, by its name or by an address of an allowed name."""
        host = host.lower().strip("[]").partition("%")[0]
        if _is_here(host) or any(fnmatchcase(host, allowed.lower()) for allowed in self._allowed):
            return True
        return _is_address(host) and host in self._addresses()

    def _addresses(self) -> set[str]:
        """The addresses of the allowed hosts today."""
        addresses = set[str]()
        for name in self._allowed:
            with contextlib.suppress(OSError):
                addresses |= (
                    {str(entry[4][0]) for entry in socket.getaddrinfo(name, None)} if "*" not in name else set()
                )
        return addresses


def _is_here(host: str) -> bool:
    if host in _HERE or host == socket.gethostname().lower():
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_around: list[Surroundings] = []  # of the process: a suite's fixtures may use threads that were there before


def here() -> Surroundings | None:
    """The surroundings of a suite that the process is in; None outside of suites."""
    return _around[-1] if _around else None


@contextlib.contextmanager
def local_only(what: str, allowed: tuple[str, ...]) -> Iterator[None]:
    """Refuse connections to other hosts meanwhile, and in what is registered meanwhile for the end of the process.

    `what` says where: `a fixture or the body of test_items.py::test_items`.
    """
    around = Surroundings(what, allowed)
    register = atexit.register

    def register_guarded(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        register(_AtExit(function, around), *args, **kwargs)
        return function

    _around.append(around)
    atexit.register = register_guarded
    try:
        yield
    finally:
        atexit.register = register
        _around.remove(around)


class _AtExit:
    """A function for the end of the process that may connect no further than what registered it."""

    def __init__(self, function: Callable[..., Any], around: Surroundings) -> None:
        self._function, self._around = function, around

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        _around.append(self._around)
        try:
            return contextvars.Context().run(self._function, *args, **kwargs)
        finally:
            _around.remove(self._around)

    def __eq__(self, other: object) -> bool:
        return other is self or other == self._function  # for `atexit.unregister`

    def __hash__(self) -> int:
        return hash(self._function)
