"""What a suite can be, beside the plain one."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from commands import LLM_EXTRACT
from extractors import EXTRACTORS, HEAD, TAIL, echo
from recorded import record
from standin import StandIn

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


def test_body_runs_an_extractor_that_needs_fixtures(bare: pytest.Pytester) -> None:
    """`extraction.run` records and scores like any other; so do classes."""
    bare.makepyfile(
        test_items=HEAD
        + """
@pytest.fixture
def system():
    return "From a fixture."

CASES = [{"id": "c0", "input": "doc", "expected": {"name": "doc"}, "metadata": {"kind": "plain"}}]

class TestItems:
    @pytest.mark.llm_extract(schema=Item, cases=CASES)
    @pytest.mark.llm_accuracy(1.0)
    def test_run(self, extraction, system):
        raw = extraction.run(lambda text: Item.model_validate_json(ask(text, system)), extraction.case.input)
        assert raw == extraction.output == Item(name="doc")
        assert extraction.case.metadata == {"kind": "plain"}
        assert extraction.raw == '{"name": "doc"}'
        assert extraction.outcomes["name"][0].outcome == "correct"
        assert extraction.usage.input_tokens > 0

@pytest.mark.llm_extract(schema=Item, cases=CASES)
def test_forgets_to_run(extraction):
    pass
"""
    )
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=2, failed=2)
    run = bare.runpytest_subprocess()
    run.assert_outcomes(passed=2, failed=2)
    run.stdout.fnmatch_lines(["*the test never called extraction.run(function, …)*"])
    assert [path.parent.parent.name for path in bare.path.rglob("*.yaml")] == ["TestItems.test_run"]


@pytest.mark.usefixtures("all_plugins")
def test_async_body(bare: pytest.Pytester) -> None:
    """An `async def` test gets its output from the plugin's own loop, for sync and async extractors."""
    for number, kind in enumerate(("sync", "async")):
        tail = TAIL.replace("def test_items", "@pytest.mark.asyncio\nasync def test_items")
        bare.makepyfile(**{f"test_{number}": HEAD + EXTRACTORS[kind] + tail})
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=8)
    bare.runpytest_subprocess().assert_outcomes(passed=8)


@pytest.mark.usefixtures("all_plugins")
def test_async_body_is_left_at_an_unusable_answer(bare: pytest.Pytester) -> None:
    """The case passes as imperfect, as in a plain body."""
    tail = TAIL.replace("def test_items", "@pytest.mark.asyncio\nasync def test_items").replace("(1.0)", "(0)")
    bare.makepyfile(test_items=HEAD + EXTRACTORS["sync"] + tail)
    with StandIn(lambda body: "no json") as provider:
        record(bare, provider).assert_outcomes(passed=4)


PROMPTS = """
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

CASES = [
    {{"id": f"c{{i}}", "input": f"doc {{i}}", "expected": {{"name": f"doc {{i}}"}}, "lang": "de"}} for i in range(3)
]

@pytest.mark.llm_extract(schema=Item, prompt="{prompt}", cases=CASES, model="m")
def test_items(extraction):
    pass
"""


def test_prompt_file_with_columns(bare: pytest.Pytester) -> None:
    """Roles, parameters and columns are sent as the file says; the gold never is."""
    bare.path.joinpath("read.prompt.yml").write_text(
        "model: from-file\nmodelParameters: {maxTokens: 7}\nmessages:\n"
        "- {role: system, content: 'Language {{lang}}.'}\n- {role: user, content: 'Read: {{input}}'}\n"
    )
    bare.makepyfile(test_items=PROMPTS.format(prompt="read.prompt.yml"))
    with StandIn(echo) as provider:
        record(bare, provider, "--llm-extract-concurrency=1").assert_outcomes(passed=4)
        sent = provider.requests[0]
    assert sent["messages"] == [
        {"role": "system", "content": "Language de."},
        {"role": "user", "content": "Read: doc 0"},
    ]
    assert (sent["model"], sent["max_tokens"]) == ("m", 7)
    assert sent["response_format"]["json_schema"]["strict"] is True
    bare.runpytest_subprocess().assert_outcomes(passed=4)


