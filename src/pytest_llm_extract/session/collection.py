"""Collection hooks: one test for each golden case; a marker without cases is refused."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import AbstractContextManager, nullcontext, suppress
from fnmatch import fnmatchcase
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llm_extract.config.settings import CONFTEST, conftests_may_build_clients
from pytest_llm_extract.session.gate_tests import count_cases_as_failed
from pytest_llm_extract.session.refusals import Refusal, mark_refusal
from pytest_llm_extract.session.stash import SETTINGS, suite_and_case

if TYPE_CHECKING:
    from pytest_llm_extract.suites.suite import Suite

_SKIPS = ("skip", "skipif", "xfail")
_LIMITS = ("llm_accuracy", "llm_documents", "llm_gate")
_MARKERS = ("llm_extract", *_LIMITS)
_limits = pytest.StashKey[dict[str, tuple[pytest.Mark | None, ...]]]()
_files = pytest.StashKey[dict[str, Path]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start with no suites."""
    config.stash[_limits], config.stash[_files] = {}, {}


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let a module with suites build its client without a key; refuse markers that have no cases."""
    file = _file_without_key(collector)
    with _placeholder(file), _local_network(collector, file):
        report = yield
    if file is not None and report.failed:
        from pytest_llm_extract.credentials.pytest_reports import hide_in_report

        hide_in_report(report, collector.config.stash[SETTINGS].storage.watch)
    if report.failed and isinstance(collector, pytest.Directory):
        _add_hint_of_conftest(report)
    mark_refusal(report)
    mistakes = (_mistake_of_method(item) for item in report.result if isinstance(item, pytest.Function))
    if (why := next(filter(None, mistakes), None)) is not None:
        report.outcome, report.longrepr, report.result = "failed", why, []
    count_cases_as_failed(collector.config, report.result)
    return report


def _add_hint_of_conftest(report: pytest.CollectReport) -> None:
    """Say which setting lets the conftest of a folder build its client, where that failed for want of a key."""
    from pytest_llm_extract.credentials.placeholder_key import hint_of

    call = getattr(report, "call", None)
    error = call.excinfo.value if call is not None and call.excinfo is not None else None
    hint = hint_of(getattr(error, "cause", error))  # of pytest's ConftestImportFailure
    if hint is not None and (add_section := getattr(report.longrepr, "addsection", None)) is not None:
        add_section("llm-extract", hint.removeprefix("llm-extract: "))


def _file_without_key(collector: pytest.Collector) -> str | None:
    """The file that may build clients without a key while it is imported."""
    if isinstance(collector, pytest.Module):
        with suppress(OSError):  # pytest itself says why the module cannot be read
            return str(collector.path) if b"llm_extract" in collector.path.read_bytes() else None
        return None
    may = isinstance(collector, pytest.Directory) and conftests_may_build_clients(collector.config)
    return CONFTEST if may else None


def _local_network(collector: pytest.Collector, file: str | None) -> AbstractContextManager[None]:
    """No other host for the import of a module with suites, nor for what makes their cases."""
    if file is None or not isinstance(collector, pytest.Module):
        return nullcontext()
    from pytest_llm_extract.session.local_network import local_network

    return local_network(collector.config, f"the import of {collector.nodeid}")


def _placeholder(file: str | None) -> AbstractContextManager[None]:
    """A placeholder key that the code of this file does not see; nothing if there is no file."""
    if file is None:
        return nullcontext()
    from pytest_llm_extract.credentials.placeholder_key import placeholder_key

    return placeholder_key(file)


def _refuse_unknown_markers(definition: pytest.Item) -> None:
    """Refuse a misspelt marker: a suite without its limits, or a test that is not a suite, would pass."""
    unknown = {mark.name for mark in definition.iter_markers() if mark.name.startswith("llm_")}.difference(_MARKERS)
    if not unknown:
        return
    from pytest_llm_extract.errors import UnknownNameError

    registered = {line.partition(":")[0].partition("(")[0].strip() for line in definition.config.getini("markers")}
    for name in sorted(unknown - registered):
        error = UnknownNameError(name, known=_MARKERS, source=definition.nodeid, kind="marker")
        raise Refusal(str(error))


def _mistake_of_method(item: pytest.Function) -> str | None:
    """Our markers at a method of a unittest.TestCase, which pytest cannot parametrize; None where there are none.

    It would pass without having been scored.
    """
    if suite_and_case(item) is not None:
        return None
    if item.get_closest_marker("llm_extract") is not None:
        return f"{item.nodeid}: llm_extract: a method of a unittest.TestCase cannot be a suite; use a plain class"
    try:
        if getattr(item, "nofuncargs", False):  # a method of a TestCase; pytest_generate_tests saw all others
            _refuse_unknown_markers(item)
    except Refusal as error:
        return str(error)
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item for each golden case of each variant."""
    _refuse_unknown_markers(metafunc.definition)
    marker = metafunc.definition.get_closest_marker("llm_extract")
    if marker is None:
        # At a class or a module, limits are those of its suites, and nothing to its other tests.
        for name in {mark.name for mark in metafunc.definition.own_markers} & set(_LIMITS):
            raise Refusal(f"{metafunc.definition.nodeid}: {name} needs llm_extract")
        return
    suites = _build(metafunc, marker)
    if "extraction" not in metafunc.fixturenames:
        metafunc.fixturenames.append("extraction")
    if "request" in metafunc.fixturenames and "request" not in signature(metafunc.function).parameters:
        # Our own fixture gets it anyway; to give it to the test too, pytest inspects a function each time.
        metafunc.fixturenames.remove("request")
    params = [
        pytest.param((suite, golden), id=suite.item_id(golden.case.id)) for suite in suites for golden in suite.cases
    ]
    metafunc.parametrize("extraction", params, indirect=True)


