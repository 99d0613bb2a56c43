"""Credentials in requests and answers: what a cassette holds of them."""

from __future__ import annotations

import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest
from any_provider import Provider, holds
from standin import Reply, StandIn
from vcr.request import Request

from pytest_llm_extract.cassette.file.exchange import Exchange
from pytest_llm_extract.cassette.scrub.scrubber import Scrubber
from pytest_llm_extract.config.settings import Storage

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])
KEY = "zq9" + "X4k-tango_77"  # of a shape that nobody knows
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def exchanged(
    body: str | bytes = b"",
    answer: str | bytes = b"",
    *,
    url: str = "https://api.example/v1/x",
    sent: dict[str, str] | None = None,
    got: dict[str, str] | None = None,
    status: int = 200,
    scrub: tuple[str, ...] = (),
) -> Exchange:
    """What is stored of a request and its answer."""
    scrubber = Scrubber(Storage(scrub))
    response = {
        "status": {"code": status, "message": "OK"},
        "headers": {name: [value] for name, value in (got or {}).items()},
        "body": {"string": answer.encode() if isinstance(answer, str) else answer},
    }
    request = scrubber.request(Request("POST", url, body, sent or {}))
    assert request is not None
    exchange = scrubber.answer(request, response)
    assert exchange is not None
    return exchange


@pytest.mark.parametrize(
    "exchange",
    [
        pytest.param(exchanged(sent={"api-key": KEY, "Cookie": f"s={KEY}", "X-Goog-Api-Key": KEY}), id="headers"),
        pytest.param(exchanged(url=f"https://u:{KEY}@h/v1?key={KEY}&q=1&X-Amz-Security-Token={KEY}"), id="query"),
        pytest.param(exchanged(f"grant_type=x&client_secret={KEY}&q=1", sent={"content-type": FORM}), id="form"),
        pytest.param(
            exchanged(
                f'--b\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n{KEY}\r\n--b--\r\n',
                sent={"content-type": "multipart/form-data; boundary=b"},
            ),
            id="multipart",
        ),
        pytest.param(exchanged(json.dumps({"q": 1, "a": [{"apiKey": KEY, "b": {"clientSecret": KEY}}]})), id="JSON"),
        pytest.param(exchanged(json.dumps({"q": 1, "a": json.dumps({"password": KEY})})), id="JSON in JSON"),
        pytest.param(exchanged('{"q": 1, "\\u0061pi_key": "' + KEY + '"}'), id="escaped name"),
        pytest.param(exchanged(gzip.compress(b'{"api_key":"%s"}' % KEY.encode()), sent={"content-encoding": "gzip"})),
        pytest.param(exchanged("q", json.dumps({"access_token": KEY, "expires_in": 1})), id="token answer"),
        pytest.param(exchanged("q", f"<E><SessionToken>{KEY}</SessionToken></E>", status=400), id="XML error"),
        pytest.param(exchanged("q", f"no {KEY}", sent={"authorization": f"Bearer {KEY}"}), id="echo"),
        pytest.param(
            exchanged("q", gzip.compress(KEY.encode()), sent={"x-api-key": KEY}, got={"content-encoding": "gzip"}),
            id="echo in gzip",
        ),
        pytest.param(
            exchanged("q", f'data: {{"t": "{KEY}"}}\n\ndata: [DONE]\n\n', sent={"x-api-key": KEY}),
            id="echo in a stream",
        ),
        pytest.param(exchanged("q", got={"Set-Cookie": f"s={KEY}", "x-request-id": KEY}), id="answer's headers"),
        pytest.param(exchanged("q", got={"location": f"https://h/x?sig={KEY}"}, status=302), id="redirect"),
        pytest.param(
            exchanged(json.dumps({"tenant": {"n": [KEY]}}), sent={"x": "y"}, scrub=("Tenant",)), id="ini name"
        ),
    ],
)
def test_a_credential_is_taken_out_wherever_it_stands(exchange: Exchange) -> None:
    """Headers, query, forms, JSON, errors, streams, cookies, compressed bodies."""
    assert KEY not in str(exchange)


