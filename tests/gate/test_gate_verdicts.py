"""Accepted answers: written, read, compared with, and what must not vanish."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import jsonschema
import pytest
from plain_http import ASK
from recorded import record_in
from standin import StandIn

from pytest_llm_extract.baseline.file import parse
from pytest_llm_extract.errors import BaselineError
from pytest_llm_extract.report.results_json import json_schema

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])
LLM_EXTRACT = str(Path(sys.executable).with_name("llm-extract"))
IDS = [f"p{i:02}" for i in range(12)]
FOLDER = "cassettes/test_items/test_items"
PEOPLE = (
    ASK
    + """
import pytest
from pydantic import BaseModel
from pytest_llm_extract import Gate, Waiver

class Person(BaseModel):
    name: str
    town: str | None = None

def read(text: str) -> Person:
    return Person.model_validate_json(ask(("system", "PROMPT"), ("user", text)))

@pytest.mark.llm_extract(extractor=read, cases="gold.jsonl")
def test_items(extraction):
    pass
"""
)


def answer_person(body: dict[str, object]) -> str:
    """`name town`; the prompt says what to get wrong: `lose 3` spoils the towns of p00, p01 and p02."""
    messages = body["messages"]
    assert isinstance(messages, list)
    prompt, document = (message["content"] for message in messages)
    name, town = document.split()
    wrong = int(prompt.split()[1]) if prompt.startswith("lose") else 0
    return json.dumps({"name": name, "town": "Atlantis" if int(name[1:]) < wrong else town})


def write_gold(folder: Path, towns: dict[str, str]) -> None:
    """Golden data: who should be where."""
    rows = [
        {"id": case, "input": f"{case} Bergen", "expected": {"name": case, "town": town}}
        for case, town in towns.items()
    ]
    folder.joinpath("gold.jsonl").write_text("\n".join(map(json.dumps, rows)))


class Project:
    """A suite of twelve people that can be recorded under any prompt."""

    def __init__(self, pytester: pytest.Pytester, base_url: str) -> None:
        self.pytester, self.base_url, self.ids = pytester, base_url, IDS

    def write_gold(self, towns: dict[str, str]) -> None:
        write_gold(self.pytester.path, towns)

    def write_module(self, prompt: str = "read", marker: str = "") -> None:
        text = PEOPLE.replace("PROMPT", prompt).replace("def test_items", f"{marker}\ndef test_items")
        self.pytester.makepyfile(test_items=text)

    def record(self, prompt: str, *arguments: str, marker: str = "") -> pytest.RunResult:
        self.write_module(prompt, marker)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_API_KEY", "loopback-only")
            patch.setenv("OPENAI_BASE_URL", self.base_url)
            return self.pytester.runpytest_subprocess("--llm-record", *arguments)

    def run(self, *arguments: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(*arguments)

    @property
    def baseline(self) -> Path:
        return self.pytester.path / FOLDER / "baseline.jsonl"

    def git(self, *arguments: str) -> None:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        subprocess.run(command, cwd=self.pytester.path, check=True, capture_output=True)


@pytest.fixture(scope="session")
def accepted_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people, recorded under the prompt `read`, and accepted: made once, copied for each test."""
    folder = tmp_path_factory.mktemp("people")
    write_gold(folder, dict.fromkeys(IDS, "Bergen"))
    folder.joinpath("test_items.py").write_text(PEOPLE.replace("PROMPT", "read"))
    said = record_in(folder, answer_person, "--llm-extract-accept")
    assert "13 passed" in said
    assert "accepted: 12 cases in cassettes/test_items/test_items/baseline.jsonl" in said
    return folder


@pytest.fixture
def people(accepted_people: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Twelve people with a baseline, and a provider to record other prompts from."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(accepted_people, pytester.path, dirs_exist_ok=True)
    with StandIn(answer_person) as provider:
        yield Project(pytester, provider.base_url)


def test_no_baseline_yet_says_how_to_accept_one(recorded: pytest.Pytester) -> None:
    """Floors gate alone, and the report names the flag."""
    run = recorded.runpytest_subprocess()
    run.assert_outcomes(passed=5)
    run.stdout.fnmatch_lines(["note: no baseline yet: pytest --llm-extract-accept *"])


def test_baseline_is_one_line_for_each_case(people: Project) -> None:
    """A header, then the cases sorted by id, with answer, outcomes and origin."""
    header, *rows = map(json.loads, people.baseline.read_text().splitlines())
    assert header["suite"] == "test_items.py::test_items"
    assert [row["id"] for row in rows] == people.ids
    assert rows[0]["answer"] == {"name": "p00", "town": "Bergen"}
    assert rows[0]["outcomes"] == {"name": {"correct": 1}, "town": {"correct": 1}}
    assert {row["origin"]["prompt"] for row in rows} == {header["prompt"]}


@WORKERS
def test_unchanged_run_passes(people: Project, workers: str) -> None:
    """Nothing lost, nothing gained, and what could be seen at all is said."""
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        [
            f"against the baseline ({FOLDER}/baseline.jsonl), 12 cases paired: no case lost, none gained",
            "note: no request changed since the baseline",
            "*with 12 cases one field alone can fail from 5 lost and none gained*",
            "gate: pass",
        ]
    )


@WORKERS
def test_regression_fails_with_cause_and_cases(people: Project, workers: str) -> None:
    """Six towns lost are no noise: the field, its cases and the changed prompt are named."""
    people.record("lose 6")
    run = people.run(f"-n{workers}", "--llm-extract-json=out.json")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(
        [
            " town * 6 * 0 * LOST",
            "  lost   p00 * town * Bergen: Bergen → Atlantis",
            "note: changed since the baseline: prompt (12 cases)",
            "gate: fail",
            "  town: lost 6 cases and gained 0 against the baseline (p_adj *): p00, p01, p02, p03, p04, …",
        ]
    )
    field = json.loads((people.pytester.path / "out.json").read_text())["suites"][0]["fields"]["town"]["baseline"]
    assert field["lost"] == people.ids[:6]
    assert field["p"] == pytest.approx(1 / 64)


