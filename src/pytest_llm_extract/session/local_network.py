"""Requests outside of extractions: suites that replay are kept off other hosts, and what is sent is counted."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from pytest_llm_extract.session.stash import settings_of, suite_and_case

_NAME = "llm_extract_outside"
_OWNERSHIP = "pytest_llm_extract.cassette.ownership"


def local_network(config: pytest.Config, what: str) -> AbstractContextManager[None]:
    """While inside, other hosts are refused to this process; nothing where the run records. `what` says where."""
    settings = settings_of(config)
    if settings.record != "none":
        return nullcontext()
    from pytest_llm_extract.cassette.http import network_guard, surroundings

    network_guard.install()
    return surroundings.local_only(what, settings.allowed_hosts)


class LocalNetwork:
    """Guards fixtures and bodies of suites too."""

    def __init__(self) -> None:
        self._fixtures = set[int]()  # fixtures that a suite uses, by id: other tests may set them up first

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which fixtures suites use."""
        cases = [item for item in session.items if isinstance(item, pytest.Function) and suite_and_case(item)]
        used = {id(item._fixtureinfo): item._fixtureinfo.name2fixturedefs for item in cases}
        self._fixtures = {id(one) for named in used.values() for fixtures in named.values() for one in fixtures}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Guard a fixture that a suite uses, also where another test sets it up."""
        if id(fixturedef) not in self._fixtures:
            return (yield)
        with local_network(request.config, f"the fixture {fixturedef.argname} of a suite"):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Guard the setup of a case."""
        return (yield from _guarded(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Guard the body of its test."""
        return (yield from _guarded(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Guard what fixtures do at their end."""
        return (yield from _guarded(item))


def _guarded(item: pytest.Item) -> Generator[None, Any, Any]:
    if suite_and_case(item) is None:
        return (yield)
    with local_network(item.config, f"a fixture or the body of {item.nodeid.partition('[')[0]}"):
        return (yield)


def outside_requests(config: pytest.Config) -> OutsideRequests:
    """The count of a session, which begins with the first call."""
    found: OutsideRequests | None = config.pluginmanager.get_plugin(_NAME)
    if found is None:
        config.pluginmanager.register(found := OutsideRequests(), _NAME)
    return found


class OutsideRequests:
    """Hooks of the main process and of workers, which send their counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Take the counts of this process, if any extraction was set up."""
        if (ownership := sys.modules.get(_OWNERSHIP)) is None:
            return
        self.counts += ownership.outside
        ownership.outside.clear()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["llm_extract_outside"] = dict(self.counts)

    def lines(self) -> list[str]:
        """A sentence for each address."""
        return [
            f"{count} request{'s' if count > 1 else ''} to {address} outside of an extraction: neither recorded nor "
            "replayed (`llm_recorded` records them, llm_extract_strict_network = true refuses them)"
            for address, count in sorted(self.counts.items())
        ]
