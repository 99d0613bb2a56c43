"""Nothing secret is stored or shown: scrubbed first, then looked for in what would be written."""

from __future__ import annotations

import base64
import gzip
import json
import os
import sys
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from standin import Reply, StandIn
from vcr.request import Request

from pytest_llm_extract.cassette.file.exchange import Exchange
from pytest_llm_extract.cassette.scrub.scrubber import Scrubber
from pytest_llm_extract.config.settings import Storage
from pytest_llm_extract.credentials.environment import environment_secrets
from pytest_llm_extract.credentials.placeholder_key import placeholder_key
from pytest_llm_extract.credentials.scanner import Watch
from pytest_llm_extract.errors import SecretFoundError, UsageError

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])
KEY = "zq9" + "X4k-tango_77"  # of a shape that nobody knows
PLAIN = "tango/77+Zq9 x4K\"ö'"  # written otherwise in every coding
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


def in_pieces(text: str) -> str:
    """As a stream of chat completions hands it out."""
    events = ({"choices": [{"delta": {"content": text[at : at + 4]}}]} for at in range(0, len(text), 4))
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events)


@pytest.mark.parametrize("before", ["", "x", "xy"])
@pytest.mark.parametrize("secret", [KEY, PLAIN, "line one\nline two 3"])
def test_a_secret_is_found_however_it_is_written(secret: str, before: str) -> None:
    """Raw, escaped once or twice, URL-encoded, in base64 at any offset, compressed, streamed; never printed."""
    inner = (before + secret + " after it").encode()
    texts = {
        "raw": secret,
        "JSON": json.dumps(secret),
        "JSON in JSON": json.dumps(json.dumps({"a": secret})),
        "URL": quote(secret, safe=""),
        "base64": base64.b64encode(inner).decode(),
        "urlsafe base64": base64.urlsafe_b64encode(inner).decode(),
        "gzip": base64.b64encode(gzip.compress(inner + b" and what makes it longer")).decode(),
        "zlib": base64.b64encode(zlib.compress(inner + b" and what makes it longer")).decode(),
        "stream": in_pieces(before + secret),
    }
    for coding, text in texts.items():
        with pytest.raises(SecretFoundError) as error:
            Watch().refuse(f"interactions:\n- {text}\n", Path("c.yaml"), {"MY_TOKEN": secret})
        assert "c.yaml: not written: the value of $MY_TOKEN stands in line" in str(error.value), coding
        assert secret not in str(error.value)


def test_which_values_of_the_environment_are_secrets() -> None:
    """By the name of the variable, and long and odd enough; parts of connection strings, URLs and JSON as well."""
    no_secrets = {
        "SHORT_KEY": "aB3",
        "WORD_SECRET": "abcdefghijklmno",
        "NUMBER_KEY": "1234567890123",
        "KEY_URL": "https://example.com/a/path",
        "KEY_FILE": "/etc/ssl/private/server.pem",
        "TOKEN_EXPIRES": "2026-11-24T13:00:00Z",
        "HOME": KEY,
    }
    assert environment_secrets(no_secrets) == {}
    dsn, account = f"postgres://me:{KEY}@db/x", f"AccountName=a;AccountKey={KEY}=="
    found = environment_secrets(
        {
            "DB_DSN": dsn,
            "STORAGE_CONNECTION_STRING": account,
            "GCP_CREDENTIALS": json.dumps({"a": {"private_key": KEY}}),
        }
    )
    assert found["DB_DSN"] == (KEY,)
    assert set(found["STORAGE_CONNECTION_STRING"]) == {account, f"{KEY}=="}
    assert KEY in found["GCP_CREDENTIALS"]
    assert environment_secrets({"PIN": "aB3456", "CI_KEY": KEY}, ("PIN",), ("CI_*",)) == {"PIN": ("aB3456",)}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("sk-proj-" + "a1B2" * 10, "an OpenAI key"),
        ("sk-ant-api03-" + "a1B2" * 10, "an Anthropic key"),
        ("AIza" + "a1B2_" * 7, "a Google API key"),
        ("AKIA" + "A1B2" * 4, "an AWS access key"),
        ("aws_secret_access_key = " + "a1B2/" * 8, "an AWS secret key"),
        ("Ocp-Apim-Subscription-Key: " + "0a" * 16, "an Azure key"),
        ("https://x/y?sv=1&sig=" + "aB3%2F" * 12, "an Azure SAS signature"),
        ("ghp_" + "a1B2" * 9, "a GitHub token"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("Authorization: Bearer abc.def-123456789012345", "a bearer token"),
        ("Basic " + base64.b64encode(b"me:pass word").decode(), "a user and password"),
        ("amqp://me:pass1word@host/x", "a password in a URL"),
        (f"eyJ{'a1' * 8}.eyJ{'b2' * 8}.{'c3' * 8}", "a JSON Web Token"),
    ],
)
def test_keys_are_known_by_their_shape(text: str, what: str) -> None:
    """Alone and within base64; a word in front of one, or a document that speaks of one, is none."""
    for found in (text, base64.b64encode(f"xx {text} ".encode()).decode()):
        with pytest.raises(SecretFoundError, match=what):
            Watch().refuse(f"a: {found}\n", Path("c.yaml"), {})
    Watch().refuse(
        "the task-force has basic knowledge of bearer bonds, key: none, sk-learn, https://a:80/x", Path("c"), {}
    )


