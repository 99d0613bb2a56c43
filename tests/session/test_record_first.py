"""Recording before the tests: their fixtures, their failures, and what only a test can record."""

from __future__ import annotations

import pytest
from unrecorded import IN_TEST, SUITE, Provider, cassettes, serving

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


@pytest.mark.slow
def test_recording_sees_the_fixtures_of_its_tests(unrecorded: pytest.Pytester) -> None:
    """An autouse fixture and an `llm_client` of the module count while recording; fixtures end before the tests."""
    fixtures = """
events = []

@pytest.fixture(autouse=True)
def tidy(monkeypatch):
    monkeypatch.setenv("SYSTEM", "From a fixture.")
    events.append("up")
    yield
    events.append("down")

@pytest.fixture(scope="module")
def llm_client():
    return OpenAI(base_url=os.environ["OPENAI_BASE_URL"] + "/own")

@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="m", cases=CASES[:1])
def test_prompt(extraction):
    assert events == ["up", "down"] * (len(events) // 2) + ["up"]

@pytest.mark.llm_extract(extractor=read, cases=CASES[:1])
@pytest.mark.skip
def test_skipped(extraction): pass
"""
    unrecorded.path.joinpath("read.md").write_text("Read.")
    unrecorded.makepyfile(test_items=SUITE + fixtures)
    provider = Provider()
    with serving(provider):
        unrecorded.runpytest_subprocess("--llm-record").assert_outcomes(passed=15, skipped=2)
        assert len(provider.requests) == 13
        assert provider.paths.count("/v1/own/chat/completions") == 1
        assert {body["messages"][0]["content"] for body in provider.requests} == {"From a fixture.", "Read."}
        unrecorded.runpytest_subprocess("--llm-record", "-n2").assert_outcomes(passed=15, skipped=2)
    assert len(provider.requests) == 13


@pytest.mark.slow
def test_a_recording_run_uses_one_process(unrecorded: pytest.Pytester) -> None:
    """It says so, whichever way it was asked for workers."""
    with serving(Provider()):
        run = unrecorded.runpytest_subprocess("--llm-record", "-n2", "--dist=loadfile")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(["llm-extract: records in one process, with several calls at a time; -n is for replays"])
    run.stdout.no_fnmatch_line("*2 workers*")
    replayed = unrecorded.runpytest_subprocess("-n2")
    replayed.stdout.fnmatch_lines(["2 workers *"])
    replayed.stdout.no_fnmatch_line("*one process*")


@WORKERS
def test_a_crash_while_recording_is_the_failure_of_its_test(unrecorded: pytest.Pytester, workers: str) -> None:
    """The extractor's own exception, with its traceback, in the test of its case; the others are recorded."""
    crash = "    if text == 'doc 3': raise LookupError('no such shelf')\n    system ="
    module = unrecorded.path / "test_items.py"
    module.write_text(module.read_text().replace("    system =", crash))
    with serving(Provider()):
        run = unrecorded.runpytest_subprocess("--llm-record", f"-n{workers}")
    run.assert_outcomes(passed=11, failed=2)
    run.stdout.fnmatch_lines(["*LookupError: no such shelf*", "FAILED test_items.py::test_items[[]c3[]]*"])
    assert len(cassettes(unrecorded)) == 11


@WORKERS
def test_what_an_extractor_or_a_fixture_ends_is_left_to_its_test(unrecorded: pytest.Pytester, workers: str) -> None:
    """sys.exit and pytest.skip in an extractor, a fixture that fails: tests tell it; all others are recorded."""
    ends = """    if text == "doc 3": raise SystemExit(3)
    if text == "doc 4": pytest.skip("a blank page")
    system ="""
    broken = """
@pytest.fixture
def shelf(): raise OSError("no shelf")

@pytest.mark.llm_extract(extractor=read, cases=CASES[:1])
def test_broken(extraction, shelf): pass
"""
    unrecorded.makepyfile(test_items=SUITE.replace("    system =", ends) + broken)
    with serving(Provider()):
        run = unrecorded.runpytest_subprocess("--llm-record", f"-n{workers}")
        again = unrecorded.runpytest_subprocess("--llm-record", f"-n{workers}")
    for found in (run, again):
        found.assert_outcomes(passed=10, failed=3, skipped=1, errors=1)  # one case and both gates fail
        found.stdout.fnmatch_lines(["*SystemExit*", "*OSError: no shelf*"])
    assert len(cassettes(unrecorded)) == 10


