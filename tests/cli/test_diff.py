"""`llm-extract diff`: two results, baselines or revisions side by side, also of answers that nobody accepted."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from commands import LLM_EXTRACT, llm_extract
from people import Project, rename_suite
from recorded import record
from repository import commit, git
from standin import StandIn


@pytest.mark.slow
def test_diff_of_results_baselines_and_revisions(people: Project) -> None:
    """The same loss, whichever way it is asked for."""
    people.commit("base")
    old = people.baseline.read_text()
    people.run("--llm-extract-json=a.json")
    people.record("lose 6", "--llm-extract-accept")
    people.commit("worse")
    people.run("--llm-extract-json=b.json")
    people.pytester.makefile(".jsonl", old=old)
    for sides in (("a.json", "b.json"), ("old.jsonl", str(people.baseline)), ("git:HEAD~1", "git:HEAD")):
        run = people.pytester.run(LLM_EXTRACT, "diff", *sides)
        assert run.ret == 1, sides
        run.stdout.fnmatch_lines(["test_items.py::test_items (read)", "gate: fail", " town * 6 * LOST"])
        run.stdout.fnmatch_lines(["  lost   p00 * town * Bergen → Atlantis"])
    assert people.pytester.run(LLM_EXTRACT, "diff", "a.json", "a.json").ret == 0
    people.record("lose 9")
    people.git("commit", "-qam", "recorded, not accepted")
    refused = people.pytester.run(LLM_EXTRACT, "diff", "git:HEAD~1", "git:HEAD")
    assert (refused.ret, refused.outlines) == (2, [])
    refused.stderr.fnmatch_lines(
        [
            "not compared: *test_items: in git:HEAD * the cassettes of 12 cases * hold answers that nobody accepted, "
            "and cassettes alone do not say what its extractor makes of them: accept them in that revision, or *"
        ]
    )
    people.baseline.write_bytes(b"\xff")
    people.git("commit", "-qam", "no text")
    broken = people.pytester.run(LLM_EXTRACT, "diff", "git:HEAD", "git:HEAD")
    assert broken.ret == 2
    broken.stderr.fnmatch_lines(["llm-extract: git:HEAD: *baseline.jsonl is not UTF-8"])
    wrong = people.pytester.run(LLM_EXTRACT, "diff", "a.json", "gold.jsonl")
    assert wrong.ret == 2
    wrong.stderr.fnmatch_lines(["llm-extract: gold.jsonl: is not a baseline of pytest-llm-extract*"])


def test_a_suite_that_moved_is_compared_under_both_names(people: Project) -> None:
    """Its baseline continues that of the earlier name, in the later of two revisions."""
    people.commit("base")
    rename_suite(people)
    people.run("--llm-extract-accept").assert_outcomes(passed=13)
    people.commit("renamed")
    done = llm_extract("diff", "git:HEAD~1", "git:HEAD", cwd=people.pytester.path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "test_items.py::test_items moved to test_items.py::test_people",
        "test_items.py::test_people (read)",
    ]
    assert any(line.endswith("12 cases paired: no case lost, none gained") for line in lines)


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
    without = old.replace('"group": "scan", ', "")
    people.pytester.makefile(".jsonl", old=old, new=new, without=without)
    assert people.pytester.run(LLM_EXTRACT, "diff", "old.jsonl", "new.jsonl").ret == 0
    assert people.pytester.run(LLM_EXTRACT, "diff", "without.jsonl", "new.jsonl").ret == 1


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


SUITE = """
import pytest
from pydantic import BaseModel

class Person(BaseModel):
    name: str
    town: str | None = None