@WORKERS
@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("lambda gold, found: abs(len(gold) - len(found))", "*says True or False of two values, not 0*"),
        ("lambda gold, found: gold.nothing", "*'str' object has no attribute 'nothing'*"),
    ],
)
def test_a_comparison_that_fails_fails_its_cases(people: Project, workers: str, rule: str, words: str) -> None:
    """Also where accepted answers are compared by it: each test fails, the others run, and every case is lost."""
    module = people.pytester.path / "test_items.py"
    marked = module.read_text().replace('cases="gold.jsonl"', f'cases="gold.jsonl", compare={{"town": {rule}}}')
    module.write_text(marked + "\ndef test_other():\n    pass\n")
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=1, failed=13)
    run.stdout.fnmatch_lines([words, " town * 12 * 0 * LOST", "gate: fail"])


@WORKERS
def test_few_lost_cases_are_inconclusive(people: Project, workers: str) -> None:
    """Three lost of twelve may be noise: the gate says so and passes, or fails where that is wished."""
    people.record("lose 3")
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(["gate: inconclusive", "  town: lost 3, gained 0, p_adj *; about * cases would decide*"])
    people.pytester.makeini("[pytest]\nllm_extract_inconclusive = fail")
    people.run(f"-n{workers}").assert_outcomes(passed=12, failed=1)


def test_accepted_regression_is_the_next_baseline_but_not_the_next_anchor(people: Project) -> None:
    """Accepting is allowed and remembered; the anchor still sees what was lost."""
    run = people.record("lose 6", "--llm-extract-accept")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        ["accepted: 12 cases in *baseline.jsonl", "  in spite of: town: lost 6 cases*", "  the anchor stays, *"]
    )
    header = json.loads(people.baseline.read_text().splitlines()[0])
    assert header["history"][-1]["verdict"] == "fail"
    again = people.run()
    again.assert_outcomes(passed=12, failed=1)
    again.stdout.fnmatch_lines(["  town: lost 6 cases and gained 0 against the anchor (p_adj *"])
    people.run("--llm-extract-accept=anchor").stdout.fnmatch_lines(["accepted: 12 cases in *anchor.jsonl"])
    people.run().assert_outcomes(passed=13)


@WORKERS
def test_gone_case_fails_until_the_baseline_drops_it(people: Project, workers: str) -> None:
    """Deleting a hard case from golden data does not pass unseen."""
    people.write_gold(dict.fromkeys(people.ids[1:], "Bergen"))
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=11, failed=1)
    run.stdout.fnmatch_lines(["  1 case of the baseline gone from golden data (p00): put back, or accept *"])
    people.run("--llm-extract-accept")
    people.run(f"-n{workers}").assert_outcomes(passed=12)


def test_removed_field_fails_until_accepted(people: Project) -> None:
    """A field that the schema lost is a loss."""
    module = people.pytester.path / "test_items.py"
    module.write_text(module.read_text().replace("    town: str | None = None\n", ""))
    rows = [json.loads(line) for line in (people.pytester.path / "gold.jsonl").read_text().splitlines()]
    for row in rows:
        del row["expected"]["town"]
    (people.pytester.path / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = people.run()
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["  fields of the baseline gone from the schema (town): *"])
    run = people.run("--llm-extract-accept")
    run.stdout.fnmatch_lines(["  in spite of: fields of the baseline gone from the schema (town): *"])
    assert "the anchor stays" not in run.stdout.str()  # which never asks for a field
    people.run().assert_outcomes(passed=13)


def test_suite_that_disappeared_fails_a_whole_run(people: Project) -> None:
    """Renaming a test function leaves its baseline without a suite; a run of one file does not ask for it."""
    module = people.pytester.path / "test_items.py"
    module.write_text("def test_other():\n    pass\n")
    run = people.run()
    run.assert_outcomes(passed=1, failed=1)
    run.stdout.fnmatch_lines(["FAILED test_items.py::test_items::gate - suite gone, but*"])
    people.run("test_items.py").assert_outcomes(passed=1)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_suite_of_a_skipped_module_is_not_called_gone(people: Project, workers: str) -> None:
    """What a run cannot import it does not gate: that is said with the reason, and the baseline stays."""
    module = people.pytester.path / "test_items.py"
    module.write_text("import pytest\npytest.importorskip('no_such_module')\n" + module.read_text())
    people.pytester.makepyfile(test_other="def test_other(): pass")
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=1, failed=1, skipped=1)
    run.stdout.fnmatch_lines(
        [
            "its module was skipped at its import (could not import 'no_such_module'*), but its baseline is there: "
            "give the module what it needs, or leave it out with --ignore=test_items.py"
        ]
    )
    people.run("--ignore=test_items.py").assert_outcomes(passed=1)


@WORKERS
def test_changed_gold_moves_both_sides(people: Project, workers: str) -> None:
    """A corrected label is not the prompt's doing: the accepted answers are scored again."""
    people.write_gold({case: "Oslo" if case in people.ids[:6] else "Bergen" for case in people.ids})
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        ["*no case lost, none gained", "note: gold changed in 6 cases, which moved town from 100% to 50% on both sides"]
    )


def test_new_case_counts_in_floors_only(people: Project) -> None:
    """It is paired from the next acceptance on; a partial acceptance adds it and replaces nothing."""
    people.write_gold(dict.fromkeys([*people.ids, "p99"], "Bergen"))
    people.record("read").stdout.fnmatch_lines(
        ["note: 1 case new since the baseline, in floors only until accepted: p99"]
    )
    before = people.baseline.read_text().splitlines()
    people.run("-k", "p99 or p03", "--llm-extract-accept").stdout.fnmatch_lines(
        ["accepted: 13 cases in *", "  1 of the 2 cases of this run went in: *"]
    )
    after = people.baseline.read_text().splitlines()
    assert after[1:-1] == before[1:]
    assert json.loads(after[-1])["id"] == "p99"


def test_partial_acceptance_under_another_prompt_is_refused(people: Project) -> None:
    """A baseline is never a mixture of prompts."""
    people.write_gold(dict.fromkeys([*people.ids, "p99"], "Bergen"))
    run = people.record("lose 1", "-k", "p99", "--llm-extract-accept")
    run.stdout.fnmatch_lines(["not accepted: *would mix prompts; run the whole suite"])


