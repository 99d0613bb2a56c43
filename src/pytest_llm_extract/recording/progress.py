"""Values for the plan and the progress of recording."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_llm_extract.results.case_result import Usage
from pytest_llm_extract.results.prices import BATCH_SHARE


@dataclass(frozen=True)
class Estimate:
    """The expected calls, tokens and US dollars of recordings (None if a price is unknown)."""

    calls: float = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0

    def __add__(self, other: Estimate) -> Estimate:
        costs = (self.cost_usd, other.cost_usd)
        cost = None if costs[0] is None or costs[1] is None else costs[0] + costs[1]
        return Estimate(self.calls + other.calls, self.usage + other.usage, cost)

    def __mul__(self, times: float) -> Estimate:
        usage = Usage(round(self.usage.input_tokens * times), round(self.usage.output_tokens * times))
        return Estimate(self.calls * times, usage, None if self.cost_usd is None else self.cost_usd * times)

    @property
    def in_batches(self) -> Estimate:
        """The same at the price of batches."""
        cost = None if self.cost_usd is None else self.cost_usd * BATCH_SHARE
        return Estimate(self.calls, self.usage, cost)


@dataclass
class SuitePlan:
    """The cassettes of a suite's selected cases, and the expected use of recording those that need it.

    `stale` counts by cause. `expected` is None where no earlier recording of the suite says; it is "at least" for
    stale recordings of an extractor, whose requests are known up to the first that changed. `in_tests` are the cases
    that only their tests can record (`extraction.run`), `waiting` those whose requests are in a batch. `moved_from` is
    what `llm-extract mv` would move here. `shared` counts the recordings that are not sent, by the variant that they
    are copied from. `unshared` counts those that stopped at a request whose answer all cases share, by what it lacks.
    """

    suite: str
    variant: str
    fresh: int = 0
    missing: int = 0
    in_tests: int = 0
    stale: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    to_record: int = 0
    waiting: int = 0
    expected: Estimate | None = None
    is_at_least: bool = False
    moved_from: str | None = None
    shared: Counter[str] = field(default_factory=Counter)
    unshared: Counter[str] = field(default_factory=Counter)


class Progress(NamedTuple):
    """The progress of recording. `cost_usd` is None if a price is unknown, `left_s` until there is a rate.

    `retries` counts the tries that failed and are repeated. `retry` is why the last one failed and `retry_in_s` the
    time to the next; both are None once a case was recorded since. `open_calls` counts the answers that extractions got
    which go on: an agent may loop.
    """

    total: int
    done: int = 0
    failed: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    left_s: float | None = None
    retries: int = 0
    retry: str | None = None
    retry_in_s: float | None = None
    open_calls: int = 0
