"""Shows cases of a suite that fail in the same way as one failure: a section for all of them, not one for each."""

from __future__ import annotations

import copy
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import pytest

_NOT_REPLAYED = ("stale", "missing")
_SHOWN = 5
_KINDS = ("failed", "error")
_MOST_LINES = 10  # of the short summary, for cases that fail in the same way


class GroupedFailures:
    """Swaps the failed reports that the terminal shows; its counts keep every case."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._cases: dict[str, tuple[str, str, str]] = {}  # by node id: suite, status, case
        self._all: dict[str, list[Any]] = {}  # while the terminal has others: by kind

    def add(self, nodeid: str, suite: str, status: str, case: str) -> None:
        """Note the status of a case that failed."""
        self._cases[nodeid] = suite, status, case

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, object, object]:
        """Group them before the terminal shows its failures; with -vv it shows each."""
        if self._config.option.verbose < 2:
            self._all = {kind: terminalreporter.stats[kind] for kind in _KINDS if kind in terminalreporter.stats}
        for kind, reports in self._all.items():
            terminalreporter.stats[kind] = [
                group[0] if len(group) == 1 else self._merged(group) for group in self._groups(reports)
            ]
        try:
            return (yield)
        finally:  # after the short summary, before the counts
            terminalreporter.stats |= self._all
            self._all = {}

    def shorten(self, terminalreporter: Any) -> None:
        """Have the short summary name each failure, or the suite where many of its cases fail in the same way."""
        for kind, reports in self._all.items():
            terminalreporter.stats[kind] = [
                report
                for group in self._groups(reports)
                for report in (group if len(group) <= _MOST_LINES else [self._in_short(group)])
            ]

    def _groups(self, reports: list[Any]) -> list[list[Any]]:
        groups: dict[Any, list[Any]] = {}
        for number, report in enumerate(reports):
            groups.setdefault(self._way(report) or number, []).append(report)
        return [*groups.values()]

    def _in_short(self, reports: list[Any]) -> Any:
        """One report for all of these, with the suite's id and what they say."""
        short = copy.copy(reports[0])
        short.nodeid, status, _ = self._cases[short.nodeid]
        said = {str(report.longrepr.reprcrash.message) for report in reports}
        words = f"{len(reports)} cases: {said.pop() if len(said) == 1 else status}"
        short.longrepr = SimpleNamespace(reprcrash=SimpleNamespace(message=words))
        return short

    def _way(self, report: Any) -> tuple[str, ...] | None:
        """How a case failed; None if no other case failed in the same way."""
        if report.nodeid not in self._cases or report.when not in ("setup", "call"):
            return None
        suite, status, _ = self._cases[report.nodeid]
        crash = getattr(report.longrepr, "reprcrash", None)
        if report.when == "setup":  # of a fixture that many cases use, say
            return None if crash is None else (suite, report.when, str(crash.message))
        if status in _NOT_REPLAYED:
            return suite, status
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