def test_run_with_errors_is_not_accepted(people: Project) -> None:
    """Nothing is written from cases without an answer."""
    before = people.baseline.read_bytes()
    next((people.pytester.path / FOLDER / "read").glob("p05*")).unlink()
    run = people.run("--llm-extract-accept")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["not accepted: *1 of 12 cases have no answer (p05)"])
    assert people.baseline.read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text.replace('"prompt": "', '"prompt": "0', 1), "*mixes prompts*"),
        (lambda text: text.replace('"version": 1', '"version": 7', 1), "*has format version 7, this plugin reads 1*"),
        (lambda text: text + text.splitlines()[-1] + "\n", "*:14: case 'p11' is there twice*"),
        (lambda text: "<<<<<<< ours\n" + text, "*:1: merge conflict marker*"),
        (lambda text: "[1]\n", "*:1: is no JSON object*"),
        (lambda text: "", "*is no baseline of pytest-llm-extract*"),
        (lambda text: text.replace('{"correct": 1}', "null", 1), "*:2: is no line of a baseline (outcomes.name: *"),
        (lambda text: "".join(text.splitlines(True)[:5]), "*holds 4 cases where its header says 12 (a bad merge[?])*"),
    ],
)
def test_broken_baseline_is_one_clear_error(people: Project, spoil: object, words: str) -> None:
    """A collection error that names file and line, and what can be done: not accepting, which reads it too."""
    assert callable(spoil)
    people.baseline.write_text(spoil(people.baseline.read_text()))
    run = people.run("--llm-extract-accept")
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines([f"{words}; after a merge, take one side (git checkout --ours or --theirs FILE); or *"])
    run.stdout.no_fnmatch_line("*Traceback*")


def test_a_broken_baseline_is_mended_as_its_error_says(people: Project) -> None:
    """Deleted, it is accepted anew."""
    people.baseline.write_text("<<<<<<< ours\n" + people.baseline.read_text())
    people.run().stdout.fnmatch_lines(["*; or delete the file, and accept anew with --llm-extract-accept"])
    people.baseline.unlink()
    people.run("--llm-extract-accept").assert_outcomes(passed=13)
    people.run().stdout.fnmatch_lines(["*12 cases paired: no case lost, none gained"])


@pytest.mark.parametrize(
    ("line", "change", "words"),
    [
        (1, {"prompt": ...}, "is no header of a baseline (prompt: field required)"),
        (1, {"fields": [1]}, "is no header of a baseline (fields.0: input should be an instance of str)"),
        (1, {"history": [{}]}, "is no header of a baseline (history.0.n_cases: field required)"),
        (2, {"outcomes": []}, "is no line of a baseline (outcomes: input should be a valid dictionary)"),
        (2, {"id": ["a"]}, "is no line of a baseline (id: input should be an instance of str)"),
        (2, {"id": 1}, "is no line of a baseline (id: input should be an instance of str)"),
        (2, {"answer": ..., "raw": 5}, "is no line of a baseline (raw: input should be an instance of str)"),
        (3, {"attempt": "x"}, "is no line of a baseline (attempt: input should be a valid integer)"),
        (3, {"origin": {"when": "x"}}, "is no line of a baseline (origin.when.[[]key]: input should be *)"),
        (3, {"samples": [{"status": "ok"}]}, "is no line of a baseline (samples.0.outcomes: field required)"),
    ],
    ids=str,
)
def test_a_damaged_line_is_named(accepted_people: Path, line: int, change: dict[str, object], words: str) -> None:
    """Whatever an edit or a merge made of it."""
    rows = (accepted_people / FOLDER / "baseline.jsonl").read_text().splitlines()
    changed = json.loads(rows[line - 1]) | change
    rows[line - 1] = json.dumps({name: value for name, value in changed.items() if value is not ...})
    with pytest.raises(BaselineError) as error:
        parse("\n".join(rows), "b.jsonl")
    assert fnmatchcase(str(error.value), f"b.jsonl:{line}: {words}")


def test_a_baseline_without_groups_and_row_counts_is_read(accepted_people: Path) -> None:
    """As they were written before these were kept; its last whole acceptance tells how many cases it has."""
    header, *rows = (accepted_people / FOLDER / "baseline.jsonl").read_text().splitlines()
    old = json.loads(header)
    del old["history"][-1]["n_rows"]
    assert list(parse("\n".join([json.dumps(old), *rows]), "").entries) == IDS
    with pytest.raises(BaselineError, match="holds 11 cases where its header says 12"):
        parse("\n".join([json.dumps(old), *rows[1:]]), "")
    old["history"][-1]["complete"] = False
    assert len(parse("\n".join([json.dumps(old), *rows[1:]]), "").entries) == 11


@pytest.mark.parametrize(
    "spoil",
    [
        lambda suite: suite["cases"][0].update(fields=5),
        lambda suite: suite["rules"].update(floors=[1]),
        lambda suite: suite["rules"].update(documents={"valid": "1/0"}),
    ],
)
def test_damaged_results_are_one_clear_error(people: Project, spoil: Callable[[dict[str, object]], None]) -> None:
    """Exit status 2 and one line that names the file."""
    people.run("--llm-extract-json=out.json")
    out = people.pytester.path / "out.json"
    results = json.loads(out.read_text())
    spoil(results["suites"][0])
    out.write_text(json.dumps(results))
    for command in (["merge", "out.json"], ["diff", "out.json", "out.json"]):
        run = people.pytester.run(LLM_EXTRACT, *command)
        assert run.ret == 2
        assert len(run.errlines) == 1
        run.stderr.fnmatch_lines(["llm-extract: out.json: is damaged (*)"])


