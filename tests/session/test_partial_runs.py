"""Runs of some cases, in any order, on workers that may die: what counts as lost."""

from __future__ import annotations

import json
import shutil

import pytest
from people import Project


def test_partial_run_fails_where_completeness_is_required(people: Project) -> None:
    """CI can insist on whole runs."""
    people.run("-k", "p01").assert_outcomes(passed=1, deselected=11)
    run = people.run("-k", "p01", "--llm-extract-require-complete")
    run.assert_outcomes(passed=1, failed=1, deselected=11)
    run.stdout.fnmatch_lines(["FAILED *::gate - partial run: 1 of 12 cases*"])


def test_cases_are_selected_by_id(people: Project) -> None:
    """--llm-extract-case takes a glob that -k cannot spell."""
    people.run("--llm-extract-case=p0[12]").assert_outcomes(passed=2, deselected=10)


def test_skipped_case_is_lost(people: Project) -> None:
    """Skipping a case that was right counts against the run."""
    module = people.pytester.path / "test_items.py"
    skip = "    if extraction.case.id < 'p06': pytest.skip()\n    pass\n"
    module.write_text(module.read_text().replace("    pass\n", skip))
    run = people.run()
    run.assert_outcomes(passed=6, skipped=6, failed=1)
    run.stdout.fnmatch_lines(["  name: lost 6 cases and gained 0*", "  town: lost 6 cases and gained 0*"])


@pytest.mark.slow
def test_crashed_worker_is_lost(people: Project) -> None:
    """A worker that dies takes its case with it, and the comparison knows."""
    module = people.pytester.path / "test_items.py"
    module.write_text(
        module.read_text().replace("    pass\n", "    if extraction.case.id == 'p04': __import__('os')._exit(3)\n")
    )
    run = people.run("-n2")
    run.stdout.fnmatch_lines(
        ["gate: pass", "  lost   p04 * Bergen: correct → error", "note: no request changed since the baseline"]
    )


@pytest.mark.usefixtures("all_plugins")
@pytest.mark.parametrize("arguments", [("-n2",), ("-p", "backwards"), ("-p", "backwards", "-n2"), ("--reruns=1",)])
def test_however_it_is_run_the_results_are_the_same(people: Project, arguments: tuple[str, ...]) -> None:
    """Workers, another order and reruns change nothing in results.json but the time."""
    people.pytester.makepyfile(backwards="def pytest_collection_modifyitems(items):\n    items.reverse()")
    people.record("lose 6")
    suites = []
    for given in ((), arguments):
        people.run("--llm-extract-json=out.json", *given)
        suites.append(json.loads((people.pytester.path / "out.json").read_text())["suites"])
    assert suites[0] == suites[1]


def test_a_skipped_suite_is_not_complete(people: Project) -> None:
    """Without a baseline it is left out, unless the run is required to be complete."""
    shutil.rmtree(people.pytester.path / "cassettes")
    people.write_module("read", "@pytest.mark.skip(reason='later')")
    people.run().assert_outcomes(skipped=13)
    run = people.run("--llm-extract-require-complete")
    run.assert_outcomes(skipped=12, failed=1)
    run.stdout.fnmatch_lines(["every case was skipped, and the run is required to be complete"])
