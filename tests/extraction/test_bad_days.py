"""Bad days: what the provider, the disk and a merge can do, each with the outcome that docs/outcomes.md promises."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from recorded import reachable
from standin import Reply, StandIn

from pytest_llm_extract.cassette.file.load import load

DOCS = Path(__file__).parents[2] / "docs" / "outcomes.md"
MODULE = """
import json, pathlib, pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str
    size: float | None = None

client = OpenAI(max_retries=0)

def read(text) -> Item:
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return Item.model_validate_json(answer.choices[0].message.content or "")

CASES = [
    {"id": id, "input": id, "expected": {"name": "bolt", "size": None}}
    for id in json.loads(pathlib.Path("ids.json").read_text())
]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_extractor(extraction):
    assert extraction.output

@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="m", cases=CASES)
def test_prompt(extraction):
    assert extraction.output
"""


def completion(content: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion with any end."""
    spoken = {"role": "assistant", "content": content, "refusal": None} | message
    return {"model": "m-1", "choices": [{"index": 0, "message": spoken, "finish_reason": finish}]}


def failure(status: int, code: str) -> Reply:
    """An error as OpenAI and Azure send it."""
    return Reply(status, json.dumps({"error": {"message": f"about {code}", "code": code}}))


PAGE = "<!DOCTYPE html>\n<html><body>Please log in.</body></html>"
ANSWERS = {
    "right": completion('{"name": "bolt"}'),
    "a refusal": completion(None, refusal="I can't help with that."),
    "cut off at the token limit": completion('{"name": "bo', "length"),
    "cut off, and whole JSON by chance": completion('{"name": "bolt"}', "length"),
    "Azure's content filter, HTTP 400": failure(400, "content_filter"),
    "Azure's content filter, in the middle of an answer": completion('{"name": "bo', "content_filter"),
    "no text": completion(None),
    "text that is not JSON": completion("<p>Sorry</p>"),
    "JSON in a code fence": completion('```json\n{"name": "bolt"}\n```'),
    "a list instead of an object": completion('["bolt"]'),
    "JSON 100,000 levels deep": completion('{"name": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    "5 MB of text": completion(json.dumps({"name": "b" * 5_000_000})),
    "NaN": completion('{"name": "bolt", "size": NaN}'),
    "a key twice": completion('{"name": "nut", "name": "bolt"}'),
    "half a surrogate pair": completion('{"name": "\\ud800"}'),
    "a NUL character": completion('{"name": "bo\\u0000lt"}'),
    "a web page, HTTP 200": Reply(200, PAGE, "text/html"),
    "a web page that says it is JSON": Reply(200, PAGE),
    "nothing, HTTP 200": Reply(200, ""),
    "JSON that is cut off": Reply(200, '{"model": "m-1", "choices": [{"index": 0, "mess'),
    "text that says it is JSON": Reply(200, "upstream timeout"),
    "an error, HTTP 200": Reply(200, '{"error": "overloaded"}'),
    "JSON of something else": Reply(200, '{"detail": "overloaded"}'),
    "an unknown model, HTTP 404": failure(404, "model_not_found"),
    "a document that is too long, HTTP 400": failure(400, "context_length_exceeded"),
    "a request that is too large, HTTP 413": failure(413, "request_too_large"),
    "a value that is not allowed, HTTP 422": failure(422, "invalid_value"),
    "a wrong key, HTTP 400": failure(400, "API_KEY_INVALID"),
}


def documented() -> dict[str, tuple[list[str], str]]:
    """The first table of the page: by answer the statuses for `extractor=` and `prompt=`, and what is said."""
    section = DOCS.read_text(encoding="utf-8").split("\n## ")[1]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip(" |") for cell in row] for row in rows]
    return {row[0]: (row[1:3], row[3] if len(row) > 3 else "") for row in cells}


