"""A fixture that asks the model is recorded under a name, and replayed without a network."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from plain_http import ASK
from recorded import record
from standin import Reply, StandIn

SUITE = (
    ASK
    + """
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

async def ask_later(question):
    return ask(("user", question))

@pytest.fixture(scope="session")
def glossary(llm_recorded):
    return llm_recorded("glossary", ask, ("user", "What is a bolt?"))

@pytest.fixture(scope="module")
def summary(llm_recorded):
    return llm_recorded("sum/mary", ask_later, "Sum up.")

@pytest.mark.llm_extract(schema=Item, cases=[
    {"id": f"c{n:02}", "input": f"doc {n}", "expected": {"name": f"doc {n}"}} for n in range(12)])
def test_items(extraction, glossary, summary):
    read = lambda text: Item(name=json.loads(ask(("system", glossary + summary), ("user", text)))["name"])
    assert extraction.run(read, extraction.case.input).name

def test_of_no_suite(glossary):
    assert glossary
"""
)


def answer(body: dict[str, Any]) -> str:
    """The document as its name."""
    return json.dumps({"name": body["messages"][-1]["content"]})


def questions(provider: StandIn) -> list[str]:
    """What fixtures asked."""
    said = [body["messages"][-1]["content"] for body in provider.requests]
    return [text for text in said if not text.startswith("doc")]


def test_what_fixtures_ask_is_recorded(bare: pytest.Pytester) -> None:
    """Once, in files of its own; each case replays alone. A changed question is named by every command."""
    bare.makepyfile(test_items=SUITE)
    plan = bare.runpytest("--llm-extract-plan")
    plan.stdout.fnmatch_lines(["recording 'glossary' of a fixture: missing: no cassette glossary-*cannot be planned*"])
    with StandIn(answer) as provider:
        run = record(bare, provider)
        run.assert_outcomes(passed=14)
        run.stdout.fnmatch_lines(["recording 'glossary' of a fixture: recorded, 1 call, * tokens, *"])
        assert questions(provider) == ["What is a bolt?", "Sum up."]
        shared = sorted(path.name[:8] for path in bare.path.joinpath("cassettes", "shared").iterdir())
        assert shared == ["glossary", "sum-mary"]
        bare.runpytest("-k", "c07").assert_outcomes(passed=1, deselected=12)
        bare.runpytest().assert_outcomes(passed=14)
        bare.runpytest("--llm-extract-plan").stdout.fnmatch_lines(["recording 'sum/mary' of a fixture: fresh"])

        path = bare.path / "test_items.py"
        path.write_text(path.read_text().replace("a bolt?", "a nut?"))
        stale = bare.runpytest()
        stale.assert_outcomes(errors=13, failed=1)
        stale.stdout.fnmatch_lines(
            [
                "*ERROR at setup of test_items: 12 cases*",
                "stale: recording 'glossary' of a fixture: messages changed",
                "    -What is a bolt?",
                "    to record: pytest --llm-record; *",
                "ERROR test_items.py::test_items - 12 cases: *",
            ]
        )
        check = bare.run("llm-extract", "check")
        check.stdout.fnmatch_lines(["stale       recording 'glossary' of a fixture: messages changed"])
        assert check.ret == 1
        record(bare, provider).assert_outcomes(passed=14)
        assert questions(provider)[2:] == ["What is a nut?"]


SLOW = """
import time
from pytest_llm_extract import clock

clock.monotonic_s = lambda: 40 * time.monotonic()  # ten seconds are a quarter of one
"""
VOLATILE = (
    ASK
    + """
import pytest, time
from pydantic import BaseModel

class Item(BaseModel):
    name: str

@pytest.fixture
def note(llm_recorded):
    asked = llm_recorded.ignoring("messages[].content", "metadata.id")
    return asked("note", ask, ("user", str(time.time_ns())))

def test_note(note):
    assert note

@pytest.mark.llm_extract(schema=Item, cases=[{"id": "c0", "input": "doc 0", "expected": {"name": "doc 0"}}])
def test_items(extraction):
    read = lambda text: Item(name=json.loads(ask(("user", text)))["name"])
    assert extraction.run(read, extraction.case.input).name
