"""Where a suite may stand, which markers it then has, and how pytest's own flags treat it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from extractors import echo
from recorded import record
from standin import StandIn

EXTRACTOR = """
import pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str
    size: int | None = None

client = OpenAI()

def read(text) -> Item:
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return Item.model_validate_json(answer.choices[0].message.content)

CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}", "size": i or None}} for i in range(2)]
suite = pytest.mark.llm_extract(extractor=read, cases=CASES)
"""
SHAPES = (
    EXTRACTOR
    + '''
pytestmark = pytest.mark.llm_accuracy(0.5)

def double(x):
    """
    >>> double(2)
    4
    """
    return 2 * x

class Base:
    def setup_method(self):
        self.ready = True

    @suite
    def test_items(self, extraction):
        assert self.ready and extraction.output.name

class TestOne(Base):
    def test_plain(self):
        pass

@pytest.mark.llm_accuracy(size=1.0)
class TestTwo(Base):
    class TestInner(Base):
        pass

@suite
@pytest.mark.llm_accuracy(name=1.0)
def test_items(extraction):
    pass

def test_plain():
    pass
'''
)
CONFTEST = """
import pytest

class Lines(pytest.File):
    def collect(self):
        yield Line.from_parent(self, name="line")

class Line(pytest.Item):
    def runtest(self):
        assert self.path.read_text() == "llm_extract"

def pytest_collect_file(file_path, parent):
    return Lines.from_parent(parent, path=file_path) if file_path.suffix == ".lines" else None
"""


@pytest.mark.slow
def test_classes_modules_and_other_items(bare: pytest.Pytester) -> None:
    """Inherited and nested classes are suites of their own; the closest floors hold; doctests and other items go on."""
    folder = bare.mkdir("suites")
    bare.makeini("[pytest]")
    folder.joinpath("conftest.py").write_text(CONFTEST)
    folder.joinpath("test_shapes.py").write_text(SHAPES)
    folder.joinpath("some.lines").write_text("llm_extract")
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=8 + 2 + 2 + 1, failed=2)
    assert sorted({path.parents[1].name for path in bare.path.glob("cassettes/**/*.yaml")}) == [
        "TestOne.test_items",
        "TestTwo.TestInner.test_items",
        "TestTwo.test_items",
        "test_items",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # the cassettes are found from the rootdir, wherever pytest is started
        for extra in (["--doctest-modules", "--import-mode=importlib"], ["--doctest-modules", "-n2"]):
            run = bare.runpytest_subprocess(*extra)
            run.assert_outcomes(passed=8 + 2 + 2 + 1 + 1, failed=2)
            run.stdout.fnmatch_lines_random(
                [
                    "FAILED test_shapes.py::TestTwo::test_items::gate - size: 1/2*"
                    if "-n2" not in extra
                    else "FAILED *TestTwo::test_items::gate - size: 1/2*",
                    "FAILED *TestTwo::TestInner::test_items::gate - size: 1/2*",
                ]
            )


def floors(project: pytest.Pytester) -> dict[str, dict[str, float]]:
    """The floors of each suite of a run without cassettes."""
    project.runpytest_inprocess("--llm-extract-json=out.json")
    suites = json.loads((project.path / "out.json").read_text())["suites"]
    return {s["id"]: {name: f["floor"] for name, f in s["fields"].items() if f["floor"]} for s in suites}


def test_test_that_ends_at_output_says_so(bare: pytest.Pytester) -> None:
    """What stands behind `.output` was not checked, in the case's line and in the section."""
    body = "\n@suite\ndef test_items(extraction):\n    assert extraction.output.name == 'never reached'\n"
    bare.makepyfile(test_items=EXTRACTOR + body)
    with StandIn(lambda _: "no JSON") as provider:
        run = record(bare, provider, "-v")
    run.assert_outcomes(passed=3)
    run.stdout.fnmatch_lines(
        [
            "*test_items[[]c1] PASSED (0/2 right; left at .output, the answer is invalid)*",
            "note: 2 cases left at .output, since the answer cannot be used: c0, c1",
        ]
    )


