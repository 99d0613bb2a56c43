"""Misses that are alike are one line."""

from __future__ import annotations

from typing import Any

from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.miss_groups import group_misses
from pytest_llm_extract.results.outcome import Leaf, Leaves, Outcome, Status


class Pairs(list[Any]):
    def __contains__(self, pair: object) -> bool:
        raise AssertionError("looked through for every miss: 100,000 cases would take hours")


def test_what_is_left_out_is_looked_up_and_not_searched() -> None:
    """A list of many thousand pairs costs no more a miss than one of few."""
    leaves: Leaves = {"vendor": (Leaf(Outcome.WRONG, "A", "B"),), "total": (Leaf(Outcome.WRONG, 1, 2),)}
    cases = [CaseResult(Status.OK, leaves, True, f"c{k}") for k in range(3)]
    left_out = Pairs([("vendor", "c0"), ("vendor", "c2"), ("total", "c1")])
    found = {miss.path: miss.cases for miss in group_misses(cases, left_out)}
    assert found == {"total": ("c0", "c2"), "vendor": ("c1",)}
