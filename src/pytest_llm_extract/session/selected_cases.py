"""The selected cases of each suite, and the fixtures with which they are recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from pytest_llm_extract.credentials.placeholder_key import placeholder_key
from pytest_llm_extract.extraction.job import Job, jobs_of
from pytest_llm_extract.session.stash import suite_and_case
from pytest_llm_extract.suites.suite import Suite

# What ends a fixture and is for its tests to take.
_LEFT_TO_TESTS = (SystemExit, pytest.skip.Exception, pytest.fail.Exception)


class NoFixtures(Exception):
    """The tests of a suite skip or cannot be set up. They report that themselves."""


class Selected:
    """The selected cases of one suite, and the test by whose fixtures they are recorded.

    `first` is the test that runs first in this process, whose fixtures stay set up.
    """

    def __init__(self, suite: Suite, first: pytest.Item) -> None:
        self.suite, self._first = suite, first
        self.items: list[pytest.Item] = []
        self.jobs: list[Job] = []

    @contextmanager
    def set_up(self) -> Iterator[Callable[[], Any]]:
        """The fixtures of a test, without the test, so that recording finds what the tests will find.

        Gives what finds `llm_client`.

        Raises:
            NoFixtures: they skip or fail. A teardown that fails is passed over: the tests tear down again.
        """
        item = self.items[-1]
        # What an earlier suite left set up for the first test may not be in the way of this one.
        item.session._setupstate.teardown_exact(item)
        try:
            try:
                item.ihook.pytest_runtest_setup(item=item)
                client = self._client(item)
            except (Exception, *_LEFT_TO_TESTS) as error:
                raise NoFixtures from error
            yield client
        finally:
            with suppress(Exception, *_LEFT_TO_TESTS):
                item.ihook.pytest_runtest_teardown(item=item, nextitem=None if self._first is item else self._first)
            item._initrequest()  # type: ignore[attr-defined]  # or its test would get the values that were torn down

    def _client(self, item: pytest.Item) -> Callable[[], Any]:
        if self.suite.call is None:
            return lambda: None
        with placeholder_key():
            client = item._request.getfixturevalue("llm_client")  # type: ignore[attr-defined]
        return lambda: client


def select(items: Sequence[pytest.Item]) -> list[Selected]:
    """The suites and cases of these tests, in order."""
    by_key: dict[str, Selected] = {}
    for item in items:
        if (param := suite_and_case(item)) is not None:
            selected = by_key.setdefault(param[0].key, Selected(param[0], items[0]))
            selected.items.append(item)
            selected.jobs += jobs_of(*param)
    return list(by_key.values())
