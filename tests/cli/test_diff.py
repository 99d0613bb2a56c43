"""`llm-extract diff`: two results, baselines or revisions side by side."""

from __future__ import annotations

import json

import pytest
from commands import LLM_EXTRACT
from people import Project


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
        run.stdout.fnmatch_lines(["  lost   p00 * town * Bergen: Bergen → Atlantis"])
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
