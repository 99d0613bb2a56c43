"""A budget: a recording starts only if the dearest price so far still fits in."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Budget:
    """US dollars for one run; without a limit everything is admitted and only added up.

    What a recording costs is known when it is over. Before it starts, it is taken to cost what its own earlier
    recording did, or the dearest of its suite; as long as none is known, one goes first, alone.
    """

    def __init__(self, limit_usd: float | None) -> None:
        self.limit_usd, self.spent_usd = limit_usd, 0.0
        self._reserved: list[float] = []
        self._change = threading.Condition()

    def admit(self, expected: Callable[[], float | None]) -> float | None:
        """Reserve what a recording is expected to cost (asked anew whenever another one is over).

        Returns:
            What was reserved, to be given to `settle`; None when it does not fit in.
        """
        with self._change:
            while True:
                price = expected()
                if self.limit_usd is None or self._fits(price, self.limit_usd):
                    self._reserved.append(price or 0.0)
                    return price or 0.0
                if not self._reserved:
                    return None
                self._change.wait()

    def _fits(self, price: float | None, limit_usd: float) -> bool:
        left = limit_usd - self.spent_usd - sum(self._reserved)
        if price is None:
            return not self._reserved and left > 0
        return price <= left

    def settle(self, reserved: float, cost_usd: float) -> None:
        """Add the cost of a finished recording."""
        with self._change:
            self.spent_usd += cost_usd
            self._reserved.remove(reserved)
            self._change.notify_all()
