"""Hooks of a test run with suites: a case's extraction within vcrpy's patches."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llm_extract.config.early import CONFTEST
from pytest_llm_extract.formats.visible import visible_text
from pytest_llm_extract.session.stash import EXTRACTION, recording_run, settings_of, suite_and_case
from pytest_llm_extract.session.suite_items import late_marker

if TYPE_CHECKING:
    from pytest_llm_extract.dataset.gold import GoldenCase
    from pytest_llm_extract.extraction.extraction import Extraction
    from pytest_llm_extract.suites.suite import Suite

_routing = pytest.StashKey[ExitStack]()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave vcrpy's patches after a run that stopped among our suites (-x)."""
    if _routing in config.stash:
        config.stash[_routing].close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, Any, Any]:
    """Keep vcrpy's patches while our suites run, and leave them before a foreign test's fixtures."""
    stash, param = item.config.stash, suite_and_case(item)
    if param is not None and _routing not in stash:
        from pytest_llm_extract.cassette.http.router import routed
        from pytest_llm_extract.cassette.http.shared_exchanges import shared_exchanges
        from pytest_llm_extract.extraction.event_loop import ready_loop
        from pytest_llm_extract.session.garbage import set_aside

        set_aside(item.config)
        stash[_routing] = ExitStack()
        stash[_routing].enter_context(ready_loop())
        settings = settings_of(item.config)
        stash[_routing].enter_context(
            routed(refuses_outside=settings.strict_network, shared=shared_exchanges(settings))
        )
    try:
        outcome = yield
        if param is not None:
            from pytest_llm_extract.credentials.placeholder_key import sweep

            sweep()
        return outcome
    finally:
        if _routing in stash and (nextitem is None or (suite_and_case(nextitem) is None and _is_on_top())):
            stash[_routing].close()
            del stash[_routing]


def _is_on_top() -> bool:
    """Whether vcrpy's patches can be left: taking ours from under a fixture's cassette would take that off too."""
    from pytest_llm_extract.cassette.http.router import is_on_top

    return is_on_top()


@pytest.hookimpl(wrapper=True, trylast=True)  # so that other plugins have set up what they tear down, if we refuse
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Refuse markers that came too late; make the extraction; let fixtures of a suite build clients, if they may."""
    late = late_marker(item)
    if late is not None:
        pytest.fail(
            f"{late} was added after collection, too late for a suite: put it on the test or into pytestmark, "
            "or add it to the module in pytest_collectstart",
            pytrace=False,
        )
    param = suite_and_case(item)
    if param is not None and isinstance(item, pytest.Function):
        item.stash[EXTRACTION] = extraction = _extraction_of(item, *param)
        # The test gets it without the steps of a fixture, which take nearly as long as reading the cassette; but not
        # where somebody wrapped ours in a fixture of that name.
        if len(item._fixtureinfo.name2fixturedefs.get("extraction", ())) <= 1:
            item.funcargs["extraction"] = extraction
    if param is None or not settings_of(item.config).placeholder_key:
        return (yield)
    from pytest_llm_extract.credentials.placeholder_key import placeholder_key

    with placeholder_key(CONFTEST, str(item.path)):
        return (yield)


def _extraction_of(item: pytest.Function, suite: Suite, golden: GoldenCase) -> Extraction:
    from pytest_llm_extract.extraction.extraction import Extraction

    settings = settings_of(item.config)
    record = recording_run(item.config).call if settings.record != "none" else None
    return Extraction(suite, golden, settings, record, lambda: item._request.getfixturevalue("llm_client"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Run the extraction of a body that never looks at it, and fail the test if there is nothing to score."""
    if suite_and_case(pyfuncitem) is None:
        return (yield)
    extraction = pyfuncitem.stash.get(EXTRACTION, None)
    if extraction is None:
        pytest.fail("the case was rerun without its setup, so its extraction is gone", pytrace=False)
    from pytest_llm_extract.errors import LlmExtractError
    from pytest_llm_extract.extraction.exception_status import drop_our_frames
    from pytest_llm_extract.extraction.extraction import NoOutput

    problem = None
    try:
        try:
            outcome = yield
        except NoOutput:
            outcome = True
        extraction.ensure()
        problem = extraction.inexact
    except LlmExtractError as error:
        problem = str(error)
    except BaseException as error:
        drop_our_frames(error)
        raise
    if problem is not None:  # outside of the handler, or the report shows the line twice
        pytest.fail(visible_text(problem), pytrace=False)
    return outcome
