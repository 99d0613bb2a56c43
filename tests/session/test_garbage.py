"""Garbage collection in a session with suites."""

from __future__ import annotations

import pytest

PROBE = """
import atexit, gc

before = gc.get_freeze_count()
in_cases = set()
atexit.register(lambda: print("set aside in cases:", in_cases, "after them:", gc.get_freeze_count() > before))

def pytest_runtest_call():
    in_cases.add(gc.get_freeze_count() > before)
"""


@pytest.mark.own_process
def test_what_was_collected_is_set_aside_until_the_session_ends(recorded: pytest.Pytester) -> None:
    """Python's collector skips it while cases run, and finds all of it afterwards."""
    recorded.makeconftest(PROBE)
    result = recorded.runpytest_subprocess()
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["set aside in cases: {True} after them: False"])
