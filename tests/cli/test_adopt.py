"""`llm-extract adopt`: recordings of other tools become cassettes, and replay."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import openai
import pytest
import vcr
import yaml
from cassette_mutations import CHAT, cassette, interaction
from commands import llm_extract
from standin import StandIn

KEY = "sk-foreign-key-of-the-user-1234567890"
PROMPT_SUITE = """
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

CASES = [{"id": name, "input": "bolt", "expected": {"name": "bolt"}} for name in ("c0", "c1")]

@pytest.mark.llm_extract(schema=Item, prompt="read.md", cases=CASES, model="m", response_format="json_object")
def test_prompted(extraction):
    assert extraction.output.name == "bolt"
"""
ODD_IDS = """
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

def read(text) -> Item: ...

def cases(*names):
    return [{"id": name, "input": "", "expected": {"name": "x"}} for name in names]

@pytest.mark.llm_extract(extractor=read, cases=cases("a/b", "c/d", "Zürich", "both", "x:y", "x-y"))
def test_first(extraction): ...

class TestIt:
    @pytest.mark.llm_extract(extractor=read, cases=cases("both", "second"))
    def test_second(self, extraction): ...
"""


def adopt(project: pytest.Pytester, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command in the project."""
    return llm_extract("adopt", *arguments, cwd=project.path)


def foreign(folder: Path, name: str, *interactions: dict[str, Any]) -> str:
    """A recording of another tool; its path in the project."""
    path = folder / "old" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.dump(cassette(*interactions)), "utf-8")
    return str(path.relative_to(folder))


def asked(system: str) -> dict[str, Any]:
    """A recording of the prompt suite's request, with this system prompt."""
    turns = [{"role": "system", "content": system}, {"role": "user", "content": "bolt"}]
    sent = {"model": "m", "messages": turns, "response_format": {"type": "json_object"}}
    body = json.dumps(CHAT)
    return interaction({"string": body}, sent=json.dumps(sent), headers={"Date": ["Thu, 28 May 2026 14:06:26 GMT"]})


def kept(project: pytest.Pytester, case: str) -> dict[str, Any]:
    """The cassette of a case, as stock YAML."""
    (path,) = (project.path / "cassettes").rglob(f"{case}-*.yaml")
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


def test_recordings_of_stock_vcrpy_replay(project: pytest.Pytester, provider: StandIn) -> None:
    """Recorded with vcrpy alone, in YAML and JSON; adopted in one command by their names; replayed offline."""
    folder = project.mkpydir("tests") / "cassettes"
    (folder.parent / "conftest.py").write_text("")
    client = openai.OpenAI(api_key=KEY, base_url=provider.base_url)
    for case, text in (("c0", "bolt 4"), ("c1", "nut 5"), ("c2", "pin"), ("c3", "cap 9")):
        tool = vcr.VCR(serializer="json" if case == "c1" else "yaml")
        with tool.use_cassette(str(folder / f"test_old[{case}].{'json' if case == 'c1' else 'yaml'}")):
            turns: Any = [{"role": "system", "content": "Read."}, {"role": "user", "content": text}]
            client.chat.completions.create(model="m", messages=turns)
    files = sorted(folder.iterdir())
    before = [path.read_bytes() for path in files]
    assert all(KEY.encode() in text for text in before)
    run = adopt(project, *files)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[-1] == "adopted 4 of 4 recordings"
    assert "c0-" in run.stdout
    assert ": 1 exchange, m-standin, " in run.stdout
    assert "the next run of pytest shows whether it is fresh" in run.stdout
    assert [path.read_bytes() for path in files] == before
    cassettes = [path.read_text("utf-8") for path in (project.path / "cassettes").rglob("*.yaml")]
    assert len(cassettes) == 4
    assert not any(KEY in text or "authorization" in text.lower() for text in cassettes)
    connections = provider.connections
    project.runpytest_subprocess().assert_outcomes(passed=5)
    assert provider.connections == connections


