"""Damaged cassettes: seeds in every form, ways to damage them, and what must hold of whatever comes out.

`python benchmarks/fuzz_cassettes.py` runs it for minutes, `tests/test_damaged_cassettes.py` for a moment.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pytest_llm_extract.cassette import foreign
from pytest_llm_extract.cassette.file.answer_summary import summarize_answers
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.cassette.file.save import cassette_text, write_cassette
from pytest_llm_extract.errors import CassetteError, SecretFoundError

CHAT: dict[str, Any] = {
    "model": "m-1",
    "choices": [
        {"message": {"content": '{"name": "bolt"}', "tool_calls": None, "refusal": None}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"model": "c", "content": [], "usage": {"input_tokens": 3}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "input": {}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a": 1}'}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
]
GOOGLE: list[dict[str, Any]] = [
    {"candidates": [{"content": {"parts": [{"text": '{"a":'}]}}], "usageMetadata": {"promptTokenCount": 1}},
    {"candidates": [{"content": {"parts": [{"text": " 1}"}]}, "finishReason": "STOP"}], "modelVersion": "g"},
]
RESPONSES: dict[str, Any] = {
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "{}"}]}],
    "usage": {"input_tokens": 1},
}
SSE = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS)
REQUEST: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "bolt 4 – Größe ✓"}],
    "temperature": 0.0,
}


def interaction(
    body: Any, *, sent: Any = None, headers: dict[str, Any] | None = None, **response: Any
) -> dict[str, Any]:
    """One exchange as vcrpy writes it; `body` is the response's `body`."""
    return {
        "request": {
            "body": json.dumps(REQUEST) if sent is None else sent,
            "headers": {"Content-Type": ["application/json"]},
            "method": "POST",
            "uri": "https://api.example.com/v1/chat/completions",
        },
        "response": {
            "body": body,
            "headers": {"Content-Type": ["application/json"], **(headers or {})},
            "status": {"code": 200, "message": "OK"},
            **response,
        },
    }


def cassette(*interactions: dict[str, Any], **top: Any) -> dict[str, Any]:
    """A whole vcrpy cassette."""
    return {"interactions": list(interactions), "version": 1, **top}


PLAIN = interaction({"string": json.dumps(CHAT)})


def save(path: Path, recording: Recording, head: dict[str, Any]) -> None:
    """A cassette of this package."""
    write_cassette(path, cassette_text(path, recording, head))