"""
)


@pytest.mark.own_process
def test_a_slow_recording_is_not_silent(bare: pytest.Pytester) -> None:
    """That of a fixture and that of a test: a line now and then names what is tried again, past pytest's capture."""
    bare.makepyfile(test_items=VOLATILE)
    bare.makeconftest(SLOW)
    tried: list[Any] = []

    def busy(body: dict[str, Any]) -> str | Reply:
        tried.append(body)
        if len(tried) == 1:
            return Reply(503, "overloaded", "text/plain")
        time.sleep(0.7)
        return answer(body)

    with StandIn(busy) as provider:
        run = record(bare, provider)
    run.assert_outcomes(passed=3)
    run.stdout.fnmatch_lines(
        [
            "recording 'note' of a fixture: 0/1, *, 1 try failed, the next in * s: HTTP 503 * from *: overloaded",
            "recording test_items.py::test_items?c0?: 0/1, *",
        ]
    )


SHARD = """
def pytest_collection_modifyitems(items):
    items[:] = items[1:]  # as plugins take a shard, without a word
"""


@pytest.mark.slow
def test_a_whole_run_names_what_no_test_asked_for(bare: pytest.Pytester) -> None:
    """In one process and in workers; never where some tests are left out, skipped or fail, and may ask for it."""
    bare.makepyfile(test_items=SUITE)
    with StandIn(answer) as provider:
        record(bare, provider).assert_outcomes(passed=14)
    note = "*no test asked for *"
    glossary = next(bare.path.glob("cassettes/shared/glossary-*"))
    glossary.with_name("older-0123456789.yaml").write_bytes(glossary.read_bytes())
    glossary.with_name("of-somebody.yaml").write_bytes(glossary.read_bytes())
    for workers in ("-n0", "-n2"):
        bare.runpytest(workers).stdout.fnmatch_lines(
            ["note: no test asked for 1 recording in cassettes/shared/: older-0123456789.yaml; delete what no *"]
        )
    bare.run("llm-extract", "check").stderr.fnmatch_lines(["not checked cassettes/shared: 1 cassette that *"])
    for arguments in (["-k", "c07"], ["test_items.py"]):
        bare.runpytest(*arguments).stdout.no_fnmatch_line(note)
    bare.makeconftest(SHARD)
    bare.runpytest("-n2").stdout.no_fnmatch_line(note)
    for end in ("pytest.skip()", "assert 0"):
        bare.makeconftest(f"import pytest\n@pytest.fixture\ndef ends():\n    {end}\n")
        module = SUITE.replace("no_suite(glossary)", "no_suite(ends, glossary)")
        bare.makepyfile(test_items=module)
        bare.runpytest().stdout.no_fnmatch_line(note)


def test_what_cannot_be_recorded_is_said(bare: pytest.Pytester) -> None:
    """No key, a call without a request, and no name."""
    bare.makepyfile(
        test_items="""
        import pytest
        from openai import OpenAI

        def ask(text):
            OpenAI().chat.completions.create(model="m", messages=[{"role": "user", "content": text}])

        def test_key(llm_recorded):
            llm_recorded("key", ask, "x")

        def test_nothing(llm_recorded):
            llm_recorded("nothing", len, "x")

        def test_name(llm_recorded):
            llm_recorded(ask, "x")

        def test_paths(llm_recorded):
            llm_recorded.ignoring(["metadata.id"])
        """
    )
    run = bare.runpytest("--llm-record")
    run.assert_outcomes(failed=4)
    run.stdout.fnmatch_lines(
        [
            "missing: recording 'key' of a fixture: not recorded: recording needs OPENAI_API_KEY",
            "error: recording 'nothing' of a fixture: the extraction sent no request*",
            "*llm_recorded: needs a name, as in llm_recorded('glossary', ask, text), got <function ask*",
            "*llm_recorded.ignoring: takes paths, such as 'metadata.request_id', got (?'metadata.id'?,)",
        ]
    )


def test_threads_that_ask_the_same_share_one_recording(bare: pytest.Pytester) -> None:
    """A name is recorded once, whoever asks meanwhile."""
    bare.makepyfile(
        test_items=ASK
        + """
from concurrent.futures import ThreadPoolExecutor

def test_threads(llm_recorded):
    with ThreadPoolExecutor(8) as pool:
        said = pool.map(lambda n: llm_recorded("glossary", ask, ("user", "What is a bolt?")), range(8))
    assert len(set(said)) == 1
"""
    )
    with StandIn(lambda body: f"answer {len(provider.requests)}") as provider:
        record(bare, provider).assert_outcomes(passed=1)
        assert len(provider.requests) == 1
