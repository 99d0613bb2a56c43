"""Call sync and async functions to their end, async ones in one event loop of the process."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from types import AsyncGeneratorType, CoroutineType
from typing import Any

from pytest_llm_extract import clock


class _Loop:
    """The event loop of the process. A loop for each case would break async clients at module level."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runs = False
        self._lock = threading.Lock()

    def open(self) -> asyncio.AbstractEventLoop:
        """Make the loop unless it exists."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop.time = clock.monotonic_s  # type: ignore[method-assign]  # a frozen timer never ends
            return self._loop

    def close_unused(self) -> None:
        """Close a loop that never ran. A loop that ran keeps its thread until the process ends."""
        with self._lock:
            if self._loop is not None and not self._runs:
                self._loop.close()
                self._loop = None

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the loop's thread, in a copy of the caller's context."""
        loop = self.open()
        with self._lock:
            if not self._runs:
                # An empty context: the thread outlives the extraction that starts it.
                forever = contextvars.Context().run
                threading.Thread(target=forever, args=(_run_forever, loop), daemon=True).start()
                self._runs = True
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


def _run_forever(loop: asyncio.AbstractEventLoop) -> None:
    while True:
        # A task that exits ends the loop, but has handed its exception on before.
        with contextlib.suppress(SystemExit):
            loop.run_forever()


_loop = _Loop()


@contextlib.contextmanager
def ready_loop() -> Iterator[None]:
    """Make the loop early: it needs sockets, which fixtures such as pytest-socket's may forbid later."""
    _loop.open()
    try:
        yield
    finally:
        _loop.close_unused()


def run_to_end(function: Callable[[], Any]) -> Any:
    """Call a sync or async function to its end, also from a thread whose own event loop is running.

    What a generator or another iterator yields comes back as a list: a request that it sends later would be nobody's.
    """
    if asyncio._get_running_loop() is not None:
        with ThreadPoolExecutor(1) as pool:
            value = pool.submit(contextvars.copy_context().run, _call, function).result()
    else:
        value = _call(function)
    if isinstance(value, AsyncGeneratorType):
        value = _listed(value)
    return _loop.run(value) if isinstance(value, CoroutineType) else value


def _call(function: Callable[[], Any]) -> Any:
    try:
        value = function()
        return list(value) if isinstance(value, Iterator) else value
    except asyncio.CancelledError as error:
        raise CancelledError(*error.args) from error  # as a future says it: an exception, which ends this case alone


async def _listed(generator: AsyncIterator[Any]) -> list[Any]:
    return [value async for value in generator]
