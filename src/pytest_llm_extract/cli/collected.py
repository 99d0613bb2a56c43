"""The suites of a project, as pytest finds them: a run in this process that only collects."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.errors import UnknownNameError, UsageError
from pytest_llm_extract.extraction.call import Call
from pytest_llm_extract.recording.plan import RecordingPlan
from pytest_llm_extract.report.recording_progress import Display
from pytest_llm_extract.session.batch_desk import BatchDesk
from pytest_llm_extract.session.displays import DISPLAY
from pytest_llm_extract.session.record_first import ASKED, DESK, PLANS
from pytest_llm_extract.session.stash import suite_and_case
from pytest_llm_extract.suites.suite import Suite

_PLAN, _COLLECT = "--llm-extract-plan", "--llm-extract-collect"
_NOT_LOADED = "does not load this package's plugin: add `-p llm_extract` to addopts or PYTEST_ADDOPTS"


@dataclass(frozen=True)
class Collected:
    """The suites in pytest's order, with all of their cases; `errors` is a line for each module without any.

    `modules` are the test modules that were collected, as their node ids name them. `plans` say what the suites'
    cassettes are worth, where that was asked for; a suite whose fixtures fail or skip has none. `n_selected` counts the
    cases of each suite, by its key, that a run would run. `asked` is what fixtures asked, by the name of the recording,
    in a run that planned.
    """

    settings: Settings
    suites: tuple[Suite, ...]
    errors: tuple[str, ...]
    modules: frozenset[str]
    plans: tuple[RecordingPlan, ...]
    n_selected: dict[str, int]
    asked: Mapping[str, Call]

    def named(self, wanted: str | None, variant: str | None) -> list[Suite]:
        """The suites of this id and this variant; None stands for all.

        Raises:
            UnknownNameError: there is none of that name, with the nearest one.
            UsageError: there is none at all.
        """
        if not self.suites:
            raise UsageError("pytest", "collects no suite here (a test with @pytest.mark.llm_extract)")
        root = self.settings.rootdir
        suites = [suite for suite in self.suites if wanted is None or _is_named(suite, wanted, root)]
        if not suites:
            raise UnknownNameError(wanted or "", known=[s.id for s in self.suites], source="--suite", kind="suite")
        variants = {suite.variant for suite in suites}
        if variant is not None and variant not in variants:
            raise UnknownNameError(variant, known=variants, source="--variant", kind="variant")
        return [suite for suite in suites if variant is None or suite.variant == variant]


def _is_named(suite: Suite, wanted: str, root: Path) -> bool:
    """Whether this is the wanted suite. Its module may be given from the rootdir or the current folder."""
    module, _, name = suite.id.partition("::")
    wanted_module, _, wanted_name = wanted.partition("::")
    same_module = wanted_module == module or Path(wanted_module).resolve() == (root / module).resolve()
    return same_module and wanted_name in ("", name)


def collect(paths: Sequence[str] = (), *, planned: bool = False, flags: Sequence[str] = ()) -> Collected:
    """Collect these paths, or what pytest collects by itself; the user's configuration and `PYTEST_ADDOPTS` hold.

    `planned`: also run every case against its cassette, as `--llm-extract-plan` does. `flags` are further options.

    Raises:
        UsageError: pytest does not start, or does not load the plugin.
    """
    collector = _Collector()
    mode = [_PLAN, "--continue-on-collection-errors"] if planned else ["--collect-only"]
    status = collector.run(*mode, *flags, *paths)
    if collector.settings is None or status in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise UsageError("pytest", collector.problem)
    suites, errors = tuple(collector.suites.values()), tuple(collector.errors)
    modules, plans = frozenset(collector.modules), tuple(collector.plans)
    return Collected(collector.settings, suites, errors, modules, plans, collector.n_selected, collector.asked)


def run_desk(paths: Sequence[str], mode: str, display: Display) -> BatchDesk:
    """Collect the batches of these paths in a run of pytest that tests nothing; `mode` is once, wait or cancel.

    Raises:
        UsageError: pytest does not start, finds a damaged file of a batch, or does not load the plugin.
    """
    collector = _Collector(display=display)
    if collector.run(f"{_COLLECT}={mode}", "--continue-on-collection-errors", *paths) == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if collector.desk is None:
        raise UsageError("pytest", collector.problem)
    display.lines([f"not collected: {error}" for error in collector.errors])
    return collector.desk


def _complaint(said: str) -> str:
    """The reason why pytest did not start, taken from its output."""
    if f"unrecognized arguments: {_PLAN}" in said or f"unrecognized arguments: {_COLLECT}" in said:
        return _NOT_LOADED
    complaints = re.findall(r"^(?:ERROR: (?!usage:)|.*: error: |INTERNALERROR> (?=\w))(.*)$", said, re.MULTILINE)
    return str(complaints[-1]) if complaints else "does not start here; `pytest --collect-only` says why"


@dataclass(eq=False)  # pytest keeps plugins in sets
class _Collector:
    """A pytest plugin that keeps what is collected."""

    __name__ = "llm_extract_collected"  # under which pytest knows it
    settings: Settings | None = None
    problem: str = ""  # why pytest did not start, or what it printed last
    suites: dict[tuple[str, str], Suite] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)
    plans: list[RecordingPlan] = field(default_factory=list)
    n_selected: dict[str, int] = field(default_factory=dict)
    asked: Mapping[str, Call] = field(default_factory=dict)
    display: Display | None = None
    desk: BatchDesk | None = None

    def run(self, *arguments: str) -> int:
        """Run pytest with this plugin and return its exit status; what it prints is not shown."""
        said = io.StringIO()
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))  # as `python -m pytest` has it
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = pytest.main([*arguments, "--quiet"], plugins=[self])
        self.problem = self.problem or _complaint(said.getvalue())
        return status

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        if self.display is not None:
            session.config.stash[DISPLAY] = self.display

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        if (of_suite := suite_and_case(item)) is not None:
            self.suites.setdefault((of_suite[0].id, of_suite[0].variant), of_suite[0])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.passed and report.nodeid.endswith(".py"):
            self.modules.add(report.nodeid)
        if report.failed:
            lines = [line.strip() for line in str(report.longrepr).splitlines() if line.strip()]
            words = lines[-1].removeprefix("E ").strip() if lines else "cannot be collected"
            self.errors.append(words if words.startswith(report.nodeid) else f"{report.nodeid}: {words}")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        keys = [found[0].key for item in session.items if (found := suite_and_case(item)) is not None]
        self.n_selected = Counter(keys)
        try:
            self.settings = Settings.of(session.config)
        except ValueError:  # an ini or a flag that nobody declared
            self.problem = _NOT_LOADED

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.plans = session.config.stash.get(PLANS, [])
        self.asked = session.config.stash.get(ASKED, {})
        self.desk = session.config.stash.get(DESK, None)
