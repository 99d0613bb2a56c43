"""The gate on bad days: stops, crashes, reruns."""

from __future__ import annotations

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


def test_crashed_worker_stays_in_the_denominator(recorded: pytest.Pytester) -> None:
    """A case whose worker died counts as lost, and the gate sees it."""
    spoil(recorded, "__import__('os')._exit(3)")
    run = recorded.runpytest_subprocess("-n2")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["*name*3/4*75.0%*", "*documents: 3/4 valid*1 error*", "*gate: fail*", "*size: 2/4*"])


@pytest.mark.usefixtures("all_plugins")
@WORKERS
def test_last_rerun_wins(recorded: pytest.Pytester, workers: str) -> None:
    """A case that is run again is counted once."""
    spoil(recorded, "import pathlib; f = pathlib.Path('once'); new = not f.exists(); f.touch(); assert not new")
    run = recorded.runpytest_subprocess("--reruns=1", f"-n{workers}")
    run.assert_outcomes(passed=5)
    run.stdout.fnmatch_lines(["*1 rerun*"])


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
    run.stdout.fnmatch_lines(["*name*3/4*", "*1 skipped*"])


def test_crash_of_an_extractor_is_the_users_traceback(recorded: pytest.Pytester) -> None:
    """A NameError is shown where it happened; the case stays in every denominator."""
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace("    return Item", "    undefined_name\n    return Item"))
    run = recorded.runpytest_subprocess()
    run.assert_outcomes(failed=5)
    run.stdout.fnmatch_lines(["*undefined_name*", "E  *NameError*", "*no case has an answer*"])


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
