"""Hooks and fixtures only. Nothing heavy is imported here: pytest loads this module in every run."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from fnmatch import fnmatchcase
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llm_extract import config as settings_of
from pytest_llm_extract import hooks, own_imports

if TYPE_CHECKING:
    from pytest_llm_extract.golden import GoldenCase
    from pytest_llm_extract.record.run import RecordingRun
    from pytest_llm_extract.record.shared import Shared
    from pytest_llm_extract.runner import Extraction
    from pytest_llm_extract.suite import Suite

_settings = pytest.StashKey["settings_of.Settings"]()
_routing = pytest.StashKey[ExitStack]()
_recording = pytest.StashKey["RecordingRun"]()
_told = pytest.StashKey[set[str]]()
_limits = pytest.StashKey[dict[str, tuple[pytest.Mark | None, ...]]]()
_extraction = pytest.StashKey["Extraction"]()
_case = pytest.StashKey["tuple[Suite, GoldenCase] | None"]()
_in_body = pytest.StashKey[bool]()

_CONFTEST = f"{os.sep}conftest.py"
LIMITS = ("llm_accuracy", "llm_documents", "llm_gate")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare flags and ini names."""
    settings_of.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that a project can implement."""
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser
) -> Generator[None, object, object]:
    """Declare the short flag, now that all plugins have declared theirs; let conftests build clients, if they may."""
    settings_of.add_short_flag(early_config, parser)
    with _placeholder(_CONFTEST if settings_of.conftests_may_build_clients(early_config) else None):
        return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers; from here on, our modules are imported in the fast way."""
    config.add_cleanup(own_imports.find_before_pytest())
    for marker in settings_of.MARKERS:
        config.addinivalue_line("markers", marker)
    config.stash[_told], config.stash[_limits] = set(), {}
    if config.getoption("llm_extract_plan_flag") and hasattr(config.option, "dist"):
        config.option.dist, config.option.tx = "no", []  # a plan needs one process; pytest-xdist looks at these later


def pytest_sessionstart(session: pytest.Session) -> None:
    """Check the settings (not earlier: --help must work); in the main process, register the controller."""
    from pytest_llm_extract.errors import LlmExtractError

    config = session.config
    try:
        settings = config.stash[_settings] = settings_of.Settings.of(config)
        if settings.baseline is not None:
            from pytest_llm_extract.baseline.accepted import check_source

            check_source(settings)
    except LlmExtractError as error:
        raise pytest.UsageError(str(error)) from None
    if not hasattr(config, "workerinput"):
        from pytest_llm_extract.controller import Controller

        config.pluginmanager.register(Controller(config, settings), "llm_extract_controller")
    if settings.record != "none":
        _register_recorder(config, settings)


def _register_recorder(config: pytest.Config, settings: settings_of.Settings) -> None:
    from pytest_llm_extract.recorder import PlanOnly, Recorder, RecordFirst, Relay

    if config.pluginmanager.hasplugin("dsession"):
        config.pluginmanager.register(Relay(config), "llm_extract_relay")
        return
    run = _run_of(config)
    recorder = Recorder(settings, run, _param)
    hooks = PlanOnly(config, recorder) if settings.plan_only else RecordFirst(config, recorder, run)
    config.pluginmanager.register(hooks, "llm_extract_recorder")


def _run_of(config: pytest.Config) -> RecordingRun:
    if _recording not in config.stash:
        from pytest_llm_extract.record.run import RecordingRun

        config.stash[_recording] = RecordingRun(config.stash[_settings], _shared(config))
    return config.stash[_recording]


