"""Draw the few-shot examples of a case from the other cases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property

from pytest_llm_extract.dataset import Case
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.lints.near_duplicates import near_duplicates
from pytest_llm_extract.rules.leave_one_out import LeaveOneOut


class OtherCases:
    """The cases of a suite, of which each gets others as examples.

    Args:
        rule: how many are drawn, and by which seed.
        cases: the golden data.
        is_fit: whether a case has one whole answer, which an example needs.
    """

    def __init__(self, rule: LeaveOneOut, cases: Sequence[Case], is_fit: Callable[[Case], bool]) -> None:
        self._rule, self._cases, self._is_fit = rule, cases, is_fit

    def draw(self, case: Case) -> list[Case]:
        """The examples of a case.

        Each other case has a rank that depends on the seed and on both ids alone. So a case that is added or removed
        changes the examples of few others, and few cassettes become stale.
        """
        alike = self._alike.get(case.id, set())
        others = [
            other
            for other in self._fit
            if other.id != case.id and other.id not in alike and (case.group is None or other.group != case.group)
        ]
        return sorted(others, key=lambda other: self._rank(case.id, other.id))[: self._rule.k]

    def _rank(self, case_id: str, other_id: str) -> bytes:
        return hashlib.sha256(f"{self._rule.seed}\0{case_id}\0{other_id}".encode("utf-8", "surrogatepass")).digest()

    @cached_property
    def _fit(self) -> list[Case]:
        return [case for case in self._cases if self._is_fit(case)]

    @cached_property
    def _alike(self) -> dict[str, set[str]]:
        """The ids of the cases that are nearly a case, by its id."""
        texts = [case.input if isinstance(case.input, str) else str(case.input) for case in self._cases]
        alike: dict[str, set[str]] = {}
        for one, other, _ in near_duplicates(texts):
            for here, there in ((one, other), (other, one)):
                alike.setdefault(self._cases[here].id, set()).add(self._cases[there].id)
        return alike


def check_rule(rule: LeaveOneOut, source: str) -> None:
    """Check what a user wrote.

    Raises:
        UsageError: `k` is not a whole number from 1, or `seed` is not a whole number.
    """
    if type(rule.k) is not int or rule.k < 1:
        raise UsageError(source, f"k= must be a whole number from 1, got {rule.k!r}")
    if type(rule.seed) is not int:
        raise UsageError(source, f"seed= must be a whole number, got {rule.seed!r}")
