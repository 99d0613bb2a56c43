"""The forms of a secret in text: plain, escaped, encoded, wrapped over lines, compressed."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

_SPACE = re.compile(r"\s+|\\(?=\n)")  # the backslash with which YAML breaks a line
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[\"'\\/bfnrt])")
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# Shorter ones hold no key of a known shape; those of known values are looked for as they are.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:\s+[A-Za-z0-9+/_-]{40,})*(?:\s+[A-Za-z0-9+/_-]+)?")
_READABLE = re.compile(rb"[\x20-\x7e]{16,}")
# A stream hands out its text in pieces, each in an event of its own.
_PIECE = re.compile(r'"(content|text|delta|arguments|partial_json|thinking\w*|reasoning\w*)"\s*:\s*"((?:[^"\\]|\\.)*)"')
_MAX_NESTED = 3
_MAX_INFLATED = 16 * 1024 * 1024
_MAX_ESCAPED = 8  # JSON in JSON in JSON …
_MIN_FORM = 8


def spaceless(text: str) -> str:
    """The text without white space, so that line breaks do not matter."""
    return _SPACE.sub("", text)


def unescaped(text: str) -> str:
    """The text with one layer of JSON's and YAML's backslash escapes undone."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    code = escape[1]
    if code[0] not in "uUx":
        return _LETTERS.get(code, code)
    number = int(code[1:], 16)
    return chr(number) if number < 0x110000 else escape[0]


def plain(text: str) -> str:
    """The text with all layers of backslash escapes undone."""
    for _ in range(_MAX_ESCAPED):
        if (undone := unescaped(text)) == text:
            break
        text = undone
    return text


@lru_cache(maxsize=512)
def forms(secret: str) -> frozenset[str]:
    """The forms in which the secret may occur in text."""
    data = secret.encode("utf-8", "surrogatepass")
    texts = {secret, plain(secret), html.escape(secret), repr(secret)[1:-1]}
    texts |= {quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace")}
    texts |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    texts.update(_in_base64(data))
    return frozenset(form for form in texts if len(spaceless(form)) >= min(_MIN_FORM, len(secret)))


def _in_base64(data: bytes) -> Iterator[str]:
    """The three strings of which one is part of any base64 that holds these bytes, by their offset."""
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        # Characters at the ends hold bits of the neighbours.
        inner = coded[(0, 2, 3)[before] : len(coded) - ((before + len(data)) % 3 > 0)]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))


def readings(text: str, nested: int = 0) -> Iterator[str]:
    """The text itself, then with escapes, percent signs, streams and encodings undone."""
    yield text
    texts = [text]
    for undo in (plain, unquote):
        if (undone := undo(texts[-1])) != texts[-1]:
            yield undone
            texts.append(undone)
    yield from _joined(text)
    yield from _joined(unescaped(text))
    if nested < _MAX_NESTED:
        seen = set[bytes]()
        for data in (found for one in texts for found in _encoded(one)):
            if (digest := hashlib.sha256(data).digest()) not in seen:  # the data itself may be large
                seen.add(digest)
                yield from readings(data.decode("utf-8", "replace"), nested + 1)


def _joined(text: str) -> Iterator[str]:
    """Join the pieces of a stream."""
    if "data:" not in text and text.count("\n{") < 2:
        return
    pieces: dict[str, list[str]] = {}
    for name, piece in _PIECE.findall(text):
        pieces.setdefault(name, []).append(piece)
    yield from (plain("".join(found)) for found in pieces.values() if len(found) > 1)


def _encoded(text: str) -> Iterator[bytes]:
    """The decoded base64 in the text, compressed or not, if it can be read."""
    for match in _BASE64.finditer(text):
        pieces = match[0].split()
        for run in dict.fromkeys(["".join(pieces), *pieces]):
            coded = run.replace("-", "+").replace("_", "/")
            # What stands before it may be of the same alphabet, so that it begins anywhere.
            for start in range(4):
                end = len(coded) - ((len(coded) - start) % 4 == 1)
                yield from _readable(base64.b64decode(coded[start:end] + "=" * (-(end - start) % 4)))


def _readable(data: bytes) -> Iterator[bytes]:
    if data[:2] == b"\x1f\x8b" or data[:1] == b"\x78":
        with suppress(zlib.error):  # a text may begin so as well: with an x
            data = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, _MAX_INFLATED)
    if _READABLE.search(data):
        yield data
