"""Limit the extractions that run at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager


class Places:
    """A number of places for extractions; None for no limit.

    An extraction leaves its place when it ends. Its cassette is searched, written and synced without one, so that the
    provider has the next request meanwhile.
    """

    def __init__(self, n: int | None = None) -> None:
        self._free = None if n is None else threading.Semaphore(n)

    @contextmanager
    def taken(self) -> Iterator[Callable[[], None]]:
        """Wait for a place and hold it; gives a function that leaves it early."""
        with ExitStack() as place:
            if self._free is not None:
                place.enter_context(self._free)
            yield place.close


def threads_for(n: int) -> int:
    """The number of threads that keep `n` extractions under way while some cassettes are written.

    Up to three extractions are run by as many threads: code that is to run alone may keep things for its thread.
    """
    return n + n // 4
