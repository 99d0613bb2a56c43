"""What a call costs, whatever else the machine and the other tests of this process do."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable


def cost_s(function: Callable[[], object]) -> float:
    """The time of this process alone, in seconds, without a collection of what other tests left behind."""
    gc.disable()
    try:
        start = time.process_time()
        function()
        return time.process_time() - start
    finally:
        gc.enable()
