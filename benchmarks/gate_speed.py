"""How long a gate takes: `python benchmarks/gate_speed.py` prints seconds for a suite of 10,000 cases and 20 fields."""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

from pytest_llm_extract.baseline.file import Baseline, Entry, parse
from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.outcome import Accepted, CaseResult, Leaf, Leaves, Origin, Outcome, Status, count_leaves
from pytest_llm_extract.suite_result import AcceptedRun, GateRules, SuiteResult


def leaves_of(fields: list[str], dice: random.Random) -> Leaves:
    """One leaf a field, right in nine of ten."""
    return {
        path: (Leaf(Outcome.CORRECT if dice.random() < 0.9 else Outcome.WRONG, "gold value", "answer"),)
        for path in fields
    }


def suite_of(n_cases: int, n_fields: int) -> SuiteResult:
    """A suite whose baseline was answered independently: as many changes as there can be."""
    dice = random.Random(7)
    fields = [f"field_{number}" for number in range(n_fields)]
    cases = []
    for number in range(n_cases):
        before, now = leaves_of(fields, dice), leaves_of(fields, dice)
        accepted = Accepted(before, count_leaves(before), Origin())
        cases.append(CaseResult(Status.OK, now, True, f"case-{number:05}", baseline=accepted))
    ids = tuple(case.id for case in cases)
    run = AcceptedRun("baseline.jsonl", tuple(fields))
    return SuiteResult("suite", "variant", ids, tuple(fields), GateRules(), baseline=run, cases=tuple(cases))


def text_of(suite: SuiteResult) -> str:
    """The baseline file of its cases."""
    entries = {}
    for case in suite.cases:
        answer = "{" + ", ".join(f'"{path}": "an answer of some length"' for path in suite.paths) + "}"
        entries[case.id] = Entry(case.id, Status.OK, answer, case.counts, ("0" * 64,), Origin())
    return Baseline("suite", "variant", suite.paths, None, (), entries).to_text()


def median_s(function: Callable[[], object], rounds: int) -> float:
    """Median wall time in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    suite = suite_of(options.cases, options.fields)
    text = text_of(suite)
    print(f"{options.cases:,} cases, {options.fields} fields, median of {options.rounds}")
    print(f"gate      {median_s(lambda: decide(suite), options.rounds):.2f} s")
    print(
        f"load      {median_s(lambda: parse(text, 'baseline.jsonl'), options.rounds):.2f} s ({len(text) / 1e6:.1f} MB)"
    )


if __name__ == "__main__":
    main()
