"""What a run without a suite pays: a handful of small modules, no library, and no hook around its tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"pydantic", "vcr", "openai", "yaml", "rich", "jinja2", "click", "deepdiff", "genai_prices", "babel"}
PROBE = """
import sys

def pytest_unconfigure(config):
    named = [name for name, plugin in config.pluginmanager.list_name_plugin() if name.startswith("llm_extract_")]
    print("plugins", *named)
    print("ours", *sorted(name for name in sys.modules if name.startswith("pytest_llm_extract.")))
    print("others", *sorted(name for name in sys.modules if "." not in name))
"""


def test_run_without_a_suite_imports_next_to_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a library nor the rooms that read, score, replay or judge, nor the hooks around cases."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(PROBE)
    pytester.makepyfile("def test_plain(): pass")
    command = [sys.executable, "-m", "pytest", "-p", "llm_extract", "-s", "-Werror"]
    run = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, check=True)
    said = {line.split()[0]: line.split()[1:] for line in run.stdout.splitlines() if line.strip()}
    assert HEAVY.isdisjoint(said["others"])
    assert {name.split(".")[1] for name in said["ours"] if name.count(".") > 1} == {"config", "session"}
    assert len(said["ours"]) < 20, said["ours"]
    assert said["plugins"] == ["llm_extract_receiver"]
