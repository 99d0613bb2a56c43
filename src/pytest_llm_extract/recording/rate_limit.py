"""Decide when the next call may start: as fast as the provider allows."""

from __future__ import annotations

import threading
from collections import deque

from pytest_llm_extract import clock

_SHARE = 0.85  # of what the provider took when it first refused
_CUT = 0.85  # of the rate, at a refusal in spite of it
_RAISE = 0.02  # calls a second more, for each answer
_WINDOW_S = 1.0
_SPACING_S = 0.004  # answers that come at once wait for each other, since Python works on one at a time
_PAUSE_S = 0.5  # after a refusal that does not say how long to wait


class Pace:
    """Spaces the starts of calls, for all threads together.

    Without a refusal there is no limit but the number of calls in flight, and 250 starts a second, which is about what
    one process can do. A refusal (429, or a provider that says it is overloaded) pauses all starts for as long as the
    provider asks, and sets a rate below what it had taken in the second before; answers then raise the rate slowly, and
    further refusals cut it: additive increase, multiplicative decrease (Chiu and Jain 1989, Computer Networks and ISDN
    Systems 17:1).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: deque[float] = deque(maxlen=10_000)
        self._rate: float | None = None
        self._next = self._cut_at = self._paused_until = 0.0

    def wait(self, stop: threading.Event) -> float:
        """Wait for a turn or for `stop`. Return the time of the start, an argument of `refused`."""
        turn = self._turn()
        while (left := turn - clock.monotonic_s()) > 0 and not stop.wait(left):
            if turn < self._paused_until:
                turn = self._turn()  # a pause began in the meantime: all who waited get in line again
        return clock.monotonic_s()

    def _turn(self) -> float:
        with self._lock:
            turn = max(clock.monotonic_s(), self._next)
            self._next = turn + (_SPACING_S if self._rate is None else 1 / self._rate)
            return turn

    def answered(self) -> None:
        """Report that the provider accepted a call."""
        with self._lock:
            self._answers.append(clock.monotonic_s())
            if self._rate is not None:
                self._rate += _RAISE

    def refused(self, started: float, retry_after_s: float | None) -> None:
        """Report that the provider refused a call that started at this time."""
        with self._lock:
            now = clock.monotonic_s()
            self._paused_until = max(self._paused_until, now + (_PAUSE_S if retry_after_s is None else retry_after_s))
            self._next = max(self._next, self._paused_until)
            if started <= self._cut_at:
                return  # it was under way when the rate was cut
            self._cut_at = now
            self._rate = self._measured(now) if self._rate is None else max(self._rate * _CUT, _SHARE)

    def _measured(self, now: float) -> float:
        taken = sum(at > now - _WINDOW_S for at in self._answers)
        return max(1.0, _SHARE * taken / _WINDOW_S)