def test_suites_of_several_modules_are_recorded_before_the_tests(unrecorded: pytest.Pytester) -> None:
    """What is set up for one module is not in the way of the next one."""
    unrecorded.makepyfile(test_more=SUITE, test_most=SUITE)
    with serving(Provider()):
        run = unrecorded.runpytest_subprocess("--llm-record")
    run.assert_outcomes(passed=39)
    for module in ("items", "more", "most"):
        run.stdout.fnmatch_lines([f"test_{module}.py::test_items: recorded 12 of 12; *"])


@WORKERS
def test_what_only_a_test_can_call_is_recorded_in_it(unrecorded: pytest.Pytester, workers: str) -> None:
    """`extraction.run`: one call at a time, within the same budget, also by several workers."""
    body = """cases=CASES[:2], concurrency=1)
def test_planned(extraction): pass

@pytest.mark.llm_extract(cases=CASES, schema=Item)
@pytest.mark.llm_accuracy(1.0)
def test_items(extraction):
    extraction.run(read, extraction.case.input)
"""
    suite = SUITE[: SUITE.index("cases=CASES)")] + body
    unrecorded.makepyfile(test_items=suite)
    provider = Provider(delay_s=0.05)
    with serving(provider):
        run = unrecorded.runpytest_subprocess("--llm-record", "--llm-extract-budget=0.70", f"-n{workers}")
        assert len(provider.requests) == 5
        assert provider.most_in_flight == 1
        unrecorded.runpytest_subprocess("--llm-record", f"-n{workers}").assert_outcomes(passed=3 + 13)
    run.stdout.fnmatch_lines(
        ["  12 cases can only be checked and recorded by the tests themselves", "MISSING: not recorded: the budget*"]
    )
    assert len(provider.requests) == 2 + 12


@WORKERS
@pytest.mark.parametrize("kind", ["BaseException", "GeneratorExit"])
def test_an_extractor_that_raises_no_exception_fails_alone(
    unrecorded: pytest.Pytester, workers: str, kind: str
) -> None:
    """A class beside Exception: with its traceback, in the test of its case; all others are recorded."""
    crash = f"""    class Cancelled({kind}): pass
    if text == "doc 3": raise Cancelled("no such shelf")
    system ="""
    unrecorded.makepyfile(test_items=SUITE.replace("    system =", crash))
    with serving(Provider()):
        run = unrecorded.runpytest_subprocess("--llm-record", f"-n{workers}")
    run.assert_outcomes(passed=11, failed=2)
    run.stdout.fnmatch_lines(["*raise Cancelled(*", "*Cancelled: no such shelf*"])
    assert len(cassettes(unrecorded)) == 11


def test_an_extractor_that_is_cancelled_fails_alone(unrecorded: pytest.Pytester) -> None:
    """As a crash of its own, and not of the run."""
    crash = "    if text == 'doc 3':\n        import asyncio\n        raise asyncio.CancelledError\n    system ="
    unrecorded.makepyfile(test_items=SUITE.replace("    system =", crash))
    with serving(Provider()):
        unrecorded.runpytest_subprocess("--llm-record").assert_outcomes(passed=11, failed=2)


@pytest.mark.usefixtures("all_plugins")
def test_a_test_that_is_run_again_is_not_recorded_again(unrecorded: pytest.Pytester) -> None:
    """Recording until a test passes would be choosing the answer."""
    pytest.importorskip("pytest_rerunfailures")
    body = "\n    assert extraction.output.name.endswith('9')"
    unrecorded.makepyfile(test_items=SUITE.split("@pytest.mark")[0] + IN_TEST.rstrip() + body)
    provider = Provider()
    with serving(provider):
        unrecorded.runpytest_subprocess("--llm-extract-record=all", "--reruns=3")
    assert len(provider.requests) == 4
