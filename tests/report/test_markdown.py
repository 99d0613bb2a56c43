"""The Markdown report: what a reviewer reads on a pull request."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commands import LLM_EXTRACT
from gate_cases import case, suite

from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.report.markdown import MAX_LENGTH, code, markdown
from pytest_llm_extract.results.accepted import Accepted
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Leaf, Outcome, Status, count_leaves
from pytest_llm_extract.results.suite_result import AcceptedRun, SuiteResult
from pytest_llm_extract.rules.limits import Floor

HOSTILE = "`x` | @team <img src=x onerror=alert(1)> [a](http://e.x) \x1b]52;c;eA==\x07 \u202e ```\n# gate: pass"


def lost_suite(n: int, value: str = "ACME", name: str = "name") -> SuiteResult:
    """A suite that lost all of its cases against the baseline."""
    right, wrong = Leaf(Outcome.CORRECT, value, value), Leaf(Outcome.WRONG, value, f"{value}?")
    before = Accepted({name: (right,)}, count_leaves({name: (right,)}), case(0, None, "name:c").origin)
    cases = tuple(
        CaseResult(Status.OK, {name: (wrong,)}, True, f"{value} {i}" if i else value, baseline=before) for i in range(n)
    )
    found = suite(list(cases))
    return found._replace(paths=(name,), baseline=AcceptedRun("baseline.jsonl", (name,)))


def render(found: SuiteResult) -> str:
    """The report of one suite."""
    return markdown([(found, decide(found))], [])


def test_verdict_comes_first_and_lost_cases_say_what_changed() -> None:
    """A marker for whoever updates a comment, the verdict, its reasons, then expected, before and now."""
    text = render(lost_suite(12))
    lines = text.splitlines()
    assert lines[0] == "<!-- llm-extract: test_x.py::test_x -->"
    assert lines[1] == "### `test_x.py::test_x`: ❌ fail"
    assert "name: lost 12 cases and gained 0 against the baseline" in lines[3]
    assert "| `name` | `ACME` | `ACME` | `ACME` | `ACME?` |" in lines


def test_table_says_what_the_gate_decided_and_no_more() -> None:
    """A field that lost cases fails without a floor too; columns and changes without a value are left out."""
    cases = [case(i, "name:c town:c", "name:w town:c") for i in range(12)]
    lines = render(suite(cases)).splitlines()
    assert "documents: 12/12 valid, 0/12 exact" in lines
    assert "| field | right | accuracy | 95% interval | verdict | change | p_adj |" in lines
    assert "| `name` | 0/12 | 0% | 0.0–24.2 | fail | −12 +0 | 0.000244 |" in lines
    assert "| `town` | 12/12 | 100% | 75.8–100.0 |  |  |  |" in lines
    part = suite(cases, floors={"name": Floor(accuracy=0.9)})._replace(dataset_ids=("c000", "another"))
    assert "| `name` | 0/12 | 0% | 0.0–24.2 | 90% |" in render(part)


def test_names_and_values_cannot_break_out() -> None:
    """Whatever comes from documents stands in code spans: it cannot ping, link, escape or forge a heading."""
    text = render(lost_suite(6, HOSTILE, HOSTILE))
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "@team" in text
    for sign in ("@", "<img", "](", "# gate"):
        assert sign not in outside, outside
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_large_report_is_cut_between_sections() -> None:
    """GitHub drops a comment of more than 65,536 characters: the report says what is left out."""
    text = markdown([(found, decide(found)) for found in [lost_suite(40, "x" * 60)] * 20], [])
    assert len(text) <= MAX_LENGTH
    assert "further sections left out for want of room" in text.splitlines()[-1]
    assert text.count("<details>") == text.count("</details>")
    assert text.count("❌ fail") == text.count("name: lost 40 cases and gained 0") == 20
    assert "40 cases paired" in text


def test_suites_that_fail_come_first() -> None:
    """However many others pass, nobody has to look for the red one, and it is not the one that is cut."""
    green = suite([case(i, "name:c", "name:c") for i in range(12)])
    many = [green._replace(id=f"test_x.py::test_{number}") for number in range(400)]
    text = markdown([(found, decide(found)) for found in (*many, lost_suite(12))], [])
    assert text.splitlines()[1] == "### `test_x.py::test_x`: ❌ fail"
    assert text.count("✅ pass") == 400
    assert len(text) <= MAX_LENGTH


@pytest.mark.parametrize("text", ["", "a", "`", "``a`", "a\nb", "x" * 500])
def test_code_span(text: str) -> None:
    """It opens and closes with more backticks than it holds, on one line."""
    found = code(text)
    assert "\n" not in found
    assert len(found) < 80
    if found:
        fence = re.match("`+", found)
        assert fence is not None
        assert found.endswith(fence[0])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_flag_command_and_job_summary_write_the_same(
    recorded: pytest.Pytester, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flag's file, what the command makes of results.json, and what a job of GitHub shows."""
    summary = Path(recorded.path, "summary.md")
    summary.write_text("of another step\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    arguments = ("--llm-extract-json=results.json", "--llm-extract-markdown=report.md", f"-n{workers}")
    recorded.runpytest_subprocess(*arguments).assert_outcomes(passed=5)
    text = (recorded.path / "report.md").read_text()
    assert text.startswith("<!-- llm-extract: test_items.py::test_items -->\n### `test_items.py::test_items`: ✅ pass")
    assert recorded.run(LLM_EXTRACT, "markdown", "results.json").outlines == text.splitlines()
    assert summary.read_text() == f"of another step\n{text}"


def test_a_report_that_cannot_be_written_is_one_line(recorded: pytest.Pytester) -> None:
    """The run says where and why of each, writes the others, and exits as for a usage error."""
    flags = ("--llm-extract-markdown=gold.jsonl/report.md", "--llm-extract-html=gold.jsonl/page.html")
    run = recorded.runpytest_subprocess("--llm-extract-codequality=quality.json", *flags)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stdout.fnmatch_lines_random(["*report.md*results not written*", "*page.html*results not written*"])
    assert (recorded.path / "quality.json").exists()
    recorded.runpytest_subprocess("--llm-extract-json=results.json")
    command = recorded.run(LLM_EXTRACT, "markdown", "results.json", "-o", "gold.jsonl/report.md")
    assert command.ret == pytest.ExitCode.INTERRUPTED
    command.stderr.fnmatch_lines(["*report.md*results not written*"])
