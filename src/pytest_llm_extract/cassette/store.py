"""Cassette files: where they are, what they hold, read safely and written atomically."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from pytest_llm_extract.answers import RawAnswer, read_answer_body
from pytest_llm_extract.cassette import scrub
from pytest_llm_extract.cassette.key import fingerprint, read_json, without
from pytest_llm_extract.errors import CassetteError

try:
    from yaml import CSafeDumper as _SafeDumper
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeDumper as _SafeDumper  # type: ignore[assignment]
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

FORMAT = 1
MAX_BYTES = 64 * 1024 * 1024
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)
# libyaml falls back to one quoted line for text that holds any of these.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff\U00010000-\U0010ffff]"
)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as stored: scrubbed, decoded, bodies as bytes."""

    method: str
    url: str
    request_headers: dict[str, list[str]]
    request_body: bytes
    status: int
    reason: str
    response_headers: dict[str, list[str]]
    response_body: bytes

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the request."""
        return fingerprint(self.method, self.url, self.request_body)

    def to_vcr(self) -> dict[str, Any]:
        """The response as vcrpy's stubs take it; made anew each time, since they change it."""
        return {
            "status": {"code": self.status, "message": self.reason},
            "headers": {name: list(values) for name, values in self.response_headers.items()},
            "body": {"string": self.response_body},
        }


@dataclass(frozen=True)
class Recording:
    """The exchanges of one case, in request order, and what is known about them."""

    exchanges: tuple[Exchange, ...]
    case: str = ""
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def fingerprints(self) -> list[str]:
        """One sha256 a request, in request order."""
        return [exchange.fingerprint for exchange in self.exchanges]


def slug(name: str) -> str:
    """A readable, portable part of a file name; not unique."""
    text = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.")[:60].rstrip("-.")
    return f"_{text}" if _RESERVED.match(text) else text or "case"


def folder_name(name: str) -> str:
    """The name itself where every file system takes it, else its slug and a hash."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", name) and not name.endswith(".") and not _RESERVED.match(name):
        return name
    return f"{slug(name)}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def file_name(case_id: str) -> str:
    """`<slug>-<hash>.yaml`: readable, and another one for every id, whatever its characters."""
    return f"{slug(case_id)}-{hashlib.sha256(case_id.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}.yaml"


def suite_folder(root: Path, suite_id: str) -> Path:
    """The folder of a suite's cassettes: `<path of the test module>/<Class.>test_function`."""
    module, *names = suite_id.split("::")
    pieces = Path(module).with_suffix("").parts
    folders = [folder_name("__" if piece == ".." else piece) for piece in pieces if piece not in ("/", ".")]
    return root.joinpath(*folders, folder_name(".".join(names)))