@contextmanager
def serving(answer: Any) -> Iterator[StandIn]:
    """A provider that is where clients look for OpenAI, with a made-up key."""
    with StandIn(answer) as provider, reachable(provider.base_url):
        yield provider


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Two suites over the cases of `ids.json`, and an empty folder for cassettes."""
    pytester.makepyfile(test_days=MODULE)
    (pytester.path / "read.md").write_text("Read.")
    (pytester.path / "cassettes").mkdir()
    ask_for(pytester, ["right"])
    return pytester


def ask_for(project: pytest.Pytester, ids: list[str]) -> None:
    """Make these the cases."""
    (project.path / "ids.json").write_text(json.dumps(ids))


def bolt(body: dict[str, Any]) -> str:
    """The right answer."""
    return '{"name": "bolt"}'


def suites_of(project: pytest.Pytester) -> list[dict[str, dict[str, Any]]]:
    """The cases of both suites by id, as results.json has them."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text = (project.path / "out.json").read_text()
    return [
        {case["id"]: case for case in suite["cases"]} for suite in json.loads(text, parse_constant=refuse)["suites"]
    ]


@pytest.mark.slow
def test_every_answer_has_the_outcome_of_its_row(project: pytest.Pytester) -> None:
    """Recorded and replayed: the statuses that the page says, what it quotes, and a cassette where it was an answer."""
    rows = documented()
    assert list(rows) == list(ANSWERS)
    ask_for(project, list(ANSWERS))
    with serving(lambda body: ANSWERS[body["messages"][-1]["content"]]):
        project.runpytest_subprocess("--llm-record", "--llm-extract-json=out.json")
    recorded = suites_of(project)
    project.runpytest_subprocess("-n2", "--llm-extract-json=out.json", "--llm-extract-accept")
    replayed = suites_of(project)
    for answer, (statuses, says) in rows.items():
        found = [suite[answer] for suite in recorded]
        assert [case["status"] for case in found] == statuses, answer
        if says.startswith("`"):
            assert says.split("`")[1] in (found[1]["error"] or ""), answer
        for case, again in zip(found, (suite[answer] for suite in replayed), strict=True):
            kept = case["status"] not in ("missing", "error")
            assert again["status"] == (case["status"] if kept else "missing"), answer
            assert again["fields"] == (case["fields"] if kept else again["fields"]), answer
            assert (project.path / case["cassette"]).exists() == kept, answer
    nan = [leaf["actual"] for suite in replayed for leaf in suite["NaN"]["fields"]["size"]]
    assert nan == ["NaN", "NaN"]
    project.runpytest_subprocess("-n2").stdout.no_fnmatch_line("*lost*against the baseline*")


def test_half_a_surrogate_pair_gets_to_the_main_process(project: pytest.Pytester) -> None:
    """Also in the failure of a strict case, whose text workers send as UTF-8."""
    module = project.path / "test_days.py"
    module.write_text(module.read_text().replace("cases=CASES", "cases=CASES, strict=True"))
    with serving(lambda body: ANSWERS["half a surrogate pair"]):
        run = project.runpytest_subprocess("--llm-record", "-n2", "-k", "test_prompt")
    run.assert_outcomes(failed=1, passed=1)
    run.stdout.fnmatch_lines(["*name: expected *bolt*, got *\\ud800*"])


def test_half_a_surrogate_pair_is_accepted(project: pytest.Pytester) -> None:
    """An answer that is no UTF-8 can be a baseline, which the next run reads."""
    with serving(lambda body: completion('{"name": "\ud800"}')):
        run = project.runpytest_subprocess("--llm-record", "--llm-extract-accept", "-k", "test_prompt")
    run.assert_outcomes(passed=2)
    again = project.runpytest_subprocess("-k", "test_prompt")
    again.stdout.fnmatch_lines(["against the baseline *: no case lost, none gained"])


