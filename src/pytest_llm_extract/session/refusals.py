"""Mistakes that keep a module from being collected, and where they are shown."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest


class Refusal(pytest.Collector.CollectError):
    """A mistake in a marker, in golden data or in a prompt file."""


class _Crash(NamedTuple):
    """What pytest's short summary shows of a failure."""

    message: str


def mark_refusal(report: pytest.CollectReport) -> None:
    """Give a report of a `Refusal` the line that pytest's short summary shows, which such errors lack."""
    call: Any = getattr(report, "call", None)
    if call is None or call.excinfo is None or not isinstance(call.excinfo.value, Refusal):
        return
    shown: Any = report.longrepr
    why = str(shown)  # without secrets, which the error itself may hold
    shown.reprcrash = _Crash(why)
    report.llm_extract_refusal = why  # type: ignore[attr-defined]  # also where a worker sends it


def show_hidden(config: pytest.Config, reporter: Any) -> None:
    """Show why modules were not collected where `--tb=no` keeps pytest from showing it."""
    errors = reporter.stats.get("error", ()) if config.option.tbstyle == "no" else ()
    refused = [report.llm_extract_refusal for report in errors if hasattr(report, "llm_extract_refusal")]
    if refused:
        from pytest_llm_extract.report.write import write_heading, write_lines

        write_heading(reporter, "llm-extract: not collected")
        write_lines(reporter, [line for why in refused for line in why.splitlines()], red=True)