@WORKERS
def test_base_branch_cannot_be_lowered_in_the_same_change(people: Project, workers: str) -> None:
    """Accepting a loss in a branch does not hide it from git:main, whatever main did since."""
    people.git("init", "-q", "-b", "main")
    people.git("add", "-A")
    people.git("commit", "-qm", "base")
    people.git("checkout", "-qb", "change")
    people.record("lose 6", "--llm-extract-accept=anchor")
    people.run("--llm-extract-accept")
    people.run(f"-n{workers}").assert_outcomes(passed=13)
    run = people.run(f"-n{workers}", "--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["against the baseline (git:main (*)), 12 cases paired:", "  town: lost 6 cases*"])


def rename_suite(people: Project) -> None:
    """Give the test another name, and its cassettes' folder with it."""
    module, folder = people.pytester.path / "test_items.py", people.baseline.parent
    module.write_text(module.read_text().replace("def test_items", "def test_people"))
    folder.rename(folder.with_name("test_people"))


@WORKERS
def test_renaming_a_suite_hides_nothing_from_the_base_branch(people: Project, workers: str) -> None:
    """It is compared with the baseline of the suite that is not here any more and has its cases."""
    people.git("init", "-q", "-b", "main")
    people.git("add", "-A")
    people.git("commit", "-qm", "base")
    people.record("lose 6", "--llm-extract-accept=anchor")
    people.run("--llm-extract-accept")
    rename_suite(people)
    people.run("--llm-extract-accept").assert_outcomes(passed=13)
    run = people.run(f"-n{workers}", "--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(
        [f"against the baseline (git:main (*):{FOLDER}/baseline.jsonl), 12 cases paired:", "  town: lost 6 cases*"]
    )
    assert "not here" not in run.stdout.str()


@WORKERS
def test_a_suite_that_the_base_branch_has_not_passes_and_says_so(people: Project, workers: str) -> None:
    """Other cases make another suite: the one that is gone is told of, and nothing is compared with it."""
    old, text = "cassettes/test_old/test_old", people.baseline.read_text()
    people.pytester.path.joinpath(old).mkdir(parents=True)
    gone = people.pytester.path / old / "baseline.jsonl"
    gone.write_text(text.replace('"id": "p', '"id": "q').replace("test_items", "test_old"))
    people.git("init", "-q", "-b", "main")
    people.git("add", old)
    people.git("commit", "-qm", "base")
    gone.unlink()
    run = people.run(f"-n{workers}", "--llm-extract-baseline=git:main", "--llm-extract-json=out.json")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        [
            f"note: git:main (*) has no baseline at {FOLDER}/baseline.jsonl",
            f"note: git:main (*) has a baseline of a suite that is not here: {old}/baseline.jsonl",
        ]
    )
    assert "no baseline yet" not in run.stdout.str()
    jsonschema.validate(json.loads((people.pytester.path / "out.json").read_text()), json_schema())
    assert "not here" not in people.run("test_items.py", "--llm-extract-baseline=git:main").stdout.str()


def test_a_suite_that_was_dropped_with_its_baseline_is_told_against_the_base_branch(people: Project) -> None:
    """Also where no suite is left."""
    people.git("init", "-q", "-b", "main")
    people.git("add", "-A")
    people.git("commit", "-qm", "base")
    shutil.rmtree(people.pytester.path / "cassettes")
    people.pytester.makepyfile(test_items="def test_other(): pass")
    run = people.run("--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=1)
    run.stdout.fnmatch_lines(
        [f"note: git:main (*) has a baseline of a suite that is not here: {FOLDER}/baseline.jsonl"]
    )


def test_case_removed_on_purpose_is_listed_against_the_base_branch(people: Project) -> None:
    """Once the committed baseline dropped it, it is told with its old outcomes, and fails no more."""
    people.git("init", "-q", "-b", "main")
    people.git("add", "-A")
    people.git("commit", "-qm", "base")
    people.write_gold(dict.fromkeys(people.ids[1:], "Bergen"))
    people.run("--llm-extract-baseline=git:main").assert_outcomes(passed=11, failed=1)
    people.run("--llm-extract-accept")
    run = people.run("--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=12)
    run.stdout.fnmatch_lines(["note: removed since git:main (*): p00 (name correct, town correct)"])


def without_town(people: Project, *, in_schema: bool) -> None:
    """Take the field out of the golden data, and out of the schema where it is not to stay `in_schema`."""
    gold, module = (people.pytester.path / name for name in ("gold.jsonl", "test_items.py"))
    gold.write_text(gold.read_text().replace(', "town": "Bergen"', ""))
    if not in_schema:
        module.write_text(module.read_text().replace("    town: str | None = None\n", ""))


@WORKERS
@pytest.mark.parametrize(
    ("in_schema", "reason", "note"),
    [
        (False, "  fields of the baseline gone from the schema (town): *", "removed from the schema"),
        (True, "  fields of the baseline that no case labels any more (town): *", "labelled in no case any more"),
    ],
    ids=["field", "labels"],
)
def test_field_removed_on_purpose_is_told_against_the_base_branch(
    people: Project, workers: str, in_schema: bool, reason: str, note: str
) -> None:
    """It fails until the committed baseline dropped it too, and then fails no more; a part of a run drops no field."""
    people.git("init", "-q", "-b", "main")
    people.git("add", "-A")
    people.git("commit", "-qm", "base")
    without_town(people, in_schema=in_schema)
    arguments, before = (f"-n{workers}", "--llm-extract-baseline=git:main"), people.baseline.read_bytes()
    for accept in ([], ["-k", "p03"]):
        if accept:
            people.run(*accept, "--llm-extract-accept")
        run = people.run(*arguments)
        run.assert_outcomes(passed=12, failed=1)
        run.stdout.fnmatch_lines([reason])
    people.baseline.write_bytes(before)
    people.run("--llm-extract-accept")
    run = people.run(*arguments, "--llm-extract-json=out.json")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines([f"note: {note} since git:main (*), and accepted: town"])
    merged = people.pytester.run(LLM_EXTRACT, "merge", "out.json")
    assert merged.ret == 0
    people.baseline.unlink()
    people.run(*arguments).assert_outcomes(passed=12, failed=1)


def test_accepted_end_of_labels_is_none_of_the_field(people: Project) -> None:
    """Nor does an acceptance of one field cover another one."""
    people.git("init", "-q", "-b", "main")
    people.git("add", "-A")
    people.git("commit", "-qm", "base")
    without_town(people, in_schema=True)
    people.run("--llm-extract-accept")
    without_town(people, in_schema=False)
    run = people.run("--llm-extract-baseline=git:main")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["  fields of the baseline gone from the schema (town): *"])


def test_unknown_and_shallow_revisions_are_usage_errors(people: Project, tmp_path: Path) -> None:
    """One line that says what to do, before anything is collected."""
    people.run("--llm-extract-baseline=git:main").stderr.fnmatch_lines(
        ["ERROR: git:main: * is not in a git repository"]
    )
    people.git("init", "-q", "-b", "main")
    for name in ("one", "two"):
        people.git("add", "-A")
        people.git("commit", "-q", "--allow-empty", "-m", name)
    run = people.run("--llm-extract-baseline=git:origin/main")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: git:origin/main: there is no such revision here; is it fetched?"])
    shallow = people.pytester.path / "shallow"
    people.git("clone", "-q", "--depth=1", f"file://{people.pytester.path}", str(shallow))
    found = people.pytester.run("pytest", f"--rootdir={shallow}", str(shallow), "--llm-extract-baseline=git:HEAD~1")
    found.stderr.fnmatch_lines(
        ["ERROR: git:HEAD~1: there is no such revision here; this clone is shallow: *unshallow*"]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--llm-extract-baseline=nowhere.jsonl"],
            "ERROR: *nowhere.jsonl: there is no such baseline*",
        ),
        (["--llm-extract-accept", "test_items.py"], "*takes =anchor or nothing, not 'test_items.py'*"),
        (["-o", "llm_extract_alpha=2"], "ERROR: ini llm_extract_alpha: is a number between 0 and 1*"),
        (["-o", "llm_extract_inconclusive=maybe"], "ERROR: ini llm_extract_inconclusive: is warn or fail, not 'maybe'"),
    ],
)
def test_wrong_settings_are_usage_errors(recorded: pytest.Pytester, arguments: list[str], words: str) -> None:
    """Exit status 4 and one line; --help works all the same."""
    run = recorded.runpytest_subprocess(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([words])
    if "-o" in arguments:
        assert recorded.runpytest_subprocess("--help", *arguments).ret == 0


@WORKERS
@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("@pytest.mark.llm_gate(Gate(max_lost=1))", "  town: lost 2 cases (1 may be): p00, p01"),
        ("@pytest.mark.llm_gate(town=Gate(critical=True))", "  town: lost 2 cases (critical: no case may be lost)*"),
        ("@pytest.mark.llm_gate({'town': Gate(max_drop=0.1)})", "  town: accuracy fell by 16.67%, 10% is allowed"),
    ],
)
def test_budget_fails_without_statistics(people: Project, marker: str, words: str, workers: str) -> None:
    """What a field may lose is what the team says."""
    people.record("lose 2", marker=marker)
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines([words])


