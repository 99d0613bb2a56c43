"""What a recording would do, told before it does it, and when nothing is recorded."""

from __future__ import annotations

import pytest
from unrecorded import Provider, cassettes, serving

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


@WORKERS
def test_a_plan_says_what_recording_would_do_and_does_nothing(unrecorded: pytest.Pytester, workers: str) -> None:
    """Fresh, stale by cause, missing, orphaned; calls, tokens and cost by earlier recordings; nothing is sent."""
    provider = Provider()
    with serving(provider):
        unknown = unrecorded.runpytest_subprocess("--llm-extract-plan")
        unrecorded.runpytest_subprocess("--llm-record").assert_outcomes(passed=13)
        sent = len(provider.requests)
        files = cassettes(unrecorded)
        files[0].unlink()
        files[1].rename(files[1].with_name("left-over.yaml"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SYSTEM", "Read well.")
            run = unrecorded.runpytest_subprocess("--llm-extract-plan", f"-n{workers}")
    unknown.stdout.fnmatch_lines(
        ["*test_items (read): 0 fresh, 12 missing", "*12 cassettes; expected: tokens and cost unknown*"]
    )
    run.stdout.fnmatch_lines(
        [
            "test_items.py::test_items (read): 0 fresh, 10 stale, 2 missing, 1 orphaned",
            "  stale: system prompt changed (10 cassettes)",
            "  orphaned: read/left-over.yaml: *",
            "  to record: 12 cassettes; expected: at least 12 calls, 12,000,000 tokens in and 0 out, $1.80",
            "12 cassettes to record",
        ]
    )
    assert run.ret == pytest.ExitCode.OK
    assert len(provider.requests) == sent


@WORKERS
@pytest.mark.parametrize("flag", ["--setup-plan", "--setup-only", "--collect-only"])
def test_nothing_is_recorded_where_no_test_runs(unrecorded: pytest.Pytester, flag: str, workers: str) -> None:
    """Whoever asks what would be set up sends no request and gets no cassette."""
    provider = Provider()
    with serving(provider):
        unrecorded.runpytest_subprocess("--llm-record", flag, f"-n{workers}")
    assert not provider.requests
    assert not cassettes(unrecorded)


@WORKERS
def test_modes(unrecorded: pytest.Pytester, workers: str) -> None:
    """missing leaves stale ones; a marker caps what a run may do; all takes whole suites."""
    provider, n = Provider(), f"-n{workers}"
    with serving(provider), pytest.MonkeyPatch.context() as patch:
        unrecorded.runpytest_subprocess("--llm-record", n)
        partial = unrecorded.runpytest_subprocess("--llm-extract-record=all", "-k", "c1", n)
        assert partial.ret == pytest.ExitCode.USAGE_ERROR
        partial.stderr.fnmatch_lines(
            ["ERROR: *test_items: 3 of 12 cases are selected, and 'all' records whole suites*"]
        )
        assert len(provider.requests) == 12
        unrecorded.runpytest_subprocess("--llm-extract-record=all", n).assert_outcomes(passed=13)
        assert len(provider.requests) == 24
        patch.setenv("SYSTEM", "Read well.")
        unrecorded.runpytest_subprocess("--llm-extract-record=missing", n).assert_outcomes(failed=13)
        module = unrecorded.path / "test_items.py"
        module.write_text(module.read_text().replace("cases=CASES)", "cases=CASES, record='none')"))
        unrecorded.runpytest_subprocess("--llm-record", n).assert_outcomes(failed=13)
    assert len(provider.requests) == 24


def test_a_folder_that_cannot_be_written_costs_nothing(unrecorded: pytest.Pytester) -> None:
    """Found out before the first call."""
    unrecorded.path.joinpath("cassettes").write_text("a file where the folder should be")
    provider = Provider()
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["MISSING: not recorded: *cannot be written to: *(12 cases: *"])
    assert provider.requests == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--llm-extract-budget=much"], "--llm-extract-budget: must be US dollars, such as 0.50, got 'much'"),
        (["--llm-extract-concurrency=0"], "--llm-extract-concurrency: must be a whole number from 1 to 1000, got '0'"),
        (["-o", "llm_extract_budget=-1"], "ini llm_extract_budget: must be US dollars, such as 0.50, got -1.0"),
        (["--llm-extract-budget="], "*--llm-extract-budget: needs a value, got an empty string*"),
        (["-o", "llm_extract_cassettes="], "ini llm_extract_cassettes: must be a folder below the rootdir*, got ''"),
        (["-o", "llm_extract_scrub=a, b"], "ini llm_extract_scrub: must have one name on each line, got 'a, b'"),
    ],
)
def test_wrong_numbers_are_usage_errors(unrecorded: pytest.Pytester, arguments: list[str], problem: str) -> None:
    """One line that names the flag or ini, and exit status 4."""
    run = unrecorded.runpytest_subprocess(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"*{problem}"])
