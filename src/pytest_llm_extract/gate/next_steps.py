"""What can be done about a verdict: every report offers the same steps."""

from __future__ import annotations

from pytest_llm_extract.gate.decide import Decision
from pytest_llm_extract.gate.floors import missed_floors
from pytest_llm_extract.results.outcome import Status, Verdict
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.wording import count_cases

_PAGE = "docs/intended-change.md of pytest-llm-extract"


def next_steps(suite: SuiteResult, decision: Decision, record_flag: str = "--llm-record") -> list[str]:
    """What to do after a failed gate; nothing after a gate that did not fail, or where cassettes are to be recorded."""
    unrecorded = any(sample.status in (Status.STALE, Status.MISSING) for sample in suite.samples)
    if decision.verdict is not Verdict.FAIL or unrecorded:
        return []
    n_errors = sum(any(sample.status is Status.ERROR for sample in case.samples) for case in suite.cases)
    if n_errors:
        return [f"fix what ended {count_cases(n_errors)} with an error: its values count as lost"]
    steps = [f"change the prompt, and record again: pytest {suite.id} {record_flag}"]
    if any(comparison.failed or comparison.fell for comparison in decision.comparisons):
        floors = "lower the floors that are missed, then " if missed_floors(decision.fields, suite.rules.floors) else ""
        steps.append(f"if the loss is intended: {floors}pytest {suite.id} --llm-extract-accept ({_PAGE})")
    return steps