def test_waiver_is_seen_and_expires(people: Project) -> None:
    """A waived field does not fail and is always listed; an expired waiver fails."""
    waiver = "@pytest.mark.llm_gate(waive=[Waiver(field='town', reason='R-7', expires='DAY')])"
    people.record("lose 6", marker=waiver.replace("DAY", "2999-12-31"))
    run = people.run()
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines([" town * waived*", "note: waiver: field 'town' until 2999-12-31: R-7"])
    people.write_module("lose 6", waiver.replace("DAY", "2020-01-31"))
    expired = people.run()
    expired.assert_outcomes(passed=12, failed=1)
    expired.stdout.fnmatch_lines(["  the waiver of field 'town' (R-7) expired on 2020-01-31: mend it, or renew it"])


def test_partial_run_fails_where_completeness_is_required(people: Project) -> None:
    """CI can insist on whole runs."""
    people.run("-k", "p01").assert_outcomes(passed=1, deselected=11)
    run = people.run("-k", "p01", "--llm-extract-require-complete")
    run.assert_outcomes(passed=1, failed=1, deselected=11)
    run.stdout.fnmatch_lines(["FAILED *::gate - partial run: 1 of 12 cases*"])


def test_cases_are_selected_by_id(people: Project) -> None:
    """--llm-extract-case takes a glob that -k cannot spell."""
    people.run("--llm-extract-case=p0[12]").assert_outcomes(passed=2, deselected=10)


def test_skipped_case_is_lost(people: Project) -> None:
    """Skipping a case that was right counts against the run."""
    module = people.pytester.path / "test_items.py"
    skip = "    if extraction.case.id < 'p06': pytest.skip()\n    pass\n"
    module.write_text(module.read_text().replace("    pass\n", skip))
    run = people.run()
    run.assert_outcomes(passed=6, skipped=6, failed=1)
    run.stdout.fnmatch_lines(["  name: lost 6 cases and gained 0*", "  town: lost 6 cases and gained 0*"])


def test_crashed_worker_is_lost(people: Project) -> None:
    """A worker that dies takes its case with it, and the comparison knows."""
    module = people.pytester.path / "test_items.py"
    module.write_text(
        module.read_text().replace("    pass\n", "    if extraction.case.id == 'p04': __import__('os')._exit(3)\n")
    )
    run = people.run("-n2")
    run.stdout.fnmatch_lines(["  lost   p04 * Bergen: *", "note: no request changed since the baseline", "gate: pass"])


def test_shards_merge_to_what_one_run_says(people: Project) -> None:
    """Two halves add up to the verdict, p values and counts of the whole; one half alone fails."""
    people.record("lose 6")
    whole = people.run("--llm-extract-json=whole.json")
    assert whole.ret == pytest.ExitCode.TESTS_FAILED
    for number, glob in enumerate(["p0[0-4]", "p0[5-9]", "p1*"]):
        people.run(f"--llm-extract-case={glob}", f"--llm-extract-json=shard-{number}.json")
    shards = [f"shard-{number}.json" for number in (2, 0, 1)]
    merged = people.pytester.run(LLM_EXTRACT, "merge", *shards, "-o", "merged.json")
    assert merged.ret == 1
    merged.stdout.fnmatch_lines(["gate: fail", "  town: lost 6 cases*"])
    one, other = (json.loads((people.pytester.path / name).read_text()) for name in ("whole.json", "merged.json"))
    assert one["suites"] == other["suites"]
    (people.pytester.path / "no-text.json").write_bytes(b"\xff")
    wrong = people.pytester.run(LLM_EXTRACT, "merge", "no-text.json")
    assert wrong.ret == 2
    wrong.stderr.fnmatch_lines(["llm-extract: no-text.json: cannot be read: *"])
    half = people.pytester.run(LLM_EXTRACT, "merge", *shards[:2])
    assert half.ret == 1
    half.stdout.fnmatch_lines(["partial run: 7 of 12 cases; gate skipped"])


def test_merge_names_a_suite_whose_shards_are_all_missing(people: Project) -> None:
    """Its baseline is here; whether it was to be merged, the command cannot know."""
    people.run("--llm-extract-json=out.json")
    assert "in no shard" not in people.pytester.run(LLM_EXTRACT, "merge", "out.json").stdout.str()
    other = people.pytester.path / "cassettes/test_other/test_other"
    other.mkdir(parents=True)
    other.joinpath("baseline.jsonl").write_text(people.baseline.read_text().replace("test_items", "test_other"))
    run = people.pytester.run(LLM_EXTRACT, "merge", "out.json")
    assert run.ret == 0
    run.stdout.fnmatch_lines(
        ["note: test_other.py::test_other is in no shard, and has a baseline: cassettes/*/baseline.jsonl"]
    )


