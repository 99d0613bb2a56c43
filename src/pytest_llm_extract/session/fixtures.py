"""Fixtures for tests and for a project's own fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_llm_extract.session.stash import EXTRACTION, recording_run, settings_of

if TYPE_CHECKING:
    from pytest_llm_extract.extraction.extraction import Extraction
    from pytest_llm_extract.session.recorded_fixtures import Recorded


@pytest.fixture(scope="session")
def llm_client() -> Any:
    """The client that prompts are sent with; override it for Azure or any OpenAI-compatible server."""
    from pytest_llm_extract.prompt.client import default_client

    return default_client()


@pytest.fixture(scope="session")
def llm_recorded(request: pytest.FixtureRequest) -> Recorded:
    """Record and replay what a fixture asks a model: `llm_recorded("glossary", ask, text)` is `ask(text)`."""
    from pytest_llm_extract.session.recorded_fixtures import Recorded

    return Recorded(settings_of(request.config), recording_run(request.config))


@pytest.fixture
def extraction(request: pytest.FixtureRequest) -> Extraction:
    """The extraction of this test's golden case."""
    started: Extraction | None = request.node.stash.get(EXTRACTION, None)
    if started is None:
        pytest.fail("`extraction` is for tests that carry @pytest.mark.llm_extract", pytrace=False)
    return started
