"""HTTP without an SDK: requests, urllib3, urllib, httpx, aiohttp; also over TLS, as every provider is called."""

from __future__ import annotations

import json
import re
import ssl
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from at_once import Extractor, assert_nothing_crosses, slow_echo
from standin import StandIn
from standin_streams import never_ending
from suites import HEAD, TAIL, assert_records_and_replays, assert_streams, echo, environment

aiohttp: Any = pytest.importorskip("aiohttp", reason="aiohttp is not installed")
httpx: Any = pytest.importorskip("httpx", reason="httpx is not installed")
requests: Any = pytest.importorskip("requests", reason="requests is not installed")
urllib3: Any = pytest.importorskip("urllib3", reason="urllib3 is not installed")

EXTRACTORS = """
import aiohttp, httpx, requests, urllib.request, urllib3

url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
session, pool, client, async_client = requests.Session(), urllib3.PoolManager(), httpx.Client(), httpx.AsyncClient()

def asking(text, **more):
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}

def key():
    return {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}

def content(answer):
    return Item.model_validate_json(answer["choices"][0]["message"]["content"])

def deltas(lines):
    events = [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]
    return arrived(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])

def read_requests(text):
    return content(requests.post(url, json=asking(text), headers=key()).json())

def read_requests_session(text):
    return content(session.post(url, data=json.dumps(asking(text)), headers=key()).json())

def read_requests_stream(text):
    return deltas(session.post(url, json=asking(text, stream=True), headers=key(), stream=True).iter_lines())

def read_urllib3(text):
    return content(pool.request("POST", url, json=asking(text), headers=key()).json())

def read_urllib3_stream(text):
    answer = pool.request("POST", url, json=asking(text, stream=True), headers=key(), preload_content=False)
    return deltas(b"".join(answer.stream(9)).splitlines())

def read_urllib(text):
    request = urllib.request.Request(url, json.dumps(asking(text)).encode(), key())
    return content(json.load(urllib.request.urlopen(request)))

def read_httpx(text):
    return content(client.post(url, json=asking(text), headers=key()).json())

async def read_httpx_async(text):
    return content((await async_client.post(url, json=asking(text), headers=key())).json())

async def read_httpx_stream(text):
    async with async_client.stream("POST", url, json=asking(text, stream=True), headers=key()) as answer:
        return deltas([line.encode() async for line in answer.aiter_lines()])

async def read_aiohttp(text):
    async with aiohttp.ClientSession() as aio, aio.post(url, json=asking(text), headers=key()) as answer:
        return content(await answer.json())

async def read_aiohttp_stream(text):
    async with aiohttp.ClientSession() as aio, aio.post(url, json=asking(text, stream=True), headers=key()) as answer:
        return deltas([line async for line in answer.content])

async def read_aiohttp_upload(text):
    form = aiohttp.FormData({"document": text})
    form.add_field("file", text.encode(), filename="doc.txt")
    async with aiohttp.ClientSession() as aio, aio.post(url, data=form, headers=key()) as answer:
        return content(await answer.json())

def read_requests_upload(text):
    return content(requests.post(url, data={"document": text}, files={"file": text.encode()}, headers=key()).json())
"""


def answer(body: dict[str, Any]) -> str | dict[str, Any]:
    """The document, also where it is a part of a form."""
    if "multipart" not in body:
        return echo(body)
    text = json.dumps({"name": "doc " + body["multipart"].partition("doc ")[2][0]})
    return {"choices": [{"message": {"content": text}}]}


def test_every_call_records_and_replays(pytester: pytest.Pytester) -> None:
    """Plain, streamed and as a form with a file, whose boundary is another one each time; replayed without a key."""
    with StandIn(answer) as provider:
        urls, keys = {"OPENAI_BASE_URL": provider.base_url}, {"OPENAI_API_KEY": "loopback-only"}
        found = assert_records_and_replays(pytester, provider, EXTRACTORS, urls, keys)
    assert_streams(found)
    assert json.loads(found["aiohttp"][0].exchanges[0].request_body)["messages"][0]["content"] == "doc 0"


def asking(document: str) -> dict[str, Any]:
    """The body of a request."""
    return {"model": "m", "messages": [{"role": "user", "content": document}]}


