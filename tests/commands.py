"""`llm-extract` as tests call it: in the test's own process, or as the installed program."""

from __future__ import annotations

import contextlib
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from _pytest.pytester import SysModulesSnapshot, SysPathsSnapshot
from click.testing import CliRunner

from pytest_llm_extract.cli.main import main

LLM_EXTRACT = str(Path(sys.executable).with_name("llm-extract"))
TIMEOUT_S = 120
shares_process = True  # set by conftest.py


def llm_extract(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, by default the current one; what it imports is forgotten afterwards."""
    command = [LLM_EXTRACT, *map(str, arguments)]
    if not shares_process:
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    importlib.invalidate_caches()
    before: list[Any] = [SysModulesSnapshot(), SysPathsSnapshot()]
    try:
        with contextlib.chdir(cwd or Path.cwd()):
            done = CliRunner().invoke(main, command[1:], prog_name="llm-extract", catch_exceptions=False)
    finally:
        for snapshot in before:
            snapshot.restore()
    return subprocess.CompletedProcess(command, done.exit_code, done.stdout, done.stderr)