def write(folder: Path, data: Any, name: str = "c.yaml") -> Path:
    """A file that holds this text, these bytes, or this data."""
    path = folder / name
    text = data if isinstance(data, str | bytes) else yaml.dump(data, allow_unicode=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def own(folder: Path) -> bytes:
    """A cassette that this package wrote: two exchanges, one of them a stream."""
    answers = [json.dumps(CHAT).encode(), SSE.encode()]
    headers = {"content-type": ["application/json"]}
    exchanges = tuple(
        Exchange("POST", f"https://h/v1/{n}", headers, json.dumps(REQUEST).encode(), 200, "OK", headers, answer)
        for n, answer in enumerate(answers)
    )
    save(folder / "own.yaml", Recording(exchanges, "c0"), {"attempt": 1, "model": "m-1", "latency_s": 0.1})
    return (folder / "own.yaml").read_bytes()


def as_written(folder: Path) -> str:
    """A cassette that this package wrote, all of whose bodies are JSON; its second request has none."""
    headers = {"accept": ["application/json"], "content-type": ["application/json; charset=utf-8"]}
    sent, answer = json.dumps(REQUEST, ensure_ascii=False).encode(), json.dumps(CHAT).encode()
    url = "https://api.example.com:8443/openai/models/m-1:call?api-version=2026-01-01&x="
    exchanges = (
        Exchange("POST", url, headers, sent, 429, "Too Many Requests", {**headers, "retry-after": ["2"]}, answer),
        Exchange("GET", "https://h/v1/1", {}, b"", 200, "", headers, b"[]"),
    )
    hashes = {"prompt": "1234e56789012345", "schema": "0" * 16, "parameters": "ab", "document": None, "model": "m-1"}
    head = {"hashes": hashes, "attempt": 2, "model": "m-1", "system_fingerprint": None, "latency_s": 12.0}
    path = folder / "as-written.yaml"
    save(path, Recording(exchanges, "case 0"), {**head, "recorded": "2026-11-24T15:19:06+00:00"})
    return path.read_text(encoding="utf-8")


def seeds(folder: Path) -> list[bytes]:
    """Whole cassettes in every form."""
    chat = json.dumps(CHAT)
    parsed = interaction(None, parsed_body=CHAT)
    parsed["request"] = {**parsed["request"], "body": None, "parsed_body": REQUEST}
    gzipped = interaction({"string": gzip.compress(chat.encode())}, headers={"Content-Encoding": ["gzip"]})
    data = [
        cassette(PLAIN, interaction({"string": SSE}), interaction({"string": json.dumps(GOOGLE)})),
        cassette(gzipped, interaction({"base64_string": base64.b64encode(chat.encode()).decode()})),
        cassette(parsed, interaction({"string": json.dumps(RESPONSES)}, sent=REQUEST)),
    ]
    texts = [yaml.dump(one, allow_unicode=True) for one in data]
    return [
        own(folder),
        as_written(folder).encode(),
        *(text.encode() for text in texts),
        json.dumps(cassette(PLAIN, PLAIN), indent=4).encode(),
    ]


def truncate(rng: random.Random, text: bytes) -> bytes:
    """The beginning of it."""
    return text[: rng.randrange(len(text))]


def flip(rng: random.Random, text: bytes) -> bytes:
    """One to three bytes replaced."""
    damaged = bytearray(text)
    for _ in range(rng.randint(1, 3)):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut(rng: random.Random, text: bytes) -> bytes:
    """A part taken out, or written twice."""
    start = rng.randrange(len(text))
    end = min(len(text), start + rng.randint(1, 300))
    return text[:start] + text[start:end] * rng.choice([0, 2]) + text[end:]


TOKENS = [
    b"!!python/object/apply:os.system [touch HACKED]", b"!!python/name:os.system ", b"!!python/object/new:os.system ",
    b"!!binary ", b"!!binary |\n  x===", b"!!set ", b"!!timestamp ", b"!foo ", b"&a ", b"*a ", b"<<: *a\n", b"--- ",
    b"...\n", b"[" * 200, b"{a: " * 200, b"? " * 200, b"\x00", b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\x80", b"\t", b"\r",
    b"\xc2\x85", b"\xe2\x80\xa8", b"null", b"~", b"{}", b"[]", b"1e999", b".nan", b"9" * 5000, b"-1", b"2026-01-01",
    b"'", b'"', b"|\n", b"%YAML 9.9\n", b"\\ud800", b"version: 2\n", b"interactions:\n", b"<<<<<<< HEAD\n", b"http://[",
]  # fmt: skip


def insert(rng: random.Random, text: bytes) -> bytes:
    """A token at any place, or in place of a value."""
    lines = text.split(b"\n")
    at = rng.randrange(len(lines))
    token = rng.choice(TOKENS)
    name, colon, _ = lines[at].partition(b": ")
    if colon and rng.random() < 0.5:
        lines[at] = name + colon + token
        return b"\n".join(lines)
    start = rng.randrange(len(text))
    return text[:start] + token + text[start:]


def shuffle(rng: random.Random, text: bytes) -> bytes:
    """Two lines in each other's place."""
    lines = text.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


STRANGE: list[Any] = [
    None, True, -1, 0, 10**30, 1.5, "", "x" * 99, b"\xff", [], {}, [[]], {"a": {}}, [None], "\ud7ff", [1, "a", {}],
]  # fmt: skip


def replace(rng: random.Random, text: bytes) -> bytes:
    """A value of the cassette, or of a JSON body in it, replaced by one of another type; it stays YAML."""
    data = yaml.safe_load(text)
    bodies = [(holder, key, value) for holder, key in _places(data) if (value := _json_within(holder[key]))]
    if bodies and rng.random() < 0.6:
        holder, key, value = rng.choice(bodies)
        within, name = rng.choice(_places(value))
        within[name] = rng.choice([strange for strange in STRANGE if not isinstance(strange, bytes)])
        holder[key] = json.dumps(value)
    else:
        holder, key = rng.choice(_places(data))
        holder[key] = rng.choice(STRANGE)
    return yaml.dump(data, allow_unicode=True).encode()


def _json_within(value: Any) -> Any:
    """The list or mapping of a text that is JSON; None for anything else."""
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] in "{[" else None
    except ValueError:
        return None


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Each member of each list and mapping in it, as the holder and its key."""
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    return [(value, key) for key, _ in pairs] + [place for _, member in pairs for place in _places(member)]


Mutation = Callable[[random.Random, bytes], bytes]
MUTATIONS: list[Mutation] = [truncate, flip, cut, insert, shuffle, replace]


def bombs() -> dict[str, bytes]:
    """Small files that would grow, or never end."""
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    long = "x" * 1_000_000
    flat = f"a: &a {long}\nb: [{', '.join(['*a'] * 1000)}]\n"
    end = "interactions: []\nversion: 1\n"
    merges = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], y{n}: *a{n - 1}}}\n" for n in range(1, 40)
    )
    zeros = gzip.compress(bytes(100 * 1024 * 1024), 1)
    zipped = yaml.dump(cassette(interaction({"string": zeros}, headers={"Content-Encoding": ["gzip"]})))
    twice = gzip.compress(zeros, 1)
    nested = yaml.dump(cassette(interaction({"string": twice}, headers={"Content-Encoding": ["gzip, gzip"]})))
    deep_json = json.dumps(cassette(interaction({"string": "{}"}))).replace('"{}"', "[" * 100_000 + "]" * 100_000)
    deep_body = yaml.dump(cassette(interaction({"string": "[" * 100_000}, sent='{"a":' * 990 + "1" + "}" * 990)))
    return {
        "a billion laughs": (laughs + end).encode(),
        "one long text a thousand times": (flat + end).encode(),
        "merge keys": (merges + end).encode(),
        "an alias of itself": b"interactions: &a [*a]\nversion: 1\n",
        "a list in a list": b"[" * 1_000_000,
        "a mapping in a mapping": b"{a: " * 100_000,
        "a key in a key": b"? " * 100_000,
        "block in block": "".join(" " * n + "-\n" for n in range(3000)).encode(),
        "zeros in gzip": zipped.encode(),
        "gzip in gzip": nested.encode(),
        "deep JSON": deep_json.encode(),
        "deep JSON in a body": deep_body.encode(),
        "five million lists": b"[" + b"[]," * 5_000_000 + b"]",
    }


@dataclass
class Watch:
    """Counts what no cassette may ever bring about: code that runs, and files that are written elsewhere."""

    folder: Path
    armed: bool = False
    seen: str | None = None

    def install(self) -> Watch:
        """Watch from now on; there is no way to take it off again."""
        sys.addaudithook(self._hook)
        return self

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        # A number is a file that is open already.
        writes = event == "open" and not isinstance(arguments[0], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in ("exec", "compile", "os.system", "subprocess.Popen", "os.posix_spawn", "pickle.find_class"):
            self.seen = f"{event} {arguments!r:.200}"
        elif writes and not str(arguments[0]).startswith(str(self.folder)):
            self.seen = f"{arguments[0]} was opened for writing"


def outcome(text: bytes, folder: Path) -> Recording | str:
    """The recording that this file holds, or the words in which it is refused; all that is done with one is done."""
    path = folder / "damaged.yaml"
    path.write_bytes(text)
    try:
        found = load(path, folder)
    except CassetteError as error:
        return _one_line(str(error), path)
    assert found is not None
    assert found.exchanges
    summarize_answers(found)
    for exchange in found.exchanges:
        exchange.to_vcr()
    try:
        kept = foreign.as_kept(found, "c0")
        save(folder / "kept.yaml", kept, foreign.head_of(kept, found, None, found))
    except (RecursionError, SecretFoundError):  # `llm-extract adopt` says so
        return found
    again = load(folder / "kept.yaml", folder)
    assert again is not None
    assert again.fingerprints == kept.fingerprints
    return found


def _one_line(words: str, path: Path) -> str:
    assert str(path) in words, words
    assert len(words.splitlines()) == 1, words
    return words


def refused(folder: Path, data: Any) -> str:
    """In which words a file of this text, these bytes or this data is refused, after its name."""
    path = write(folder, data)
    words = outcome(path.read_bytes(), folder)
    assert isinstance(words, str), "it was read"
    return words.split(".yaml: ", 1)[1]


def answers_of(recording: Recording) -> list[tuple[str, int, bytes]]:
    """What replay depends on."""
    return [(exchange.fingerprint, exchange.status, exchange.response_body) for exchange in recording.exchanges]
