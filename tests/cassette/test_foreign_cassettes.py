"""Recordings of other tools: every form is read, and every mistake has its place."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from cassette_mutations import CHAT, PLAIN, REQUEST, cassette, interaction, refused, save, write
from hypothesis import given
from hypothesis import strategies as st

from pytest_llm_extract.cassette.file import content_encoding
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.load import load

ANSWER = json.dumps(CHAT)
GZIPPED = gzip.compress(ANSWER.encode())
END = "interactions: []\nversion: 1\n"
RAW_DEFLATE = zlib.compressobj(wbits=-15)
BODIES: dict[str, dict[str, Any]] = {
    "text": PLAIN,
    "bytes": interaction({"string": ANSWER.encode()}),
    "a body without a member": interaction(ANSWER),
    "gzip": interaction({"string": GZIPPED}, headers={"content-encoding": "GZIP"}),
    "gzip that was decoded": interaction({"string": ANSWER}, headers={"Content-Encoding": ["gzip"]}),
    "deflate": interaction({"string": zlib.compress(ANSWER.encode())}, headers={"Content-Encoding": ["deflate"]}),
    "raw deflate": interaction(
        {"string": RAW_DEFLATE.compress(ANSWER.encode()) + RAW_DEFLATE.flush()},
        headers={"Content-Encoding": ["deflate"]},
    ),
    "gzip twice": interaction(
        {"string": gzip.compress(GZIPPED)},
        headers={"Content-Encoding": ["gzip, identity", "gzip"]},
    ),
    "base64": interaction({"base64_string": base64.encodebytes(ANSWER.encode()).decode()}),
    "parsed": interaction(None, parsed_body=CHAT),
    "a request as aiohttp hands it over": interaction({"string": ANSWER}, sent=REQUEST),
    "a request in bytes": interaction({"string": ANSWER}, sent=json.dumps(REQUEST).encode()),
    "a request in base64": interaction(
        {"string": ANSWER}, sent={"base64_string": base64.b64encode(json.dumps(REQUEST).encode()).decode()}
    ),
    "httpx, before vcrpy 6": {
        **interaction(None),
        "response": {"status_code": 200, "http_version": "HTTP/1.1", "headers": {"a": "b"}, "content": ANSWER},
    },
}


def is_json(data: Any) -> bool:
    """Whether vcrpy's JSON serializer would take it."""
    try:
        return bool(json.dumps(data))
    except TypeError:
        return False


FORMS = [(name, ".yaml") for name in BODIES] + [(name, ".json") for name, body in BODIES.items() if is_json(body)]


@pytest.mark.parametrize(("name", "suffix"), FORMS)
def test_every_form_of_a_body_is_the_same_exchange(tmp_path: Path, name: str, suffix: str) -> None:
    """However a tool writes it down; headers that describe the transfer are gone."""
    data = cassette(BODIES[name], metadata={"by": "another tool"})
    path = write(tmp_path, data if suffix == ".yaml" else json.dumps(data, indent=4), f"c{suffix}")
    found = load(path)
    assert found is not None
    (exchange,) = found.exchanges
    assert json.loads(exchange.request_body) == REQUEST
    assert json.loads(exchange.response_body) == CHAT
    assert (exchange.status, exchange.method) == (200, "POST")
    assert not {name.lower() for name in exchange.response_headers} & {"content-encoding", "content-length"}