@WORKERS
def test_prompt_words_around_the_document_are_one_cause(bare: pytest.Pytester, workers: str) -> None:
    """The changed words are shown once, though every case has another document in the same message."""
    file = bare.path / "read.prompt.yml"
    file.write_text("messages:\n- {role: user, content: 'Read: {{input}}'}\n")
    bare.makepyfile(test_items=PROMPTS.format(prompt="read.prompt.yml"))
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=4)
    file.write_text(
        "modelParameters: {temperature: 0.5}\nmessages:\n- {role: user, content: 'Please read: {{input}}'}\n"
    )
    run = bare.runpytest_subprocess(f"-n{workers}")
    run.stdout.fnmatch_lines(["STALE: messages and parameters changed (3 cases: c0, c1, c2)"])
    run.stdout.fnmatch_lines(["*-Read: {{input}}", "*+Please read: {{input}}"])
    assert run.stdout.str().count("+Please read") == 1


@pytest.mark.slow
def test_renamed_prompt_file_is_missing_with_a_hint(bare: pytest.Pytester) -> None:
    """Nothing is stale: the command that moves the old folder is named, and after it everything replays."""
    bare.path.joinpath("read.md").write_text("Read.")
    bare.makepyfile(test_items=PROMPTS.format(prompt="read.md"))
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=4)
    bare.path.joinpath("read.md").rename(bare.path / "extract.md")
    bare.makepyfile(test_items=PROMPTS.format(prompt="extract.md"))
    run = bare.runpytest_subprocess()
    command = "mv cassettes/test_items/test_items/read test_items.py::test_items"
    run.stdout.fnmatch_lines(
        ["MISSING: no cassette (3 cases*", f"*its cassettes are there and fit: llm-extract {command}"]
    )
    assert bare.run(LLM_EXTRACT, *command.split()).ret == 0
    bare.runpytest_subprocess().assert_outcomes(passed=4)


def test_column_that_is_not_there_is_a_collection_error(bare: pytest.Pytester) -> None:
    """One line with the columns that there are."""
    bare.path.joinpath("read.md").write_text("Read {{langauge}}.")
    bare.makepyfile(test_items=PROMPTS.format(prompt="read.md"))
    run = bare.runpytest_subprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*case 'c0'*read.md: 'langauge' is undefined; the case has id, input, lang*"])


def test_own_client(bare: pytest.Pytester) -> None:
    """A project overrides `llm_client`; a client of another kind is one line."""
    bare.path.joinpath("read.md").write_text("Read.")
    bare.makepyfile(test_items=PROMPTS.format(prompt="read.md"))
    with StandIn(echo) as provider:
        conftest = """
import pytest, openai
@pytest.fixture(scope="session")
def llm_client():
    return openai.AzureOpenAI(azure_endpoint="{url}", api_key="loopback-only", api_version="2024-10-21")
"""
        bare.makeconftest(conftest.format(url=provider.base_url.removesuffix("/v1")))
        record(bare, provider).assert_outcomes(passed=4)
        bare.makeconftest("import pytest\n@pytest.fixture(scope='session')\ndef llm_client():\n    return 'client'\n")
        run = bare.runpytest_subprocess()
    run.stdout.fnmatch_lines(["*llm_client is str; it must be an openai.OpenAI*"])
    assert any("/openai/deployments/m/chat/completions" in path.read_text() for path in bare.path.rglob("*.yaml"))


@WORKERS
def test_last_failed_runs_the_whole_suite_for_its_gate(recorded: pytest.Pytester, workers: str) -> None:
    """A gate cannot run alone: `--lf` after a missed floor runs its cases again, and gates them."""
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace("llm_accuracy(0.75)", "llm_accuracy(0.75, size=0.9)"))
    recorded.runpytest_subprocess(f"-n{workers}").assert_outcomes(passed=4, failed=1)
    recorded.runpytest_subprocess("--lf", f"-n{workers}").assert_outcomes(passed=4, failed=1)
    module.write_text(module.read_text().replace("size=0.9", "size=0.7"))
    recorded.runpytest_subprocess("--lf", f"-n{workers}").assert_outcomes(passed=5)