def load(path: Path) -> Recording | None:
    """Read a cassette; None where there is none.

    Raises:
        CassetteError: there is a file, but it is no cassette.
    """
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None
    if size > MAX_BYTES:
        raise CassetteError(path, f"{size:,} bytes are more than a cassette may have ({MAX_BYTES:,})")
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.load(text, Loader=_SafeLoader)  # aliases share one object, they do not grow
    except (OSError, UnicodeDecodeError) as error:
        raise CassetteError(path, f"cannot be read: {error}") from None
    except yaml.YAMLError as error:
        if "<<<<<<<" in text:
            raise CassetteError(path, "holds merge conflict markers; resolve them or record again") from None
        raise CassetteError(path, f"is no YAML that a cassette may hold: {str(error).splitlines()[0]}") from None
    try:
        return _read(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CassetteError(path, f"is not a vcrpy cassette ({type(error).__name__}: {error})") from None


def _read(data: Any) -> Recording:
    meta = data.get("x_llm_extract") or {}
    exchanges = []
    for interaction in data["interactions"]:
        request, response = interaction["request"], interaction["response"]
        body = response["body"]["string"] if response.get("body") else b""
        exchanges.append(
            Exchange(
                method=request["method"],
                url=request["uri"],
                request_headers=dict(request.get("headers") or {}),
                request_body=_to_bytes(request.get("body")),
                status=int(response["status"]["code"]),
                reason=str(response["status"].get("message") or ""),
                response_headers={k: list(v) for k, v in (response.get("headers") or {}).items()},
                response_body=_to_bytes(body),
            )
        )
    if not exchanges:
        raise ValueError("it holds no exchange")
    recording = Recording(tuple(exchanges), str(meta.get("case", "")), meta)
    if "fingerprints" in meta and meta["fingerprints"] != recording.fingerprints:
        raise ValueError("a request was edited by hand: its fingerprint no longer matches; record the case again")
    return recording


def _to_bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    raise ValueError(f"a body is {type(body).__name__}, not text")


class _CassetteDumper(_SafeDumper):
    """YAML whose bodies are literal blocks, so that a pull request shows what changed in them."""


class _Block(str):
    __slots__ = ()


def _represent_block(dumper: Any, text: _Block) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")


_CassetteDumper.add_representer(_Block, _represent_block)


def save(path: Path, recording: Recording, meta: dict[str, Any]) -> None:
    """Write a cassette atomically: the old file or the new one, never a half.

    Raises:
        SecretFoundError: the final text holds a secret; nothing was written.
        CassetteError: the folder cannot be written to.
    """
    data = {
        "x_llm_extract": {"format": FORMAT, "case": recording.case, "fingerprints": recording.fingerprints, **meta},
        "interactions": [_to_yaml(exchange) for exchange in recording.exchanges],
        "version": 1,
    }
    text = yaml.dump(data, Dumper=_CassetteDumper, sort_keys=False, allow_unicode=True, width=10_000)
    scrub.refuse_secrets(text, path)
    try:
        write_atomically(path, text)
    except OSError as error:
        raise CassetteError(path, f"cannot be written: {error.strerror or error}") from None


def write_atomically(path: Path, text: str) -> None:
    """Temporary file beside it, fsync, replace; the temporary file never stays behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


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
    """JSON spread over lines; None where that would change a value (or where it is no JSON)."""
    exact = True

    def number(literal: str) -> float:
        nonlocal exact
        value = float(literal)
        exact = exact and value - value == 0 and Decimal(literal) == Decimal(repr(value))
        return value

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal exact
        found = dict(pairs)
        exact = exact and len(found) == len(pairs)
        return found

    def constant(_: str) -> None:
        nonlocal exact
        exact = False

    try:
        value = json.loads(text, parse_float=number, object_pairs_hook=members, parse_constant=constant)
    except (ValueError, RecursionError):
        return None
    if not exact or not isinstance(value, dict | list):
        return None
    return _UNPRINTABLE.sub(_escape, json.dumps(value, indent=2, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1]


def scrubbed(
    method: str,
    url: str,
    request_headers: Any,
    request_body: bytes,
    response: dict[str, Any],
    ignore: tuple[str, ...] = (),
) -> Exchange:
    """An exchange as it may be stored, from what vcrpy's stubs hand over; `ignore` are volatile paths of the body."""
    from vcr.filters import decode_response

    decoded = decode_response(response)
    return Exchange(
        method=method,
        url=scrub.scrub_url(url),
        request_headers=scrub.keep_headers(request_headers, scrub.REQUEST_HEADERS),
        request_body=scrub_request_body(request_body, ignore),
        status=decoded["status"]["code"],
        reason=decoded["status"]["message"] or "",
        response_headers=scrub.keep_headers(decoded["headers"], scrub.RESPONSE_HEADERS),
        response_body=scrub_body(_to_bytes(decoded["body"]["string"])),
    )


def scrub_body(body: bytes, ignore: tuple[str, ...] = ()) -> bytes:
    """A JSON or form body without credentials and volatile values; anything else as it is."""
    value = read_json(body)
    if value is not None:
        clean = without(scrub.scrub_json(value), ignore)
        return body if clean == value else json.dumps(clean).encode()
    if re.fullmatch(rb"[\w.%+-]+=[^\s]*", body):
        return scrub.scrub_form(body.decode("latin-1")).encode()
    return body


def scrub_request_body(body: bytes, ignore: tuple[str, ...] = ()) -> bytes:
    """As `scrub_body`; of a file that is sent in base64, its sha256 is kept."""
    clean = scrub_body(body, ignore)
    if b";base64," not in clean or (value := read_json(clean)) is None:
        return clean
    return json.dumps(scrub.digest_files(value)).encode()


def summary(recording: Recording) -> dict[str, Any]:
    """What the answers say of themselves: model, system_fingerprint, finish reason, refusal, usage, last content."""
    facts: dict[str, Any] = {"model": None, "system_fingerprint": None, "input_tokens": 0, "output_tokens": 0}
    facts |= {"finish_reason": None, "refusal": None, "content": None}
    for exchange in recording.exchanges:
        body = read_json(exchange.response_body)
        if isinstance(body, dict):
            _add_answer(facts, read_answer_body(body))
    return facts


def _add_answer(facts: dict[str, Any], answer: RawAnswer) -> None:
    facts["model"] = answer.model or facts["model"]
    facts["system_fingerprint"] = answer.system_fingerprint or facts["system_fingerprint"]
    facts["input_tokens"] += answer.input_tokens
    facts["output_tokens"] += answer.output_tokens
    facts |= {"finish_reason": answer.finish_reason, "refusal": answer.refusal, "content": answer.content}


def path_of(url: str) -> str:
    """The path of a URL, which is all of it that is compared."""
    return urlsplit(url).path
