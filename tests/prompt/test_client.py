"""Clients of a prompt: a fixture's, and the one that is made without it."""

from __future__ import annotations

import pytest
from prompted import APIS, echo, write
from recorded import record
from standin import StandIn

CLIENT = """
import pytest, openai
@pytest.fixture(scope="session")
def llm_client():
    return openai.{client}
"""
AZURE = "api_key='loopback-only', api_version='2024-10-21', azure_endpoint={url!r}"
CLIENTS = {
    "azure": ("chat", f"AzureOpenAI({AZURE})", "/openai/deployments/m/chat/completions?api-version=2024-10-21"),
    "azure deployment": (
        "chat",
        f"AzureOpenAI({AZURE}, azure_deployment='ours')",
        "/openai/deployments/ours/chat/completions?api-version=2024-10-21",
    ),
    "azure responses": ("responses", f"AzureOpenAI({AZURE})", "/openai/responses?api-version=2024-10-21"),
    "compatible": ("chat", "OpenAI(api_key='loopback-only', base_url={url!r} + '/llm')", "/llm/chat/completions"),
}


@pytest.mark.parametrize("kind", CLIENTS)
def test_own_client(bare: pytest.Pytester, kind: str) -> None:
    """A project's `llm_client` goes where that client goes; replay needs neither server nor key."""
    api, client, path = CLIENTS[kind]
    write(bare, f"api={api!r}")
    with StandIn(echo) as provider:
        bare.makeconftest(CLIENT.format(client=client.format(url=provider.base_url.removesuffix("/v1"))))
        record(bare, provider).assert_outcomes(passed=3)
        assert set(provider.paths) == {path}
    bare.runpytest_subprocess().assert_outcomes(passed=3)
    stored = "".join(path.read_text() for path in bare.path.rglob("*.yaml"))
    assert "loopback-only" not in stored


BROKEN = """
def broken(*arguments, **options):
    raise RuntimeError("a client is at work")
openai.OpenAI.post = broken
"""
FILTER = """
def pytest_llm_extract_vcr(vcr):
    vcr.filter_headers = ["x-tenant"]
"""


@pytest.mark.slow
@APIS
@pytest.mark.parametrize("extra", ["", FILTER, CLIENT.format(client="OpenAI()")], ids=["none", "filter", "own client"])
@pytest.mark.own_process
def test_default_client_takes_no_part_in_a_replay(bare: pytest.Pytester, api: str, extra: str) -> None:
    """It has nothing to add; a project's own client, and filters, may have: then the request takes the whole way."""
    write(bare, f"api={api!r}")
    bare.makeconftest(f"import openai{extra}")
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
    bare.makeconftest(f"import openai{extra}{BROKEN}")
    run = bare.runpytest_subprocess()
    run.assert_outcomes(**({"failed": 3} if extra else {"passed": 3}))
    assert ("a client is at work" in run.stdout.str()) is bool(extra)


def test_async_client_is_refused(bare: pytest.Pytester) -> None:
    """One line, and no coroutine that nobody awaits."""
    write(bare, "")
    bare.makeconftest(CLIENT.format(client="AsyncOpenAI(api_key='loopback-only')"))
    with StandIn(echo) as provider:
        run = record(bare, provider)
        assert provider.requests == []
    run.stdout.fnmatch_lines(["*llm_client is AsyncOpenAI, but prompts are sent synchronously*"])
    assert "never awaited" not in run.stdout.str()


CHANGED = {
    "method": "llm_client.post = functools.partial(seeded, llm_client.post)",
    "hook": "llm_client._client.event_hooks = {'request': [stop]}",
}


@pytest.mark.parametrize("kind", CHANGED)
def test_a_default_client_that_was_changed_takes_part(bare: pytest.Pytester, kind: str) -> None:
    """A fixture may change it in place: then it is the project's own."""
    write(bare, "")
    with StandIn(echo) as provider:
        record(bare, provider).assert_outcomes(passed=3)
    bare.makeconftest(f"""
        import functools, pytest
        def seeded(post, path, *, body, **rest):
            return post(path, body=body | {{"seed": 7}}, **rest)
        def stop(request):
            raise RuntimeError("a hook is at work")
        @pytest.fixture(scope="session")
        def llm_client(llm_client):
            {CHANGED[kind]}
            return llm_client
    """)
    run = bare.runpytest_subprocess()
    run.assert_outcomes(failed=3)
    run.stdout.fnmatch_lines(["*stale: parameters changed*" if kind == "method" else "*a hook is at work*"])
