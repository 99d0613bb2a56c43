"""Gates as tests of pytest: counted, reported as passed, failed or skipped, and found by their ids."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from pytest_llm_extract.config.suite_folders import gate_id
from pytest_llm_extract.formats.visible import visible, visible_lines
from pytest_llm_extract.session.stash import suite_and_case
from pytest_llm_extract.wording import counted


class GateReport:
    """The text of a failed gate, as pytest shows failures; `below` is the section that shows the reasons, if any."""

    def __init__(self, reasons: list[str], suite_id: str, below: str | None = None) -> None:
        reasons = [*visible_lines(reasons)]
        self.text, self.below = "\n".join(reasons), below
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        message = f"{reasons[0]}{more}"
        self.reprcrash = SimpleNamespace(path=suite_id.split("::")[0], lineno=0, message=message)

    def __str__(self) -> str:
        return self.text

    def toterminal(self, tw: Any) -> None:
        """Write the failure to pytest's terminal."""
        n_reasons = counted(self.text.count("\n") + 1, "reason")
        tw.line(f'{n_reasons}: see "{self.below}" below' if self.below else self.text, red=True)


class GateTests:
    """Reports the gates of a session to pytest."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._announced: set[str] = set()

    def announce(self, suite_key: str) -> None:
        """Count a gate among pytest's tests as soon as its suite has begun, so that it is reported before `[100%]`."""
        self._announced.add(visible(gate_id(suite_key)))
        self._session.testscollected += 1

    def publish(self, suite_key: str, outcome: Literal["passed", "failed", "skipped"], longrepr: Any) -> None:
        """Report a gate; `longrepr` is what pytest shows of a failed or skipped one, None of a passed one."""
        nodeid = visible(gate_id(suite_key))
        location = (nodeid.split("::")[0], None, nodeid.split("::", 1)[1].replace("::", "."))
        self._session.testscollected += nodeid not in self._announced
        hook = self._session.config.hook
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        phases: tuple[Literal["setup", "call", "teardown"], ...] = ("setup", "call", "teardown")
        for when in phases:
            is_call = when == "call"
            report = pytest.TestReport(
                nodeid=nodeid,
                location=location,
                keywords={},
                outcome=outcome if is_call else "passed",
                longrepr=longrepr if is_call else None,
                when=when,
            )
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)


_GATE = gate_id("")  # how the id of a gate ends, up to the variant in brackets


def run_suites_of_gates(config: pytest.Config) -> None:
    """Let the id of a gate among the arguments stand for its suite: a gate has no test of its own."""
    if any(argument.partition("::")[2].count("::") for argument in config.args) and not _has_tests_called_gate(config):
        config.args[:] = [_suite_of(argument) for argument in config.args]


def _has_tests_called_gate(config: pytest.Config) -> bool:
    name = _GATE.removeprefix("::")
    return any(name.startswith(pattern) or fnmatchcase(name, pattern) for pattern in config.getini("python_functions"))


def _suite_of(argument: str) -> str:
    file, _, name = argument.partition("::")
    suite, separator, variant = name.rpartition(_GATE)
    is_gate = bool(suite and separator) and (not variant or (variant[0], variant[-1]) == ("[", "]"))
    return f"{file}::{suite}" if is_gate else argument


def count_cases_as_failed(config: pytest.Config, collected: Iterable[Any]) -> None:
    """With `--lf` and `--ff`, let the failure of a gate be one of each case of its suite, so that they run again."""
    last: Any = config.pluginmanager.get_plugin("lfplugin")
    if last is None or not last.active or not last.lastfailed:
        return
    failed = {str(key) for key in last.lastfailed}
    for item in collected:
        of_suite = suite_and_case(item) if isinstance(item, pytest.Function) else None
        if of_suite is not None and gate_id(of_suite[0].key) in failed:
            last.lastfailed[getattr(item, "id", item.nodeid)] = True
