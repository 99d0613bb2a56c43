"""Make the items of a suite: one test for each golden case."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_llm_extract.session.refusals import Refusal
from pytest_llm_extract.session.stash import settings_of, suite_and_case

if TYPE_CHECKING:
    from pytest_llm_extract.suites.suite import Suite

_SKIPS = ("skip", "skipif", "xfail")
_LIMITS = ("llm_accuracy", "llm_documents", "llm_gate")
_MARKERS = ("llm_extract", *_LIMITS)
_limits = pytest.StashKey[dict[str, tuple[pytest.Mark | None, ...]]]()
_files = pytest.StashKey[dict[str, Path]]()


def make_items(metafunc: pytest.Metafunc) -> None:
    """Make one item for each golden case of each variant of a suite.

    Raises:
        Refusal: a mistake in a marker, in golden data or in a prompt file.
    """
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
    from pytest_llm_extract.cassette.scrub.vcr_filters import filters_of
    from pytest_llm_extract.errors import LlmExtractError, UsageError
    from pytest_llm_extract.session.local_network import local_network
    from pytest_llm_extract.suites.build_suites import MarkerArguments, build_suites
    from pytest_llm_extract.suites.suite import check_names

    definition, settings = metafunc.definition, settings_of(metafunc.config)
    _check_place(definition)
    limits = _limits_by_id(metafunc.config)[definition.nodeid] = tuple(map(definition.get_closest_marker, _LIMITS))
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
        n_collected = len(_limits_by_id(metafunc.config))
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
    other = config.stash.setdefault(_files, {}).setdefault(definition.nodeid, path)
    if other != path:
        raise Refusal(
            f"{definition.nodeid} is the id of two suites, in {other} and in {path}, since the rootdir "
            f"{config.rootpath} is not above both: give a --rootdir that is"
        )


def complete(collected: list[pytest.Function]) -> None:
    """Refuse parametrized fixtures in a suite, which would multiply its cases; prepare its items.

    Raises:
        Refusal: a fixture has parameters.
    """
    for item in collected:
        others = sorted(set(item.callspec.params) - {"extraction"})
        if others:
            hint = "; define a fixture anyio_backend that returns 'asyncio'" if "anyio_backend" in others else ""
            raise Refusal(f"{item.nodeid}: a suite cannot be parametrized (by {others[0]!r}){hint}")
    _share_location(collected)
    for item in collected:
        _let_k_find(item)


def _share_location(cases: list[pytest.Function]) -> None:
    """Share the source location among all cases of a suite, which pytest would look up for each."""
    if cases and cases[0].location[2] == cases[0].getmodpath():
        path, line, _ = cases[0].location
        for case in cases[1:]:
            case.location = path, line, case.getmodpath()


def _let_k_find(item: pytest.Function) -> None:
    """Let `-k` find a case by its own id even if the node id is escaped."""
    if (of_suite := suite_and_case(item)) is not None:
        suite, golden = of_suite
        item.extra_keyword_matches.update({golden.case.id} if suite.is_primary else {golden.case.id, suite.variant})


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


def mistake_of_method(item: pytest.Function) -> str | None:
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


def _limits_by_id(config: pytest.Config) -> dict[str, tuple[pytest.Mark | None, ...]]:
    """The markers of limits that each suite was built with."""
    return config.stash.setdefault(_limits, {})


def late_marker(item: pytest.Item) -> str | None:
    """A marker that a hook like pytest_collection_modifyitems added, and that the suite was built without."""
    closest = {mark.name: mark for mark in reversed([*item.iter_markers()])}
    param = suite_and_case(item)
    if param is None:
        return "llm_extract" if "llm_extract" in closest else None
    known = _limits_by_id(item.config)[param[0].id]
    return next((name for name, mark in zip(_LIMITS, known, strict=True) if closest.get(name) is not mark), None)
