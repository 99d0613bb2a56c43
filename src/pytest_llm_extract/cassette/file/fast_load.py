"""Read a sealed cassette by its known shape, in a fraction of the time of a YAML parser.

What it says of itself is true, since this package wrote it and nobody edited it: nothing is checked again. Whatever
else a file holds (a body that is not JSON, another tool's recording, an edit) is left to the parser, which also has the
words for what is wrong.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from pytest_llm_extract.cassette.file.checksum import HEAD, is_sealed
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.fingerprint import Scheme
from pytest_llm_extract.cassette.file.layout import FORMAT, OF_TRANSFER, LayoutError, LayoutNode, scheme_of
from pytest_llm_extract.cassette.file.save import run_line
from pytest_llm_extract.formats.safe_yaml import plain_value

LARGE = 1_000_000  # bytes; of a larger file, the parser weighs what it holds
_EXCHANGES, _END = "interactions:\n", "version: 1\n"
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\n"

# One line of YAML that needs no knowledge of YAML: it begins with no indicator, and holds no `: ` and no ` #`.
_WORD = r"[\w/.][\w/.+@;=-]*(?::[\w/.+@;=-]+)*"
_SCALAR = rf"(?:'[^'\n]*'|{_WORD}(?: {_WORD})*)"
_NAME = r"\w{1,99}"
_MEMBERS = re.compile(
    rf"(?:  {_NAME}:(?: {_SCALAR}\n|\n(?:  - {_SCALAR}\n)+|\n(?:    {_NAME}: {_SCALAR}\n)+))+", re.ASCII
)
_HEAD = re.compile(
    rf"""  seal: (sha256:[0-9a-f]{{64}})\n  format: {FORMAT}\n  case: ({_SCALAR})
  run: (\{{.*\}})\n(?:  answer: \|-\n    [{{[].*\n(?:    .*\n)*)?""",
    re.ASCII,
)
_URL = r"https?://[\w.-]+(?::\d+)?(?:/(?:[\w/.~%+@-]|:(?=\w))*)?(?:\?[\w=&.~%+-]*)?"
_HEADER = rf"      \w[\w-]{{0,99}}:\n(?:      - {_SCALAR}\n)+"
_HEADERS = rf"(?: \{{\}}\n|\n((?:{_HEADER})+))"
_ONE_HEADER = re.compile(_HEADER, re.ASCII)
_EXCHANGE = re.compile(
    rf"""- request:
    method: (DELETE|GET|PATCH|POST|PUT)
    uri: ({_URL})
    body: (?:''\n|\|-\n      ((?=[{{[]).*(?:\n      .*)*)\n)    headers:{_HEADERS}  response:
    status:
      code: ([1-9]\d\d)
      message: ({_SCALAR})
    headers:{_HEADERS}    body:
      string: \|-\n        ((?=[{{[]).*(?:\n        .*)*)\n""",
    re.ASCII,
)


class _Unlike(Exception):
    """The text differs from the form in which this package writes it."""


def read_as_written(data: bytes) -> Recording | None:
    """The recording of a cassette whose seal fits; None for every other file."""
    if len(data) > LARGE or not is_sealed(data):
        return None
    try:
        text = data.decode()
        if not _is_printable(data, text):
            return None
        head, at = _read_head(text, len(HEAD))
        case, fingerprints = head.get("case"), head.get("fingerprints")
        if head.get("format") not in (1, FORMAT) or type(case) is not str or type(fingerprints) is not list:
            return None
        return Recording(_read_exchanges(text, at, fingerprints, scheme_of(LayoutNode(head, ""))), case, head)
    except (_Unlike, LayoutError, ValueError):  # bytes that are not UTF-8, a number of 5,000 digits
        return None


def _is_printable(data: bytes, text: str) -> bool:
    if text.isascii():  # looked through in a fraction of the time
        return not data.translate(None, _PRINTABLE)
    return text.replace("\n", "").isprintable()


def _read_head(text: str, at: int) -> tuple[dict[str, Any], int]:
    """A head, without the answer that it shows to people, and where it ends."""
    if (head := _HEAD.match(text, at)) is None:
        return _read_first_head(text, at)
    seal, case, line = head.groups()
    run = json.loads(line)
    if run_line(run) != f"  run: {line}\n":  # what is written in another way may be something else in YAML
        raise _Unlike
    return {"seal": seal, "format": FORMAT, "case": _value(case)} | run, head.end()


def _read_first_head(text: str, at: int) -> tuple[dict[str, Any], int]:
    """The head of a cassette in format 1."""
    if (members := _MEMBERS.match(text, at)) is None:
        raise _Unlike
    head: dict[str, Any] = {}
    name = ""
    for line in text[at : members.end() - 1].split("\n"):
        if line.startswith("  - "):
            head[name] = head[name] or []
            head[name].append(_value(line[4:]))
        elif line.startswith("    "):
            head[name] = head[name] or {}
            member, _, scalar = line[4:].partition(": ")
            head[name][member] = _value(scalar)
        elif line.endswith(":"):
            name = line[2:-1]
            head[name] = None
        else:
            member, _, scalar = line[2:].partition(": ")
            head[member] = _value(scalar)
    return head, members.end()


def _read_exchanges(text: str, at: int, fingerprints: list[Any], scheme: Scheme) -> tuple[Exchange, ...]:
    if not text.startswith(_EXCHANGES, at):
        raise _Unlike
    at += len(_EXCHANGES)
    exchanges = []
    for fingerprint in fingerprints:
        if type(fingerprint) is not str or (exchange := _EXCHANGE.match(text, at)) is None:
            raise _Unlike
        method, url, body, sent, code, reason, headers, answer = exchange.groups()
        asked = method, url, _headers(sent), _body(body, 6)
        answered = int(code), _text(reason), _headers(headers), _body(answer, 8)
        exchanges.append(Exchange(*asked, *answered, fingerprint, scheme))
        at = exchange.end()
    if not exchanges or text[at:] != _END:
        raise _Unlike
    return tuple(exchanges)


@lru_cache(maxsize=4096)  # most are the same in every cassette of a suite
def _value(scalar: str) -> Any:
    return scalar[1:-1] if scalar[0] == "'" else plain_value(scalar, dumped=True)


def _text(scalar: str) -> str:
    if not isinstance(value := _value(scalar), str):
        raise _Unlike
    return value


@lru_cache(maxsize=256)  # those of a suite are much the same
def _headers(block: str | None) -> dict[str, list[str]]:
    lines, headers = _ONE_HEADER.findall(block or ""), dict[str, list[str]]()
    for one in lines:
        name, *values = one[:-1].split("\n")
        headers[name[6:-1]] = [_text(value[8:]) for value in values]
    if len(headers) < len(lines) or any(name.lower() in OF_TRANSFER for name in headers):
        raise _Unlike
    return headers


def _body(block: str | None, indent: int) -> bytes:
    return b"" if block is None else block.replace("\n" + " " * indent, "\n").encode()