def _shared(config: pytest.Config) -> Shared | None:
    folder = getattr(config, "workerinput", {}).get("llm_extract_shared")
    if folder is None:
        return None
    from pytest_llm_extract.record.shared import Shared

    return Shared(Path(folder))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let a module that uses `llm_extract` build its client at import time, without a key; refuse what is no suite."""
    file = _file_without_key(collector)
    with _placeholder(file):
        report = yield
    if file is not None and report.failed:
        _hide_secrets(report, collector.config)
    lost = next((item for item in report.result if isinstance(item, pytest.Function) and _is_no_suite(item)), None)
    if lost is not None:
        # They would pass without having been scored.
        why = "llm_extract: a method of a unittest.TestCase cannot be a suite; use a plain class"
        report.outcome, report.longrepr, report.result = "failed", f"{lost.nodeid}: {why}", []
    return report


def _file_without_key(collector: pytest.Collector) -> str | None:
    """The file whose import may build clients while this collector collects."""
    if isinstance(collector, pytest.Module):
        with suppress(OSError):  # pytest itself says why the module cannot be read
            return str(collector.path) if b"llm_extract" in collector.path.read_bytes() else None
        return None
    may = isinstance(collector, pytest.Directory) and settings_of.conftests_may_build_clients(collector.config)
    return _CONFTEST if may else None


def _placeholder(*veiled_files: str | None) -> AbstractContextManager[None]:
    """A key for clients, which these files' own questions do not see; nothing where there is no file."""
    files = [file for file in veiled_files if file is not None]
    if not files:
        return nullcontext()
    from pytest_llm_extract.placeholder import placeholder_key

    return placeholder_key(*files)


def _hide_secrets(report: pytest.TestReport | pytest.CollectReport, config: pytest.Config) -> None:
    from pytest_llm_extract.secrecy.reports import hide_in_report

    hide_in_report(report, config.stash[_settings].storage.watch)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each golden case."""
    marker = metafunc.definition.get_closest_marker("llm_extract")
    if marker is None:
        # At a class or a module, limits are those of its suites, and nothing to its other tests.
        for name in {mark.name for mark in metafunc.definition.own_markers} & set(LIMITS):
            raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {name} needs llm_extract")
        return
    suite = _build(metafunc, marker)
    if "extraction" not in metafunc.fixturenames:
        metafunc.fixturenames.append("extraction")
    if "request" in metafunc.fixturenames and "request" not in signature(metafunc.function).parameters:
        # Our own fixture gets it anyway; to give it to the test as well, pytest inspects a function each time.
        metafunc.fixturenames.remove("request")
    params = [pytest.param((suite, golden), id=golden.case.id) for golden in suite.cases]
    metafunc.parametrize("extraction", params, indirect=True)


def _build(metafunc: pytest.Metafunc, marker: pytest.Mark) -> Suite:
    from pytest_llm_extract.cassette.vcr_filters import filters_of
    from pytest_llm_extract.errors import LlmExtractError, UsageError
    from pytest_llm_extract.suite import MarkerArguments, build_suite

    definition, settings = metafunc.definition, metafunc.config.stash[_settings]
    limits = metafunc.config.stash[_limits][definition.nodeid] = _limits_of(definition)
    arguments = MarkerArguments(
        definition.nodeid,
        definition.path,
        marker.kwargs,
        marker.args,
        *(None if found is None else (found.args, found.kwargs) for found in limits),
    )
    try:
        own = [mark.name for mark in definition.own_markers]
        for name in ("llm_extract", *LIMITS):
            if own.count(name) > 1:
                raise UsageError(definition.nodeid, f"{name} is written twice at one test; write one that says it all")
        if definition.get_closest_marker("parametrize") is not None:
            raise UsageError(definition.nodeid, "a suite has one item for each golden case; do not parametrize it")
        if metafunc.config.hook.pytest_llm_extract_vcr.get_hookimpls():
            filters_of(settings.storage.offer_vcr)  # now, since a mistake in it is one of the collection
        return build_suite(arguments, settings)
    except LlmExtractError as error:
        raise pytest.Collector.CollectError(str(error)) from None


def _limits_of(node: pytest.Item) -> tuple[pytest.Mark | None, ...]:
    return tuple(node.get_closest_marker(name) for name in LIMITS)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k` find a case by its own id, also where the node id is escaped."""
    if (found := _param(item)) is not None:
        item.extra_keyword_matches.add(found[1].case.id)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Select cases by id, which `-k` cannot always spell."""
    glob = config.stash[_settings].case
    if glob is None:
        return
    kept = [item for item in items if (found := _param(item)) is not None and fnmatchcase(found[1].case.id, glob)]
    if len(kept) < len(items):
        keeping = set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item not in keeping])
        items[:] = kept


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Let the main process know of it, where tests run in workers."""
    told: dict[str, int] = getattr(items[0].config, "workeroutput", {}) if items else {}
    told["llm_extract_deselected"] = told.get("llm_extract_deselected", 0) + len(items)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> str | None:
    """Say so when no case has the id that was asked for."""
    glob = config.stash[_settings].case
    return None if glob is None or items else f"no case has an id like --llm-extract-case={glob}"


