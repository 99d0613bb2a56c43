"""The gate on bad days: stops, crashes, reruns."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time

import pytest

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])
NEVER = '    if extraction.case.id == "c1": '


def spoil(project: pytest.Pytester, statement: str) -> None:
    """Let case c1 do something else after its extraction."""
    module = project.path / "test_items.py"
    module.write_text(module.read_text() + f"\n{NEVER}{statement}\n")


@WORKERS
def test_first_failure_stops_before_the_gate(recorded: pytest.Pytester, workers: str) -> None:
    """-x leaves a partial run: its rates are shown, and nothing is gated."""
    spoil(recorded, "assert False")
    run = recorded.runpytest_subprocess("-x", f"-n{workers}", "--dist=loadfile" if workers != "0" else "-q")
    assert run.ret != pytest.ExitCode.OK
    run.stdout.fnmatch_lines(["*partial run: * of 4 cases; gate skipped*"])


def test_stopped_run_leaves_nothing_patched(recorded: pytest.Pytester) -> None:
    """-x in a run of this process (pytest.main): what comes after it speaks HTTP as ever."""
    spoil(recorded, "assert False")
    before = http.client.HTTPConnection
    recorded.runpytest_inprocess("-x").assert_outcomes(passed=1, failed=1)
    assert http.client.HTTPConnection is before


@pytest.mark.slow
def test_crashed_worker_stays_in_the_denominator(recorded: pytest.Pytester) -> None:
    """A case whose worker died counts as lost, and the gate sees it."""
    spoil(recorded, "__import__('os')._exit(3)")
    run = recorded.runpytest_subprocess("-n2")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["*gate: fail*", "*size: 2/4*", "*documents: 3/4 valid*1 error*", "*name*3/4*75.0%*"])


@pytest.mark.usefixtures("all_plugins")
@WORKERS
def test_last_rerun_wins(recorded: pytest.Pytester, workers: str) -> None:
    """A case that is run again is counted once."""
    spoil(recorded, "import pathlib; f = pathlib.Path('once'); new = not f.exists(); f.touch(); assert not new")
    run = recorded.runpytest_subprocess("--reruns=1", f"-n{workers}")
    run.assert_outcomes(passed=5)
    run.stdout.fnmatch_lines(["*1 rerun*"])


REPORT_OF_ITS_OWN = """
import pytest

@pytest.hookimpl(wrapper=True{})
def pytest_runtest_makereport(item, call):
    yield
    return pytest.TestReport.from_item_and_call(item, call)
"""


@pytest.mark.parametrize("order", ["", ", tryfirst=True", ", trylast=True"])
@WORKERS
def test_report_that_a_hook_makes_anew(recorded: pytest.Pytester, order: str, workers: str) -> None:
    """A conftest that returns a report of its own takes neither the result from the gate nor shows a secret."""
    recorded.makeconftest(REPORT_OF_ITS_OWN.format(order))
    recorded.makeini("[pytest]\nllm_extract_secrets = re:swordfish[0-9]+")
    spoil(recorded, "print('swordfish11'); raise ValueError('swordfish12')")
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace("llm_accuracy(0.75)", "llm_accuracy(1.0)"))
    run = recorded.runpytest_subprocess(f"-n{workers}", "--llm-extract-json=out.json")
    run.assert_outcomes(passed=3, failed=2)
    run.stdout.fnmatch_lines(["*ValueError*", "*gate: fail*"])
    run.stdout.no_fnmatch_line("*swordfish1*")
    assert len(json.loads((recorded.path / "out.json").read_text())["suites"][0]["cases"]) == 4


@WORKERS
def test_hook_that_runs_a_failed_test_again(recorded: pytest.Pytester, workers: str) -> None:
    """As pytest-retry does, within its makereport and on the report of the first try: the last try is the result."""
    recorded.makeconftest(
        """
        import pytest

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            if call.when == "call" and report.failed:
                report.outcome = "retried"
                item.ihook.pytest_runtest_logreport(report=report)
                item.ihook.pytest_runtest_teardown(item=item, nextitem=None)
                item._initrequest()
                pytest.CallInfo.from_call(lambda: item.ihook.pytest_runtest_setup(item=item), "setup")
                again = pytest.CallInfo.from_call(lambda: item.ihook.pytest_runtest_call(item=item), "call")
                new = pytest.TestReport.from_item_and_call(item, again)
                report.outcome, report.longrepr = new.outcome, new.longrepr
            return report
        """
    )
    module = recorded.path / "test_items.py"
    text = module.read_text().replace(
        "    answer = client",
        "    import pathlib; f = pathlib.Path(f'{text}.once'); new = not f.exists(); f.touch()\n"
        "    if new: raise ValueError\n    answer = client",
    )
    module.write_text(text)
    run = recorded.runpytest_subprocess(f"-n{workers}")
    run.assert_outcomes(passed=5)
    run.stdout.fnmatch_lines(["gate: pass", "*name*4/4*"])


def test_body_never_runs_without_a_setup(recorded: pytest.Pytester) -> None:
    """A plugin that calls a test once more, without its fixtures, does not get past the extraction."""
    recorded.makeconftest(
        """
        import pytest

        def pytest_runtest_logfinish(nodeid):
            if nodeid in items:
                with pytest.raises(pytest.fail.Exception) as told:
                    items[nodeid].runtest()
                print(told.value)

        items = {}

        def pytest_itemcollected(item):
            items[item.nodeid] = item
        """
    )
    run = recorded.runpytest_subprocess("-s")
    run.assert_outcomes(passed=5)
    run.stdout.fnmatch_lines(["*the case was rerun without its setup*"])


SUBTESTS = """
import pytest

