"""A conftest or a fixture that builds a client without a key is told which setting lets it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HINT = "llm_extract_placeholder_key = true"
CONFTEST = "from openai import OpenAI\nCLIENT = OpenAI()\n"
SUITE = """
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

def read(text) -> Item:
    return Item(name=text)

@pytest.fixture
def client():
    from openai import OpenAI
    return OpenAI()

@pytest.mark.llm_extract(extractor=read, cases=[{"id": "c0", "input": "doc", "expected": {"name": "doc"}}])
def test_items(extraction, client):
    extraction.output
"""


def run(project: pytest.Pytester) -> str:
    """What pytest says in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    ran = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert ran.returncode
    return ran.stdout + ran.stderr


def test_conftest_is_told(bare: pytest.Pytester) -> None:
    """With the setting, the conftest is imported."""
    bare.makeconftest(CONFTEST)
    bare.makepyfile("def test_plain(): pass")
    assert HINT in run(bare)
    bare.makeini("[pytest]\nllm_extract_placeholder_key = true\n")
    bare.runpytest_subprocess().assert_outcomes(passed=1)


def test_conftest_of_a_folder_is_told(bare: pytest.Pytester) -> None:
    """It is imported while its folder is collected."""
    folder = bare.mkdir("inner")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_plain.py").write_text("def test_plain(): pass")
    assert HINT in run(bare)
    bare.makeini("[pytest]\nllm_extract_placeholder_key = true\n")
    bare.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.slow
def test_fixture_is_told(bare: pytest.Pytester) -> None:
    """With the setting, the fixture is no longer in the way."""
    bare.makepyfile(test_items=SUITE)
    assert HINT in run(bare)
    bare.makeini("[pytest]\nllm_extract_placeholder_key = true\n")
    assert HINT not in run(bare)


def test_other_errors_have_no_hint(bare: pytest.Pytester) -> None:
    """Only a missing key has to do with it."""
    bare.makeconftest("raise RuntimeError('no shelf')")
    bare.makepyfile("def test_plain(): pass")
    assert HINT not in run(bare)
