"""`llm-extract lint`: suites, golden data and results, and findings that a person settled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import llm_extract
from recorded import record_in

MODULE = """
import pytest
from pydantic import BaseModel
from pytest_llm_extract import Variant

class Note(BaseModel):
    name: str | None = None

@pytest.mark.llm_extract(
    schema=Note, cases="notes.jsonl", prompt="plain.md", model="m",
    variants=[Variant("few_shot", examples="shots.jsonl")],
)
def test_notes(extraction): ...
"""
LETTER = "Dear Sir or Madam, on behalf of {name} I write to you about the boat in the harbour of {place}, which sank."
NAMES = ("Ada Lovelace", "Grace Hopper", "Mary Jackson", "Karen Jones")
PLACES = ("Galway at the western pier", "Ulm below the great minster", "Odense near the old mill", "Brest")


def write(folder: Path) -> None:
    """Four letters, of which the second is an example too, with a letter misread."""
    letters = [LETTER.format(name=name, place=place) for name, place in zip(NAMES, PLACES, strict=True)]
    rows = [
        {"id": f"n{number}", "input": letter, "expected": {"name": name}}
        for number, (letter, name) in enumerate(zip(letters, NAMES, strict=True))
    ]
    rows[3]["expected"] = {"name": "Somebody Else"}
    shot = {"id": "s1", "input": letters[1].replace("boat", "b0at"), "expected": {"name": NAMES[1]}}
    (folder / "notes.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "shots.jsonl").write_text(json.dumps(shot))
    (folder / "plain.md").write_text("Who writes?")
    (folder / "test_notes.py").write_text(MODULE)


@pytest.fixture(scope="session")
def cassettes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite's cassettes, recorded once: every answer is Ada's, but for the last case."""
    folder = tmp_path_factory.mktemp("lints")
    write(folder)
    record_in(folder, lambda body: json.dumps({"name": _writer(body["messages"][-1]["content"])}))
    return folder / "cassettes"


def _writer(document: str) -> str:
    return next(name for name in NAMES if name in document)


@pytest.fixture
def project(bare: pytest.Pytester, cassettes: Path) -> pytest.Pytester:
    """The suite with its cassettes."""
    write(bare.path)
    shutil.copytree(cassettes, bare.path / "cassettes")
    return bare


@pytest.mark.slow
def test_contamination_in_a_run(project: pytest.Pytester) -> None:
    """The run says which example is a case, with both texts; the case leaves the comparison; every report has it."""
    run = project.runpytest_subprocess("--llm-extract-json=results.json", "--llm-extract-markdown=results.md")
    run.stdout.fnmatch_lines(
        [
            "*1 case not compared (few-shot example of a variant): n1",
            "ERROR test_notes.py::test_notes: example 's1' of few_shot is 99% the same as the case 'n1'",
            "    case: *boat*",
            "    example: *b0at*",
            "note: test_notes.py::test_notes: 2 findings in its golden data (`llm-extract lint`)",
        ]
    )
    without_reports = project.runpytest_subprocess()
    without_reports.stdout.fnmatch_lines(["ERROR test_notes.py::test_notes: example 's1' of few_shot is 99%*"])
    without_reports.stdout.no_fnmatch_line("*in its golden data*")
    wire = json.loads((project.path / "results.json").read_text())
    assert wire["comparison"][0]["n_cases"] == 3
    assert wire["lint"][0]["counts"] == {"contamination": 1, "gold_not_in_document": 1, "label_suspect": 1}
    assert "is 99% the same as the case 'n1'" in (project.path / "results.md").read_text()


