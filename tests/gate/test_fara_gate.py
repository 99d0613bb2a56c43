"""Real answers under five prompts: the gate's verdicts, lost and gained cases and p values as published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fara import FARA, PROMPTS, SUITE
from recorded import reachable
from standin import StandIn

pytestmark = pytest.mark.skipif(not FARA.is_dir(), reason="the FARA data is not beside this checkout")


class Filings:
    """The suite, recorded from a provider that answers as the prompt's name says."""

    def __init__(self, pytester: pytest.Pytester, base_url: str) -> None:
        self.pytester, self.base_url = pytester, base_url
        pytester.path.joinpath("cases.jsonl").write_bytes((FARA / "cases.jsonl").read_bytes())
        self.write_suite()

    def write_suite(self, arguments: str = "") -> None:
        suite = SUITE.replace('"zero_shot.md"', '"filing.md"').replace('model="gpt-4",', f'model="gpt-4", {arguments}')
        self.pytester.makepyfile(test_filings=f"from pytest_llm_extract import DateText\n{suite}")

    def record(self, prompt: str, *arguments: str) -> tuple[pytest.RunResult, dict[str, Any]]:
        """Record under a prompt; the run and its suite in results.json."""
        self.pytester.path.joinpath("filing.md").write_text(prompt)
        with reachable(self.base_url):
            run = self.pytester.runpytest_subprocess("--llm-record", "-q", "--llm-extract-json=out.json", *arguments)
        return run, self.results()

    def results(self) -> dict[str, Any]:
        suite: dict[str, Any] = json.loads((self.pytester.path / "out.json").read_text())["suites"][0]
        return suite


@pytest.fixture
def filings(bare: pytest.Pytester) -> Iterator[Filings]:
    """Zero-shot answers, accepted."""
    documents = {row["input"]: row["id"] for row in map(json.loads, (FARA / "cases.jsonl").open(encoding="utf-8"))}
    answers = {}
    for prompt in PROMPTS:
        for row in map(json.loads, (FARA / "outputs" / f"{prompt}.jsonl").open(encoding="utf-8")):
            answers[prompt, row["id"]] = json.dumps(row["output"])

    def answer(body: dict[str, Any]) -> str:
        prompt, document = (message["content"] for message in body["messages"])
        return answers[prompt, documents[document]]

    with StandIn(answer) as provider:
        found = Filings(bare, provider.base_url)
        run, _ = found.record("zero_shot", "--llm-extract-accept")
        run.assert_outcomes(passed=121)
        yield found


def facts(prompt: str) -> dict[str, Any]:
    """What is published of zero_shot against this prompt."""
    found: dict[str, Any] = json.loads((FARA / "facts.json").read_text())["paired"][f"zero_shot -> {prompt}"]
    return found


def check(suite: dict[str, Any], prompt: str) -> None:
    """Every published number of the comparison, to 1e-5."""
    published = facts(prompt)
    pooled, verdict = published.pop("pooled"), published.pop("verdict")
    for path, expected in published.items():
        change = suite["fields"][path]["baseline"]
        assert (len(change["lost"]), len(change["gained"])) == (expected["lost"], expected["gained"]), path
        for ours, theirs in (("p", "p_mcnemar_one_sided"), ("p_adj", "p_adj"), ("p_holm", "p_holm")):
            assert change[ours] == pytest.approx(expected[theirs], abs=1e-5), (path, ours)
    found = suite["pooled"]["baseline"]
    assert (found["p"], found["p_adj"]) == pytest.approx((pooled["p"], pooled["p_adj"]), abs=1e-5)
    if verdict == "fail":
        assert found["p_without_failed_fields"] == pytest.approx(pooled["p_without_failed_fields"], abs=1e-5)
    assert suite["verdict"] == verdict


@pytest.mark.slow
@pytest.mark.parametrize("prompt", ["one_shot", "five_shot", "chain_of_thought", "no_schema"])
def test_published_comparison_comes_out(filings: Filings, prompt: str) -> None:
    """Verdict, lost, gained and every p of zero_shot against another prompt, serially and on two workers."""
    run, suite = filings.record(prompt)
    failed = facts(prompt)["verdict"] == "fail"
    run.assert_outcomes(passed=120 if failed else 121, failed=int(failed))
    check(suite, prompt)
    if prompt == "five_shot":
        run.stdout.fnmatch_lines(["*hint: file_date: 51 of the 53 lost values match as dates: consider DateText(*"])
    filings.pytester.runpytest_subprocess("-q", "-n2", "--llm-extract-json=out.json")
    check(filings.results(), prompt)


@pytest.mark.slow
def test_dates_read_as_dates_lose_nothing(filings: Filings) -> None:
    """With DateText five_shot passes; the report says that the rules moved both sides."""
    filings.write_suite('compare={"file_date": DateText()},')
    run, suite = filings.record("five_shot")
    run.assert_outcomes(passed=121)
    assert suite["pooled"]["baseline"]["p"] == pytest.approx(0.667, abs=1e-3)
    run.stdout.fnmatch_lines(["note: scoring rules changed in 120 cases, which moved file_date from 45% to 68.33%*"])
