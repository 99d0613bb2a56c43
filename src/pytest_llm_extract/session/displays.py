"""Where a run shows its recordings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest

from pytest_llm_extract.recording.progress import Progress
from pytest_llm_extract.report.recording_progress import Bar, Display, Log, Quiet

# Where a command shows what recording does, in the place of pytest's terminal.
DISPLAY = pytest.StashKey[Display]()


def display_of(config: pytest.Config, *, even_quiet: bool = False) -> Display:
    """A bar on a terminal, lines elsewhere, few of them with -q, none without a terminal reporter."""
    if DISPLAY in config.stash:
        return config.stash[DISPLAY]
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        return Display()
    if config.option.verbose < 0 and not even_quiet:
        return Quiet(reporter)
    return Bar(reporter) if reporter.isatty else Log(reporter)


def show_in_tests(config: pytest.Config) -> Callable[[str, Progress], None]:
    """Show a recording that a test or a fixture makes, which begins now: in lines, which pytest does not capture."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        return Display().progress
    capture = config.pluginmanager.getplugin("capturemanager")
    uncaptured = nullcontext if capture is None else capture.global_and_fixture_disabled
    kind = Quiet if config.option.verbose < 0 else Log
    return kind(reporter, uncaptured=uncaptured).progress