def test_conftest_gives_floors_to_a_folder(bare: pytest.Pytester) -> None:
    """A marker that is added to modules as their collection starts holds for their suites, unless one is closer."""
    bare.makeconftest(
        "import pytest\n\ndef pytest_collectstart(collector):\n    if isinstance(collector, pytest.Module):\n"
        "        collector.add_marker(pytest.mark.llm_accuracy(0.9))\n"
    )
    tests = "\n@suite\ndef test_items(extraction): pass\n\ndef test_plain(): pass\n"
    closer = tests.replace("@suite", "@suite\n@pytest.mark.llm_accuracy(0.3)")
    bare.makepyfile(test_one=EXTRACTOR + tests, test_two=EXTRACTOR + closer)
    found = floors(bare)
    assert found == {
        "test_one.py::test_items": {"name": 0.9, "size": 0.9},
        "test_two.py::test_items": {"name": 0.3, "size": 0.3},
    }


@pytest.mark.slow
def test_fixtures_around_the_extraction(bare: pytest.Pytester) -> None:
    """Others get the very object that the test gets; one of the same name stands in its place, as pytest has it."""
    bare.makepyfile(
        test_items=EXTRACTOR
        + """
@pytest.fixture
def seen(extraction):
    return extraction

@suite
def test_items(extraction, seen, request):
    assert extraction is seen is request.getfixturevalue("extraction")
    assert extraction.output.name == extraction.case.input

class TestWrapped:
    @pytest.fixture
    def extraction(self, extraction):
        yield "wrapped", extraction

    @suite
    def test_items(self, extraction, seen):
        assert extraction is seen
        assert extraction[0] == "wrapped" and extraction[1].output.name

@suite
def test_unasked():
    pass

def test_plain(extraction):
    pass
"""
    )
    with StandIn(echo) as provider:
        recorded = record(bare, provider)
    for run in (recorded, bare.runpytest_subprocess(), bare.runpytest_subprocess("-n2")):
        run.assert_outcomes(passed=9, errors=1)
        run.stdout.fnmatch_lines(["*`extraction` is for tests that carry @pytest.mark.llm_extract"])


@pytest.mark.parametrize("name", ["llm_accuracy(0.9)", "llm_extract(cases=[])"])
def test_marker_that_comes_too_late_is_refused(bare: pytest.Pytester, name: str) -> None:
    """What a hook adds after collection would be ignored in silence: one line says so, for suites alone."""
    bare.makeconftest(
        "import pytest\n\ndef pytest_collection_modifyitems(items):\n    for item in items:\n"
        f"        if item.name != 'test_other':\n            item.add_marker(pytest.mark.{name})\n"
    )
    tests = "\n@suite\ndef test_items(extraction): pass\n" if "accuracy" in name else "\ndef test_items(): pass\n"
    bare.makepyfile(test_items=EXTRACTOR + tests + "\ndef test_other(): pass\n")
    run = bare.runpytest_inprocess("-rE")
    n = 2 if "accuracy" in name else 1
    assert run.parseoutcomes() == {"passed": 1, "errors": n, **({"failed": 1} if "accuracy" in name else {})}
    run.stdout.fnmatch_lines([f"{name.split('(')[0]} was added after collection, too late for a suite: *pytestmark*"])


def test_limit_at_an_ordinary_test_is_a_mistake(bare: pytest.Pytester) -> None:
    """At the test itself it can only be a forgotten llm_extract."""
    bare.makepyfile(test_items="import pytest\n\n@pytest.mark.llm_accuracy(0.9)\ndef test_items(): pass\n")
    run = bare.runpytest_inprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*test_items.py::test_items: llm_accuracy needs llm_extract"])


CLIENT = """
import os, pytest
from openai import OpenAI

client = OpenAI()
assert os.getenv("OPENAI_API_KEY") in (None, "loopback-only")

@pytest.fixture(scope="session")
def made():
    assert os.getenv("OPENAI_API_KEY") in (None, "loopback-only")
    return OpenAI()
"""
FOREIGN = """
import os, pytest

@pytest.mark.skipif(not os.getenv("OPENAI_API_KEY"), reason="no key")
def test_live(): pass
"""


