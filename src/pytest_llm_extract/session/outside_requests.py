"""Counts requests that fixtures and tests send outside of extractions, and reports them at the end."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pytest

_OWNERSHIP = "pytest_llm_extract.cassette.ownership"


class OutsideRequests:
    """Hooks of the main process and of workers, which send their counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Take the counts of this process, if any extraction was set up."""
        if (ownership := sys.modules.get(_OWNERSHIP)) is None:
            return
        self.counts += ownership.outside
        ownership.outside.clear()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["llm_extract_outside"] = dict(self.counts)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add those of a worker."""
        self.counts += Counter(getattr(node, "workeroutput", {}).get("llm_extract_outside", {}))

    def lines(self) -> list[str]:
        """A sentence for each address."""
        return [
            f"{count} request{'s' if count > 1 else ''} to {address} outside of an extraction: neither recorded nor "
            "replayed (llm_extract_strict_network = true refuses them)"
            for address, count in sorted(self.counts.items())
        ]