@pytest.mark.usefixtures("all_plugins")
@pytest.mark.parametrize("arguments", [("-n2",), ("-p", "backwards"), ("-p", "backwards", "-n2"), ("--reruns=1",)])
def test_however_it_is_run_the_results_are_the_same(people: Project, arguments: tuple[str, ...]) -> None:
    """Workers, another order and reruns change nothing in results.json but the time."""
    people.pytester.makepyfile(backwards="def pytest_collection_modifyitems(items):\n    items.reverse()")
    people.record("lose 6")
    suites = []
    for given in ((), arguments):
        people.run("--llm-extract-json=out.json", *given)
        suites.append(json.loads((people.pytester.path / "out.json").read_text())["suites"])
    assert suites[0] == suites[1]


def test_shards_of_different_runs_do_not_merge(people: Project) -> None:
    """Different golden data, or a case scored in two ways, is an error that names file and case."""
    people.run("--llm-extract-json=a.json")
    people.record("lose 6")
    people.run("--llm-extract-json=b.json")
    run = people.pytester.run(LLM_EXTRACT, "merge", "a.json", "b.json")
    assert run.ret == 2
    run.stderr.fnmatch_lines(["llm-extract: b.json: *case 'p00' has another result than in an earlier shard"])
    people.write_gold(dict.fromkeys(people.ids[1:], "Bergen"))
    people.run("--llm-extract-json=c.json")
    run = people.pytester.run(LLM_EXTRACT, "merge", "a.json", "c.json")
    run.stderr.fnmatch_lines(["llm-extract: c.json: is a shard of another run: * differs in dataset_ids*"])


def test_diff_of_results_baselines_and_revisions(people: Project) -> None:
    """The same loss, whichever way it is asked for."""
    people.git("init", "-q", "-b", "main")
    people.git("add", "-A")
    people.git("commit", "-qm", "base")
    old = people.baseline.read_text()
    people.run("--llm-extract-json=a.json")
    people.record("lose 6", "--llm-extract-accept")
    people.git("add", "-A")
    people.git("commit", "-qm", "worse")
    people.run("--llm-extract-json=b.json")
    people.pytester.makefile(".jsonl", old=old)
    for sides in (("a.json", "b.json"), ("old.jsonl", str(people.baseline)), ("git:HEAD~1", "git:HEAD")):
        run = people.pytester.run(LLM_EXTRACT, "diff", *sides)
        assert run.ret == 1, sides
        run.stdout.fnmatch_lines(["test_items.py::test_items (read)", " town * 6 * LOST", "gate: fail"])
        values = "Bergen: Bergen → Atlantis" if sides[0] == "a.json" else "correct → wrong"  # baselines hold outcomes
        run.stdout.fnmatch_lines([f"  lost   p00 * town * {values}"])
    assert people.pytester.run(LLM_EXTRACT, "diff", "a.json", "a.json").ret == 0
    people.baseline.write_bytes(b"\xff")
    people.git("commit", "-qam", "no text")
    broken = people.pytester.run(LLM_EXTRACT, "diff", "git:HEAD", "git:HEAD")
    assert broken.ret == 2
    broken.stderr.fnmatch_lines(["llm-extract: git:HEAD: *baseline.jsonl is not UTF-8"])
    wrong = people.pytester.run(LLM_EXTRACT, "diff", "a.json", "gold.jsonl")
    assert wrong.ret == 2
    wrong.stderr.fnmatch_lines(["llm-extract: gold.jsonl: is no baseline of pytest-llm-extract*"])


def test_diff_of_baselines_keeps_groups_together(people: Project) -> None:
    """Six lost cases of one scan are one piece of evidence, as in the run that accepted them."""
    gold = people.pytester.path / "gold.jsonl"
    rows = [json.loads(line) for line in gold.read_text().splitlines()]
    gold.write_text("\n".join(json.dumps({**row, **({"group": "scan"} if row["id"] < "p06" else {})}) for row in rows))
    people.run("--llm-extract-accept").assert_outcomes(passed=13)
    old = people.baseline.read_text()
    header, *cases = old.splitlines()
    assert [json.loads(line).get("group") for line in cases] == ["scan"] * 6 + [None] * 6
    lost = '"town": {"wrong": 1}'
    new = "\n".join([header, *(line.replace('"town": {"correct": 1}', lost) for line in cases[:6]), *cases[6:]])
    without = new.replace('"group": "scan", ', "")
    people.pytester.makefile(".jsonl", old=old, new=new, without=without)
    assert people.pytester.run(LLM_EXTRACT, "diff", "old.jsonl", "new.jsonl").ret == 0
    assert people.pytester.run(LLM_EXTRACT, "diff", "old.jsonl", "without.jsonl").ret == 1


def test_diff_of_a_partial_run_compares_what_both_ran(people: Project) -> None:
    """Cases that were not run are neither gone nor new; those that golden data lost are."""
    people.run("--llm-extract-json=all.json")
    people.run("--llm-extract-case=p0[0-4]", "--llm-extract-json=part.json")
    people.run("--llm-extract-case=p1*", "--llm-extract-json=other.json")
    for sides in (("all.json", "part.json"), ("part.json", "all.json")):
        run = people.pytester.run(LLM_EXTRACT, "diff", *sides)
        assert run.ret == 0
        run.stdout.fnmatch_lines(["part.json is a partial run: 5 of 12 cases", "*, 5 cases paired: no case lost, *"])
        assert "gone" not in run.stdout.str()
        assert "new since" not in run.stdout.str()
    run = people.pytester.run(LLM_EXTRACT, "diff", "part.json", "other.json")
    assert run.ret == 2
    run.stderr.fnmatch_lines(["llm-extract: other.json: has no case of *test_items in common with part.json"])
    people.write_gold(dict.fromkeys(people.ids[1:], "Bergen"))
    people.run("--llm-extract-case=p0[0-4]", "--llm-extract-json=part.json")
    run = people.pytester.run(LLM_EXTRACT, "diff", "all.json", "part.json")
    assert run.ret == 1
    run.stdout.fnmatch_lines(["  1 case of the baseline gone from golden data (p00): *"])


@WORKERS
def test_a_refused_acceptance_fails_the_gate(people: Project, workers: str) -> None:
    """Nothing was accepted, so nothing is forgiven either."""
    people.record("lose 11")
    module = people.pytester.path / "test_items.py"
    body = "    if extraction.case.id == 'p11':\n        pytest.skip('later')"
    module.write_text(module.read_text().replace("    pass", body))
    before = people.baseline.read_bytes()
    run = people.run("--llm-extract-accept", f"-n{workers}")
    run.assert_outcomes(passed=11, skipped=1, failed=1)
    run.stdout.fnmatch_lines(["not accepted: *1 of 12 cases have no answer (p11)", "town: lost 12 cases *"])
    assert people.baseline.read_bytes() == before


