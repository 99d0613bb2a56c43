"""A run against its baseline: what passes, what fails, with which reasons."""

from __future__ import annotations

import json

import pytest
from people import FOLDER, Project

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


@WORKERS
def test_unchanged_run_passes(people: Project, workers: str) -> None:
    """Nothing lost, nothing gained, and what could be seen at all is said."""
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(
        [
            "gate: pass",
            f"against the baseline ({FOLDER}/baseline.jsonl), 12 cases paired: no case lost, none gained",
            "note: no request changed since the baseline",
            "*of 12 cases, one field alone fails if it loses 5 and gains none*",
        ]
    )


@pytest.mark.parametrize(("prompt", "letter"), [("read", r"\."), ("lose 6", "F")])
def test_a_gate_is_part_of_the_progress(people: Project, prompt: str, letter: str) -> None:
    """Its letter stands on the line of its module, before the hundred per cent."""
    people.record(prompt)
    people.run().stdout.re_match_lines([rf"test_items\.py [.~]{{12}}{letter} +\[100%\]$"])


@WORKERS
def test_regression_fails_with_cause_and_cases(people: Project, workers: str) -> None:
    """Six towns lost are no noise: the field, its cases and the changed prompt are named."""
    people.record("lose 6")
    run = people.run(f"-n{workers}", "--llm-extract-json=out.json")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(
        [
            '1 reason: see "llm-extract: test_items.py::test_items (read)" below',
            "gate: fail",
            "  town: lost 6 cases and gained 0 against the baseline (p_adj *): p00, p01, p02, p03, p04, …",
            " town * 6 * 0 * LOST",
            "  lost   p00 * town * Bergen → Atlantis",
            "note: changed since the baseline: system prompt (12 cases)",
            "next: change the prompt, and record again: pytest test_items.py::test_items --llm-record",
            "next: if the loss is intended: pytest test_items.py::test_items --llm-extract-accept (docs/*.md of *)",
        ]
    )
    field = json.loads((people.pytester.path / "out.json").read_text())["suites"][0]["fields"]["town"]["baseline"]
    assert field["lost"] == people.ids[:6]
    assert field["p"] == pytest.approx(1 / 64)


@WORKERS
@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("lambda gold, found: abs(len(gold) - len(found))", "*must return True or False for two values, got 0*"),
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
    run.stdout.fnmatch_lines([words, "gate: fail", " town * 12 * 0 * LOST"])


@WORKERS
def test_few_lost_cases_are_inconclusive(people: Project, workers: str) -> None:
    """Three lost of twelve may be noise: the gate says so and passes, or fails where that is wished."""
    people.record("lose 3")
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=13)
    run.stdout.fnmatch_lines(["gate: inconclusive", "  town: lost 3, gained 0, p_adj *; about * cases would decide*"])
    people.pytester.makeini("[pytest]\nllm_extract_inconclusive = fail")
    people.run(f"-n{workers}").assert_outcomes(passed=12, failed=1)


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
        ["note: 1 case new: counted in floors, not compared until accepted: p99"]
    )
    before = people.baseline.read_text().splitlines()
    people.run("-k", "p99 or p03", "--llm-extract-accept").stdout.fnmatch_lines(
        ["accepted: 13 cases in *", "  1 of the 2 cases of this run were accepted: *"]
    )
    after = people.baseline.read_text().splitlines()
    assert after[1:-1] == before[1:]
    assert json.loads(after[-1])["id"] == "p99"


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
    expired.stdout.fnmatch_lines(["  the waiver of field 'town' (R-7) expired on 2020-01-31: remove it, or renew it"])


def test_waiving_every_case_leaves_nothing_to_compare(people: Project) -> None:
    """Which is no proof of anything."""
    waivers = ", ".join(f"Waiver(reason='x', expires='2999-01-01', case='{case}')" for case in people.ids)
    people.record("lose 12", marker=f"@pytest.mark.llm_gate(waive=[{waivers}])")
    run = people.run("-o", "llm_extract_inconclusive=fail")
    run.assert_outcomes(passed=12, failed=1)
    run.stdout.fnmatch_lines(["inconclusive: 0 paired cases are too few to tell a regression from noise"])
