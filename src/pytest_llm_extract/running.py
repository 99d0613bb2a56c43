"""Hooks and fixtures of the tests' run: a case's extraction, and its report on the way to the main process."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llm_extract.collecting import late_marker
from pytest_llm_extract.config import CONFTEST
from pytest_llm_extract.stash import SETTINGS, recording_run, suite_and_case

if TYPE_CHECKING:
    from pytest_llm_extract.golden import GoldenCase
    from pytest_llm_extract.runner import Extraction
    from pytest_llm_extract.suite import Suite

_routing = pytest.StashKey[ExitStack]()
_told = pytest.StashKey[set[str]]()
_extraction: pytest.StashKey[Extraction] = pytest.StashKey()
_in_body = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """No suite's result has been sent yet."""
    config.stash[_told] = set()


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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, Any, Any]:
    """Keep vcrpy's patches while our suites run, and leave them before a foreign test's fixtures."""
    stash, param = item.config.stash, suite_and_case(item)
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
        if _routing in stash and (nextitem is None or (suite_and_case(nextitem) is None and _is_on_top())):
            stash[_routing].close()
            del stash[_routing]


def _is_on_top() -> bool:
    """Whether vcrpy's patches can be left: taking ours from under a fixture's cassette would take that off too."""
    from pytest_llm_extract.cassette.router import is_on_top

    return is_on_top()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Refuse markers that came too late; make the extraction; let fixtures of a suite build clients, if they may."""
    late = late_marker(item)
    if late is not None:
        pytest.fail(
            f"{late} was added after collection, too late for a suite: write it at the test or as pytestmark, "
            "or add it to the module in pytest_collectstart",
            pytrace=False,
        )
    param = suite_and_case(item)
    if param is not None and isinstance(item, pytest.Function):
        item.stash[_extraction] = found = _extraction_of(item, *param)
        # The test gets it without the steps of a fixture, which take nearly as long as reading the cassette; but not
        # where somebody wrapped ours in a fixture of that name.
        if len(item._fixtureinfo.name2fixturedefs.get("extraction", ())) <= 1:
            item.funcargs["extraction"] = found
    if param is None or not item.config.stash[SETTINGS].placeholder_key:
        return (yield)
    from pytest_llm_extract.placeholder import placeholder_key

    with placeholder_key(CONFTEST, str(item.path)):
        return (yield)


def _extraction_of(item: pytest.Function, suite: Suite, golden: GoldenCase) -> Extraction:
    from pytest_llm_extract.runner import Extraction

    settings = item.config.stash[SETTINGS]
    run = recording_run(item.config) if settings.record != "none" else None
    return Extraction(suite, golden, settings, run, lambda: item._request.getfixturevalue("llm_client"))


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
    param = suite_and_case(item)
    if param is not None and (report.longrepr or report.sections):
        from pytest_llm_extract.secrecy.reports import hide_in_report

        hide_in_report(report, item.config.stash[SETTINGS].storage.watch)
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
    sent = report_of(found, suite, golden, item.config.stash[SETTINGS], is_skipped=report.skipped)
    if suite.id not in item.config.stash[_told]:
        lost = suite.lost_cases() if hasattr(item.config, "workerinput") else None
        sent = sent._replace(head=suite.head, lost=lost)
    report.llm_extract = sent
    return report


def _without_output(report: pytest.TestReport, call: pytest.CallInfo[None]) -> pytest.TestReport:
    """A subtest that was left at `.output` passes, as its case does."""
    from pytest_llm_extract.runner import NoOutput

    if call.excinfo is not None and call.excinfo.errisinstance(NoOutput):
        report.outcome, report.longrepr = "passed", None
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


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Show a case that passed with wrong fields as imperfect; it still counts as passed."""
    sent = getattr(report, "llm_extract", None)
    if sent is None or report.when != "call" or not report.passed:
        return None
    from pytest_llm_extract.outcome import RIGHT

    leaves = [leaf for sample in sent.case.samples for found in sample.leaves.values() for leaf in found]
    right = sum(leaf.outcome in RIGHT for leaf in leaves)
    return ("passed", "~", f"PASSED ({right}/{len(leaves)} right)") if right < len(leaves) else None