def test_gold_that_a_schema_s_own_code_cannot_read(pytester: pytest.Pytester) -> None:
    """A validator that crashes is one line for each case, not a traceback."""
    pytester.makepyfile(
        """
        import pytest
        from pydantic import BaseModel, field_validator

        class Item(BaseModel):
            name: str

            @field_validator("name")
            @classmethod
            def known(cls, name):
                return {}[name]

        @pytest.mark.llm_extract(schema=Item, cases=[{"id": "c0", "input": "", "expected": {"name": "bolt"}}])
        def test_items(extraction): ...
        """
    )
    run = pytester.runpytest_subprocess()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*case 'c0': expected: the schema's own code cannot read it: KeyError: 'bolt'"])


def test_no_key(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent; the line names the variable."""
    with serving(bolt) as provider:
        monkeypatch.delenv("OPENAI_API_KEY")
        run = project.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["MISSING: not recorded: recording needs OPENAI_API_KEY (1 case: right)"])
    assert provider.requests == []


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A small file system of its own at a folder, where this machine permits that."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(project: pytest.Pytester) -> None:
    """Recording ends at the first file that does not fit; old cassettes stay, and no temporary file does."""
    ask_for(project, ["c0", "c1", "c2"])
    module, folder = project.path / "test_days.py", project.path / "cassettes"
    large = json.dumps({"name": "b" * 100_000})
    arguments = ("--llm-record", "--llm-extract-concurrency=1", "-k", "test_extractor")
    with mounted(folder, "size=64k"):
        with serving(bolt):
            project.runpytest_subprocess(*arguments).assert_outcomes(passed=4)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        module.write_text(module.read_text().replace('model="m", messages', 'model="n", messages'))
        with serving(lambda body: large) as provider:
            run = project.runpytest_subprocess(*arguments)
            assert len(provider.requests) == 1
        run.assert_outcomes(failed=4)
        run.stdout.fnmatch_lines(
            ["STALE: not recorded: *.yaml: cannot be written: No space left on device (3 cases: *"]
        )
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_read_only_folder(project: pytest.Pytester) -> None:
    """Found out before the first call."""
    with mounted(project.path / "cassettes", "ro"), serving(bolt) as provider:
        run = project.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(
        ["MISSING: not recorded: *read cannot be written to: Read-only file system (1 case: right)"]
    )
    assert provider.requests == []


def test_ids_that_no_file_system_takes(project: pytest.Pytester) -> None:
    """Each has a file of its own, also where case does not count and Windows reserves names."""
    ids = ["A", "a", "CON", "con", "nul.txt", "COM1", "a/b", "a:b", "..", "dot.", " ", "a\nb", "é", "🙂", "x" * 300]
    ask_for(project, ids)
    with serving(bolt):
        project.runpytest_subprocess("--llm-record", "-k", "test_extractor").assert_outcomes(passed=len(ids) + 1)
    files = list((project.path / "cassettes").rglob("*.yaml"))
    assert len({path.name.lower() for path in files}) == len(ids)
    assert {recording.case for path in files if (recording := load(path))} == set(ids)
    project.runpytest_subprocess("-k", "test_extractor").assert_outcomes(passed=len(ids) + 1)


def test_merge_conflict_in_a_cassette(project: pytest.Pytester) -> None:
    """It is neither taken for an empty one nor written over, and it is said what to do."""
    with serving(bolt) as provider:
        project.runpytest_subprocess("--llm-record", "-k", "test_extractor").assert_outcomes(passed=2)
        cassette = next((project.path / "cassettes").rglob("*.yaml"))
        text = f"<<<<<<< HEAD\n{cassette.read_text()}=======\n{cassette.read_text()}>>>>>>> theirs\n"
        cassette.write_text(text)
        runs = [project.runpytest_subprocess(*record, "-k", "test_extractor") for record in (["--llm-record"], [])]
        assert len(provider.requests) == 1
    for run in runs:
        run.assert_outcomes(failed=2)
        found, todo = f"{cassette.name}: line 1: merge conflict marker; resolve the conflict", "pytest --llm-record"
        run.stdout.fnmatch_lines([f"ERROR: *{found}. To record it anew, delete it, then: {todo} (1 case: right)"])
    assert cassette.read_text() == text
