"""Name the shared recordings that no test of a whole run asked for, since nothing else knows who asks for them."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_llm_extract.cassette.file.directory import is_disposable, recordings
from pytest_llm_extract.cassette.http import shared_exchanges
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.session import run_scope
from pytest_llm_extract.session.stash import suite_and_case
from pytest_llm_extract.wording import counted

NAME = "llm_extract_asked"
_SHOWN = 5


class Asked(NamedTuple):
    """What a process asked for, as paths, and how many of the tests that may ask did not run or pass."""

    paths: list[str]
    n_left_out: int


class AskedRecordings:
    """Hooks of a process that runs tests, from its first suite on."""

    def __init__(self) -> None:
        shared_exchanges.asked.clear()  # of an earlier session of the process
        self._n_collected = self._n_left_out = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Count the tests, before a shard is taken of them."""
        self._n_collected = len(items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the tests that are left out, also by plugins that do not say so."""
        self._n_left_out = self._n_collected - len(session.items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Count a test that failed or was skipped, and may have asked for something otherwise."""
        report = yield
        if not report.passed and (suite_and_case(item) or "llm_recorded" in getattr(item, "fixturenames", ())):
            self._n_left_out += 1
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send what a worker asked for."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[NAME] = [tuple(self.asked)]

    @property
    def asked(self) -> Asked:
        """What this process asked for so far."""
        return Asked(sorted(map(str, shared_exchanges.asked)), self._n_left_out)


def unasked_lines(
    session: pytest.Session, settings: Settings, of_workers: Iterable[tuple[list[str], int]]
) -> list[str]:
    """A sentence about what no test asked for; nothing after a run that some tests are left out of, or fail in."""
    folder = settings.cassettes / shared_exchanges.FOLDER
    plugin: AskedRecordings | None = session.config.pluginmanager.get_plugin(NAME)
    processes = [*(Asked(*told) for told in of_workers), *([plugin.asked] if plugin is not None else [])]
    is_whole = bool(processes) and not session.testsfailed and not any(one.n_left_out for one in processes)
    if not is_whole or not folder.is_dir() or not _looks_everywhere(session.config):
        return []
    asked = {path for one in processes for path in one.paths}
    unasked = [path for path in recordings(folder) if str(path) not in asked and is_disposable(path)]
    if not unasked:
        return []
    names = ", ".join(path.name for path in unasked[:_SHOWN])
    more = f" and {len(unasked) - _SHOWN} more" if len(unasked) > _SHOWN else ""
    where = Path(os.path.relpath(folder, settings.rootdir)).as_posix()
    what = counted(len(unasked), "recording")
    return [f"no test asked for {what} in {where}/: {names}{more}; delete what no other run needs"]


def _looks_everywhere(config: pytest.Config) -> bool:
    """Whether neither arguments, options nor the working directory say that there are other tests."""
    if run_scope.is_narrowed(config) or not run_scope.looks_where_settings_say(config):
        return False
    from_ini = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return from_ini or config.invocation_params.dir == config.rootpath
