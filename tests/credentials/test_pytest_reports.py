"""Secrets in what pytest shows: outputs, tracebacks, reasons and properties."""

from __future__ import annotations

import pytest
from any_provider import REPLAYED, holds, replayed
from standin import StandIn

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])
KEY = "zq9" + "X4k-tango_77"  # of a shape that nobody knows


@WORKERS
def test_what_a_replay_shows_is_looked_through(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """An extractor adds values that no cassette holds."""
    monkeypatch.setenv("ACME_TOKEN", KEY)
    shown, written = replayed(pytester, monkeypatch, REPLAYED, workers, 2)
    assert not holds(KEY, shown, written)
    assert written.count("[hidden: the value of $ACME_TOKEN]") >= 2


@pytest.mark.slow
@pytest.mark.own_process
@WORKERS
def test_keys_that_a_replayed_request_carries_are_known(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """In a header and in the URL, though they stand in no variable and in no cassette."""
    client = 'OpenAI(api_key="of-header-Zq9-oscar-4411", default_query={"key": "of-query-Zq9-oscar-4411"})'
    link = 'link="of-header-Zq9-oscar-4411 of-query-Zq9-oscar-4411"'
    monkeypatch.setenv("ACME_TOKEN", KEY)
    module = REPLAYED.replace("OpenAI()", client).replace('link=os.environ["ACME_TOKEN"]', link)
    shown, written = replayed(pytester, monkeypatch, module, workers, 2)
    assert not holds("Zq9-oscar-4411", shown, written)
    for where in ("header 'authorization'", "URL"):
        assert f"[hidden: the credential in a request's {where}]" in written


@WORKERS
def test_variables_that_are_set_in_the_middle_of_a_run_are_known(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """Each case sets one more, and each has its own value the second time."""
    module = REPLAYED.split("CASES")[0].replace(
        'link=os.environ["ACME_TOKEN"]',
        'link=os.environ.setdefault(f"{text[:4].upper()}_TOKEN", f"of-{text}-Zq9-oscar-4411")',
    )
    cases = """
@pytest.fixture(autouse=True)
def anew():
    yield
    if "NUTS_TOKEN" in os.environ:
        os.environ["BOLT_TOKEN"] = "of-bolt-again-Zq9-oscar-4411"

CASES = [{"id": n, "input": n, "expected": {"name": n, "link": "x"}} for n in ("bolt", "nuts", "bolt-again", "pins")]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction): ...
"""
    shown, written = replayed(pytester, monkeypatch, module + cases, workers, 5)
    assert not holds("Zq9-oscar-4411", shown, written)
    assert all(f"[hidden: the value of ${name}_TOKEN]" in written for name in ("BOLT", "NUTS", "PINS"))


def test_a_native_traceback_keeps_its_lines(pytester: pytest.Pytester) -> None:
    """Where there is nothing to hide, nothing changes."""
    pytester.makepyfile(test_items=REPLAYED.replace("extraction): ...", "extraction): assert 1 == 2"))
    pytester.makeconftest("import os\nos.environ['ACME_TOKEN'] = 'none'")
    run = pytester.runpytest_subprocess("--tb=native")
    run.stdout.fnmatch_lines(
        ["Traceback (most recent call last):", "  File *", "    def test_items*", "*assert 1 == 2"]
    )


@WORKERS
def test_reasons_and_properties_are_looked_through(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """Of xfail, called and as a marker, and of record_property: neither JUnit XML nor the terminal shows them."""
    monkeypatch.setenv("ACME_TOKEN", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    bodies = """
SUITE = pytest.mark.llm_extract(extractor=read, cases=CASES)

@SUITE
def test_called(extraction, record_property):
    record_property("token", os.environ["ACME_TOKEN"])
    record_property("path", __import__("pathlib").Path(os.environ["ACME_TOKEN"]))
    record_property("size", 3)
    extraction.output
    pytest.xfail("since " + os.environ["ACME_TOKEN"])

@SUITE
@pytest.mark.xfail(reason="since " + os.environ["ACME_TOKEN"])
def test_marked(extraction):
    assert extraction.output is None
"""
    module = REPLAYED.split("@pytest.mark")[0].replace('link=os.environ["ACME_TOKEN"]', "")
    pytester.makepyfile(test_items=module + bodies)
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        run = pytester.runpytest_subprocess("--llm-record", "-rx", "--junitxml=out.xml", f"-n{workers}")
    written = (pytester.path / "out.xml").read_text()
    assert not holds(KEY, run.stdout.str(), written)
    assert written.count("[hidden: the value of $ACME_TOKEN]") >= 4
    assert '<property name="size" value="3"' in written


OTHERS = """
import logging, warnings
KEY = os.environ["ACME_TOKEN"]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_suite(extraction): ...

def test_other(record_property):
    record_property("token", KEY)
    logging.getLogger("app").warning("sent %s", KEY)
    warnings.warn(f"deprecated {KEY}")
    print("printed", KEY)
    assert KEY == "", f"refused {KEY}"
"""


@WORKERS
def test_other_tests_warnings_and_logs_are_looked_through(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """In a run with suites: terminal, JUnit XML and log file; the test that is not a suite fails as it did."""
    monkeypatch.setenv("ACME_TOKEN", KEY)
    pytester.makepyfile(test_items=REPLAYED.split("@pytest.mark")[0] + OTHERS)
    flags = ("--junitxml=out.xml", "--log-file=run.log", "-rA", f"-n{workers}")
    run = pytester.runpytest_subprocess(*flags)
    written = [(pytester.path / name).read_text() for name in ("out.xml", *(() if workers == "2" else ("run.log",)))]
    assert not holds(KEY, run.stdout.str(), *written)
    run.stdout.fnmatch_lines(["*refused [[]hidden: the value of $ACME_TOKEN]*"])
    run.stdout.fnmatch_lines(["*deprecated [[]hidden: the value of $ACME_TOKEN]*"])


NAMED = """
import os
import pytest
from pydantic import BaseModel
from pytest_llm_extract import Waiver

KEY = os.environ["ACME_TOKEN"]

class Item(BaseModel):
    name: str | None = None

def read(text) -> Item: ...

CASE = {"id": "a", "input": "a", "expected": {}}
WAIVED = pytest.mark.llm_gate(waive=[Waiver("since " + KEY, expires="2999-01-01", field="name")])

@GIVEN
def test_items(extraction): ...
"""
GIVEN = {
    "the case id": "pytest.mark.llm_extract(extractor=read, cases=[CASE | {'id': KEY}])",
    "the group": "pytest.mark.llm_extract(extractor=read, cases=[CASE | {'group': 'of ' + KEY}])",
    "the reason of a waiver": "WAIVED\n@pytest.mark.llm_extract(extractor=read, cases=[CASE])",
}


def test_names_that_hold_a_secret_are_refused(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """At collection, with the variable and without the secret."""
    monkeypatch.setenv("ACME_TOKEN", KEY)
    for number, marker in enumerate(GIVEN.values()):
        pytester.makepyfile(**{f"test_{number}": NAMED.replace("GIVEN", marker)})
    run = pytester.runpytest_subprocess("--tb=line")
    for what in GIVEN:
        run.stdout.fnmatch_lines_random([f"*{what} '*[[]hidden: the value of $ACME_TOKEN]' holds a secret*"])
    assert not holds(KEY, run.stdout.str())