def test_recording_of_a_prompt_is_judged_at_once(pytester: pytest.Pytester) -> None:
    """Fresh or stale by the suite's request of today; what is fresh replays; the time is that of the answer."""
    pytester.makeini("[pytest]\naddopts = -ra -v -n2\nllm_extract_cassettes = kept")
    pytester.makepyfile(test_prompts=PROMPT_SUITE)
    (pytester.path / "read.md").write_text("Read.")
    fresh = foreign(pytester.path, "c0.yaml", asked("Read."))
    stale = foreign(pytester.path, "c1.yaml", asked("Write."))
    run = adopt(pytester, fresh, stale, "--suite", "test_prompts.py::test_prompted", "--variant", "read")
    assert (run.returncode, run.stderr) == (0, "")
    first, second, _ = run.stdout.splitlines()
    assert first.startswith(f"{fresh} -> kept/test_prompts/test_prompted/read/c0-")
    assert first.endswith("1 exchange, m-1, 3 + 2 tokens, stop; fresh (POST /v1/chat/completions)")
    assert second.endswith("; stale: system prompt changed")
    text = next((pytester.path / "kept").rglob("c0-*.yaml")).read_text("utf-8")
    head = yaml.safe_load(text)["x_llm_extract"]
    assert (head["case"], head["run"]["attempt"], head["run"]["recorded"]) == ("c0", 1, "2026-05-28T14:06:26+00:00")
    replayed = pytester.runpytest_subprocess("-n0")
    replayed.assert_outcomes(passed=1, failed=2)
    replayed.stdout.fnmatch_lines(["*STALE: system prompt changed (1 case: c1)*"])


@pytest.mark.slow
def test_samples_are_adopted_where_the_file_tells_them_apart(pytester: pytest.Pytester) -> None:
    """The same request as often as there are samples is one of each; else the first, and the others are said."""
    pytester.makepyfile(test_prompts=PROMPT_SUITE.replace("cases=CASES", "cases=CASES, samples=3"))
    (pytester.path / "read.md").write_text("Read.")
    whole = foreign(pytester.path, "c0.yaml", *[asked("Read.")] * 3)
    one = foreign(pytester.path, "c1.yaml", asked("Read."))
    run = adopt(pytester, whole, one)
    assert (run.returncode, run.stderr) == (0, "")
    *lines, last, total = run.stdout.splitlines()
    assert [line.split("; ")[1:] for line in lines] == [
        ["fresh (POST /v1/chat/completions)", f"sample {number} of 3"] for number in (1, 2, 3)
    ]
    assert [line.split(": ")[0].rpartition(".yaml")[0][-2:] for line in lines[1:]] == [".2", ".3"]
    assert last.startswith(f"{one} -> cassettes/test_prompts/test_prompted/read/c1-")
    assert last.endswith("; sample 1 of 3 (the others are not in it: pytest --llm-extract-record=missing records them)")
    assert total == "adopted 2 of 2 recordings"
    replayed = pytester.runpytest_subprocess()
    replayed.assert_outcomes(passed=1, failed=2)
    replayed.stdout.fnmatch_lines(["MISSING: no cassette, sample 2, 3 of 3 (1 case: c1)"])
    again = adopt(pytester, whole, "--case", "c1")
    assert "is there already; give --force to replace it" in again.stderr
    assert len(list((pytester.path / "cassettes").rglob("c1-*.yaml"))) == 1
    assert adopt(pytester, whole, "--case", "c1", "--force").returncode == 0
    pytester.runpytest_subprocess("-n2").assert_outcomes(passed=3)


