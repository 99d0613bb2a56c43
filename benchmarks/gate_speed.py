"""How long a gate takes: `python benchmarks/gate_speed.py` prints seconds of processor time.

The suite has 10,000 cases and 20 fields.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import Baseline, parse
from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.results.accepted import Accepted, Origin
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.outcome import Leaf, Leaves, Outcome, Status, count_leaves
from pytest_llm_extract.results.suite_result import AcceptedRun, GateRules, SuiteResult


def leaves_of(fields: list[str], n_rows: int, dice: random.Random) -> Leaves:
    """As many leaves a field, right in nine of ten."""

    def leaf() -> Leaf:
        return Leaf(Outcome.CORRECT if dice.random() < 0.9 else Outcome.WRONG, "gold value", "answer")

    return {path: tuple(leaf() for _ in range(n_rows)) for path in fields}


def suite_of(n_cases: int, n_fields: int, n_samples: int, most_rows: int) -> SuiteResult:
    """A suite whose baseline was answered independently: as many changes as there can be."""
    dice = random.Random(7)
    fields = [f"field_{number}" for number in range(n_fields)]
    cases = []
    for number in range(n_cases):
        n_rows = dice.randint(1, most_rows)
        before, *others = (leaves_of(fields, n_rows, dice) for _ in range(n_samples))
        further = tuple(Accepted(leaves, count_leaves(leaves), Origin()) for leaves in others)
        accepted = Accepted(before, count_leaves(before), Origin(), further=further)
        now, *again = (Sample(Status.OK, leaves_of(fields, n_rows, dice), True) for _ in range(n_samples))
        cases.append(
            CaseResult(Status.OK, now.leaves, True, f"case-{number:05}", baseline=accepted, further=tuple(again))
        )
    ids = tuple(case.id for case in cases)
    run = AcceptedRun("baseline.jsonl", tuple(fields))
    return SuiteResult("suite", "variant", ids, tuple(fields), GateRules(), baseline=run, cases=tuple(cases))


def text_of(suite: SuiteResult) -> str:
    """The baseline file of its cases."""
    entries = {}
    for case in suite.cases:
        answer = "{" + ", ".join(f'"{path}": "an answer of some length"' for path in suite.paths) + "}"
        first, *further = (
            Entry(case.id, Status.OK, answer, sample.counts, ("0" * 64,), Origin()) for sample in case.samples
        )
        entries[case.id] = first._replace(further=tuple(further))
    return Baseline("suite", "variant", suite.paths, None, (), entries).to_text()


def median_s(function: Callable[[], object], rounds: int) -> float:
    """Median processor time in seconds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--rows", type=int, default=1, help="leaves of a field in a case, at most")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    suite = suite_of(options.cases, options.fields, options.samples, options.rows)
    text = text_of(suite)
    of = f"{options.cases:,} cases, {options.fields} fields of up to {options.rows} rows, samples: {options.samples}"
    print(f"{of}; median of {options.rounds}")
    print(f"gate      {median_s(lambda: decide(suite), options.rounds):.2f} s")
    print(
        f"load      {median_s(lambda: parse(text, 'baseline.jsonl'), options.rounds):.2f} s ({len(text) / 1e6:.1f} MB)"
    )


if __name__ == "__main__":
    main()