@WORKERS
def test_last_failed_gate_runs_beside_other_failures(recorded: pytest.Pytester, workers: str) -> None:
    """The cases that passed run again too, since the gate judges all of them; other modules do not."""
    module = recorded.path / "test_items.py"
    text = module.read_text().replace("llm_accuracy(0.75)", "llm_accuracy(0.75, size=0.9)")
    module.write_text(f"{text}\ndef test_broken():\n    assert False\n\ndef test_sound():\n    pass\n")
    recorded.makepyfile(test_other="def test_other():\n    pass\n")
    recorded.runpytest_subprocess(f"-n{workers}").assert_outcomes(passed=6, failed=2)
    recorded.runpytest_subprocess("--lf", f"-n{workers}").assert_outcomes(passed=4, failed=2)
    module.write_text(module.read_text().replace("assert False", "pass"))
    recorded.runpytest_subprocess("--lf", f"-n{workers}").assert_outcomes(passed=5, failed=1)
    recorded.runpytest_subprocess("--lf", f"-n{workers}").assert_outcomes(passed=4, failed=1)


@WORKERS
def test_id_of_a_gate_runs_its_suite(recorded: pytest.Pytester, workers: str) -> None:
    """The id that a failed gate prints can be pasted behind `pytest`."""
    module = recorded.path / "test_items.py"
    module.write_text(f"{module.read_text()}\ndef test_other():\n    pass\n")
    recorded.runpytest_subprocess("test_items.py::test_items::gate", f"-n{workers}").assert_outcomes(passed=5)


def test_several_suites_share_a_dataset(recorded: pytest.Pytester) -> None:
    """Each has its own cassettes and its own gate."""
    module = recorded.path / "test_items.py"
    text = module.read_text()
    marked = text[text.index("@pytest.mark.llm_extract") :]
    module.write_text(text + "\n\n" + marked.replace("test_items", "test_again") + "\n\ndef test_plain():\n    pass\n")
    run = recorded.runpytest_subprocess()
    run.assert_outcomes(passed=6, failed=5)
    run.stdout.fnmatch_lines(["*test_again*", "MISSING: no cassette (4 cases*"])


def test_hostile_answer_cannot_write_to_the_terminal(bare: pytest.Pytester) -> None:
    """Escape sequences and control characters of an answer are shown, never sent."""
    bare.makepyfile(test_items=HEAD + EXTRACTORS["sync"] + TAIL)
    hostile = json.dumps({"name": "\x1b[2J\x1b]0;owned\x07\u202e evil"})
    with StandIn(lambda body: hostile) as provider:
        shown = record(bare, provider).stdout.str()
    assert "\\x1b[2J" in shown
    assert not {"\x1b[2J", "\x07", "\u202e"} & {shown[i : i + n] for n in (1, 4) for i in range(len(shown))}


def test_tables_show_names_as_they_are(bare: pytest.Pytester) -> None:
    """Neither a pair of colons (an emoji) nor brackets (a style) in a property's name are markup of the table."""
    filed = {"ifrs:id:total": "1", "note [red]": "2"}
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in filed}}
    (bare.path / "filing.json").write_text(json.dumps(schema))
    tail = f"""
@pytest.mark.llm_extract(
    schema="filing.json", extractor=read, cases=[{{"id": "c0", "input": "doc", "expected": {filed}}}])
@pytest.mark.llm_accuracy(1.0)
def test_items(extraction):
    pass
"""
    bare.makepyfile(test_items=HEAD + "import json\ndef read(text) -> dict:\n    return json.loads(ask(text))\n" + tail)
    with StandIn(lambda body: json.dumps(filed)) as provider:
        run = record(bare, provider)
    run.stdout.fnmatch_lines(["*ifrs:id:total *1/1 *", "*note [[]red] *1/1 *"])


def test_unittest_methods_cannot_be_suites(bare: pytest.Pytester) -> None:
    """They would pass without having been scored: one line at collection."""
    bare.makepyfile(
        test_items="""
import unittest, pytest
class TestItems(unittest.TestCase):
    @pytest.mark.llm_extract(cases=[])
    def test_x(self):
        pass
"""
    )
    run = bare.runpytest_inprocess()
    run.stdout.fnmatch_lines(["test_items.py::TestItems::test_x: *a method of a unittest.TestCase cannot be a suite*"])
    run.assert_outcomes(errors=1)
    assert run.ret == pytest.ExitCode.INTERRUPTED
    misspelt = (bare.path / "test_items.py").read_text().replace("llm_extract", "llm_extrct")
    bare.makepyfile(test_items=misspelt)
    run = bare.runpytest_inprocess()
    run.stdout.fnmatch_lines(["test_items.py::TestItems::test_x: no marker 'llm_extrct'. Did you mean 'llm_extract'?"])
    run.assert_outcomes(errors=1)


