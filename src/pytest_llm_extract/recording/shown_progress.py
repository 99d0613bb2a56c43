"""Progress that is shown while nothing happens too, so that a slow provider does not look like a hung run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pytest_llm_extract import clock
from pytest_llm_extract.extraction.recording_failure import Failure
from pytest_llm_extract.recording.progress import Progress

_EVERY_S = 0.5


class ShownProgress:
    """How far `total` recordings are. `show` is called by one thread at a time, and no longer once `stop` is set."""

    def __init__(self, total: int, show: Callable[[Progress], None]) -> None:
        self.progress = Progress(total)
        self.stop = threading.Event()
        self._show, self._lock, self._retry_at = show, threading.Lock(), 0.0
        self._n_open = 0

    def retry(self, failure: Failure, wait_s: float) -> None:
        """Note that a try failed and is repeated after this time."""
        with self._lock:
            self._retry_at = clock.monotonic_s() + wait_s
            self._update(retries=self.progress.retries + 1, retry=failure.words)

    @contextmanager
    def counting(self) -> Iterator[Callable[[], None]]:
        """Count the answers of an extraction that is under way; what this gives is called for each."""
        n = 0

        def count() -> None:
            nonlocal n
            with self._lock:
                n += 1
                self._n_open += 1

        try:
            yield count
        finally:
            with self._lock:
                self._n_open -= n

    def show(self) -> None:
        """Show the progress, although nothing new happened."""
        with self._lock:
            self._update(open_calls=self._n_open)
            if self.progress.retry is not None:
                self._update(retry_in_s=max(0.0, self._retry_at - clock.monotonic_s()))
            if not self.stop.is_set():
                self._show(self.progress)

    @contextmanager
    def repeated(self) -> Iterator[None]:
        """Show the progress again and again, for a recording that has to be made in the thread that asks for it."""
        ended = threading.Event()

        def repeat() -> None:
            while not ended.wait(_EVERY_S):
                self.show()

        thread = threading.Thread(target=repeat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _update(self, **changes: Any) -> None:
        self.progress = self.progress._replace(**changes)