def test_the_place_of_a_secret_is_told_in_words() -> None:
    """Line, exchange, part and JSON path; also where only the whole stream holds it."""
    body = ["{", '  "a": [', "    1,", f'    "{KEY}"', "  ]", "}"]
    head = ["x_llm_extract:", "  case: a", "interactions:", "- request:", "    body: |-"]
    text = "\n".join([*head, *(f"      {line}" for line in body)])
    found = Watch().find(text, {"A_KEY": KEY})
    assert [str(one) for one in found] == ["the value of $A_KEY stands in line 9 (interaction 1, request body, a[1])"]


def test_texts_for_people_say_what_is_hidden() -> None:
    """Whole, cut off at either end, or as what a pattern of the project matches."""
    watch = Watch.of(["re:CUST-[0-9]{6}", "!re:CUST-0{6}"], "ini")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("A_KEY", KEY * 2)
        assert watch.hide(f"a {KEY * 2} b {KEY}") == "a [hidden: the value of $A_KEY] b [hidden: the value of $A_KEY]"
        assert watch.hidden({"a": [f"…{KEY}", 1, None]}) == {"a": ["…[hidden: the value of $A_KEY]", 1, None]}
    assert watch.hide("CUST-123456, CUST-000000") == "[hidden: what re:CUST-[0-9]{6} matches], CUST-000000"
    literal = Watch.of(["re:CUST-123456"], "ini")
    assert literal.hide(literal.hide("CUST-123456")) == "[hidden: what a pattern matches]"


@pytest.mark.parametrize("entry", ["re:(", "re:x*", "12", "a b"])
def test_an_entry_that_means_nothing_is_refused(entry: str) -> None:
    """One line that names the ini and the entry."""
    with pytest.raises(UsageError, match="ini llm_extract_secrets"):
        Watch.of([entry], "ini llm_extract_secrets")