def test_signatures_and_echoed_keys_of_errors_are_taken_out() -> None:
    """AWS SigV4 in headers and in a presigned URL, Google's and Azure's; a refused key, masked by the provider."""
    assert exchanged("client_secret=&q=1").fingerprint == exchanged(f"client_secret={KEY}&q=1").fingerprint
    signed = exchanged(
        url="https://s3.example/b?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F2026&X-Amz-Signature=" + "0a" * 32 + "&q=1",
        sent={"authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/x, Signature=" + "0a" * 32},
    )
    assert signed.url == "https://s3.example/b?X-Amz-Credential=REDACTED&X-Amz-Signature=REDACTED&q=1"
    assert signed.request_headers == {}
    linked = exchanged(json.dumps({"image": f"https://a.blob/x.png?sv=1&sig={quote('aB3/' * 12)}"}))
    assert json.loads(linked.request_body) == {"image": "https://a.blob/x.png?sv=1&sig=REDACTED"}
    refused = exchanged("q", '{"error":"Incorrect API key provided: sk-proj-1234****wxyz."}', status=401)
    assert refused.response_body == b'{"error":"Incorrect API key provided: REDACTED"}'


@pytest.mark.parametrize(
    "body",
    [
        '{"code":"content_filter",  "max_tokens":5, "usage":{"total_tokens":7},"key":"Vertrag 7", "token": "EUR"}',
        '{"document":"password: see https://example.com/a?page=2 and <b>bold</b>", "n": 1.50, "n": 1e400}',
        "not JSON at all, key=",
    ],
)
def test_documents_stay_as_they_are(body: str) -> None:
    """Byte for byte: numbers, spaces, names that are there twice, and fields whose names sound like credentials."""
    exchange = exchanged(body, body)
    assert exchange.request_body == exchange.response_body == body.encode()


SUITE = """
import gzip, json, os, urllib.request
import pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str
    note: str | None = None

def post(path, body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    with urllib.request.urlopen(urllib.request.Request(os.environ["PROVIDER"] + path, data, headers)) as answer:
        got = answer.read()
    return (gzip.decompress(got) if got[:2] == b"\\x1f\\x8b" else got).decode()  # a cassette holds it decoded
"""
SHAPES = (
    SUITE
    + """
from urllib.parse import quote
KEY = "hard-coded+Zq9/" + "kilo_42"  # in no variable: it is known from the requests
ACME = os.environ.get("ACME_TOKEN", "")
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/x, Signature=" + "0a" * 32
FORM = f"client_secret={quote(ACME, safe='')}&q=1".encode()

SHAPES = {
    "azure": lambda: post("/azure?api-version=1", {"q": 1}, api_key=KEY),
    "google": lambda: post(f"/google?key={quote(ACME, safe='')}&alt=sse", {"q": 1}),
    "aws": lambda: post("/aws", {"q": 1}, authorization=SIGNED, x_amz_security_token=KEY),
    "form": lambda: post("/form", FORM, content_type="application/x-www-form-urlencoded"),
    "gzip": lambda: post("/gzip", {"q": 1}, api_key=KEY),
    "sse": lambda: post("/sse", {"q": 1}, api_key=ACME).removeprefix("data: "),
    "json": lambda: post("/json", {"auth": {"clientSecret": KEY}, "q": json.dumps({"api_key": ACME})}),
}

def read(text) -> Item:
    post("/cookie", {"q": 2}, cookie=f"session={KEY}")
    answer = json.loads(SHAPES[text]())
    if text == "json" and os.environ.get("CRASH"):
        key = KEY
        raise RuntimeError(f"refused {ACME[:20]}, {key}")
    return Item(name=answer["name"], note=answer.get("note"))

CASES = [{"id": name, "input": name, "expected": {"name": "bolt", "note": "x"}} for name in SHAPES]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction):
    assert extraction.output.name == "bolt"
    print("sent", KEY, ACME)
"""
)
HARD_CODED, ACME = "hard-coded+Zq9/kilo_42", "acme-" + "Zq9/x4K+tango"