def _param(item: pytest.Item) -> tuple[Suite, GoldenCase] | None:
    """The suite and the case of a test; they are its own from its collection on."""
    try:
        return item.stash[_case]
    except KeyError:
        callspec = getattr(item, "callspec", None)
        found = callspec.params.get("extraction") if callspec else None
        if found is not None and item.get_closest_marker("llm_extract") is None:
            found = None  # a fixture of that name, which is somebody else's
        item.stash[_case] = found
        return found


def _is_no_suite(item: pytest.Item) -> bool:
    """Whether a test carries `llm_extract` and has no case, since pytest could not parametrize it."""
    return _param(item) is None and item.get_closest_marker("llm_extract") is not None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say so when the short flag belongs to another plugin."""
    if settings_of.is_short_flag_taken(config):
        return f"llm-extract: {settings_of.SHORT_FLAG} is pytest-mockllm's here; record with {settings_of.LONG_FLAG}"
    return None


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class) -> Generator[None, Any, Any]:
    """A suite has one item for each golden case: parametrized fixtures would multiply them."""
    found = yield
    cases = [item for item in found if _param(item) is not None] if isinstance(found, list) else []
    for item in cases:
        others = sorted(set(item.callspec.params) - {"extraction"})
        if others:
            hint = "; define a fixture anyio_backend that returns 'asyncio'" if "anyio_backend" in others else ""
            raise pytest.Collector.CollectError(
                f"{item.nodeid}: a suite cannot be parametrized (by {others[0]!r}){hint}"
            )
    _share_location(cases)
    return found


def _share_location(cases: list[pytest.Function]) -> None:
    """All cases of a suite stand at one place, which pytest would look up for each of them anew."""
    if cases and cases[0].location[2] == cases[0].getmodpath():
        path, line, _ = cases[0].location
        for case in cases[1:]:
            case.location = path, line, case.getmodpath()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Refuse markers that came too late; make the extraction; let fixtures of a suite build clients, if they may."""
    late = _late_marker(item)
    if late is not None:
        pytest.fail(
            f"{late} was added after collection, too late for a suite: write it at the test or as pytestmark, "
            "or add it to the module in pytest_collectstart",
            pytrace=False,
        )
    param = _param(item)
    if param is not None and isinstance(item, pytest.Function):
        item.stash[_extraction] = found = _extraction_of(item, *param)
        # The test gets it without the steps of a fixture, which take nearly as long as reading the cassette; but not
        # where somebody wrapped ours in a fixture of that name.
        if len(item._fixtureinfo.name2fixturedefs.get("extraction", ())) <= 1:
            item.funcargs["extraction"] = found
    if param is None or not item.config.stash[_settings].placeholder_key:
        return (yield)
    with _placeholder(_CONFTEST, str(item.path)):
        return (yield)


def _late_marker(item: pytest.Item) -> str | None:
    """A marker that a hook like pytest_collection_modifyitems added, and that the suite was built without."""
    closest = {mark.name: mark for mark in reversed([*item.iter_markers()])}
    param = _param(item)
    if param is None:
        return "llm_extract" if "llm_extract" in closest else None
    known = item.config.stash[_limits][param[0].id]
    return next((name for name, mark in zip(LIMITS, known, strict=True) if closest.get(name) is not mark), None)


@pytest.fixture(scope="session")
def llm_client() -> Any:
    """The client that prompts are sent with; override it for Azure or any OpenAI-compatible server."""
    from pytest_llm_extract.provider import default_client

    return default_client()


@pytest.fixture
def extraction(request: pytest.FixtureRequest) -> Extraction:
    """The extraction of this test's golden case."""
    found: Extraction | None = request.node.stash.get(_extraction, None)
    if found is None:
        pytest.fail("`extraction` belongs to tests that carry @pytest.mark.llm_extract", pytrace=False)
    return found