def test_an_accepted_anchor_leaves_the_baseline_in_force(people: Project) -> None:
    """Only what was replaced is no longer compared with."""
    run = people.record("lose 11", "--llm-extract-accept=anchor")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["town: lost 11 cases *against the baseline*"])


@WORKERS
def test_a_skipped_suite_with_a_baseline_has_lost_its_answers(people: Project, workers: str) -> None:
    """One skipped case counts as lost; so do all of them."""
    people.write_module("read", "@pytest.mark.skip(reason='later')")
    run = people.run(f"-n{workers}")
    run.assert_outcomes(skipped=12, failed=1)
    run.stdout.fnmatch_lines(["no case has an answer"])


def test_a_skipped_suite_is_not_complete(people: Project) -> None:
    """Without a baseline it is left out, unless the run is required to be complete."""
    shutil.rmtree(people.pytester.path / "cassettes")
    people.write_module("read", "@pytest.mark.skip(reason='later')")
    people.run().assert_outcomes(skipped=13)
    run = people.run("--llm-extract-require-complete")
    run.assert_outcomes(skipped=12, failed=1)
    run.stdout.fnmatch_lines(["every case was skipped, and the run is required to be complete"])


def test_labels_that_vanish_fail_the_gate(people: Project) -> None:
    """A field that no case labels any more hides whatever happens to it."""
    gold = people.pytester.path / "gold.jsonl"
    gold.write_text(gold.read_text().replace(', "town": "Bergen"', ""))
    run = people.record("lose 12")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["fields of the baseline that no case labels any more (town): put back, or accept *"])
    people.run("--llm-extract-accept").assert_outcomes(passed=13)
    people.run().assert_outcomes(passed=13)


@WORKERS
def test_labels_that_vanish_in_some_cases_are_told(people: Project, workers: str) -> None:
    """Taking the label out of just the cases that were lost passes, but not without a word."""
    gold = people.pytester.path / "gold.jsonl"
    rows = [json.loads(line) for line in gold.read_text().splitlines()]
    for row in rows[:6]:
        del row["expected"]["town"]
    gold.write_text("\n".join(map(json.dumps, rows)))
    people.record("lose 6")
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        [
            "note: gold changed in 6 cases",
            "note: town is no longer labelled in 6 cases of the baseline (p00, p01, p02, p03, p04, …)",
            "gate: pass",
        ]
    )
    people.run("--llm-extract-accept")
    people.run(f"-n{workers}").stdout.no_fnmatch_line("*no longer labelled*")


def test_waiving_every_case_leaves_nothing_to_compare(people: Project) -> None:
    """Which is no proof of anything."""
    waivers = ", ".join(f"Waiver(reason='x', expires='2999-01-01', case='{case}')" for case in people.ids)
    people.record("lose 12", marker=f"@pytest.mark.llm_gate(waive=[{waivers}])")
    run = people.run("-o", "llm_extract_inconclusive=fail")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["inconclusive: 0 paired cases are too few to tell a regression from noise"])


def test_a_part_of_the_cases_accepts_no_field(people: Project) -> None:
    """A field that is gone from the schema is accepted by a whole run alone."""
    module = people.pytester.path / "test_items.py"
    gold = people.pytester.path / "gold.jsonl"
    gold.write_text(gold.read_text().replace(', "town": "Bergen"', ""))
    module.write_text(module.read_text().replace("    town: str | None = None\n", ""))
    people.run("-k", "p00", "--llm-extract-accept")
    run = people.run()
    run.stdout.fnmatch_lines(["fields of the baseline gone from the schema (town): *"])
    run.assert_outcomes(passed=12, failed=1)


@pytest.mark.parametrize(
    "field",
    [
        "Field(None, serialization_alias='city')",
        "Field(None, exclude=True)",
        "Field(None, alias='city', validation_alias='town')",
    ],
)
def test_an_accepted_answer_is_read_as_it_was(people: Project, field: str) -> None:
    """However a model writes itself, its baseline holds what was scored."""
    module = people.pytester.path / "test_items.py"
    declared = "    town: str | None = None\n"
    text = module.read_text().replace(declared, declared.replace("= None", f"= {field}"))
    text = text.replace("import BaseModel", "import BaseModel, Field")
    module.write_text(text)
    people.run("--llm-extract-accept").assert_outcomes(passed=13)
    module.write_text(text.replace('"read"', '"lose 12"'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "loopback-only")
        patch.setenv("OPENAI_BASE_URL", people.base_url)
        run = people.run("--llm-record")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["town: lost 12 cases and gained 0 against the baseline *"])


def test_an_answer_that_cannot_be_written_is_not_accepted(people: Project) -> None:
    """A type whose text says something else than its value."""
    module = people.pytester.path / "test_items.py"
    text = module.read_text().replace("    town: str | None", "    town: Annotated[str | None, PlainSerializer(len)]")
    imports = "import BaseModel, PlainSerializer\nfrom typing import Annotated"
    module.write_text(text.replace("import BaseModel", imports))
    people.run().assert_outcomes(passed=13)
    before = people.baseline.read_bytes()
    run = people.run("--llm-extract-accept")
    run.assert_outcomes(failed=13)
    run.stdout.fnmatch_lines(
        ["not accepted: town is another value once *", "not accepted: *12 of 12 cases have no answer *"]
    )
    assert people.baseline.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "gone"), [((".",), 1), (("test_other.py",), 0), (("test_other.py::test_other",), 0)], ids=str
)
def test_a_suite_is_gone_from_the_folder_that_was_asked_for(
    people: Project, arguments: tuple[str, ...], gone: int
) -> None:
    """A folder is looked through whole; a file says nothing of its neighbours."""
    people.pytester.path.joinpath("test_items.py").unlink()
    people.pytester.makepyfile(test_other="def test_other(): pass")
    people.run(*arguments).assert_outcomes(passed=1, failed=gone)


@WORKERS
def test_a_baseline_that_moved_with_its_suite_is_in_use(people: Project, workers: str) -> None:
    """It names the old suite until the next acceptance, and is nothing that anybody should delete."""
    rename_suite(people)
    moved = "cassettes/test_items/test_people/baseline.jsonl"
    for arguments in ((), (f"--llm-extract-baseline={moved}",)):
        run = people.run(f"-n{workers}", *arguments)
        run.assert_outcomes(passed=13)
        run.stdout.fnmatch_lines([f"against the baseline (*{moved}), 12 cases paired: *"])


