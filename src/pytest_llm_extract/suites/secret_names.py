"""Refuse suites whose names hold a secret: they are in reports, node ids and names of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_llm_extract.credentials.scanner import Watch
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.suites.suite import Suite


def check_names(suites: Sequence[Suite], watch: Watch) -> None:
    """Make sure that no case id, group, variant, model or waiver holds a secret.

    Raises:
        UsageError: one does.
    """
    named = [pair for suite in suites for pair in _names(suite)]
    if not watch.is_in(text for _, text in named):
        return
    for what, text in named:
        if (shown := watch.hide(text)) != text:
            problem = f"{what} {shown!r} holds a secret, and it would be in reports and in names of files: change it"
            raise UsageError(suites[0].id, problem)


def _names(suite: Suite) -> Iterator[tuple[str, str]]:
    yield "the variant", suite.variant
    if suite.call is not None:
        yield "the model", suite.call.model
    for waiver in suite.rules.waivers:
        yield "the reason of a waiver", waiver.reason
    for golden in suite.cases:
        yield "the case id", golden.case.id
        if golden.case.group is not None:
            yield "the group", golden.case.group