def _line(definition: pytest.Item) -> int | None:
    """The line of its file where a test begins with its markers, from 1."""
    line = definition.location[1]
    return None if line is None else line + 1


def _build(metafunc: pytest.Metafunc, marker: pytest.Mark) -> list[Suite]:
    from pytest_llm_extract.session.garbage import set_aside

    set_aside(metafunc.config)  # before the imports below, during which most garbage would be looked for
    from pytest_llm_extract.cassette.scrub.vcr_filters import filters_of
    from pytest_llm_extract.errors import LlmExtractError, UsageError
    from pytest_llm_extract.session.hidden_secrets import hide_from_now_on
    from pytest_llm_extract.session.local_network import keep_local_from_now_on, local_network
    from pytest_llm_extract.session.unasked_recordings import keep_asked_from_now_on
    from pytest_llm_extract.suites.build_suites import MarkerArguments, build_suites
    from pytest_llm_extract.suites.suite import check_names

    hide_from_now_on(metafunc.config)
    keep_local_from_now_on(metafunc.config)
    keep_asked_from_now_on(metafunc.config)
    definition, settings = metafunc.definition, metafunc.config.stash[SETTINGS]
    _check_place(definition)
    limits = metafunc.config.stash[_limits][definition.nodeid] = tuple(map(definition.get_closest_marker, _LIMITS))
    accuracy, documents, gate = (None if found is None else (found.args, found.kwargs) for found in limits)
    arguments = MarkerArguments(
        definition.nodeid,
        definition.path,
        marker.kwargs,
        marker.args,
        accuracy,
        documents,
        gate,
        tuple(sorted(_as_written(mark) for name in _SKIPS for mark in definition.iter_markers(name))),
        _line(definition),
    )
    try:
        own = [mark.name for mark in definition.own_markers]
        for name in _MARKERS:
            if own.count(name) > 1:
                raise UsageError(definition.nodeid, f"{name} is given twice at one test; combine them into one")
        if definition.get_closest_marker("parametrize") is not None:
            raise UsageError(definition.nodeid, "a suite has one item for each golden case; do not parametrize it")
        if metafunc.config.hook.pytest_llm_extract_vcr.get_hookimpls():
            filters_of(settings.storage.offer_vcr)  # now, since a mistake in it is one of the collection
        with local_network(metafunc.config, f"the cases of {definition.nodeid}"):
            suites = build_suites(arguments, settings)
        check_names(suites, settings.storage.watch)
        n_collected = len(metafunc.config.stash[_limits])
        return [suite._replace(place=(n_collected, at)) for at, suite in enumerate(suites)]
    except LlmExtractError as error:
        raise Refusal(str(error)) from None


