"""Whose request is it? The threads, pool jobs and tasks that an extraction starts belong to that extraction."""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from pytest_llm_extract import clock

GRACE_S = 1.0


class Stopped(BaseException):
    """Ends an extraction. It is not an `Exception`, since SDKs retry and hide those."""


class Take:
    """Where the requests of one extraction go.

    One that `is_offline` may open no connection. `stopped` is what it could not go on after, also where it hid that or
    lost it in a thread. `senders` are the workers that sent its requests, `strays` the addresses of requests that came
    meanwhile from threads of nobody. `who` it is, in words.
    """

    is_offline = False
    who = "the extraction"

    def __init__(self) -> None:
        self.stopped: Stopped | None = None
        self.senders: set[Worker] = set()
        self.strays: list[str] = []


# The take of the extraction that the running code belongs to.
owner: contextvars.ContextVar[Take | None] = contextvars.ContextVar("llm_extract_owner", default=None)
active: set[Take] = set()  # of the extractions that are under way


# Requests of a run with suites that belong to no extraction, by address.
outside: Counter[str] = Counter()


class _Worker:
    """A thread, or a job of a pool, that an extraction started."""

    def __init__(self, *, is_thread: bool) -> None:
        self.is_thread, self._ended = is_thread, threading.Event()

    def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        _worker.set(self)
        try:
            return function(*args, **kwargs)
        finally:
            self._ended.set()

    def done(self) -> bool:
        return self._ended.is_set()


Worker = _Worker | asyncio.Task[Any]
_worker: contextvars.ContextVar[_Worker | None] = contextvars.ContextVar("llm_extract_worker", default=None)


def worker() -> Worker | None:
    """The task, thread or job that runs this code and that an extraction started; None for any other thread."""
    task = asyncio.current_task() if asyncio._get_running_loop() is not None else None
    return task or _worker.get()


def outlive(workers: Collection[Worker]) -> bool:
    """Whether any worker still runs shortly after its extraction has ended."""
    end = clock.monotonic_s() + GRACE_S
    while any(not worker.done() for worker in workers):
        if clock.monotonic_s() > end:
            return True
        clock.sleep(0.005)
    return False


def stopping(error: Stopped) -> BaseException:
    """Report an error to the extraction that owns the running code, and return the error to raise.

    In a thread that is an ordinary one: a pool's thread that dies of any other leaves its caller waiting.
    """
    if (take := owner.get()) is not None:
        take.stopped = take.stopped or error
    worker = _worker.get()
    return RuntimeError(str(error)) if worker is not None and worker.is_thread else error


def warn_late(address: str) -> None:
    """Warn that code left behind by an extraction sent a request after its test, and that it was refused."""
    warnings.warn(
        f"something that an extraction started and did not wait for tried to reach {address} after the extraction had "
        "ended, and was refused: wait for it in the extractor",
        stacklevel=2,
    )


def hand_down() -> None:
    """Have threads and pool jobs that an extraction starts run in a copy of its context, from now on.

    Until the process ends, since what an extraction leaves behind may start more of them at any time.
    """
    if threading.Thread.start.__module__ != __name__:
        threading.Thread.start = _in_context(threading.Thread.start)  # type: ignore[method-assign, assignment]
    if _thread.start_new_thread.__module__ != __name__:
        _thread.start_new_thread = _in_context_of_caller(_thread.start_new_thread)
    if ThreadPoolExecutor.submit.__module__ != __name__:
        ThreadPoolExecutor.submit = _with_context(ThreadPoolExecutor.submit)  # type: ignore[method-assign]


def _in_context(start: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    def start_in_context(thread: threading.Thread) -> None:
        if owner.get() is not None:
            context, run = contextvars.copy_context(), thread.run
            thread.run = lambda: context.run(_Worker(is_thread=True).run, run)  # type: ignore[method-assign]
        start(thread)

    return start_in_context


def _in_context_of_caller(start: Callable[..., int]) -> Callable[..., int]:
    def start_in_context(function: Callable[..., Any], *args: Any) -> int:
        if owner.get() is not None:
            function = partial(contextvars.copy_context().run, _Worker(is_thread=True).run, function)
        return start(function, *args)

    return start_in_context


def _with_context(submit: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    def submit_in_context(
        pool: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        if owner.get() is None:
            return submit(pool, fn, *args, **kwargs)
        context, own = contextvars.copy_context(), _Worker(is_thread=False)

        def job() -> Any:
            return context.run(own.run, fn, *args, **kwargs)

        # In an empty context, since the pool's own thread, which this may start, outlives the extraction.
        return contextvars.Context().run(submit, pool, job)

    return submit_in_context
