"""What a run without a suite pays: it imports a handful of small modules, and no library."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"pydantic", "vcr", "openai", "yaml", "rich", "jinja2", "click", "deepdiff", "genai_prices", "babel"}
PROBE = """
import sys

def pytest_unconfigure():
    print("ours", *sorted(name for name in sys.modules if name.startswith("pytest_llm_extract.")))
    print("others", *sorted(name for name in sys.modules if "." not in name))
"""
FOLDERS = {"baseline", "config", "credentials", "formats", "report", "session"}


def test_run_without_a_suite_imports_next_to_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a library nor the rooms that score, replay or judge; the ways to it are many, and each has been one."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(PROBE)
    pytester.makepyfile("def test_plain(): pass")
    command = [sys.executable, "-m", "pytest", "-p", "llm_extract", "-s", "-Werror"]
    run = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, check=True)
    ours, others = (line.split()[1:] for line in run.stdout.splitlines() if line.startswith(("ours", "others")))
    assert HEAVY.isdisjoint(others)
    folders = {name.split(".")[1] for name in ours if name.count(".") > 1}
    assert folders <= FOLDERS
    assert len(ours) < 35, ours
