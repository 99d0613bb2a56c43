"""Run work in threads that never keep the process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from pytest_llm_extract import clock

_T = TypeVar("_T")
_SLICE_S = 0.1
_GRACE_S = 2.0  # for what is under way when the run is interrupted


def in_threads(
    work: Callable[[_T], None],
    items: Iterable[_T],
    n_threads: int,
    stop: threading.Event,
    while_waiting: Callable[[], None] = lambda: None,
) -> None:
    """Work off all items, `n_threads` at a time; nothing is begun once `stop` is set.

    `while_waiting` is called some ten times a second until all is done.

    Ctrl-C sets `stop`, waits a moment for what is under way, and goes on as KeyboardInterrupt. The first exception of
    `work` stops the rest and is raised here.
    """
    queue, lock = iter(items), threading.Lock()
    errors: list[BaseException] = []

    def work_off() -> None:
        while not stop.is_set():
            with lock:
                item = next(queue, _END)
            if item is _END:
                return
            try:
                work(item)  # type: ignore[arg-type]  # _END was sorted out
            except BaseException as error:
                errors.append(error)
                stop.set()

    # Daemons: a call that hangs must not keep the process from ending.
    threads = [threading.Thread(target=work_off, daemon=True) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    try:
        _join(threads, None, while_waiting)
    except BaseException:
        stop.set()
        _join(threads, _GRACE_S)
        raise
    if errors:
        raise errors[0]


_END = object()


def _join(
    threads: Iterable[threading.Thread], limit_s: float | None, while_waiting: Callable[[], None] = lambda: None
) -> None:
    end = None if limit_s is None else clock.monotonic_s() + limit_s
    for thread in threads:
        # In slices: a join without a timeout would not let Ctrl-C through on every platform.
        while thread.is_alive() and (end is None or clock.monotonic_s() < end):
            thread.join(_SLICE_S)
            while_waiting()
