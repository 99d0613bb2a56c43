"""Write cassette files atomically, in vcrpy's format, with bodies as blocks that a diff can show."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from pytest_llm_extract.cassette.file.checksum import seal
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording, as_bytes
from pytest_llm_extract.cassette.file.fingerprint import answer_digest
from pytest_llm_extract.cassette.file.hashed_requests import hashed
from pytest_llm_extract.cassette.file.layout import FORMAT, head_of
from pytest_llm_extract.config.settings import Storage
from pytest_llm_extract.errors import CassetteError
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.formats.strict_json import read_exactly

try:
    from yaml import CSafeDumper as _SafeDumper
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeDumper as _SafeDumper  # type: ignore[assignment]

# libyaml falls back to one quoted line for text that holds any of these.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff\U00010000-\U0010ffff]"
)


class _CassetteDumper(_SafeDumper):
    """Writes bodies as literal blocks, so that a diff shows their changed lines, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Block(str):
    __slots__ = ()


def _represent_block(dumper: Any, text: _Block) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")


_CassetteDumper.add_representer(_Block, _represent_block)


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
    answers = [answer_digest(e.status, as_bytes(_body(e.response_body))) for e in recording.exchanges]
    head = {"format": FORMAT, "case": recording.case, **head_of(recording.scheme)}
    head |= {"fingerprints": recording.fingerprints, "answers": answers}
    data = {
        "x_llm_extract": {**head, **meta},
        "interactions": [_to_yaml(exchange) for exchange in recording.exchanges],
        "version": 1,
    }
    text = seal(yaml.dump(data, Dumper=_CassetteDumper, sort_keys=False, allow_unicode=True, width=10_000))
    storage.watch.refuse(text, path, said=recording.said)
    return text


def write_cassette(path: Path, text: str) -> None:
    """Write a cassette atomically: readers see the old file or the new one, never a part.

    Raises:
        CassetteError: the folder cannot be written to.
    """
    try:
        write_atomically(path, text)
    except OSError as error:
        raise CassetteError(path, f"cannot be written: {error.strerror or error}") from None


def _to_yaml(exchange: Exchange) -> dict[str, Any]:
    return {
        "request": {
            "method": exchange.method,
            "uri": exchange.url,
            "body": _body(exchange.request_body),
            "headers": exchange.request_headers,
        },
        "response": {
            "status": {"code": exchange.status, "message": exchange.reason},
            "headers": exchange.response_headers,
            "body": {"string": _body(exchange.response_body)},
        },
    }


def _body(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return body
    pretty = _pretty(text)
    return _Block(pretty) if pretty is not None else text


def _pretty(text: str) -> str | None:
    """JSON on several lines; None if that would change a value or the text is not JSON."""
    try:
        value = read_exactly(text, _is_same)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict | list):
        return None
    return _UNPRINTABLE.sub(_escape, json.dumps(value, indent=2, ensure_ascii=False))


def _is_same(value: float, literal: str) -> bool:
    """Whether both are the same number in any notation: `1.50` is `1.5`."""
    try:
        return isfinite(value) and Decimal(literal) == Decimal(repr(value))
    except InvalidOperation:  # an exponent of twenty digits
        return False


def _escape(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1]