def _as_written(mark: pytest.Mark) -> str:
    """A marker by its strings, as `skipif(reason='slow')`: conditions differ from machine to machine."""
    named = [f"{name}={value!r}" for name, value in mark.kwargs.items() if isinstance(value, str)]
    return f"{mark.name}({', '.join([*(repr(value) for value in mark.args if isinstance(value, str)), *named])})"


def _check_place(definition: pytest.Item) -> None:
    """Refuse suites outside of the rootdir that pytest gives no node id, or one that another has."""
    config, path = definition.config, definition.path
    if definition.nodeid.startswith("::"):
        why = f"{path} is outside of the rootdir {config.rootpath}: give a --rootdir that is above it"
        raise Refusal(why)
    other = config.stash[_files].setdefault(definition.nodeid, path)
    if other != path:
        raise Refusal(
            f"{definition.nodeid} is the id of two suites, in {other} and in {path}, since the rootdir "
            f"{config.rootpath} is not above both: give a --rootdir that is"
        )


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class) -> Generator[None, Any, Any]:
    """Refuse parametrized fixtures in a suite: they would multiply its cases."""
    collected = yield
    cases = [item for item in collected if suite_and_case(item) is not None] if isinstance(collected, list) else []
    for item in cases:
        others = sorted(set(item.callspec.params) - {"extraction"})
        if others:
            hint = "; define a fixture anyio_backend that returns 'asyncio'" if "anyio_backend" in others else ""
            raise Refusal(f"{item.nodeid}: a suite cannot be parametrized (by {others[0]!r}){hint}")
    _share_location(cases)
    return collected


def _share_location(cases: list[pytest.Function]) -> None:
    """Share the source location among all cases of a suite, which pytest would look up for each."""
    if cases and cases[0].location[2] == cases[0].getmodpath():
        path, line, _ = cases[0].location
        for case in cases[1:]:
            case.location = path, line, case.getmodpath()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k` find a case by its own id even if the node id is escaped."""
    if (of_suite := suite_and_case(item)) is not None:
        suite, golden = of_suite
        item.extra_keyword_matches.update({golden.case.id} if suite.is_primary else {golden.case.id, suite.variant})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Select cases and variants by name, which `-k` cannot always spell."""
    settings = config.stash[SETTINGS]
    if settings.case is None and settings.variant is None:
        return
    kept = [item for item in items if _is_selected(item, settings.case, settings.variant)]
    if len(kept) < len(items):
        keeping = set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item not in keeping])
        items[:] = kept


def _is_selected(item: pytest.Item, case: str | None, variant: str | None) -> bool:
    """Whether a test is of these cases (a glob) and of these variants (a glob; the primary has two names)."""
    of_suite = suite_and_case(item)
    if of_suite is None:
        return False
    suite, golden = of_suite
    names = (suite.variant, "primary") if suite.is_primary else (suite.variant,)
    return (case is None or fnmatchcase(golden.case.id, case)) and (
        variant is None or any(fnmatchcase(name, variant) for name in names)
    )


def pytest_deselected(items: Collection[pytest.Item]) -> None:
    """Tell the main process about deselected tests of workers."""
    first = next(iter(items), None)  # they may be a set
    told: dict[str, int] = getattr(first.config, "workeroutput", {}) if first else {}
    told["llm_extract_deselected"] = told.get("llm_extract_deselected", 0) + len(items)


def late_marker(item: pytest.Item) -> str | None:
    """A marker that a hook like pytest_collection_modifyitems added, and that the suite was built without."""
    closest = {mark.name: mark for mark in reversed([*item.iter_markers()])}
    param = suite_and_case(item)
    if param is None:
        return "llm_extract" if "llm_extract" in closest else None
    known = item.config.stash[_limits][param[0].id]
    return next((name for name, mark in zip(_LIMITS, known, strict=True) if closest.get(name) is not mark), None)