@pytest.mark.parametrize(("name", "package"), [("br", "brotli"), ("zstd", "zstandard")])
def test_coding_that_needs_a_package(name: str, package: str) -> None:
    """It is decoded with the package, and named without; cut off or too long, it is refused."""
    try:
        module = __import__(package)
    except ImportError:
        with pytest.raises(
            content_encoding.CodingError, match=f"has the content encoding '{name}': install {package} to read it"
        ):
            content_encoding.decode(b"x", [name], 100)
        return
    compress = module.compress if name == "br" else module.ZstdCompressor().compress
    packed = compress(ANSWER.encode())
    assert content_encoding.decode(packed, [name], 10_000) == ANSWER.encode()
    for damaged, limit in ((packed[:-5], 10_000), (b"\xff" + packed, 10_000), (compress(bytes(10**7)), 1000)):
        with pytest.raises(content_encoding.CodingError):
            content_encoding.decode(damaged, [name], limit)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("request", None, ": request is missing"),
        ("request", [], ".request: is a list, not a mapping"),
        ("request.uri", "http://[", ".request.uri: is not a URL"),
        ("request.body", [b"\xff"], ".request.body: holds binary, which is not JSON"),
        ("response.status", None, ".response: status is missing"),
        ("response.status.code", "200", ".response.status.code: is a string, not a number"),
        ("response.status.code", True, ".response.status.code: is true or false, not a number"),
        ("response.status.code", 99, ".response.status.code: is not an HTTP status"),
        ("response.headers.a", [{}], ".response.headers.a[0]: is a mapping, not a string or binary or a number"),
        ("response.body", [], ".response.body: is a list, not a string or binary or nothing"),
        ("response.body", {"strong": ""}, ".response.body: is a mapping, not a string or binary or nothing"),
        ("response.body", {"base64_string": "a"}, ".response.body.base64_string: is not base64"),
        ("response.parsed_body", {}, ".response.parsed_body: is given beside body; keep one of them"),
        ("response.body.string", b"\x1f\x8bno", ".response.body.string: is not what its content-encoding says"),
        ("response.body.string", GZIPPED[:-9], ".response.body.string: is cut off: its content encoding does not end"),
        (
            "response.body.string",
            GZIPPED + b"x",
            ".response.body.string: continues after the end of its content encoding",
        ),
        (
            "response.headers.Content-Encoding",
            ["rot13"],
            ".response.body.string: has the content encoding 'rot13', which is not",
        ),
    ],
)
def test_wrong_value_has_its_place(tmp_path: Path, place: str, value: Any, words: str) -> None:
    """The path of what is wrong, in the second exchange, and what is wrong there."""
    data = cassette(PLAIN, interaction({"string": GZIPPED}, headers={"Content-Encoding": ["gzip"]}))
    *steps, last = place.split(".")
    reduce(getitem, steps, data["interactions"][1])[last] = value
    assert refused(tmp_path, data).startswith(f"interactions[1]{words}")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "is not a vcrpy cassette: it is nothing, not a mapping with interactions"),
        ("- 1\n", "is not a vcrpy cassette: it is a list, not a mapping with interactions"),
        ("[{request: 1}]\n", "is a cassette of vcrpy before 1.0; migrate it"),
        ("version: 1\n", "interactions is missing"),
        (END, "interactions: holds no exchanges"),
        ("interactions: [1]\n", "`version: 1` is missing, so the file may be cut off"),
        ("interactions: [1]\nversion: 2\n", "version: is not 1, the only version"),
        ("interactions: [1]\nversion: '1'\n", "version: is a string, not a number"),
        ("interactions: [1\n", "line 2: is not YAML: did not find expected ',' or ']'"),
        ("<<<<<<< HEAD\ninteractions: []\n=======\n", "line 1: merge conflict marker"),
        ("a: 1\na: 2\n" + END, "line 2: key 'a' is written twice"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "line 1: the tag '!!python/object/apply:os.system' is not allowed",
        ),
        ("\na: !!python/name:os.system\n", "line 2: the tag '!!python/name:os.system' is not allowed"),
        ("!!python/tuple a: 1\n", "line 1: the tag '!!python/tuple' is not allowed"),
        ("a: !!binary x===\n", "line 1: a !!binary is not base64"),
        (END + "---\n" + END, "line 3: holds more than one document"),
        ("? [a]\n: 1\n", "line 1: a key must be a string"),
        ("h:\n  ? !!python/object/new:a.B [c]\n  : d\n", "line 2: the tag '!!python/object/new:a.B' is not allowed"),
        ("h:\n  !!python/unicode 'Accept': [a]\n", "line 2: the tag '!!python/unicode' is not allowed"),
        (gzip.compress(b"a: 1\n", mtime=0), "is compressed with gzip; unpack it first: gunzip "),
        (b"a: \xff\n", "is not UTF-8 (byte 3)"),
        (END.encode("utf-16"), "is not UTF-8 (byte 0)"),
        ('{"version": 1,\n"version": 1}', "is not JSON: key 'version' is written twice"),
        ('{"version": 1,\n"interactions": [', "line 2: is not JSON: Expecting value"),
    ],
)
def test_file_that_is_no_cassette_says_why(tmp_path: Path, data: str | bytes, words: str) -> None:
    """One line: the file, the line where there is one, and what is wrong."""
    assert refused(tmp_path, data).startswith(words)


def test_messages_show_no_value(tmp_path: Path) -> None:
    """A recording may hold secrets where they do not belong."""
    data = cassette(interaction(None, status={"code": "hunter2-hunter2"}, headers={"a": [{"b": "hunter2-hunter2"}]}))
    assert "hunter2" not in refused(tmp_path, data)


@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.integers(100, 599),
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, body: bytes, status: int) -> None:
    """Any body, byte for byte, unless it is JSON, which is spread over lines."""
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    exchange = Exchange("POST", "https://h/v1/x", {}, b"{}", status, "OK", {"content-type": ["a/b"]}, body)
    save(path, Recording((exchange,), "c0"), {})
    found = load(path)
    assert found is not None
    again = found.exchanges[0].response_body
    assert again == body or json.loads(again) == json.loads(body)
    assert found.exchanges[0].status == status
