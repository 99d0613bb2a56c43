"""Projects that are recorded once, for many tests to copy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from standin import StandIn


def record_in(folder: Path, answer: Callable[[dict[str, Any]], str], *arguments: str) -> str:
    """Record the suites of a folder from a stand-in, which is gone afterwards; what the run printed."""
    with StandIn(answer) as provider:
        environment = os.environ | {"OPENAI_API_KEY": "loopback-only", "OPENAI_BASE_URL": provider.base_url}
        command = [sys.executable, "-m", "pytest", "--rootdir=.", "--llm-record", *arguments]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


@contextmanager
def reachable(base_url: str) -> Iterator[None]:
    """A provider is where clients look for OpenAI, with a made-up key."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "loopback-only")
        patch.setenv("OPENAI_BASE_URL", base_url)
        yield


def record(project: pytest.Pytester, provider: StandIn, *arguments: str) -> pytest.RunResult:
    """Run `pytest --llm-record` against a provider."""
    with reachable(provider.base_url):
        return project.runpytest_subprocess("--llm-record", *arguments)
