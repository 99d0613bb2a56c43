"""Collection hooks of every session: find suites, and say why what looks like one cannot be one."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import AbstractContextManager, nullcontext, suppress
from fnmatch import fnmatchcase
from typing import Any

import pytest

from pytest_llm_extract.config.early import CONFTEST, conftests_may_build_clients
from pytest_llm_extract.session.stash import settings_of, suite_and_case


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let a module with suites build its client without a key; refuse markers that have no cases."""
    is_ours = _may_have_suites(collector)
    file = _file_without_key(collector, is_ours=is_ours)
    with _placeholder(file), _local_network(collector, is_ours=is_ours):
        report = yield
    if report.failed:
        _explain(collector, report, hides=file is not None, may_lack_key=file is None)
    odd = [item for item in report.result if isinstance(item, pytest.Function) and _is_left_out(item)]
    if odd:
        from pytest_llm_extract.session.suite_items import mistake_of_method

        if (why := next(filter(None, map(mistake_of_method, odd)), None)) is not None:
            report.outcome, report.longrepr, report.result = "failed", why, []
    if any(getattr(collector.config.option, name, False) for name in ("lf", "failedfirst")):
        from pytest_llm_extract.session.gate_tests import count_cases_as_failed

        count_cases_as_failed(collector.config, report.result)
    return report


def _explain(collector: pytest.Collector, report: pytest.CollectReport, *, hides: bool, may_lack_key: bool) -> None:
    from pytest_llm_extract.session.refusals import mark_refusal

    if hides:
        from pytest_llm_extract.credentials.pytest_reports import hide_in_report

        hide_in_report(report, settings_of(collector.config).storage.watch)
    if isinstance(collector, pytest.Directory) or (may_lack_key and isinstance(collector, pytest.Module)):
        _add_hint_of_key(report)
    mark_refusal(report)


def _has_our_marker(item: pytest.Item) -> bool:
    """Whether a test has a marker of ours, or a misspelt one."""
    return any(mark.name.startswith("llm_") for mark in item.iter_markers())


def _is_left_out(item: pytest.Item) -> bool:
    """Whether a test has such a marker and is not of a suite."""
    return _has_our_marker(item) and suite_and_case(item) is None


def _add_hint_of_key(report: pytest.CollectReport) -> None:
    """Say which setting lets a conftest or a module build its client, where that failed for want of a key."""
    from pytest_llm_extract.credentials.placeholder_key import hint_of

    call = getattr(report, "call", None)
    error = call.excinfo.value if call is not None and call.excinfo is not None else None
    hint = hint_of(getattr(error, "cause", error))  # of pytest's ConftestImportFailure
    if hint is not None and (add_section := getattr(report.longrepr, "addsection", None)) is not None:
        add_section("llm-extract", hint.removeprefix("llm-extract: "))


def _may_have_suites(collector: pytest.Collector) -> bool:
    """Whether a module names our marker. One whose suites another module makes for it does not."""
    if isinstance(collector, pytest.Module):
        with suppress(OSError):  # pytest itself says why the module cannot be read
            return b"llm_extract" in collector.path.read_bytes()
    return False


def _file_without_key(collector: pytest.Collector, *, is_ours: bool) -> str | None:
    """The file that may build clients without a key while it is imported."""
    may_be = isinstance(collector, pytest.Directory | pytest.Module)
    if is_ours or (may_be and conftests_may_build_clients(collector.config)):
        return str(collector.path) if isinstance(collector, pytest.Module) else CONFTEST
    return None


def _local_network(collector: pytest.Collector, *, is_ours: bool) -> AbstractContextManager[None]:
    """No other host for the import of a module with suites, nor for what makes their cases."""
    if not is_ours:
        return nullcontext()
    from pytest_llm_extract.session.local_network import local_network

    return local_network(collector.config, f"the import of {collector.nodeid}")


def _placeholder(file: str | None) -> AbstractContextManager[None]:
    """A placeholder key that the code of this file does not see; nothing if there is no file."""
    if file is None:
        return nullcontext()
    from pytest_llm_extract.credentials.placeholder_key import placeholder_key

    return placeholder_key(file)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item for each golden case of each variant."""
    if _has_our_marker(metafunc.definition):
        from pytest_llm_extract.session.suite_session import begin

        begin(metafunc.config)
        from pytest_llm_extract.session.suite_items import make_items

        make_items(metafunc)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem() -> Generator[None, Any, Any]:
    """Complete the items of a suite."""
    collected = yield
    if isinstance(collected, list) and collected and suite_and_case(collected[0]) is not None:
        from pytest_llm_extract.session.suite_items import complete

        complete(collected)
    return collected


def pytest_collection_finish(session: pytest.Session) -> None:
    """Prepare to refuse tests whose marker was added after their collection; they fail when they are set up."""
    if any(map(_is_left_out, session.items)):
        from pytest_llm_extract.session.suite_session import begin

        begin(session.config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Select cases and variants by name, which `-k` cannot always spell."""
    case, variant = config.option.llm_extract_case_flag, config.option.llm_extract_variant_flag
    if case is None and variant is None:
        return
    kept = [item for item in items if _is_selected(item, case, variant)]
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