@pytest.mark.slow
@pytest.mark.own_process
def test_conftests_may_build_clients(bare: pytest.Pytester) -> None:
    """With the ini, at import and in fixtures of a suite; whoever asks for a key finds none."""
    bare.makeconftest(CLIENT)
    inner = bare.mkdir("inner").joinpath("deeper")
    inner.mkdir()
    inner.joinpath("conftest.py").write_text(CLIENT)
    inner.joinpath("test_items.py").write_text(
        EXTRACTOR + "\n@suite\ndef test_items(extraction, made):\n    assert made.api_key\n"
    )
    inner.joinpath("test_foreign.py").write_text(FOREIGN)
    without = bare.runpytest_subprocess()
    assert without.ret == pytest.ExitCode.USAGE_ERROR
    bare.makeini("[pytest]\nllm_extract_placeholder_key = true\naddopts = --import-mode=importlib\n")
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=4)
    for workers in ("0", "2"):
        bare.runpytest_subprocess(f"-n{workers}").assert_outcomes(passed=3, skipped=1)
    bare.makeini("[pytest]\nllm_extract_placeholder_key = maybe\n")
    (bare.path / "conftest.py").unlink()
    wrong = bare.runpytest_inprocess()
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR
    wrong.stderr.fnmatch_lines(["ERROR: ini llm_extract_placeholder_key: must be true or false (*'maybe')"])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_reports_that_a_plugin_throws_away(recorded: pytest.Pytester, workers: str) -> None:
    """As flaky does with those of a failed try: what comes later is the result, and the gate judges it."""
    recorded.makeconftest(
        """
        import pytest
        from _pytest.runner import runtestprotocol

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(item, nextitem):
            runtestprotocol(item, nextitem=nextitem, log=False)
        """
    )
    run = recorded.runpytest_subprocess(f"-n{workers}")
    run.assert_outcomes(passed=5)
    run.stdout.fnmatch_lines(["gate: pass"])


def test_module_that_is_not_there_is_an_error_of_its_own(recorded: pytest.Pytester) -> None:
    """Plugins make modules of what is no Python file; pytest reports it, and the suites go on."""
    recorded.makeconftest(
        """
        import pytest

        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".jsonl":
                return pytest.Module.from_parent(parent, path=file_path.with_suffix(".nowhere"))
        """
    )
    run = recorded.runpytest_subprocess("--continue-on-collection-errors")
    run.assert_outcomes(passed=5, errors=1)


PLACES = """
import pytest

own = pytest.Function.reportinfo

def named(self):
    path, line, name = own(self)
    return path, line, f"{name} by another plugin" if self.path.name == "test_named.py" else name

pytest.Function.reportinfo = named

def pytest_collection_modifyitems(items):
    for item in items:
        path, line, name = item.reportinfo()
        assert item.location == (path.name, line, name)
        print(item.location)
"""


def test_cases_stand_where_pytest_says(bare: pytest.Pytester) -> None:
    """In modules and in classes, each under its own name, which another plugin may give."""
    bare.makeconftest(PLACES)
    bare.makepyfile(test_shapes=SHAPES, test_named=EXTRACTOR + "@suite\ndef test_named(extraction): pass")
    run = bare.runpytest_subprocess("--collect-only", "-qs")
    assert run.ret == 0
    run.stdout.fnmatch_lines_random(
        [
            "('test_shapes.py', *, 'test_items[[]c1]')",
            "('test_shapes.py', *, 'TestTwo.TestInner.test_items[[]c1]')",
            "('test_named.py', *, 'test_named[[]c1] by another plugin')",
        ]
    )


def test_flags_of_pytest_know_the_gate(recorded: pytest.Pytester) -> None:
    """A failed gate neither hides in a flag nor stops the next run from finding its suite."""
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace("llm_accuracy(0.75)", "llm_accuracy(0.75, size=0.9)"))
    for flags in (["--sw"], ["--sw"], ["--ff"], ["-x"], ["-p", "no:cacheprovider", "--durations=3"]):
        run = recorded.runpytest_subprocess(*flags)
        run.assert_outcomes(passed=4, failed=1)
        assert run.ret == pytest.ExitCode.TESTS_FAILED
    for flags in (["--collect-only"], ["--setup-plan"]):
        run = recorded.runpytest_subprocess(*flags, "--llm-extract-json=never.json")
        assert run.ret == pytest.ExitCode.OK
        run.stdout.no_fnmatch_line("*::gate*")
    assert not Path(recorded.path, "never.json").exists()


@pytest.mark.slow
def test_debugger_opens_at_the_assertion(recorded: pytest.Pytester) -> None:
    """--pdb stops in the body, not in the plugin, and goes on when it is told to."""
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text() + "\n    assert extraction.case.id != 'c1'\n")
    run = recorded.run("python", "-m", "pytest", "--pdb", "-p", "no:cacheprovider", stdin=b"p extraction.case.id\nc\n")
    run.stdout.fnmatch_lines(["*test_items()", "*'c1'*"])
    run.assert_outcomes(passed=4, failed=1)