def test_a_secret_in_a_later_sample_keeps_the_earlier_ones_out(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is adopted whole or not at all."""
    secret = "ab12-cd34-ef56-gh78"
    monkeypatch.setenv("MY_TOKEN", secret)
    pytester.makepyfile(test_prompts=PROMPT_SUITE.replace("cases=CASES", "cases=CASES, samples=2"))
    (pytester.path / "read.md").write_text("Read.")
    leaking = asked("Read.")
    leaking["response"]["body"]["string"] = json.dumps({**CHAT, "echo": secret})
    run = adopt(pytester, foreign(pytester.path, "c0.yaml", asked("Read."), leaking))
    assert run.returncode == 1
    assert "2.yaml: not written: the value of $MY_TOKEN is in line " in run.stderr
    assert list((pytester.path / "cassettes").rglob("*.yaml")) == []


@pytest.mark.slow
def test_a_file_of_this_package_is_one_sample(pytester: pytest.Pytester) -> None:
    """Also where its extraction asked the same three times; so is a file with another number of requests."""
    pytester.makepyfile(test_prompts=PROMPT_SUITE.replace("cases=CASES", "cases=CASES, samples=3"))
    (pytester.path / "read.md").write_text("Read.")
    twice = foreign(pytester.path, "c0.yaml", *[asked("Read.")] * 2)
    assert ": 2 exchanges, " in adopt(pytester, twice).stdout
    (pytester.path / "test_prompts.py").write_text(PROMPT_SUITE)
    thrice = foreign(pytester.path, "c0.yaml", *[asked("Read.")] * 3)
    assert ": 3 exchanges, " in adopt(pytester, thrice, "--force").stdout
    (own,) = (pytester.path / "cassettes").rglob("c0-*.yaml")
    (pytester.path / "test_prompts.py").write_text(PROMPT_SUITE.replace("cases=CASES", "cases=CASES, samples=3"))
    assert ": 3 exchanges, " in adopt(pytester, own, "--case", "c1").stdout


@pytest.mark.slow
def test_names_of_files_find_their_case(pytester: pytest.Pytester) -> None:
    """As pytest and its two recorders spell ids; the function decides between suites; what is ambiguous is asked."""
    pytester.makepyfile(test_odd=ODD_IDS)
    exchange = interaction({"string": json.dumps(CHAT)})
    found = ("test_first[a-b]", "test_first[c/d]", "test_first[Z-xfcrich]", "TestIt.test_second[both]", "second")
    names = [foreign(pytester.path, f"{name}.yaml", exchange) for name in found]
    unclear = [foreign(pytester.path, name, exchange) for name in ("test_first[x-y].yaml", "test_gone[both].yaml")]
    run = adopt(pytester, *names, *unclear)
    assert run.returncode == 1
    written = [
        line.split(" -> ")[1].split(":")[0].removeprefix("cassettes/test_odd/") for line in run.stdout.splitlines()
    ]
    assert [name.rsplit("-", 1)[0] for name in written] == [
        "test_first/read/a-b",
        "test_first/read/c-d",
        "test_first/read/z-rich",
        "TestIt.test_second/read/both",
        "TestIt.test_second/read/second",
    ]
    ambiguous, both, total = run.stderr.splitlines()
    assert ambiguous.startswith(f"{unclear[0]}: not adopted: 2 cases have this name; say which: ")
    assert "--suite test_odd.py::test_first --variant read --case 'x:y'" in ambiguous
    assert both.startswith(f"{unclear[1]}: not adopted: 2 cases have this name; say which: ")
    assert total == "adopted 5 of 7 recordings"
    run = adopt(pytester, unclear[1], "--suite", "test_odd.py::test_first", "--case", "both")
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
def test_what_is_not_adopted_is_named(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file with its reason; the others are adopted; nothing is replaced, and no secret is written or printed."""
    secret = "ab12-cd34-ef56-gh78"
    monkeypatch.setenv("MY_TOKEN", secret)
    exchange = interaction({"string": json.dumps(CHAT)})
    leaking = foreign(project.path, "c1.yaml", interaction({"string": json.dumps({**CHAT, "echo": secret})}))
    good, twin = (foreign(project.path, name, exchange) for name in ("c0.yaml", "test_x[c0].yaml"))
    broken = foreign(project.path, "c2.yaml", exchange)
    (project.path / broken).write_text((project.path / broken).read_text().removesuffix("version: 1\n"))
    nameless = foreign(project.path, "bolt.yaml", exchange)
    run = adopt(project, good, twin, leaking, broken, nameless)
    assert run.returncode == 1
    assert secret not in run.stdout + run.stderr
    lines = run.stderr.splitlines()
    assert lines[0] == f"{twin}: not adopted: {good} is also the recording of case 'c0'"
    assert lines[1] == f"{nameless}: not adopted: no case 'bolt'. Give --case ID."
    assert "c1.yaml: not adopted: " in lines[2]
    assert "not written: the value of $MY_TOKEN is in line " in lines[2]
    assert lines[3].startswith(f"{broken}: not adopted: `version: 1` is missing, so the file may be cut off; add it")
    assert lines[4] == "adopted 1 of 5 recordings"
    assert len(list((project.path / "cassettes").rglob("*.yaml"))) == 1
    again = adopt(project, nameless, "--case", "c0")
    assert again.returncode == 1
    assert "is there already; give --force to replace it" in again.stderr
    assert kept(project, "c0")["x_llm_extract"]["run"]["attempt"] == 1
    assert adopt(project, nameless, "--case", "c0", "--force").returncode == 0
    assert kept(project, "c0")["x_llm_extract"]["run"]["attempt"] == 2


@pytest.mark.parametrize(
    ("status", "body", "is_adopted"),
    [
        (401, {"error": {"code": "invalid_api_key"}}, False),
        (429, {"error": {"code": "rate_limit"}}, False),
        (200, {"error": {"code": "overloaded"}}, False),
        (400, {"error": {"code": "content_filter", "message": "No."}}, True),
        (400, {"error": {"code": "context_length_exceeded"}}, True),
    ],
)
def test_a_recording_of_nothing_but_an_error_is_not_adopted(
    project: pytest.Pytester, status: int, body: dict[str, Any], is_adopted: bool
) -> None:
    """Its case would replay the error in every run; an answer that is a refusal is an answer."""
    failed = interaction({"string": json.dumps(body)}, status={"code": status, "message": "Said"})
    name = foreign(project.path, "c0.yaml", failed, failed)
    run = adopt(project, name)
    said = f"{name}: not adopted: holds errors only (HTTP {status}), and no answer of a model\n"
    assert (run.returncode, run.stderr) == ((0, "") if is_adopted else (1, said))


def test_failures_that_were_mended_are_left_out(project: pytest.Pytester) -> None:
    """As when recording: a refused request that was repeated would have to be waited for in every replay."""
    sent = {"model": "m", "messages": [{"role": "system", "content": "Read."}, {"role": "user", "content": "bolt 4"}]}
    refused = interaction({"string": "{}"}, sent=json.dumps(sent), status={"code": 429, "message": "Slow down"})
    body = {
        **CHAT,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": '{"name": "bolt", "size": 4}'}}],
    }
    name = foreign(project.path, "c0.yaml", refused, interaction({"string": json.dumps(body)}, sent=json.dumps(sent)))
    assert ": 1 exchange, " in adopt(project, name).stdout
    project.runpytest_subprocess("-k", "c0").assert_outcomes(passed=1)


@pytest.mark.slow
def test_wrong_arguments(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, exit status 2, and the nearest name; modules that cannot be collected are said."""
    name = foreign(project.path, "c0.yaml", interaction({"string": "{}"}))
    other = foreign(project.path, "c1.yaml", interaction({"string": "{}"}))
    project.makepyfile(test_broken="import nothing_of_that_name")
    for arguments, words in {
        (name, other, "--case", "c0"): "llm-extract: --case: names one case, and 2 files are given",
        (
            name,
            "--suite",
            "test_itms.py::test_items",
        ): "no suite 'test_itms.py::test_items'. Did you mean 'test_items.py::te",
        (name, "--variant", "red"): "llm-extract: --variant: no variant 'red'. Did you mean 'read'?",
    }.items():
        run = adopt(project, *arguments)
        assert (run.returncode, run.stdout) == (2, "")
        assert words in run.stderr.splitlines()[-1]
    assert "test_broken.py: ModuleNotFoundError: No module named 'nothing_of_that_name'" in run.stderr
    assert "Traceback" not in run.stderr
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:llm_extract")
    run = adopt(project, name)
    assert run.returncode == 2
    assert "does not load this package's plugin: add `-p llm_extract`" in run.stderr
    project.makepyfile(crashing="def pytest_collection(): raise ValueError('a plugin broke')")
    for options, words in {
        "--no-such-flag": "unrecognized arguments: --no-such-flag",
        "-p crashing": "ValueError: a plugin broke",
    }.items():
        monkeypatch.setenv("PYTEST_ADDOPTS", options)
        run = adopt(project, name)
        assert (run.returncode, run.stderr) == (2, f"llm-extract: pytest: {words}\n")


def test_link_out_of_the_cassettes_is_refused(project: pytest.Pytester) -> None:
    """Also with --force: nothing is written outside."""
    name = foreign(project.path, "c0.yaml", interaction({"string": "{}"}))
    outside = project.path / "outside"
    outside.mkdir()
    (project.path / "cassettes").mkdir()
    (project.path / "cassettes" / "test_items").symlink_to(outside, target_is_directory=True)
    run = adopt(project, name, "--force")
    assert run.returncode == 1
    assert "a symbolic link leads it out of" in run.stderr
    assert list(outside.rglob("*")) == []
