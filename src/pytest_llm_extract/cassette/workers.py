"""The threads, pools and child processes of an extraction.

Threads and the jobs of thread pools run in a copy of the context that started them, so that their requests belong to
its extraction. What child processes send can be neither recorded nor replayed: there it is stopped, and told.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.pool import Pool, ThreadPool
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from pytest_llm_extract.cassette.guard import RequestInChild, Stopped, in_child

# Where the child processes of the extraction in this context tell of themselves; None outside of extractions.
_telltale: contextvars.ContextVar[Path | None] = contextvars.ContextVar("llm_extract_telltale", default=None)
_start_thread, _start_process = threading.Thread.start, BaseProcess.start
_submit_to_threads, _submit_to_processes = ThreadPoolExecutor.submit, ProcessPoolExecutor.submit


class StoppedInPool(Exception):
    """What stopped an extraction in a job of a `ThreadPool`, whose threads would not survive anything else."""


@dataclass(frozen=True)
class _ThreadJob:
    context: contextvars.Context
    function: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.context.copy().run(self.function, *args, **kwargs)
        except Stopped as error:
            raise StoppedInPool(str(error)) from error


@dataclass(frozen=True)
class _ChildJob:
    telltale: Path
    function: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with in_child(self.telltale):
            return self.function(*args, **kwargs)


def _run_child(telltale: Path, process: BaseProcess) -> None:
    with in_child(telltale):
        type(process).run(process)


def _start_thread_in_context(thread: threading.Thread) -> None:
    context, run = contextvars.copy_context(), thread.run
    thread.run = lambda: context.run(run)  # type: ignore[method-assign]
    _start_thread(thread)


def _start_guarded_process(process: BaseProcess) -> None:
    if (telltale := _telltale.get()) is not None:
        process.run = functools.partial(_run_child, telltale, process)  # type: ignore[method-assign]
    _start_process(process)


def _submit_in_context(pool: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    job = contextvars.copy_context().run
    # Threads of a pool outlive the extraction: only their jobs belong to it.
    return contextvars.Context().run(functools.partial(_submit_to_threads, pool, job, fn, *args, **kwargs))


def _submit_guarded(pool: ProcessPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    telltale = _telltale.get()
    job = fn if telltale is None else _ChildJob(telltale, fn)
    return contextvars.Context().run(functools.partial(_submit_to_processes, pool, job, *args, **kwargs))


def _with_job(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of `multiprocessing.pool` that hands over its function as a job of the extraction."""

    @functools.wraps(method)
    def hand_over(pool: Pool, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if (telltale := _telltale.get()) is None:
            return method(pool, func, *args, **kwargs)
        is_threads = isinstance(pool, ThreadPool)
        job = _ThreadJob(contextvars.copy_context(), func) if is_threads else _ChildJob(telltale, func)
        return method(pool, job, *args, **kwargs)

    return hand_over


class _Patches:
    """Counts the extractions that are under way: the first of them patches, the last one takes the patches off."""

    def __init__(self, *patches: tuple[type, str, Callable[..., Any]]) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._patches = patches
        self._originals = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._set(self._patches)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._set(self._originals)

    def _set(self, methods: Iterable[tuple[type, str, Callable[..., Any]]]) -> None:
        for owner, name, method in methods:
            setattr(owner, name, method)


_patches = _Patches(
    (threading.Thread, "start", _start_thread_in_context),
    (ThreadPoolExecutor, "submit", _submit_in_context),
    (ProcessPoolExecutor, "submit", _submit_guarded),
    (BaseProcess, "start", _start_guarded_process),
    (Pool, "apply_async", _with_job(Pool.apply_async)),
    (Pool, "_map_async", _with_job(Pool._map_async)),  # type: ignore[attr-defined]  # what all kinds of map end in
    (Pool, "imap", _with_job(Pool.imap)),
    (Pool, "imap_unordered", _with_job(Pool.imap_unordered)),
)


@contextlib.contextmanager
def inherited_context(stop: Callable[[BaseException], None]) -> Iterator[None]:
    """Threads, pools and child processes that are started or used in here belong to this extraction.

    `stop` is told at the end of what a child process tried to send.
    """
    telltale = Path(tempfile.gettempdir(), f"llm-extract-{os.getpid()}-{os.urandom(8).hex()}")
    token = _telltale.set(telltale)
    try:
        with _patches:
            yield
    finally:
        _telltale.reset(token)
        if telltale.exists():
            stop(RequestInChild(telltale.read_text(encoding="utf-8").splitlines()[0]))
            telltale.unlink()
