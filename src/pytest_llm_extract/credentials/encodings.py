"""The forms of a secret in text: plain, escaped, encoded, broken over lines, compressed."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[\"'\\/bfnrt])")
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# Shorter ones hold no key of a known shape; those of known values are looked for as they are.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:\s+[A-Za-z0-9+/_-]{40,})*(?:\s+[A-Za-z0-9+/_-]+)?")
_READABLE = re.compile(rb"[\x20-\x7e]{16,}")
_TEXT, _BETWEEN = re.compile(rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]{1,3}){8,}+"), "\n!\n"
_HEX = re.compile(r"[0-9A-Fa-f]{2}(?:[ :]?[0-9A-Fa-f]{2}){15,}+[0-9A-Fa-f]?")
_BASE32 = re.compile(r"[A-Z2-7]{26,}+|[a-z2-7]{26,}+")
_LINE_BREAK = re.compile(r"\n(?<=[\w+/=-]\n)\s*(?=[\w+/=-])")  # one that begins with a character is found fastest
_MAX_NESTED = 3
_MAX_INFLATED = 16 * 1024 * 1024
_MOST_TIMES, _MOST_DECODED = 12, 1024 * 1024
_MAX_ESCAPED = 8  # JSON in JSON in JSON …
_MIN_FORM = 8


def spaceless(text: str) -> str:
    """The text without white space, nor the backslashes with which YAML breaks lines, so that breaks do not matter."""
    return "".join(text.replace("\\\n", "\n").split())


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


def readings(text: str) -> Iterator[str]:
    """The text itself, then with escapes, percent signs, entities, line breaks and encodings undone.

    What decoding yields is read so too, a few times over, as long as it is not many times as long as the text.
    """
    yield from _readings(text, 0, _Decoded(_MOST_DECODED + _MOST_TIMES * len(text)))


class _Decoded:
    """What was decoded of one text: how much more may be, in bytes, and its digests, since the data may be large."""

    def __init__(self, left: int) -> None:
        self._left, self._seen = left, set[bytes]()

    def is_new(self, data: bytes) -> bool:
        digest = hashlib.sha256(data).digest()
        if digest in self._seen or self._left <= 0:
            return False
        self._seen.add(digest)
        self._left -= len(data)
        return True


def _readings(text: str, nested: int, decoded: _Decoded) -> Iterator[str]:
    texts = list(_undone(text))
    yield from texts
    if nested < _MAX_NESTED:
        for data in filter(decoded.is_new, _encoded(texts)):
            yield from _readings(_as_text(data), nested + 1, decoded)


def _as_text(data: bytes) -> str:
    """Data as text: all of it, or where it is binary, its readable parts."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _BETWEEN.join(run.decode("utf-8", "replace") for run in _TEXT.findall(data))


def _undone(text: str) -> Iterator[str]:
    """The text as it is, and with each layer undone that is not an encoding of its bytes."""
    yield text
    for undo in (plain, unquote, html.unescape, _without_nulls, _in_one_line):
        if (undone := undo(text)) != text:
            text = undone
            yield text


def _without_nulls(text: str) -> str:
    """UTF-16 that was read as single bytes."""
    return text.replace("\0", "")


def _in_one_line(text: str) -> str:
    """The text without line breaks between characters of a key."""
    if any(blank in text for blank in (" \n", "\t\n", "\r\n")):
        # Not by a pattern, which would look at a long run of blanks from each of them.
        text = "\n".join(line.removesuffix("\r").rstrip(" \t") for line in text.split("\n"))
    return _LINE_BREAK.sub("", text)


def _encoded(texts: Collection[str]) -> Iterator[bytes]:
    """The decoded hex, base32 and base64 in these texts, compressed or not, if it can be read.

    They are layers of one text, so most of it is in each of them, and is decoded once.
    """
    for found in _all(_HEX, dict.fromkeys(line for text in texts for line in text.split("\n"))):
        coded = found.replace(" ", "").replace(":", "")
        for start in range(2):  # what is before it may be of the same alphabet, here and below
            yield from _readable(bytes.fromhex(coded[start : len(coded) - (len(coded) - start) % 2]))
    in_base64 = _all(_BASE64, texts)
    for found in _all(_BASE32, in_base64):  # which has its letters too
        for start in range(8):
            coded = found[start:].upper()
            coded = coded[: len(coded) - (len(coded) % 8 in (1, 3, 6))]
            yield from _readable(base64.b32decode(coded + "=" * (-len(coded) % 8)))
    for found in in_base64:
        pieces = found.split()
        for run in dict.fromkeys(["".join(pieces), *pieces]):
            coded = run.replace("-", "+").replace("_", "/")
            for start in range(4):
                end = len(coded) - ((len(coded) - start) % 4 == 1)
                yield from _readable(base64.b64decode(coded[start:end] + "=" * (-(end - start) % 4)))


def _all(pattern: re.Pattern[str], texts: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(match[0] for text in texts for match in pattern.finditer(text))


def _readable(data: bytes) -> Iterator[bytes]:
    if data[:2] == b"\x1f\x8b" or data[:1] == b"\x78":
        with suppress(zlib.error):  # a string may begin so too: with an x
            data = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, _MAX_INFLATED)
    if _READABLE.search(data):
        yield data
    elif _READABLE.search(narrow := data.replace(b"\0", b"")):  # UTF-16
        yield narrow