@WORKERS
@pytest.mark.parametrize(
    ("arguments", "passed", "reason"),
    [
        (("-k", "test_other"), 1, "the suite did not run, and the run is required to be complete"),
        (("test_items.py::test_other",), 1, "the suite did not run, and the run is required to be complete"),
        (("test_items.py", "--deselect=test_items.py::test_items"), 1, "the suite did not run, and *"),
        (("test_other.py",), 1, None),
        ((".",), 14, None),
    ],
    ids=str,
)
def test_a_suite_that_was_not_selected_is_not_gone(
    people: Project, workers: str, arguments: tuple[str, ...], passed: int, reason: str | None
) -> None:
    """A run that is required to be complete fails for it, and says nothing of its baseline."""
    other = "def test_other(): pass"
    if "test_other.py" in arguments:
        people.pytester.makepyfile(test_other=other)
    else:
        module = people.pytester.path / "test_items.py"
        module.write_text(f"{module.read_text()}\n{other}\n")
    run = people.run(f"-n{workers}", "--llm-extract-require-complete", *arguments)
    assert run.ret == (pytest.ExitCode.TESTS_FAILED if reason else 0)
    assert run.parseoutcomes()["passed"] == passed
    if reason:
        run.stdout.fnmatch_lines([reason])


@WORKERS
@pytest.mark.parametrize("flag", ["--setup-only", "--setup-plan"])
def test_a_run_that_only_sets_up_gates_nothing(people: Project, workers: str, flag: str) -> None:
    """No test was called, so no suite is missed."""
    run = people.run(f"-n{workers}", flag)
    assert run.ret == 0
    assert "::gate" not in run.stdout.str()


@pytest.mark.parametrize("argument", ["..", "../../linked/tests", "./../tests", "../tests/"])
def test_a_suite_is_gone_however_its_folder_is_written(
    people: Project, argument: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a subfolder, through a link, with dots."""
    root, linked = people.pytester.path / "root", people.pytester.path / "linked"
    tests = root / "tests"
    tests.mkdir(parents=True)
    linked.symlink_to(root)
    folder = root / "cassettes/tests/test_items/test_items"
    folder.mkdir(parents=True)
    header, *rows = people.baseline.read_text().splitlines()
    moved = header.replace("test_items.py::", "tests/test_items.py::")
    folder.joinpath("baseline.jsonl").write_text("\n".join([moved, *rows]))
    tests.joinpath("test_other.py").write_text("def test_other(): pass")
    root.joinpath("pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(tests)
    run = people.run(argument, f"--rootdir={root}", f"-c{root / 'pytest.ini'}")
    run.assert_outcomes(passed=1, failed=1)
    run.stdout.fnmatch_lines(["suite gone, but its baseline is there: put the suite back, or delete *"])


@WORKERS
def test_a_suite_that_a_conftest_deselects_is_not_gone(people: Project, workers: str) -> None:
    """As it does for slow tests, say."""
    people.pytester.makepyfile(test_other="def test_other(): pass")
    people.pytester.makeconftest("""
        def pytest_collection_modifyitems(config, items):
            left_out = [item for item in items if item.get_closest_marker("llm_extract")]
            items[:] = [item for item in items if item not in left_out]
            config.hook.pytest_deselected(items=left_out)
    """)
    run = people.run(f"-n{workers}")
    assert run.ret == 0
    run.assert_outcomes(passed=1, deselected=12 if workers == "0" else 0)


@WORKERS
@pytest.mark.parametrize("option", [(), ("--continue-on-collection-errors",)], ids=str)
def test_a_suite_that_cannot_be_collected_is_not_gone(people: Project, workers: str, option: tuple[str, ...]) -> None:
    """One mistake, one line."""
    people.write_module("read", "@pytest.mark.llm_accuracy(nme=1.0)")
    run = people.run(f"-n{workers}", *option)
    run.assert_outcomes(errors=1)
    assert "suite gone" not in run.stdout.str()


@WORKERS
def test_a_baseline_of_a_suite_that_did_not_run_fails(people: Project, workers: str) -> None:
    """A gate that passes without the comparison that was asked for would be a silent green."""
    header, *rows = people.baseline.read_text().splitlines()
    other = people.pytester.path / "old" / "other.jsonl"
    other.parent.mkdir()
    other.write_text("\n".join([header.replace("::test_items", "::test_other"), *rows]))
    run = people.run(f"-n{workers}", "--llm-extract-baseline=old/other.jsonl")
    run.assert_outcomes(passed=13, failed=1)
    run.stdout.fnmatch_lines(
        [
            "old/other.jsonl is the baseline of test_items.py::test_other, of which no case ran, and nothing was "
            "compared with it: run that suite, name the baseline of one that runs (test_items.py::test_items), or "
            "leave --llm-extract-baseline out",
            "FAILED test_items.py::test_other::gate - *",
        ]
    )
    people.run(f"-n{workers}", "-k", "p03", "--llm-extract-baseline=old/other.jsonl").assert_outcomes(passed=1)
    other.write_text(people.baseline.read_text())
    run = people.run(f"-n{workers}", "--llm-extract-baseline=old/other.jsonl")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(["against the baseline (*old/other.jsonl), 12 cases paired: *"])


def test_a_baseline_is_for_its_own_suite_among_others(people: Project) -> None:
    """The others are compared with their own; a run without any suite has nothing to compare."""
    module = people.pytester.path / "test_items.py"
    second = module.read_text().rpartition("@pytest.mark.llm_extract")
    module.write_text(module.read_text() + "\n" + "".join(second[1:]).replace("test_items", "test_second"))
    folder = people.pytester.path / "cassettes/test_items"
    shutil.copytree(folder / "test_items" / "read", folder / "test_second" / "read")
    arguments = f"--llm-extract-baseline={FOLDER}/baseline.jsonl"
    people.run(arguments).assert_outcomes(passed=26)
    run = people.run("test_items.py::test_second", arguments)
    run.assert_outcomes(passed=13, failed=1)
    run.stdout.fnmatch_lines([f"{FOLDER}/baseline.jsonl is the baseline of *"])
    people.pytester.makepyfile(test_unit="def test_unit(): pass")
    people.run("test_unit.py", arguments).assert_outcomes(passed=1)
    people.pytester.makeini(f"[pytest]\nllm_extract_baseline = {FOLDER}/baseline.jsonl")
    people.run("test_items.py::test_second").assert_outcomes(passed=13)
