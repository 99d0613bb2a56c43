"""The placeholder that clients find as their key while answers are replayed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from any_provider import REPLAYED
from standin import StandIn

from pytest_llm_extract.credentials.placeholder_key import placeholder_key


@pytest.mark.parametrize("left", ["keyed", "anew"])
def test_no_placeholder_stays_in_the_environment(pytester: pytest.Pytester, left: str) -> None:
    """A `monkeypatch` that an extraction used puts back what it found: a placeholder."""
    pytester.makepyfile(
        test_items=REPLAYED.split("CASES")[0].replace('os.environ["ACME_TOKEN"]', '""')
        + f"""
def patched(text, monkeypatch) -> Item:
    monkeypatch.setenv("OPENAI_API_KEY", {left!r})
    return read(text)

@pytest.mark.llm_extract(schema=Item, cases=[{{"id": "c0", "input": "bolt", "expected": {{"name": "bolt"}}}}])
def test_items(extraction, monkeypatch):
    extraction.run(patched, "bolt", monkeypatch)

def test_other():
    assert "OPENAI_API_KEY" not in os.environ
"""
    )
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider, pytest.MonkeyPatch.context() as patch:
        patch.delenv("OPENAI_API_KEY", raising=False)
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=3)
        pytester.runpytest_subprocess().assert_outcomes(passed=3)


def test_extractors_may_treat_the_environment_as_ever(pytester: pytest.Pytester) -> None:
    """A placeholder is listed, copied, deleted and replaced like a variable; child processes do not have it."""
    pytester.makepyfile(
        test_items=REPLAYED.split("CASES")[0].replace('os.environ["ACME_TOKEN"]', '""')
        + """
import subprocess, sys
from unittest import mock

def seen():
    return "OPENAI_API_KEY" in os.environ, "OPENAI_API_KEY" in dict(os.environ), bool(os.getenv("OPENAI_API_KEY"))

def read_anyway(text) -> Item:
    item = read(text)
    if os.environ["OPENAI_API_KEY"] == "loopback-only":
        return item
    assert seen() == (True,) * 3
    assert len(os.environ) == len([*os.environ])
    script = "import os; print('OPENAI_API_KEY' in os.environ)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "False\\n"
    with mock.patch.dict(os.environ, {"HOME": "here"}, clear=True):
        assert dict(os.environ) == {"HOME": "here"} and seen() == (False,) * 3
    assert seen() == (True,) * 3
    del os.environ["OPENAI_API_KEY"]
    assert seen() == (False,) * 3
    assert os.environ.pop("OPENAI_API_KEY", None) is None
    os.environ["OPENAI_API_KEY"] = ""
    assert os.environ["OPENAI_API_KEY"] == ""
    del os.environ["OPENAI_API_KEY"]
    return item

CASES = [{"id": "c0", "input": "bolt", "expected": {"name": "bolt"}}]
@pytest.mark.llm_extract(extractor=read_anyway, cases=CASES)
def test_items(extraction):
    assert extraction.output.name == "bolt"

def test_other():
    assert "OPENAI_API_KEY" not in os.environ and "OPENAI_API_KEY" not in dict(os.environ)
"""
    )
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        patch.setenv("OPENAI_API_KEY", "loopback-only")
        pytester.runpytest_subprocess("--llm-record", "test_items.py::test_items").assert_outcomes(passed=2)
        patch.delenv("OPENAI_API_KEY")
        pytester.runpytest_subprocess().assert_outcomes(passed=3)


def test_other_threads_read_the_environment_while_placeholders_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a thread of the project has begun to read, it reads to the end."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    seen: set[str | None] = set()
    errors: list[Exception] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            try:
                seen.add(os.environ.get("OPENAI_API_KEY"))
                seen.add({name: os.environ.get(name) for name in os.environ}.get("OPENAI_API_KEY"))
                assert "OPENAI_API_KEY" not in os.environ or len(os.environ) > 1
            except Exception as error:
                errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=look) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(5_000):
            with placeholder_key():
                os.environ.get("OPENAI_API_KEY")
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert not errors
    assert seen == {None, "llm-extract-placeholder-no-key-for-OPENAI_API_KEY"}
    assert "OPENAI_API_KEY" not in os.environ


def test_a_key_of_a_dotenv_file_goes_before_the_placeholder(pytester: pytest.Pytester) -> None:
    """python-dotenv leaves alone what is set, and a placeholder is no key."""
    pytest.importorskip("dotenv")
    pytester.path.joinpath(".env").write_text("OPENAI_API_KEY=loopback-only\n")
    loaded = "from dotenv import load_dotenv\nload_dotenv('.env')\nclient = OpenAI()\n\nclass Item"
    text = REPLAYED.replace("class Item", loaded, 1).replace("OpenAI().chat", "client.chat")
    pytester.makepyfile(test_items=text.replace('os.environ["ACME_TOKEN"]', '""'))
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider, pytest.MonkeyPatch.context() as patch:
        patch.delenv("OPENAI_API_KEY", raising=False)
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=2)
    pytester.path.joinpath(".env").unlink()
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


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


def test_module_whose_suites_are_made_elsewhere_is_told(bare: pytest.Pytester) -> None:
    """It does not name the marker. With the setting, its client is built, and its own code sees no key."""
    bare.makepyfile(made=SUITE.replace("extraction, client", "extraction"))
    own = "import os\nfrom made import test_items\nassert 'OPENAI_API_KEY' not in os.environ\n"
    bare.makepyfile(test_parts=own + CONFTEST)
    assert HINT in run(bare)
    bare.makeini("[pytest]\nllm_extract_placeholder_key = true\n")
    assert "1 cassette missing" in run(bare)


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
