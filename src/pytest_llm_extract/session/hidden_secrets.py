"""Hide secrets in what a run with suites shows besides its results: reports of other tests, warnings, log files."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Generator
from typing import Any

import pytest

from pytest_llm_extract.session.stash import SETTINGS, suite_and_case

_NAME = "llm_extract_hidden_secrets"


def hide_from_now_on(config: pytest.Config) -> None:
    """Look through what is shown, as soon as the session has a suite; a second call does nothing."""
    if not config.pluginmanager.has_plugin(_NAME):
        config.pluginmanager.register(_Hiding(config), _NAME)


class _Hiding:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        logs = config.pluginmanager.get_plugin("logging-plugin")
        for name in ("log_file_handler", "log_cli_handler"):
            handler = getattr(logs, name, None)
            if isinstance(handler, logging.Handler) and getattr(handler, "baseFilename", "") != os.devnull:
                handler.setFormatter(_HidingFormatter(handler.formatter or logging.Formatter(), self._hide))

    def _hide(self, text: str) -> str:
        return self._config.stash[SETTINGS].storage.watch.hide(text)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Hide them in reports of tests that are not suites; those of suites are looked through by their sender."""
        report = yield
        if suite_and_case(item) is None and (report.longrepr or report.sections or report.user_properties):
            from pytest_llm_extract.credentials.pytest_reports import hide_in_other_report

            hide_in_other_report(report, self._config.stash[SETTINGS].storage.watch)
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
