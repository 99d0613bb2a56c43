"""A provider that answers whatever shape of request, and says what it got."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import quote

import pytest
from loopback import LoopbackServer
from standin import StandIn

JSON = "application/json"


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

        self._server = LoopbackServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._server.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.end()


@pytest.fixture
def any_provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """One that speaks whatever a case asks for."""
    found = Provider()
    monkeypatch.setenv("PROVIDER", found.url)
    yield found
    found.close()


def holds(secret: str, *texts: str) -> bool:
    """Whether one of these texts holds it, in a way that a person could read."""
    return any(form in text for form in (secret, quote(secret, safe="")) for text in texts)


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