def _extraction_of(item: pytest.Function, suite: Suite, golden: GoldenCase) -> Extraction:
    from pytest_llm_extract.runner import Extraction

    settings = item.config.stash[_settings]
    run = _run_of(item.config) if settings.record != "none" else None
    return Extraction(suite, golden, settings, run, lambda: item._request.getfixturevalue("llm_client"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, Any, Any]:
    """Keep vcrpy's patches while our suites run, and leave them before a foreign test's fixtures."""
    stash, param = item.config.stash, _param(item)
    if param is not None and _routing not in stash:
        from pytest_llm_extract.cassette.router import routed
        from pytest_llm_extract.event_loop import ready_loop

        stash[_routing] = ExitStack()
        stash[_routing].enter_context(ready_loop())
        stash[_routing].enter_context(routed())
    try:
        outcome = yield
        if param is not None:
            from pytest_llm_extract.placeholder import sweep

            stash[_told].add(param[0].id)  # now: plugins that try again (flaky) throw the reports of a failed try away
            sweep()
        return outcome
    finally:
        if _routing in stash and (nextitem is None or (_param(nextitem) is None and _is_on_top())):
            stash[_routing].close()
            del stash[_routing]


def _is_on_top() -> bool:
    """Whether vcrpy's patches can be left: taking ours from under a fixture's cassette would take that off too."""
    from pytest_llm_extract.cassette.router import is_on_top

    return is_on_top()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Run the extraction of a body that never looks at it, and fail the test if there is nothing to score."""
    found = pyfuncitem.stash.get(_extraction, None)
    if found is None:
        return (yield)
    from pytest_llm_extract.endings import drop_our_frames
    from pytest_llm_extract.errors import LlmExtractError
    from pytest_llm_extract.runner import NoOutput

    problem = None
    try:
        pyfuncitem.stash[_in_body] = True
        try:
            outcome = yield
        except NoOutput:
            outcome = True
        finally:
            del pyfuncitem.stash[_in_body]
        found.ensure()
        problem = found.inexact
    except LlmExtractError as error:
        problem = str(error)
    except BaseException as error:
        drop_our_frames(error)
        raise
    if problem is not None:  # outside of the handler, or the report shows the line twice
        # Half a surrogate pair, which an answer may hold, cannot be sent to the main process.
        pytest.fail(problem.encode(errors="backslashreplace").decode(), pytrace=False)
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Send the result of a case on its report, where it survives any worker."""
    report = yield
    param = _param(item)
    if param is not None and (report.longrepr or report.sections):
        _hide_secrets(report, item.config)
    if param is None or not (report.when == "call" or (report.when == "setup" and not report.passed)):
        return report
    if _in_body in item.stash:  # the report of a subtest: that of the case is still to come
        return _without_output(report, call)
    from pytest_llm_extract.handover import report_of

    # Popped, so that a rerun of the same item cannot send a stale result again.
    found = item.stash.get(_extraction, None)
    if found is not None:
        del item.stash[_extraction]
    suite, golden = param
    sent = report_of(found, suite, golden, item.config.stash[_settings], is_skipped=report.skipped)
    if suite.id not in item.config.stash[_told]:
        lost = suite.lost_cases() if hasattr(item.config, "workerinput") else None
        sent = sent._replace(head=suite.head, lost=lost)
    report.llm_extract = sent
    return report


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Send a result to the main process as text."""
    data = yield
    if data is not None and "llm_extract" in data:
        data["llm_extract"] = data["llm_extract"].to_json()
    return data


@pytest.hookimpl(wrapper=True)
def pytest_report_from_serializable() -> Generator[None, Any, Any]:
    """Take it back."""
    report = yield
    if hasattr(report, "llm_extract"):
        from pytest_llm_extract.case_report import CaseReport

        report.llm_extract = CaseReport.from_json(report.llm_extract)
    return report


def _without_output(report: pytest.TestReport, call: pytest.CallInfo[None]) -> pytest.TestReport:
    """A subtest that was left at `.output` passes, as its case does."""
    from pytest_llm_extract.runner import NoOutput

    if call.excinfo is not None and call.excinfo.errisinstance(NoOutput):
        report.outcome, report.longrepr = "passed", None
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Show a case that passed with wrong fields as imperfect; it still counts as passed."""
    sent = getattr(report, "llm_extract", None)
    if sent is None or report.when != "call" or not report.passed:
        return None
    from pytest_llm_extract.outcome import RIGHT

    leaves = [leaf for sample in sent.case.samples for found in sample.leaves.values() for leaf in found]
    right = sum(leaf.outcome in RIGHT for leaf in leaves)
    return ("passed", "~", f"PASSED ({right}/{len(leaves)} right)") if right < len(leaves) else None
