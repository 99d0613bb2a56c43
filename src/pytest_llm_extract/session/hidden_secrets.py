"""Hide secrets in what a run with suites shows besides its results: reports of other tests, warnings, log files."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Generator
from typing import Any

import pytest

from pytest_llm_extract.session.stash import settings_of, suite_and_case


class Hiding:
    """Looks through what is shown."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        logs = config.pluginmanager.get_plugin("logging-plugin")
        for name in ("log_file_handler", "log_cli_handler"):
            handler = getattr(logs, name, None)
            if isinstance(handler, logging.Handler) and getattr(handler, "baseFilename", "") != os.devnull:
                handler.setFormatter(_HidingFormatter(handler.formatter or logging.Formatter(), self._hide))

    def _hide(self, text: str) -> str:
        return settings_of(self._config).storage.watch.hide(text)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Hide them before other plugins see the report; what those add to a suite's, its sender looks through."""
        report = yield
        if report.longrepr or report.sections or report.user_properties:
            from pytest_llm_extract.credentials import pytest_reports

            watch = settings_of(self._config).storage.watch
            if suite_and_case(item) is None:
                pytest_reports.hide_in_other_report(report, watch)
            else:
                pytest_reports.hide_in_report(report, watch)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Hide them in the text of a warning."""
        text = str(warning_message.message)
        if (hidden := self._hide(text)) != text:
            warning_message.message = UserWarning(hidden)


class _HidingFormatter(logging.Formatter):
    def __init__(self, formatter: logging.Formatter, hide: Callable[[str], str]) -> None:
        super().__init__()
        self._formatter, self._hide = formatter, hide

    def format(self, record: logging.LogRecord) -> str:
        return self._hide(self._formatter.format(record))
