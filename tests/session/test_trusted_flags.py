"""A project's own files neither accept answers nor turn a complete run into one that tests nothing."""

from __future__ import annotations

import pytest
from people import Project


@pytest.mark.parametrize("how", ["addopts", "environment", "conftest"])
def test_accept_counts_on_the_command_line_only(people: Project, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Elsewhere it is a usage error, and nothing is accepted."""
    before = people.baseline.read_text()
    if how == "addopts":
        people.pytester.makeini("[pytest]\naddopts = --llm-extract-accept\n")
    elif how == "environment":
        monkeypatch.setenv("PYTEST_ADDOPTS", "--llm-extract-accept=anchor")
    else:
        people.pytester.makeconftest(
            "def pytest_configure(config):\n    config.option.llm_extract_accept_flag = 'baseline'\n"
        )
    run = people.run()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: --llm-extract-accept counts on the command line only, *"])
    assert people.baseline.read_text() == before


@pytest.mark.slow
@pytest.mark.own_process
def test_accepting_a_loss_is_green_by_hand_and_red_in_ci(people: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI the answers are accepted, and the exit status is that of the gate."""
    people.record("lose 8")
    monkeypatch.setenv("CI", "true")
    run = people.run("--llm-extract-accept")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["accepted: 12 cases in *", "  in spite of: town: lost 8 cases *"])
    monkeypatch.setenv("CI", "false")
    people.git("init", "-q")
    people.record("read", "--llm-extract-accept")
    people.record("lose 8")
    assert people.run("--llm-extract-accept").ret == 0


@pytest.mark.parametrize("flag", ["--collect-only", "--setup-plan", "--fixtures", "--help", "--llm-extract-plan"])
def test_a_complete_run_calls_its_tests(people: Project, flag: str) -> None:
    """Options that call no test are refused, wherever they come from."""
    people.pytester.makeini(f"[pytest]\naddopts = {flag}\n")
    run = people.run("--llm-extract-require-complete")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"ERROR: {flag} calls no test, and --llm-extract-require-complete asks for *"])
    assert people.run().ret == 0


def test_editors_list_tests_under_an_ini_that_requires_all(people: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a developer's machine, not in CI."""
    people.pytester.makeini("[pytest]\nllm_extract_require_complete = true\n")
    assert people.run("--collect-only").ret == 0
    monkeypatch.setenv("CI", "1")
    assert people.run("--collect-only").ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_suite_without_a_baseline_fails_on_demand(people: Project, workers: str) -> None:
    """Also one that has floors; the acceptance of the first one passes."""
    people.baseline.unlink()
    assert people.run(f"-n{workers}").ret == 0
    run = people.run(f"-n{workers}", "--llm-extract-require-baseline")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["*there is no baseline, and the run requires one: *"])
    people.pytester.makeini("[pytest]\nllm_extract_require_baseline = true\n")
    run = people.run(f"-n{workers}", "--llm-extract-accept")
    run.assert_outcomes(passed=13)


def test_narrowed_testpaths_leave_out_no_suite_of_the_base_branch(people: Project) -> None:
    """Where the base branch looks for tests, a complete run against it looks as well."""
    people.commit("base")
    (people.pytester.path / "other").mkdir()
    (people.pytester.path / "other" / "test_other.py").write_text("def test_other(): pass\n")
    people.pytester.makeini("[pytest]\ntestpaths = other\n")
    run = people.run("--llm-extract-baseline=git:main", "--llm-extract-require-complete")
    run.assert_outcomes(passed=1, failed=1)
    run.stdout.fnmatch_lines(["*suite gone, but its baseline is there*"])