class Provider:
    """Answers as the path of the request says, and with what it was sent in the body."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                key = self.headers["api-key"] or ""
                kind = self.path.strip("/").split("/")[0].split("?")[0]
                data = json.dumps({"name": "bolt", "note": f"{kind} {key}"}).encode()
                if kind == "leak":  # what the request says, backwards
                    data = json.dumps({"name": "bolt", "note": json.loads(body)["leak"][::-1]}).encode()
                if kind == "sse":
                    data = f'data: {{"name": "bolt", "key": "{key}"}}\n\n'.encode()
                self.send_response(400 if kind == "refused" else 200)
                self.send_header("set-cookie", f"session={key}")
                self.send_header("content-type", "text/event-stream" if kind == "sse" else JSON)
                if kind == "gzip":
                    data = gzip.compress(data)
                    self.send_header("content-encoding", "gzip")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def any_provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """One that speaks whatever a case asks for."""
    found = Provider()
    monkeypatch.setenv("PROVIDER", found.url)
    yield found
    found.close()


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


def holds(secret: str, *texts: str) -> bool:
    """Whether one of these texts holds it, in a way that a person could read."""
    return any(form in text for form in (secret, quote(secret, safe="")) for text in texts)


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
            "*not recorded: *prompt*.yaml: not written: the value of $ACME_TOKEN stands in line * (interaction 1, "
            "request body, system[[]0].text)*",
            "*coded*.yaml: not written: the value of $ACME_TOKEN stands in line * (*1, response body, note)*",
            "*shape*.yaml: not written: an OpenAI key stands in line *",
            "*pattern*.yaml: not written: what re:CUST-[[]0-9]{6} matches stands in line *",
        ]
    )
    assert [path.name.split("-")[0] for path in (pytester.path / "cassettes").rglob("*.yaml")] == ["exempt"]
    texts = (str(run.stdout), str(run.stderr), (pytester.path / "r.json").read_text())
    assert not any(holds(secret, *texts) for secret in (ACME, "CUST-123456", "a1B2" * 10))
    monkeypatch.setenv("LATER_TOKEN", "of CUST-000000 and")
    accepted = pytester.runpytest_subprocess("-k", "exempt", "--llm-extract-accept")
    accepted.stdout.fnmatch_lines(["*baseline.jsonl: not written: the value of $LATER_TOKEN stands in line 2*"])


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
    stale.stdout.fnmatch_lines(["*STALE: prompt changed (4 cases*", "*request bodies are not stored*"])
    module.write_text(
        module.read_text().replace('"m"', '"m2"').replace("llm_extract(", "llm_extract(ignore=['user'], ")
    )
    project.runpytest_subprocess().stdout.fnmatch_lines(["*STALE: ignore= changed, and request bodies are not stored*"])
    project.runpytest_subprocess("--llm-record").assert_outcomes(passed=5)
    project.runpytest_subprocess().assert_outcomes(passed=5)
    wrong = project.runpytest_subprocess("-o", "llm_extract_store_requests=none")
    wrong.stderr.fnmatch_lines(["*llm_extract_store_requests*full*hash*"])


REPLAYED = """
import os, pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str
    link: str = ""

def read(text) -> Item:
    answer = OpenAI().chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return Item(name=answer.choices[0].message.content, link=os.environ["ACME_TOKEN"])

CASES = [{"id": "c0", "input": "bolt", "expected": {"name": "bolt", "link": "x"},
          "metadata": {"with": os.environ["ACME_TOKEN"]}}]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction): ...
"""


def replayed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, module: str, workers: str, n_passed: int
) -> tuple[str, str]:
    """What a replay of a module says on the terminal, and in its results.json; its provider repeats what it is sent."""
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    pytester.makepyfile(test_items=module)
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=n_passed)
    run = pytester.runpytest_subprocess("--llm-extract-json=out.json", f"-n{workers}")
    run.assert_outcomes(passed=n_passed)
    return run.stdout.str(), (pytester.path / "out.json").read_text()


@WORKERS
def test_what_a_replay_shows_is_looked_through(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """An extractor adds values that no cassette holds."""
    monkeypatch.setenv("ACME_TOKEN", KEY)
    shown, written = replayed(pytester, monkeypatch, REPLAYED, workers, 2)
    assert not holds(KEY, shown, written)
    assert written.count("[hidden: the value of $ACME_TOKEN]") == 2


@WORKERS
def test_keys_that_a_replayed_request_carries_are_known(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """In a header and in the URL, though they stand in no variable and in no cassette."""
    client = 'OpenAI(api_key="of-header-Zq9-oscar-4411", default_query={"key": "of-query-Zq9-oscar-4411"})'
    link = 'link="of-header-Zq9-oscar-4411 of-query-Zq9-oscar-4411"'
    monkeypatch.setenv("ACME_TOKEN", KEY)
    module = REPLAYED.replace("OpenAI()", client).replace('link=os.environ["ACME_TOKEN"]', link)
    shown, written = replayed(pytester, monkeypatch, module, workers, 2)
    assert not holds("Zq9-oscar-4411", shown, written)
    for where in ("header 'authorization'", "URL"):
        assert f"[hidden: the credential in a request's {where}]" in written


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


@WORKERS
def test_variables_that_are_set_in_the_middle_of_a_run_are_known(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """Each case sets one more, and each has its own value the second time."""
    module = REPLAYED.split("CASES")[0].replace(
        'link=os.environ["ACME_TOKEN"]',
        'link=os.environ.setdefault(f"{text[:4].upper()}_TOKEN", f"of-{text}-Zq9-oscar-4411")',
    )
    cases = """