@pytest.mark.llm_extract(schema=Person, prompt="people.md", cases="gold.jsonl", model="m")
def test_people(extraction): ...
"""
IDS = [f"p{n}" for n in range(10)]


def answer(body: dict[str, Any]) -> str | dict[str, Any]:
    """`name town`; without a careful prompt six towns are wrong, and the last answers are none."""
    prompt, document = (message["content"] for message in body["messages"])
    name, town = document.split()
    n = int(name[1:])
    if n >= 8:
        said = {"content": None, "refusal": "no"} if n == 8 else {"content": '{"name": "p'}
        choice = {"index": 0, "finish_reason": "stop" if n == 8 else "length", "message": said | {"role": "assistant"}}
        return {"id": "x", "object": "chat.completion", "created": 1, "model": "m-standin", "choices": [choice]}
    return json.dumps({"name": name, "town": town if "careful" in prompt or n >= 6 else "Atlantis"})


@pytest.fixture
def branch(bare: pytest.Pytester) -> pytest.Pytester:
    """Two commits with the answers to a careful and to a careless prompt, none accepted."""
    rows = [{"id": case, "input": f"{case} Bergen", "expected": {"name": case, "town": "Bergen"}} for case in IDS]
    bare.path.joinpath("gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    bare.makepyfile(test_people=SUITE)
    with StandIn(answer) as provider:
        for prompt in ("Be careful.", "Read."):
            bare.path.joinpath("people.md").write_text(prompt)
            record(bare, provider)
            commit(bare.path, prompt)
    return bare


def test_answers_that_nobody_accepted_are_compared(branch: pytest.Pytester) -> None:
    """Worse answers fail, in whichever direction is asked; the code of a revision is never run."""
    module = branch.path / "test_people.py"
    module.write_text("raise SystemExit('this ran')\n")
    commit(branch.path, "code that must not run")
    module.write_text(SUITE)
    worse = branch.run(LLM_EXTRACT, "diff", "git:HEAD~2", "git:HEAD")
    assert (worse.ret, worse.errlines) == (1, [])
    worse.stdout.fnmatch_lines(
        [
            "test_people.py::test_people (people)",
            "answers of the cassettes of both, scored by the schema and golden data of the work tree",
            "gate: fail",
            "documents: 8/10 valid, 2/10 exact (1 refused, 1 truncated)",
            " town * 6 * LOST",
            "  lost   p0 * town * Bergen → Atlantis",
            "note: changed since the baseline: system prompt (10 cases)",
        ]
    )
    better = branch.run(LLM_EXTRACT, "diff", "git:HEAD", "git:HEAD~2")
    assert better.ret == 0
    better.stdout.fnmatch_lines(["gate: pass", "  gained p0 * town * Atlantis → Bergen"])


def test_suite_that_nobody_accepted_is_compared_beside_others(branch: pytest.Pytester) -> None:
    """An accepted suite that did not change hides no other one."""
    branch.path.joinpath("same.md").write_text("Same.")
    module = SUITE.replace("test_people", "test_same").replace("people.md", "same.md")
    branch.path.joinpath("test_same.py").write_text(module)
    git(branch.path, "checkout", "-q", "HEAD~1", "--", "cassettes", "people.md")
    with StandIn(answer) as provider:
        record(branch, provider, "test_same.py", "--llm-extract-accept")
    commit(branch.path, "careful, and another suite that is accepted")
    git(branch.path, "checkout", "-q", "HEAD~1", "--", "cassettes/test_people", "people.md")
    commit(branch.path, "careless")
    run = branch.run(LLM_EXTRACT, "diff", "git:HEAD~1", "git:HEAD")
    assert (run.ret, run.errlines) == (1, [])
    run.stdout.fnmatch_lines(["test_same.py::test_same (same)", "gate: pass"])
    run.stdout.fnmatch_lines(["test_people.py::test_people (people)", "answers of the cassettes*", "gate: fail"])
    assert branch.run(LLM_EXTRACT, "diff", "git:HEAD", "git:HEAD").ret == 0


def test_what_one_revision_lacks_is_not_called_equal(branch: pytest.Pytester) -> None:
    """A cassette that went, and a document that changed since, are named, and the exit status is 2."""
    gold = branch.path / "gold.jsonl"
    next(branch.path.glob("cassettes/**/p7-*.yaml")).unlink()
    commit(branch.path, "without p7")
    gold.write_text(gold.read_text().replace("p6 Bergen", "p6 Oslo"))
    run = branch.run(LLM_EXTRACT, "diff", "git:HEAD~1", "git:HEAD")
    assert run.ret == 2
    run.stdout.fnmatch_lines(["*, 8 cases paired: no case lost, none gained"])
    said = "\n".join(run.errlines)
    assert "git:HEAD" in said
    assert "has no cassette of 1 case (p7)" in said
    assert said.count("answers another document than golden data has today in 1 case (p6)") == 2


def test_cassette_that_was_edited_holds_no_answer(branch: pytest.Pytester) -> None:
    """It is named with its revision, and nothing is compared. Neither is it where no suite is."""
    cassette = next(branch.path.glob("cassettes/**/p0-*.yaml"))
    cassette.write_text(cassette.read_text().replace("Atlantis", "Bergen"))
    commit(branch.path, "edited")
    run = branch.run(LLM_EXTRACT, "diff", "git:HEAD~1", "git:HEAD")
    assert (run.ret, run.outlines) == (2, [])
    run.stderr.fnmatch_lines(["llm-extract: git:HEAD (*):cassettes/*p0-*.yaml: is damaged or was edited by hand"])
    command = [LLM_EXTRACT, "diff", "git:HEAD~1", "git:HEAD"]
    elsewhere = subprocess.run(command, cwd=cassette.parent, capture_output=True, text=True, check=False)
    assert (elsewhere.returncode, elsewhere.stdout) == (2, "")
    assert "has no baseline.jsonl below cassettes, and pytest collects no suite here" in elsewhere.stderr
