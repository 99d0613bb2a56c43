"""After a failed gate, what to do next fits what failed."""

from __future__ import annotations

from dataclasses import replace

from gate_cases import case, suite

from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.gate.next_steps import next_steps
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.results.suite_result import SuiteResult


def steps(found: SuiteResult) -> list[str]:
    """The first words of each step."""
    return [step.partition(",")[0].partition(":")[0] for step in next_steps(found, decide(found))]


def test_lost_values_are_recorded_again_or_accepted() -> None:
    """Errors go first, since no other prompt mends them; a pass needs nothing."""
    lost = [case(number, "town:c", "town:w") for number in range(9)]
    assert steps(suite(lost)) == ["change the prompt", "if the loss is intended"]
    broken = [replace(lost[0], status=Status.ERROR), *lost[1:]]
    assert steps(suite(broken)) == ["fix what ended 1 case with an error"]
    assert steps(suite([case(number, "town:c", "town:c") for number in range(9)])) == []
