"""A token that the process keeps is recorded once: each case replays alone, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from login_server import TOKEN, Login
from plain_http import ASK
from standin import StandIn

from pytest_llm_extract.cassette.file.exchange import Exchange, Sent
from pytest_llm_extract.cassette.http.shared_exchanges import SharedExchanges
from pytest_llm_extract.config.settings import Storage

SUITE = (
    ASK
    + """
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

KEPT = []

def read(text) -> Item:
    if not KEPT:
        form = "grant_type=client_credentials&client_id=app&client_secret=" + os.environ.get("APP_SECRET", "none")
        address = os.environ.get("LOGIN", "https://login.example") + "/tenant/oauth2/v2.0/token"
        with urllib.request.urlopen(urllib.request.Request(address, form.encode())) as answer:
            KEPT.append(json.load(answer)["access_token"])
    os.environ["OPENAI_API_KEY"] = KEPT[0]
    return Item(name=ask(("system", "Read."), ("user", text)))

@pytest.mark.llm_extract(extractor=read, cases=[
    {"id": f"c{n}", "input": f"doc {n}", "expected": {"name": f"doc {n}"}} for n in range(3)])
def test_items(extraction):
    assert extraction.output.name
"""
)


@pytest.fixture
def login() -> Iterator[Login]:
    """A login server."""
    with Login() as server:
        yield server


def record(project: pytest.Pytester, provider: StandIn, login: Login) -> pytest.RunResult:
    """Run `pytest --llm-record` with the secret that the login takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        patch.setenv("LOGIN", login.address)
        patch.setenv("APP_SECRET", "Wm9hY3Q4LXJlYWwtc2VjcmV0LTE3")
        return project.runpytest("--llm-record")


def test_token_is_recorded_once(bare: pytest.Pytester, login: Login) -> None:
    """Whoever sent it; each case replays alone, and a changed prompt is sent with a real token."""
    bare.makepyfile(test_items=SUITE)
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider:
        record(bare, provider, login).assert_outcomes(passed=4)
        [kept] = bare.path.joinpath("cassettes", "shared").iterdir()
        text = kept.read_text()
        assert "REDACTED" in text
        assert TOKEN not in text
        for case in ("c2", "c0"):
            bare.runpytest("-k", case).assert_outcomes(passed=1, deselected=2)
        path = bare.path / "test_items.py"
        path.write_text(path.read_text().replace('"Read."', '"Read it."'))
        provider.headers.clear()
        record(bare, provider, login).assert_outcomes(passed=4)
        assert {headers["authorization"] for headers in provider.headers} == {f"Bearer {TOKEN}"}
        assert kept.read_text() == text

        # Without credentials, what is recorded is still fresh.
        login.is_down = True
        run = record(bare, provider, login)
        run.stdout.fnmatch_lines(["*test_items (read): 3 fresh", "nothing to record"])

        # A recording that is lost is made again, and no model is asked for it.
        kept.unlink()
        run = bare.runpytest()
        run.assert_outcomes(failed=4)
        run.stdout.fnmatch_lines(
            ["MISSING: no recording of POST https://login.example/tenant/oauth2/v2.0/token in shared/*3 cases*"]
        )
        plan = bare.runpytest("--llm-extract-plan")
        plan.stdout.fnmatch_lines(
            [
                "*test_items (read): 0 fresh, 3 not checked",
                "  not checked: no recording of POST https://login.example/*/token in shared/* (3 cassettes)",
                "1 shared answer to record; what else is stale is known then",
            ]
        )
        plan.stdout.no_fnmatch_line("*expected*")
        login.is_down, asked = False, len(provider.requests)
        record(bare, provider, login).assert_outcomes(passed=4)
        assert kept.exists()
        assert len(provider.requests) == asked