@pytest.fixture(autouse=True)
def anew():
    yield
    if "NUTS_TOKEN" in os.environ:
        os.environ["BOLT_TOKEN"] = "of-bolt-again-Zq9-oscar-4411"

CASES = [{"id": n, "input": n, "expected": {"name": n, "link": "x"}} for n in ("bolt", "nuts", "bolt-again", "pins")]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction): ...
"""
    shown, written = replayed(pytester, monkeypatch, module + cases, workers, 5)
    assert not holds("Zq9-oscar-4411", shown, written)
    assert all(f"[hidden: the value of ${name}_TOKEN]" in written for name in ("BOLT", "NUTS", "PINS"))


def test_a_native_traceback_keeps_its_lines(pytester: pytest.Pytester) -> None:
    """Where there is nothing to hide, nothing changes."""
    pytester.makepyfile(test_items=REPLAYED.replace("extraction): ...", "extraction): assert 1 == 2"))
    pytester.makeconftest("import os\nos.environ['ACME_TOKEN'] = 'none'")
    run = pytester.runpytest_subprocess("--tb=native")
    run.stdout.fnmatch_lines(
        ["Traceback (most recent call last):", "  File *", "    def test_items*", "*assert 1 == 2"]
    )


@pytest.mark.parametrize("left", ["keyed", "anew"])
def test_no_placeholder_stays_in_the_environment(pytester: pytest.Pytester, left: str) -> None:
    """A `monkeypatch` that an extraction used puts back what it found: a placeholder."""
    pytester.makepyfile(
        test_items=REPLAYED.split("CASES")[0].replace('os.environ["ACME_TOKEN"]', '""')
        + f"""
def patched(text, monkeypatch) -> Item:
    monkeypatch.setenv("OPENAI_API_KEY", {left!r})
    return read(text)

@pytest.mark.llm_extract(schema=Item, cases=[{{"id": "c0", "input": "bolt", "expected": {{"name": "bolt"}}}}])
def test_items(extraction, monkeypatch):
    extraction.run(patched, "bolt", monkeypatch)

def test_other():
    assert "OPENAI_API_KEY" not in os.environ
"""
    )
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider, pytest.MonkeyPatch.context() as patch:
        patch.delenv("OPENAI_API_KEY", raising=False)
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=3)
        pytester.runpytest_subprocess().assert_outcomes(passed=3)


def test_extractors_may_treat_the_environment_as_ever(pytester: pytest.Pytester) -> None:
    """A placeholder is listed, copied, deleted and replaced like a variable; child processes do not have it."""
    pytester.makepyfile(
        test_items=REPLAYED.split("CASES")[0].replace('os.environ["ACME_TOKEN"]', '""')
        + """
import subprocess, sys
from unittest import mock

def seen():
    return "OPENAI_API_KEY" in os.environ, "OPENAI_API_KEY" in dict(os.environ), bool(os.getenv("OPENAI_API_KEY"))

def read_anyway(text) -> Item:
    item = read(text)
    if os.environ["OPENAI_API_KEY"] == "loopback-only":
        return item
    assert seen() == (True,) * 3
    assert len(os.environ) == len([*os.environ])
    script = "import os; print('OPENAI_API_KEY' in os.environ)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "False\\n"
    with mock.patch.dict(os.environ, {"HOME": "here"}, clear=True):
        assert dict(os.environ) == {"HOME": "here"} and seen() == (False,) * 3
    assert seen() == (True,) * 3
    del os.environ["OPENAI_API_KEY"]
    assert seen() == (False,) * 3
    assert os.environ.pop("OPENAI_API_KEY", None) is None
    os.environ["OPENAI_API_KEY"] = ""
    assert os.environ["OPENAI_API_KEY"] == ""
    del os.environ["OPENAI_API_KEY"]
    return item

