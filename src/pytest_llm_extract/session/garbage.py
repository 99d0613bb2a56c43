"""Spare the collector of garbage what stays in memory anyway."""

from __future__ import annotations

import gc

import pytest

_OF_PYTHON = 1_000  # objects, more than Python 3.12 itself sets aside when it starts
_is_ours = pytest.StashKey[bool]()


def set_aside(config: pytest.Config) -> None:
    """Set all that is in memory aside from garbage collection, until the session ends.

    What was imported and collected stays until then: looking through it again and again takes a tenth of a replay.
    Nothing happens where somebody has set objects aside before, since there is no way to take back our own alone.
    """
    if _is_ours not in config.stash:
        config.stash[_is_ours] = gc.get_freeze_count() <= _OF_PYTHON
        if config.stash[_is_ours]:
            config.add_cleanup(gc.unfreeze)
    if config.stash[_is_ours]:
        gc.freeze()
