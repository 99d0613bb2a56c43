"""What CI services show beside the code: annotations of GitHub, Code Quality of GitLab, JUnit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from commands import LLM_EXTRACT
from html_report import HOSTILE, RUN, value_suite

from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.report.annotations import annotation_lines
from pytest_llm_extract.report.code_quality import code_quality
from pytest_llm_extract.report.run_results import Results, run_results
from pytest_llm_extract.results.suite_result import SuiteResult


def results_of(*suites: SuiteResult) -> Results:
    """The results of these suites in the rootdir `/repo/sub`."""
    return run_results([(suite, decide(suite)) for suite in suites], [], Path("/repo/sub"), run=RUN)


def lost_suite(text: str = "") -> SuiteResult:
    """A suite whose gate fails, with a prompt file."""
    prompt = {"path": "p.yml", "file": "prompts/p.yml", "fingerprint": "1"}
    return value_suite(40, text=text)._replace(line=7, prompt=prompt)


def test_a_failed_gate_is_annotated_on_test_and_prompt() -> None:
    """The reasons at the test's markers, what was lost at its prompt, by paths of the checkout."""
    gate, lost = annotation_lines(results_of(lost_suite()), "/repo")
    assert gate.startswith(
        "::error file=sub/test_x.py,line=7,title=test_x.py%3A%3Atest_x%3A gate failed::total: lost 7"
    )
    assert lost.startswith("::error file=sub/prompts/p.yml,line=1,title=")
    assert lost.endswith("::total: lost 7 cases (case-0002, case-0007, case-0012, case-0022, case-0027, …)")


def test_a_passing_gate_is_not_annotated() -> None:
    """Nothing is said where nothing is wrong."""
    assert annotation_lines(results_of(value_suite(2)._replace(baseline=None)), None) == []


def test_annotations_cannot_be_forged() -> None:
    """Names of others neither end a command nor begin another one."""
    lines = annotation_lines(results_of(lost_suite(f"a\n::error::b,c%0A{HOSTILE}")), None)
    for line in lines:
        assert line.splitlines() == [line]
        properties = line[len("::error ") :].split("::")[0]
        assert re.fullmatch(r"file=[^,:\n]*,line=\d+,title=[^,:\n]*", properties), properties


def test_at_most_ten_errors() -> None:
    """GitHub shows ten of a step: the last one says how many more there are."""
    lines = annotation_lines(results_of(*[lost_suite()._replace(id=f"test_{n}.py::test") for n in range(8)]), None)
    assert len(lines) == 10
    assert lines[-1] == "::error title=llm-extract::7 more: the output of pytest has them"


def issues_of(suite: SuiteResult) -> list[dict[str, Any]]:
    """The Code Quality report of a suite."""
    found: list[dict[str, Any]] = json.loads(code_quality(results_of(suite)))
    return found


def test_code_quality_has_an_issue_for_each_wrong_value() -> None:
    """The gate's reasons first; then each wrong field of each case, with the fields that GitLab asks for."""
    gate, *values = issues_of(lost_suite())
    assert gate["severity"] == "blocker"
    assert gate["location"] == {"path": "test_x.py", "lines": {"begin": 7}}
    assert len(values) == 13
    assert values[0]["description"] == "case-0002: total: wrong"
    assert len({issue["fingerprint"] for issue in values}) == 13


def test_an_issue_stays_the_same_when_lines_and_values_change() -> None:
    """The fingerprint leaves out line and value: a merge request shows only what is new."""
    before = issues_of(lost_suite())
    after = issues_of(lost_suite()._replace(line=99, cases=value_suite(40, ("vendor", "total")).cases[:39]))
    assert {issue["fingerprint"] for issue in after[1:]} <= {issue["fingerprint"] for issue in before}


def test_code_quality_has_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reasons stay, values beyond the cap are counted in an issue of their own."""
    monkeypatch.setattr("pytest_llm_extract.report.code_quality.MOST", 5)
    gate, *values, last = issues_of(lost_suite())
    assert (gate["severity"], len(values), last["severity"]) == ("blocker", 5, "info")
    assert last["description"] == "8 more wrong values are left out of this report, which has 5; results.json has all"


def test_github_gets_annotations_and_gitlab_its_file(
    recorded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a job of GitHub Actions, a failed gate prints its annotation on a line of its own."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(recorded.path.parent))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace("llm_accuracy(0.75)", "llm_accuracy(0.9)"))
    flags = ("--llm-extract-codequality=quality.json", "--junitxml=junit.xml", "--llm-extract-json=results.json")
    run = recorded.runpytest_subprocess(*flags)
    assert recorded.run(LLM_EXTRACT, "codequality", "results.json", "-o", "later.json").ret == 0
    assert (recorded.path / "later.json").read_text() == (recorded.path / "quality.json").read_text()
    line = 1 + module.read_text().splitlines().index('@pytest.mark.llm_extract(extractor=read, cases="gold.jsonl")')
    start = f"::error file={recorded.path.name}/test_items.py,line={line},"
    assert [text for text in run.outlines if text.startswith("::")] == [
        text for text in run.outlines if text.startswith(start)
    ]
    assert any(text.startswith(start) for text in run.outlines)
    assert [issue["check_name"] for issue in json.loads((recorded.path / "quality.json").read_text())] == [
        "llm-extract-gate",
        "llm-extract-value",
    ]
    check_junit(recorded.path / "junit.xml", n_cases=4)


def check_junit(path: Path, n_cases: int) -> None:
    """10,000 cases stay below GitLab's 250,000 XML objects, and below 30 MB."""
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    assert len(cases) == n_cases + 1
    objects = [
        1 + len(case.attrib) + sum(1 + len(one.attrib) for one in case.iter() if one is not case) for case in cases
    ]
    assert sum(objects[:n_cases]) * 10_000 / n_cases < 200_000
    assert sum(len(ElementTree.tostring(case)) for case in cases[:n_cases]) * 10_000 / n_cases < 30_000_000
