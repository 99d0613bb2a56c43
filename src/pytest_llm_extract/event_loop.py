"""Sync and async functions, called to their end; async ones in one event loop for the whole process."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class _Loop:
    """One for the whole process, or a module-level async client would die with the first one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the loop's thread, in a copy of the caller's context."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # An empty context: the thread outlives the extraction that starts it.
                forever = contextvars.Context().run
                threading.Thread(target=forever, args=(self._loop.run_forever,), daemon=True).start()
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


_loop = _Loop()


def run_to_end(function: Callable[[], Any]) -> Any:
    """Call a sync or async function to its end, also from a thread whose own event loop is running."""
    if _is_in_loop():
        with ThreadPoolExecutor(1) as pool:
            value = pool.submit(contextvars.copy_context().run, function).result()
    else:
        value = function()
    return _loop.run(value) if inspect.iscoroutine(value) else value


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
