"""Shows cases of a suite that fail in the same way as one failure: a section for all of them, not one for each."""

from __future__ import annotations

import copy
from collections.abc import Generator
from typing import Any

import pytest

_NOT_REPLAYED = ("stale", "missing")
_SHOWN = 5


class GroupedFailures:
    """Swaps the failed reports that the terminal shows; its counts and its short summary keep every case."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._cases: dict[str, tuple[str, str, str]] = {}  # by node id: suite, status, case
        self._all: list[Any] | None = None

    def add(self, nodeid: str, suite: str, status: str, case: str) -> None:
        """Note the status of a case that failed."""
        self._cases[nodeid] = suite, status, case

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, object, object]:
        """Group them before the terminal shows its failures; with -vv it shows each."""
        failed = terminalreporter.stats.get("failed")
        if failed and self._config.option.verbose < 2:
            self._all = failed
            terminalreporter.stats["failed"] = self._grouped(failed)
        try:
            return (yield)
        finally:
            self.restore(terminalreporter)

    def restore(self, terminalreporter: Any) -> None:
        """Put all failures back, once they were shown."""
        if self._all is not None:
            terminalreporter.stats["failed"], self._all = self._all, None

    def _grouped(self, reports: list[Any]) -> list[Any]:
        groups: dict[Any, list[Any]] = {}
        for number, report in enumerate(reports):
            groups.setdefault(self._way(report) or number, []).append(report)
        return [found[0] if len(found) == 1 else self._merged(found) for found in groups.values()]

    def _way(self, report: Any) -> tuple[str, ...] | None:
        """How a case failed; None if no other case failed in the same way."""
        if report.nodeid not in self._cases or report.when != "call":
            return None
        suite, status, _ = self._cases[report.nodeid]
        if status in _NOT_REPLAYED:
            return suite, status
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is None or "\n" in str(crash.message):  # the differences of a strict case, say
            return None
        return suite, str(crash.path), str(crash.lineno), str(crash.message).partition(":")[0]

    def _merged(self, reports: list[Any]) -> Any:
        """One report for all of these: the failure of the first, and the names of the others."""
        merged = copy.copy(reports[0])
        suite, status, first = self._cases[merged.nodeid]
        cases = [self._cases[report.nodeid][2] for report in reports]
        name = suite.split("::", 1)[1].replace("::", ".")
        merged.location = (*merged.location[:2], f"{name}: {len(reports)} cases")
        if status in _NOT_REPLAYED:
            merged.longrepr = f'{status}: {_some(cases)}; see "llm-extract: {suite}" below'
        else:
            merged.sections = [*merged.sections, (f"{first} failed as shown, and in the same way", _some(cases[1:]))]
        return merged


def _some(cases: list[str]) -> str:
    more = f" and {len(cases) - _SHOWN} more" if len(cases) > _SHOWN else ""
    return ", ".join(cases[:_SHOWN]) + more