@pytest.fixture(autouse=True)
def around(subtests):
    with subtests.test("before"):
        pass
    yield
    with subtests.test("after"):
        pass
"""


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest has subtests since 9")
@WORKERS
def test_subtests_of_fixtures_are_not_the_case(recorded: pytest.Pytester, workers: str) -> None:
    """They take neither the result of a good case, nor a failure from a missing and an inexact one."""
    recorded.makeconftest(SUBTESTS)
    run = recorded.runpytest_subprocess(f"-n{workers}")
    assert (run.ret, run.parseoutcomes()["passed"]) == (0, 5)
    run.stdout.fnmatch_lines(["gate: pass", "*name*4/4*", "*size*3/4*"])
    next(recorded.path.glob("cassettes/**/c0-*")).unlink()
    module = recorded.path / "test_items.py"
    text = module.read_text().replace('cases="gold.jsonl"', 'cases="gold.jsonl", strict=True')
    module.write_text(text.replace("    assert extraction.output.name", "    pass"))
    bad = recorded.runpytest_subprocess(f"-n{workers}")
    assert bad.parseoutcomes()["failed"] == 3
    bad.stdout.fnmatch_lines_random(["FAILED *[[]c0] - *no cassette*", "FAILED *[[]c3] - *", "FAILED *::gate - *"])


@WORKERS
def test_skipped_case_counts_as_lost(recorded: pytest.Pytester, workers: str) -> None:
    """Skipping a hard case before its extraction does not raise the rate."""
    module = recorded.path / "test_items.py"
    text = module.read_text().replace(
        "    assert extraction", "    if extraction.case.id == 'c1': pytest.skip()\n    assert extraction"
    )
    module.write_text(text)
    run = recorded.runpytest_subprocess(f"-n{workers}")
    run.assert_outcomes(passed=3, skipped=1, failed=1)
    run.stdout.fnmatch_lines(["*1 skipped*", "*name*3/4*"])


def test_crash_of_an_extractor_is_the_users_traceback(recorded: pytest.Pytester) -> None:
    """A NameError is shown where it happened; the case stays in every denominator."""
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace("    return Item", "    undefined_name\n    return Item"))
    run = recorded.runpytest_subprocess()
    run.assert_outcomes(failed=5)
    run.stdout.fnmatch_lines(["*undefined_name*", "E  *NameError*", "*no case has an answer*"])


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_interrupt_shows_a_partial_run(recorded: pytest.Pytester) -> None:
    """Ctrl-C skips the gate in words and keeps pytest's own exit status."""
    spoil(recorded, "import time; time.sleep(60)")
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-v"], cwd=recorded.path, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert run.stdout is not None
    shown = ""
    while "[c0] PASSED" not in shown:
        shown += run.stdout.readline()
    time.sleep(1)
    run.send_signal(signal.SIGINT)
    shown += run.communicate(timeout=30)[0]
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert "of 4 cases; gate skipped" in shown