def test_token_of_a_fixture_is_recorded_too(bare: pytest.Pytester, login: Login) -> None:
    """As `llm_client` may fetch one: a replay needs no network, and nothing is reported as sent."""
    fixture = '@pytest.fixture(scope="session", autouse=True)\ndef signed_in():\n    sign_in()\n'
    fetch = SUITE[SUITE.index("    if not KEPT:") : SUITE.index('    os.environ["OPENAI_API_KEY"]')]
    suite = SUITE.replace(fetch, "").replace("def read(", f"def sign_in():\n{fetch}\n{fixture}\ndef read(")
    bare.makepyfile(test_items=suite)
    bare.makeini("[pytest]\nllm_extract_strict_network = true\n")
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider:
        record(bare, provider, login).assert_outcomes(passed=4)
        assert {headers["authorization"] for headers in provider.headers} == {f"Bearer {TOKEN}"}
    login.is_down, asked = True, login.asked
    run = bare.runpytest()
    run.assert_outcomes(passed=4)
    assert "outside of an extraction" not in run.stdout.str()
    assert login.asked == asked
    bare.runpytest("-k", "c1").assert_outcomes(passed=1, deselected=2)


@pytest.mark.parametrize(
    ("url", "body", "is_shared"),
    [
        ("https://login.microsoftonline.com/tenant/oauth2/v2.0/token", b"", True),
        ("https://login.microsoftonline.com/common/discovery/instance?api-version=1.1", b"", True),
        ("https://login.microsoftonline.com/t/v2.0/.well-known/openid-configuration", b"", True),
        ("http://169.254.169.254/metadata/identity?resource=x", b"", True),
        ("http://metadata.google.internal/computeMetadata/v1/instance", b"", True),
        ("https://oauth2.googleapis.com/token", b"", True),
        ("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken", b"", True),
        ("https://sts.eu-west-1.amazonaws.com/", b"Action=AssumeRoleWithWebIdentity&Version=1", True),
        ("https://id.example/connect", b"scope=x&grant_type=client_credentials", True),
        ("https://api.example/v1/models", b"", True),  # which the project named
        ("https://api.openai.com/v1/chat/completions", b'{"messages": "&grant_type=x"}', False),
        ("https://api.anthropic.com/v1/messages/count_tokens", b"{}", False),
        ("https://api.cohere.com/v1/tokenize", b"{}", False),
        ("https://gl.googleapis.com/v1beta/models/gemini:countTokens", b"{}", False),
        ("https://api.openai.com/v1/models", b"", False),
    ],
)
def test_which_requests_are_shared(url: str, body: bytes, is_shared: bool, tmp_path: Path) -> None:
    """Those for tokens and what precedes them, and the project's own; never one to a model."""
    shared = SharedExchanges(tmp_path, Storage(shared=("api.example/*",)), sends=False)
    assert shared.owns(url, body) is is_shared


@pytest.mark.parametrize("keeps_requests", [True, False])
@pytest.mark.parametrize(
    "form",
    [
        "Action=AssumeRole&RoleArn=arn%3Aaws&RoleSessionName=botocore-session-{}&Version=2011-06-15",
        "grant_type=password&oauth_nonce=n{}&timestamp={}",
    ],
)
def test_what_every_process_sends_otherwise_is_not_compared(form: str, keeps_requests: bool, tmp_path: Path) -> None:
    """The time in a name that botocore gives a session, and a nonce; another role is another request."""
    shared = SharedExchanges(tmp_path, Storage(keeps_requests=keeps_requests), sends=True)
    first, later = (form.replace("{}", str(second)).encode() for second in (1_796_000_000, 1_796_000_777))
    headers = {"content-type": ["application/x-www-form-urlencoded"]}
    url = "https://sts.amazonaws.com/"
    shared.keep(Exchange("POST", url, headers, first, 200, "OK", {}, b"<a/>"))
    shared.keep(Exchange("POST", url, headers, later, 200, "OK", {}, b"<b/>"))
    found = shared.find(Sent("POST", url, headers, later))
    assert found is not None
    assert found.response_body == b"<a/>"
    assert len([*tmp_path.rglob("*.yaml")]) == 1
    assert shared.find(Sent("POST", url, headers, later.replace(b"arn", b"arm").replace(b"=n1", b"=m1&user=2"))) is None