@WORKERS
def test_every_shape_of_a_request_is_recorded_without_its_credentials(
    pytester: pytest.Pytester, any_provider: Provider, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """Cassettes, baseline, results and terminal hold no secret, also where an extractor crashes; all of it replays."""
    monkeypatch.setenv("ACME_TOKEN", ACME)
    pytester.makepyfile(test_items=SHAPES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRASH", "1")
        crashed = pytester.runpytest_subprocess(
            "--llm-record", "-rA", "-l", f"-n{workers}", "--llm-extract-json=r.json"
        )
    crashed.assert_outcomes(passed=7, failed=1)
    crashed.stdout.fnmatch_lines(["*RuntimeError: refused [[]hidden: the value of $ACME_TOKEN], [[]hidden: *"])
    recorded = pytester.runpytest_subprocess("--llm-record", "--llm-extract-accept", "-rA", f"-n{workers}")
    recorded.assert_outcomes(passed=8)
    any_provider.close()
    monkeypatch.setenv("ACME_TOKEN", "of another person 1")
    replayed = pytester.runpytest_subprocess("-rA", f"-n{workers}")
    replayed.assert_outcomes(passed=8)
    replayed.stdout.fnmatch_lines(["note: cassettes hold REDACTED for *api_key (request) of 1 case*"])
    stored = [path.read_text() for path in (pytester.path / "cassettes").rglob("*") if path.is_file()]
    assert len(stored) == 9  # of seven cases, the baseline and the anchor
    shown = [str(run.stdout) + str(run.stderr) for run in (crashed, recorded, replayed)]
    for secret in (HARD_CODED, ACME):
        assert not holds(secret, *stored, *shown, (pytester.path / "r.json").read_text())


LEAKS = (
    SUITE
    + """
import base64, gzip
SECRET = os.environ["ACME_TOKEN"]
LEAKS = {
    "prompt": {"leak": "", "system": [{"text": f"use {SECRET}"}]},
    "coded": {"leak": base64.b64encode(gzip.compress(f"and so on {SECRET} and on".encode())).decode()},
    "shape": {"leak": "they said sk-proj-" + "a1B2" * 10},
    "pattern": {"leak": "of CUST-123456"},
    "exempt": {"leak": "of CUST-000000 and " + os.environ["CI_JOB_TOKEN"]},
}

def read(text) -> Item:
    body = LEAKS[text]
    return Item.model_validate_json(post("/leak", body | {"leak": body["leak"][::-1]}))

@pytest.mark.llm_extract(extractor=read, cases=[{"id": n, "input": n, "expected": {"name": "bolt"}} for n in LEAKS])
def test_items(extraction): ...
"""
)


def test_what_still_holds_a_secret_is_not_written(
    pytester: pytest.Pytester, any_provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case is named as missing, with the variable, shape or pattern and the place; the ini extends and exempts."""
    monkeypatch.setenv("ACME_TOKEN", ACME)
    monkeypatch.setenv("CI_JOB_TOKEN", "ci-Zq9-oscar-4411")
    pytester.makepyfile(test_items=LEAKS)
    pytester.makeini("[pytest]\nllm_extract_secrets =\n    re:CUST-[0-9]{6}\n    !re:CUST-0+\n    !CI_*\n")
    run = pytester.runpytest_subprocess("--llm-record", "--llm-extract-json=r.json")
    run.assert_outcomes(passed=1, failed=5)
    run.stdout.fnmatch_lines_random(
        [
            "*not recorded: *prompt*.yaml: not written: the value of $ACME_TOKEN is in line * (interaction 1, "
            "request body, system[[]0].text)*",
            "*coded*.yaml: not written: the value of $ACME_TOKEN is in line * (*1, response body, note)*",
            "*shape*.yaml: not written: an OpenAI key is in line *",
            "*pattern*.yaml: not written: what re:CUST-[[]0-9]{6} matches is in line *",
        ]
    )
    assert [path.name.split("-")[0] for path in (pytester.path / "cassettes").rglob("*.yaml")] == ["exempt"]
    texts = (str(run.stdout), str(run.stderr), (pytester.path / "r.json").read_text())
    assert not any(holds(secret, *texts) for secret in (ACME, "CUST-123456", "a1B2" * 10))
    monkeypatch.setenv("LATER_TOKEN", "of CUST-000000 and")
    accepted = pytester.runpytest_subprocess("-k", "exempt", "--llm-extract-accept")
    accepted.stdout.fnmatch_lines(["*baseline.jsonl: not written: the value of $LATER_TOKEN is in line 2*"])


HOOKED = (
    SUITE
    + """
def read(text) -> Item:
    try:
        post("/telemetry", {"t": text})
    except OSError:
        pass
    answer = post("/leak", {"leak": text, "tenant": {"id": "t-77"}, "session": os.urandom(4).hex()}, x_tenant="t-77")
    return Item.model_validate_json(answer)

@pytest.mark.llm_extract(extractor=read, cases=[{"id": "a", "input": "a", "expected": {"name": "bolt"}}])
def test_items(extraction): ...
"""
)
CONFTEST = """
import json
def pytest_llm_extract_vcr(vcr, config):
    def before(request):
        if request.path == "/telemetry":
            return None
        request.body = json.dumps(json.loads(request.body) | {"session": "x"})
        return request
    vcr.before_record_request = before
"""


def test_a_project_extends_what_is_scrubbed(pytester: pytest.Pytester, any_provider: Provider) -> None:
    """By names in the ini, and by filters on a VCR, on record and on replay; what has no effect or fails is said."""
    pytester.makepyfile(test_items=HOOKED)
    pytester.makeini("[pytest]\nllm_extract_scrub =\n    tenant\n")
    pytester.makeconftest(CONFTEST)
    pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=2)
    any_provider.close()
    text = next((pytester.path / "cassettes").rglob("*.yaml")).read_text()
    assert ("t-77" in text, '"tenant": "REDACTED"' in text, '"session": "x"' in text, "telemetry" in text) == (
        False,
        True,
        True,
        False,
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
    pytester.makeconftest(CONFTEST.replace("request.path", "request.no_such"))
    run = pytester.runpytest_subprocess()
    run.assert_outcomes(failed=2)
    run.stdout.fnmatch_lines(["*a filter of pytest_llm_extract_vcr failed: *no_such*"])
    pytester.makeconftest("def pytest_llm_extract_vcr(vcr): vcr.record_mode = 'all'")
    run = pytester.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["*pytest_llm_extract_vcr: record_mode has no effect here; what has: *"])
    run.assert_outcomes(errors=1)


BODIES = """
import json
def pytest_llm_extract_vcr(vcr):
    def before(request):
        assert json.loads(request.body)["model"]
        return request
    vcr.before_record_request = before
"""


@pytest.mark.slow
def test_requests_are_stored_as_hashes(
    project: pytest.Pytester, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No text of a request is in a cassette; it replays, goes stale with what changed, and is recorded again."""
    module = project.path / "test_items.py"
    project.makeini("[pytest]\nllm_extract_store_requests = hash\n")
    project.makeconftest(BODIES)
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
    recorded = project.runpytest_subprocess("--llm-record")
    recorded.assert_outcomes(passed=5)
    recorded.stdout.fnmatch_lines(["recorded: 4 (of requests, cassettes hold hashes)"])
    files = sorted((project.path / "cassettes").rglob("*.yaml"))
    assert [text for file in files for text in ("bolt 4", "Read.", "messages") if text in file.read_text()] == []
    assert all("body: sha256:" in file.read_text() for file in files)
    n_sent = len(provider.requests)
    project.runpytest_subprocess("--llm-record").assert_outcomes(passed=5)
    project.runpytest_subprocess("-o", "llm_extract_store_requests=full").assert_outcomes(passed=5)
    assert len(provider.requests) == n_sent
    module.write_text(module.read_text().replace("Read.", "Read well."))
    stale = project.runpytest_subprocess("-n2")
    stale.assert_outcomes(failed=5)
    stale.stdout.fnmatch_lines(["*STALE: system prompt changed (4 cases*", "*request bodies are not stored*"])
    module.write_text(
        module.read_text().replace('"m"', '"m2"').replace("llm_extract(", "llm_extract(ignore=['user'], ")
    )
    project.runpytest_subprocess().stdout.fnmatch_lines(["*STALE: ignore= changed, and request bodies are not stored*"])
    project.runpytest_subprocess("--llm-record").assert_outcomes(passed=5)
    project.runpytest_subprocess().assert_outcomes(passed=5)
    wrong = project.runpytest_subprocess("-o", "llm_extract_store_requests=none")
    wrong.stderr.fnmatch_lines(["*llm_extract_store_requests*full*hash*"])


def test_filters_change_what_is_stored_and_not_what_is_sent(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that is sent on to another address sends its headers again."""
    project.makeconftest(
        """
        def pytest_llm_extract_vcr(vcr):
            def before(request):
                request.headers.pop("authorization", None)
                return request
            vcr.before_record_request = before
        """
    )
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    replies = [Reply(307, "", headers={"location": "/v1/chat/completions"})]

    def answer(body: dict[str, Any]) -> Reply | str:
        name, _, size = body["messages"][-1]["content"].partition(" ")
        return replies.pop() if replies else json.dumps({"name": name, "size": int(size) if size else None})

    with StandIn(answer) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        project.runpytest_subprocess("--llm-record").assert_outcomes(passed=5)
    assert [sent["authorization"] for sent in provider.headers] == ["Bearer loopback-only"] * 5
    project.runpytest_subprocess().assert_outcomes(passed=5)
