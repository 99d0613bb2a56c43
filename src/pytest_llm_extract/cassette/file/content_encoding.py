"""Content encodings: undo the compression of a body."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterable
from typing import Any

MAX_BODY = 64 * 1024 * 1024  # bytes, decoded
_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
# A few bytes of brotli can stand for megabytes.
_BROTLI_STEP = 64


class CodingError(Exception):
    """A body that cannot be decoded, with the reason."""


def decode(body: bytes, codings: Iterable[str], limit: int = MAX_BODY) -> bytes:
    """Undo the encodings of a `content-encoding` header, the last one first. At most `limit` bytes may result.

    Raises:
        CodingError: the body is not what the header says, is cut off, is too large, or needs a package.
    """
    names = [name.strip().lower() for value in codings for name in value.split(",")]
    for name in reversed(names):
        if name in ("", "identity"):
            continue
        if name not in _DECODERS:
            raise CodingError(f"has the content encoding {name!r}, which is not known")
        body = _DECODERS[name](body, limit)
    return body


def _gzip(body: bytes, limit: int) -> bytes:
    return _inflate(body, _GZIP, limit)


def _deflate(body: bytes, limit: int) -> bytes:
    """With a zlib header, as the standard says, or without one, as some servers send it."""
    has_header = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _inflate(body, _ZLIB if has_header else _RAW, limit)


def _inflate(body: bytes, wbits: int, limit: int) -> bytes:
    stream = zlib.decompressobj(wbits)
    try:
        out = stream.decompress(body, limit + 1)
    except zlib.error:
        raise CodingError("is not what its content-encoding says") from None
    _check_size(len(out), limit)
    if not stream.eof:
        raise CodingError("is cut off: its content encoding does not end")
    if stream.unused_data:
        raise CodingError("continues after the end of its content encoding")
    return out


def _brotli(body: bytes, limit: int) -> bytes:
    module = _import("br", "brotli", "brotlicffi")
    stream, out = module.Decompressor(), bytearray()
    try:
        for start in range(0, len(body), _BROTLI_STEP):
            out += stream.process(body[start : start + _BROTLI_STEP])
            _check_size(len(out), limit)
    except module.error:
        raise CodingError("is not what its content-encoding says") from None
    if not stream.is_finished():
        raise CodingError("is cut off: its content encoding does not end")
    return bytes(out)


def _zstd(body: bytes, limit: int) -> bytes:
    module = _import("zstd", "zstandard")
    stream = module.ZstdDecompressor().decompressobj()
    try:
        with module.ZstdDecompressor().stream_reader(body) as reader:
            out: bytes = reader.read(limit + 1)
        _check_size(len(out), limit)
        stream.decompress(body)
    except module.ZstdError:
        raise CodingError("is not what its content-encoding says") from None
    if not stream.eof:
        raise CodingError("is cut off: its content encoding does not end")
    return out


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise CodingError(f"is more than {limit:,} bytes when it is decoded")


def _import(coding: str, *names: str) -> Any:
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise CodingError(f"has the content encoding {coding!r}: install {names[0]} to read it")


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