def content(answered: dict[str, Any]) -> Any:
    """The text of an answer."""
    return answered["choices"][0]["message"]["content"]


def over_requests(url: str, tls: ssl.SSLContext | None, trusted: str | None) -> Extractor:
    """One session for all threads."""
    session = requests.Session()
    return lambda document: content(session.post(url, json=asking(document), verify=trusted).json())


def over_urllib3(url: str, tls: ssl.SSLContext | None, trusted: str | None) -> Extractor:
    """A pool that makes callers wait for one of its eight connections."""
    pool = urllib3.PoolManager(maxsize=8, block=True, ssl_context=tls)
    return lambda document: content(pool.request("POST", url, json=asking(document)).json())


def over_urllib(url: str, tls: ssl.SSLContext | None, trusted: str | None) -> Extractor:
    """The standard library."""

    def extract(document: str) -> Any:
        request = urllib.request.Request(url, json.dumps(asking(document)).encode())
        with urllib.request.urlopen(request, context=tls) as answered:
            return content(json.load(answered))

    return extract


def over_httpx(url: str, tls: ssl.SSLContext | None, trusted: str | None) -> Extractor:
    """One client for all threads."""
    client = httpx.Client(verify=tls or True)
    return lambda document: content(client.post(url, json=asking(document)).json())


def over_async_httpx(url: str, tls: ssl.SSLContext | None, trusted: str | None) -> Extractor:
    """One client in the one loop of the process."""
    client = httpx.AsyncClient(verify=tls or True)

    async def extract(document: str) -> Any:
        return content((await client.post(url, json=asking(document))).json())

    return extract


def over_aiohttp(url: str, tls: ssl.SSLContext | None, trusted: str | None) -> Extractor:
    """A session for each extraction."""

    async def extract(document: str) -> Any:
        connector = aiohttp.TCPConnector(ssl=tls or True)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(url, json=asking(document)) as answered,
        ):
            return content(await answered.json())

    return extract


CLIENTS = [over_requests, over_urllib3, over_urllib, over_httpx, over_async_httpx, over_aiohttp]


@contextmanager
def certified(folder: Path) -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext, str]]:
    """The server's side, the client's side, and the file of an authority that is trusted by nobody else."""
    trustme: Any = pytest.importorskip("trustme", reason="trustme, which issues certificates, is not installed")
    authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    with authority.cert_pem.tempfile(dir=str(folder)) as trusted:
        yield server, client, trusted


@pytest.mark.parametrize("make", CLIENTS)
def test_nothing_crosses(make: Any, tmp_path: Path) -> None:
    """Sixty-four extractions at once, each with its own exchange, recorded and replayed."""
    with StandIn(slow_echo) as provider:
        extract = make(f"{provider.base_url}/chat/completions", None, None)
        assert_nothing_crosses(extract, tmp_path, provider)


@pytest.mark.parametrize("make", CLIENTS)
def test_nothing_crosses_over_tls(make: Any, tmp_path: Path) -> None:
    """The same over https."""
    with certified(tmp_path) as (server, client, trusted), StandIn(slow_echo, tls=server) as provider:
        extract = make(f"{provider.base_url}/chat/completions", client, trusted)
        assert_nothing_crosses(extract, tmp_path, provider)


@pytest.mark.parametrize("name", ["read_httpx_stream", "read_aiohttp_stream"])
def test_stream_ends_with_its_last_event(bare: pytest.Pytester, name: str) -> None:
    """Recorded at once by an async client, though the server does not hang up; and it replays."""
    others = ", ".join(other for other in re.findall(r"def (read_\w+)", EXTRACTORS) if other != name)
    bare.makepyfile(test_clients=f"{HEAD.replace('range(2)', 'range(1)')}{EXTRACTORS}del {others}\n{TAIL}")
    start = time.monotonic()
    with never_ending('{"name": "doc 0"}') as address:
        with environment({"OPENAI_BASE_URL": address, "OPENAI_API_KEY": "loopback-only"}):
            bare.runpytest_subprocess("--llm-record").assert_outcomes(passed=2)
        with environment({"OPENAI_BASE_URL": address}):
            bare.runpytest_subprocess().assert_outcomes(passed=2)
    assert time.monotonic() - start < 60
