"""After a failed gate, what to do next fits what failed."""

from __future__ import annotations

from dataclasses import replace

from gate_cases import case, suite

from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.gate.next_steps import next_steps
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.results.suite_result import SuiteResult
from pytest_llm_extract.rules.limits import Floor


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


def test_floors_are_lowered_before_a_loss_is_accepted() -> None:
    """A baseline keeps the floors of the run that was accepted: later ones would be reported in every run."""
    lost = suite([case(number, "town:c", "town:w") for number in range(9)], floors={"town": Floor(accuracy=0.5)})
    (_, step) = next_steps(lost, decide(lost))
    assert step.startswith("if the loss is intended: lower the floors that are missed, then pytest ")
