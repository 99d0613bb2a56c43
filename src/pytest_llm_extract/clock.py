"""Time that a test cannot freeze, for our own waiting.

freezegun replaces the functions of `time` in every module that holds one of them, and time-machine replaces the time of
day everywhere. The functions are in a tuple, where neither looks, and are taken when the plugin is loaded.
"""

from __future__ import annotations

import datetime
import time

_FUNCTIONS = (time.monotonic, time.sleep, datetime.datetime)
_OFFSET_S = time.time() - time.monotonic()


def monotonic_s() -> float:
    """Seconds since some fixed moment."""
    return _FUNCTIONS[0]()


def wall_s() -> float:
    """Seconds since 1970."""
    return monotonic_s() + _OFFSET_S


def utc_now() -> datetime.datetime:
    """Date and time in UTC."""
    return _FUNCTIONS[2].fromtimestamp(wall_s(), datetime.UTC)


def sleep(seconds: float) -> None:
    """Wait, even if a test replaced `time.sleep`."""
    _FUNCTIONS[1](seconds)