def answer_types() -> dict[str, Any]:
    """Types of returned values and the status of their case."""
    return {
        "return {'name': 'doc'}": "ok",
        "return None": "invalid",
        "return {'name': ['x']}": "invalid",
        "raise Item.model_validate({}) and ValueError": "invalid",
    }


@pytest.mark.parametrize("statement", answer_types())
def test_what_an_extractor_returns(bare: pytest.Pytester, statement: str) -> None:
    """Plain data is validated; what does not fit is an imperfect case, not a crash."""
    body = f"def read(text) -> Item:\n    ask(text)\n    {statement}"
    bare.makepyfile(test_items=HEAD + body + TAIL.replace("(1.0)", "(0)"))
    with StandIn(echo) as provider:
        record(bare, provider, "--llm-extract-json=out.json").assert_outcomes(passed=4)
    case = json.loads((bare.path / "out.json").read_text())["suites"][0]["cases"][0]
    assert case["status"] == answer_types()[statement]


def test_another_rootdir_is_a_hint(recorded: pytest.Pytester) -> None:
    """In a monorepo the rootdir may differ between here and CI: that is said, instead of missing alone."""
    inner = recorded.path / "backend"
    inner.mkdir()
    for name in ("test_items.py", "gold.jsonl", "cassettes"):
        recorded.path.joinpath(name).rename(inner / name)
    run = recorded.runpytest_subprocess("--rootdir", str(recorded.path), "backend")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(
        ["*it is below */backend, recorded with that rootdir; here it is *: give --rootdir=*backend"]
    )
    recorded.runpytest_subprocess("--rootdir", str(inner), "backend").assert_outcomes(passed=5)


@WORKERS
def test_two_suites_of_one_id_are_refused(recorded: pytest.Pytester, workers: str) -> None:
    """pytest names a module outside of the rootdir by its own folder, and one gate would judge two suites as one."""
    for name in ("a", "b"):
        shutil.copytree(recorded.path / "cassettes", recorded.mkdir(name) / "cassettes")
        for file in ("test_items.py", "gold.jsonl"):
            shutil.copy(recorded.path / file, recorded.path / name)
    recorded.path.joinpath("a", "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    run = recorded.runpytest_subprocess("a", "b", f"-n{workers}")
    assert run.ret != pytest.ExitCode.OK
    run.stdout.fnmatch_lines(
        [
            "test_items.py::test_items is the id of two suites, in */a/test_items.py and in */b/test_items.py, "
            "since the rootdir */a is not above both: give a --rootdir that is"
        ]
    )


@WORKERS
def test_module_outside_of_the_rootdir_is_refused(recorded: pytest.Pytester, workers: str) -> None:
    """pytest gives it an id without a file, which is no place for a cassette."""
    recorded.mkdir("ci").joinpath("pytest.ini").write_text("[pytest]\n")
    run = recorded.runpytest_subprocess("-c", "ci/pytest.ini", "test_items.py", f"-n{workers}")
    assert run.ret != pytest.ExitCode.OK
    run.stdout.fnmatch_lines(["*/test_items.py is outside of the rootdir */ci: give a --rootdir that is above it"])
    run.stdout.no_fnmatch_line("*Traceback*")


@WORKERS
def test_plugin_that_deselects_a_set(recorded: pytest.Pytester, workers: str) -> None:
    """pytest itself only counts them and goes through them."""
    recorded.makeconftest(
        """
        def pytest_collection_modifyitems(config, items):
            gone = {item for item in items if "c1" in item.name}
            items[:] = [item for item in items if item not in gone]
            config.hook.pytest_deselected(items=gone)
        """
    )
    run = recorded.runpytest_subprocess(f"-n{workers}")
    run.assert_outcomes(passed=3, deselected=0 if workers == "2" else 1)
    run.stdout.fnmatch_lines(["partial run: 3 of 4 cases; gate skipped"])
