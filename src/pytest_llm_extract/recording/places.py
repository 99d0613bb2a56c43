"""Limit the extractions that run at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

# Who writes holds Python's lock most of the time, and more at once keep it from those who have an answer to read. With
# one for 40 extractions, recording takes a tenth less time.
_FOR_A_WRITER = 40


class Places:
    """A number of places for extractions; None for no limit.

    An extraction leaves its place when it ends, so that the provider has the next request while its cassette is
    searched, written and synced, one after the other.
    """

    def __init__(self, n: int | None = None) -> None:
        self._free = None if n is None else threading.Semaphore(n)
        self._writing = threading.Semaphore(max(1, (n or 1) // _FOR_A_WRITER))

    @contextmanager
    def taken(self) -> Iterator[Callable[[], None]]:
        """Wait for a place and hold it; gives a function that leaves it early, and waits for the turn to write."""
        with ExitStack() as held:
            if self._free is not None:
                held.enter_context(self._free)

            def leave() -> None:
                held.close()
                held.enter_context(self._writing)

            yield leave


def threads_for(n: int) -> int:
    """The number of threads that keep `n` extractions under way while some cassettes are written.

    Up to three extractions are run by as many threads: code that is to run alone may keep things for its thread.
    """
    return n + n // 4