CASES = [{"id": "c0", "input": "bolt", "expected": {"name": "bolt"}}]
@pytest.mark.llm_extract(extractor=read_anyway, cases=CASES)
def test_items(extraction):
    assert extraction.output.name == "bolt"

def test_other():
    assert "OPENAI_API_KEY" not in os.environ and "OPENAI_API_KEY" not in dict(os.environ)
"""
    )
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        patch.setenv("OPENAI_API_KEY", "loopback-only")
        pytester.runpytest_subprocess("--llm-record", "test_items.py::test_items").assert_outcomes(passed=2)
        patch.delenv("OPENAI_API_KEY")
        pytester.runpytest_subprocess().assert_outcomes(passed=3)


def test_other_threads_read_the_environment_while_placeholders_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a thread of the project has begun to read, it reads to the end."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    seen: set[str | None] = set()
    errors: list[Exception] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            try:
                seen.add(os.environ.get("OPENAI_API_KEY"))
                seen.add({name: os.environ.get(name) for name in os.environ}.get("OPENAI_API_KEY"))
                assert "OPENAI_API_KEY" not in os.environ or len(os.environ) > 1
            except Exception as error:
                errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=look) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(5_000):
            with placeholder_key():
                os.environ.get("OPENAI_API_KEY")
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert not errors
    assert seen == {None, "llm-extract-placeholder-no-key-for-OPENAI_API_KEY"}
    assert "OPENAI_API_KEY" not in os.environ


def test_a_key_of_a_dotenv_file_goes_before_the_placeholder(pytester: pytest.Pytester) -> None:
    """python-dotenv leaves alone what is set, and a placeholder is no key."""
    pytest.importorskip("dotenv")
    pytester.path.joinpath(".env").write_text("OPENAI_API_KEY=loopback-only\n")
    loaded = "from dotenv import load_dotenv\nload_dotenv('.env')\nclient = OpenAI()\n\nclass Item"
    text = REPLAYED.replace("class Item", loaded, 1).replace("OpenAI().chat", "client.chat")
    pytester.makepyfile(test_items=text.replace('os.environ["ACME_TOKEN"]', '""'))
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider, pytest.MonkeyPatch.context() as patch:
        patch.delenv("OPENAI_API_KEY", raising=False)
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=2)
    pytester.path.joinpath(".env").unlink()
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


@WORKERS
def test_reasons_and_properties_are_looked_through(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """Of xfail, called and as a marker, and of record_property: neither JUnit XML nor the terminal shows them."""
    monkeypatch.setenv("ACME_TOKEN", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    bodies = """
SUITE = pytest.mark.llm_extract(extractor=read, cases=CASES)

@SUITE
def test_called(extraction, record_property):
    record_property("token", os.environ["ACME_TOKEN"])
    record_property("path", __import__("pathlib").Path(os.environ["ACME_TOKEN"]))
    record_property("size", 3)
    extraction.output
    pytest.xfail("since " + os.environ["ACME_TOKEN"])

@SUITE
@pytest.mark.xfail(reason="since " + os.environ["ACME_TOKEN"])
def test_marked(extraction):
    assert extraction.output is None
"""
    module = REPLAYED.split("@pytest.mark")[0].replace('link=os.environ["ACME_TOKEN"]', "")
    pytester.makepyfile(test_items=module + bodies)
    with StandIn(lambda body: body["messages"][-1]["content"]) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        run = pytester.runpytest_subprocess("--llm-record", "-rx", "--junitxml=out.xml", f"-n{workers}")
    written = (pytester.path / "out.xml").read_text()
    assert not holds(KEY, run.stdout.str(), written)
    assert written.count("[hidden: the value of $ACME_TOKEN]") >= 4
    assert '<property name="size" value="3"' in written
