"""Text that repeats itself to its end, as models write where they do not find one."""

from __future__ import annotations

import re

_LOOKED_AT = 600  # characters at the end
_REPEATED = re.compile(r"(.{1,120}?)\1{3,}.{0,119}\Z", re.DOTALL)
_SHORTEST = 12  # characters of a repetition that is none by chance


def repeated_end(text: str) -> str | None:
    """What a string repeats four times or more at its end; None if nothing. The last time may be cut off."""
    end = text[-_LOOKED_AT:]
    repeated = _REPEATED.search(end)
    if repeated is None:
        return None
    unit, whole = repeated[1], repeated[0]
    rest = whole[len(unit) * (len(whole) // len(unit)) :]
    is_loop = len(whole) >= _SHORTEST and whole == unit * (len(whole) // len(unit)) + unit[: len(rest)]
    return unit if is_loop else None