def test_contamination_by_a_cases_own_examples(bare: pytest.Pytester) -> None:
    """What a callable finds for a case is known to the run; what a column has, to the command too."""
    write(bare.path)
    rows = [json.loads(line) for line in (bare.path / "notes.jsonl").read_text().splitlines()]
    other = {"input": "Quite another letter, from Brest", "expected": {"name": "Ada Lovelace"}}
    for number, row in enumerate(rows):
        near = {**row, "id": None, "input": row["input"].replace("boat", "b0at")}
        row["shots"] = [{**(near if number == 2 else other), "id": None}]
    (bare.path / "notes.jsonl").write_text("\n".join(map(json.dumps, rows)))
    variants = 'Variant("column", examples="shots"), Variant("found", examples=lambda case: case.columns["shots"])'
    module = MODULE.replace('Variant("few_shot", examples="shots.jsonl")', variants)
    (bare.path / "test_notes.py").write_text(module)
    said = record_in(bare.path, lambda body: json.dumps({"name": _writer(body["messages"][-1]["content"])}))
    assert "an example of column, found is 99% the same as the case 'n2'" in said
    assert "1 case not compared (few-shot example of a variant): n2" in said
    found = bare.run("llm-extract", "lint")
    found.stdout.fnmatch_lines(["* an example of column is 99% the same as the case 'n2'"])


def test_suites_and_results(project: pytest.Pytester) -> None:
    """Without results, labels are held against documents alone; with them, against what the variants say."""
    project.runpytest_subprocess("--llm-extract-json=results.json")
    found = project.run("llm-extract", "lint")
    assert found.ret == 1
    found.stdout.fnmatch_lines(
        [
            "test_notes.py::test_notes: 4 documents, 2 findings",
            " examples that are also cases: 1",
            " gold that does not occur in its document: 1",
            '  * n3 name: "Somebody Else"',
        ]
    )
    with_answers = project.run("llm-extract", "lint", "results.json")
    with_answers.stdout.fnmatch_lines(
        ["*3 findings", " labels that every variant*", '*gold "Somebody Else", all 2 variants "Karen Jones"']
    )


def test_settled(project: pytest.Pytester) -> None:
    """A finding that a person settled is kept with the reason; neither the command nor a run repeats it."""
    wire = json.loads(project.run("llm-extract", "lint", "--json").stdout.str())
    keys = [finding["key"] for finding in wire[0]["findings"]]
    settled = project.run("llm-extract", "lint", "--settle", ",".join(keys), "--because", "two boats")
    assert settled.ret == 0
    settled.stdout.fnmatch_lines(["*4 documents, 0 findings (2 settled)"])
    [first, _] = map(json.loads, (project.path / "cassettes/settled.jsonl").read_text().splitlines())
    assert (first["kind"], first["cases"], first["because"]) == ("contamination", ["n1"], "two boats")
    run = project.runpytest_subprocess()
    run.stdout.no_fnmatch_line("ERROR*")
    run.stdout.no_fnmatch_line("*not compared*")
    assert project.run("llm-extract", "check").ret == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--settle", "abc"], "--settle: needs --because"),
        (["--settle", "abc", "--because", "x"], "--settle: no finding 'abc'"),
        (["--schema", "test_notes:Note"], "--schema: goes with a file of golden data"),
        (["nowhere.json"], "nowhere.json: cannot be read"),
        (["notes.jsonl", "--schema", "test_notes:Nobody"], "no attribute 'Nobody'"),
    ],
)
def test_mistakes(project: pytest.Pytester, arguments: list[str], message: str) -> None:
    """One line that says what is wrong."""
    found = project.run("llm-extract", "lint", *arguments)
    assert found.ret == 2
    assert message in found.stderr.str()


def test_a_file_of_golden_data(project: pytest.Pytester) -> None:
    """A dataset needs no suite."""
    found = project.run("llm-extract", "lint", "notes.jsonl", "--schema", "test_notes:Note")
    assert found.ret == 1
    found.stdout.fnmatch_lines(["notes.jsonl: 4 documents, 1 finding"])


def test_golden_data_needs_a_schema(tmp_path: Path) -> None:
    """Without --schema, a file of golden data is not handed to pytest, which knows nothing of it."""
    write(tmp_path)
    done = llm_extract("lint", "notes.jsonl", cwd=tmp_path)
    said = "llm-extract: notes.jsonl: is golden data: name its model with --schema MODULE:MODEL\n"
    assert (done.returncode, done.stderr) == (2, said)
