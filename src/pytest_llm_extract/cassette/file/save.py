"""Write cassette files atomically, in vcrpy's format, with bodies as blocks that a diff can show."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pytest_llm_extract.cassette.file.bodies import escape, pretty, shown_answer
from pytest_llm_extract.cassette.file.checksum import HEAD, seal
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording, as_bytes
from pytest_llm_extract.cassette.file.fingerprint import answer_digest
from pytest_llm_extract.cassette.file.hashed_requests import hashed
from pytest_llm_extract.cassette.file.layout import FORMAT, head_of
from pytest_llm_extract.config.settings import Storage
from pytest_llm_extract.errors import CassetteError
from pytest_llm_extract.formats.atomic_write import write_atomically

try:
    from yaml import CSafeDumper as _SafeDumper
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeDumper as _SafeDumper  # type: ignore[assignment]

_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_on_one_line = json.JSONEncoder(ensure_ascii=False).encode
_LINE = re.compile(r"\n(?=[^\n])")


class _Block(str):
    """JSON on several lines."""

    __slots__ = ()


def cassette_text(
    path: Path,
    recording: Recording,
    meta: dict[str, Any],
    storage: Storage | None = None,
    document: str | None = None,
    ignore: tuple[str, ...] = (),
) -> str:
    """The text of a cassette: whole, or with hashes instead of request bodies if the project asks for that.

    Raises:
        SecretFoundError: it holds a secret, so it must not be written to `path`.
    """
    storage = storage or Storage()
    if not storage.keeps_requests:
        recording, parts = hashed(recording, document, ignore)
        meta = meta | parts
    exchanges = [(e, _body(e.request_body), _body(e.response_body)) for e in recording.exchanges]
    digests = {
        "fingerprints": recording.fingerprints,
        "answers": [answer_digest(e.status, as_bytes(answer)) for e, _, answer in exchanges],
    }
    run = meta | head_of(recording.scheme)
    head = f"  format: {FORMAT}\n  case: {_scalar(recording.case)}\n"
    interactions = "".join(_interaction(*exchange) for exchange in exchanges)
    rest = f"{_answer(recording)}interactions:\n{interactions}version: 1\n"
    # Our own digests are not searched: no secret is in them, and each of them could be base64.
    searched = run | {"hashes": {"model": (run.get("hashes") or {}).get("model")}}
    storage.watch.refuse(f"{HEAD}  seal:\n{head}{run_line(searched)}{rest}", path, said=recording.said)
    return seal(f"{HEAD}{head}{run_line(digests | run)}{rest}")


def run_line(run: Mapping[str, Any]) -> str:
    """What is new in every recording, as JSON on one line, which is YAML too."""
    text = _on_one_line(run).encode(errors="surrogatepass").decode(errors="replace")
    return f"  run: {_NOT_IN_YAML.sub(escape, text)}\n"


def _answer(recording: Recording) -> str:
    """The JSON of the answer on lines of its own, for people; nothing where it is not JSON."""
    shown = shown_answer(recording)
    return "" if shown is None else f"  answer: {_value(_Block(shown), 4)}\n"


def write_cassette(path: Path, text: str) -> None:
    """Write a cassette atomically: readers see the old file or the new one, never a part.

    Raises:
        CassetteError: the folder cannot be written to.
    """
    try:
        write_atomically(path, text)
    except OSError as error:
        raise CassetteError(path, f"cannot be written: {error.strerror or error}") from None


def _interaction(exchange: Exchange, request: str | bytes, response: str | bytes) -> str:
    """One exchange, just as PyYAML would write it in ten times the time."""
    return (
        f"- request:\n    method: {_scalar(exchange.method)}\n    uri: {_scalar(exchange.url)}\n"
        f"    body: {_value(request, 6)}\n    headers:{_headers(exchange.request_headers)}"
        f"  response:\n    status:\n      code: {exchange.status}\n      message: {_scalar(exchange.reason)}\n"
        f"    headers:{_headers(exchange.response_headers)}    body:\n      string: {_value(response, 8)}\n"
    )


def _headers(headers: Mapping[str, list[str]]) -> str:
    lines = ["\n"] if headers else [" {}\n"]
    for name, values in headers.items():
        lines += [f"      {_scalar(name)}:\n", *(f"      - {_scalar(value)}\n" for value in values)]
    return "".join(lines)


@lru_cache(maxsize=1024)  # most are the same in every cassette of a suite
def _scalar(text: str) -> str:
    return _value(text, 8)


def _value(value: str | bytes, indent: int) -> str:
    """A value as YAML, its further lines indented."""
    if isinstance(value, _Block):
        return _LINE.sub("\n" + " " * indent, f"|-\n{value}")
    dumped: str = yaml.dump([value], Dumper=_SafeDumper, allow_unicode=True, width=10_000)
    return _LINE.sub("\n" + " " * (indent - 2), dumped.removeprefix("- ").removesuffix("\n"))


def _body(body: bytes) -> str | bytes:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return body
    return text if (lines := pretty(text)) is None else _Block(lines)
