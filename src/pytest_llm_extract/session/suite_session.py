"""What a session with suites has, and every other goes without."""

from __future__ import annotations

import pytest

_NAME = "llm_extract_execution"


def begin(config: pytest.Config) -> None:
    """Register the hooks around cases when the session has its first suite; a second call does nothing."""
    manager = config.pluginmanager
    if manager.has_plugin(_NAME):
        return
    from pytest_llm_extract.session.garbage import set_aside

    set_aside(config)  # before imports, during which most garbage would be looked for
    from pytest_llm_extract.session import execution
    from pytest_llm_extract.session.hidden_secrets import Hiding
    from pytest_llm_extract.session.local_network import LocalNetwork, outside_requests
    from pytest_llm_extract.session.result_sender import Sender
    from pytest_llm_extract.session.unasked_recordings import NAME, AskedRecordings

    manager.register(execution, _NAME)
    manager.register(Hiding(config), "llm_extract_hidden_secrets")
    manager.register(LocalNetwork(), "llm_extract_local_network")
    manager.register(Sender(), "llm_extract_sender")
    manager.register(AskedRecordings(), NAME)
    outside_requests(config)
