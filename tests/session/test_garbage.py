"""Garbage collection while suites run."""

from __future__ import annotations

import pytest

AROUND = """
import gc

def test_foreign_before():
    assert gc.get_freeze_count() == BEFORE

{suite}
def test_foreign_after():
    assert gc.get_freeze_count() == BEFORE
"""


@pytest.mark.own_process
def test_what_was_collected_is_set_aside_for_suites_alone(recorded: pytest.Pytester) -> None:
    """Python's collector skips it while cases run; tests around a suite find the collector as it was."""
    module = recorded.path / "test_items.py"
    suite = module.read_text().replace("    pass", "    assert gc.get_freeze_count() > BEFORE")
    module.write_text("import gc\nBEFORE = gc.get_freeze_count()\n" + AROUND.replace("{suite}", suite))
    recorded.runpytest_subprocess().assert_outcomes(passed=7)
