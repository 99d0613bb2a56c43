"""Nothing secret is stored: headers by allowlist, credentials removed, then an independent scan of the final text."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from pytest_llm_extract.cassette.key import Json, read_json, without
from pytest_llm_extract.errors import SecretFoundError

REQUEST_HEADERS = frozenset({"content-type", "accept"})
RESPONSE_HEADERS = frozenset({"content-type", "retry-after", "retry-after-ms"})
REDACTED = "REDACTED"

_CREDENTIAL = re.compile(
    r"^(api[-_]?key|(access|refresh|id|auth|session)[-_]?token|client[-_]?secret|secret|password|authorization)$",
    re.IGNORECASE,
)
# Short names that mean a credential in a URL or a form, and anything at all in a JSON body.
_QUERY_CREDENTIAL = re.compile(
    _CREDENTIAL.pattern[:-2] + r"|key|code|sig|signature|token|x-(amz|goog)-(credential|signature|security-token))$",
    re.IGNORECASE,
)
_KNOWN_SHAPES = {
    "an OpenAI key": re.compile(r"\bsk-(?!\.\.\.)[A-Za-z0-9_-]{20,}"),
    "a GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}"),
    "a Google API key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}"),
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a bearer token": re.compile(r"\bBearer [A-Za-z0-9._~+/-]{20,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}
_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,")
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)


def keep_headers(headers: Mapping[str, Any], allowed: frozenset[str]) -> dict[str, list[str]]:
    """The headers on the allowlist, lower case, each with the list of its values."""
    kept: dict[str, list[str]] = {}
    for name, value in headers.items():
        if name.lower() in allowed:
            values = value if isinstance(value, list | tuple) else [value]
            kept[name.lower()] = [v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in values]
    return kept


def scrub_url(url: str) -> str:
    """The URL with credentials of its query and its user part replaced."""
    split = urlsplit(url)
    query = [
        (k, REDACTED if _QUERY_CREDENTIAL.match(k) else v) for k, v in parse_qsl(split.query, keep_blank_values=True)
    ]
    return urlunsplit(split._replace(netloc=split.netloc.rpartition("@")[2], query=urlencode(query)))


def scrub_json(value: Json) -> Json:
    """The value with every text under a credential's name replaced."""
    if isinstance(value, dict):
        return {
            k: REDACTED if isinstance(v, str) and len(v) >= 12 and _CREDENTIAL.match(k) else scrub_json(v)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [scrub_json(item) for item in value]
    return value


def digest_files(value: Json) -> Json:
    """The value with the base64 of every data URL replaced by `sha256:…`, that of the file itself."""
    if isinstance(value, dict):
        return {key: digest_files(member) for key, member in value.items()}
    if isinstance(value, list):
        return [digest_files(item) for item in value]
    if not isinstance(value, str) or not (found := _DATA_URL.match(value)):
        return value
    try:
        data = base64.b64decode(value[found.end() :], validate=True)
    except ValueError:
        return value
    return f"{found.group()}sha256:{hashlib.sha256(data).hexdigest()}"


def scrub_form(body: str) -> str:
    """A form body with its credentials replaced."""
    pairs = [(k, REDACTED if _QUERY_CREDENTIAL.match(k) else v) for k, v in parse_qsl(body, keep_blank_values=True)]
    return urlencode(pairs)


def scrub_body(body: bytes, ignore: tuple[str, ...] = ()) -> bytes:
    """A JSON or form body without credentials and volatile values; anything else as it is."""
    value = read_json(body)
    if value is not None:
        clean = without(scrub_json(value), ignore)
        return body if clean == value else json.dumps(clean).encode()
    if re.fullmatch(rb"[\w.%+-]+=[^\s]*", body):
        return scrub_form(body.decode("latin-1")).encode()
    return body


def scrub_request_body(body: bytes, ignore: tuple[str, ...] = ()) -> bytes:
    """As `scrub_body`; of a file that is sent in base64, its sha256 is kept."""
    clean = scrub_body(body, ignore)
    if b";base64," not in clean or (value := read_json(clean)) is None:
        return clean
    return json.dumps(digest_files(value)).encode()


def environment_secrets(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Values that must not be written, by the name of their variable.

    Values of at least 12 characters that are no path, URL, number or plain word.
    """
    found = {}
    variables = os.environ if environ is None else environ
    for name in list(variables):  # extractions in other threads may change them meanwhile
        value = variables.get(name, "")
        if not _SECRET_NAME.search(name) or len(value) < 12:
            continue
        plain = value.isalpha() or value.replace(".", "").isdigit() or "://" in value or value.startswith(("/", "~"))
        if not plain and not Path(value).exists():
            found[name] = value
    return found


def refuse_secrets(text: str, path: Path, environ: Mapping[str, str] | None = None) -> None:
    """Scan the final text of a cassette.

    Raises:
        SecretFoundError: it holds the value of a secret variable (raw, URL-encoded or base64) or a well-known key.
    """
    for name, value in environment_secrets(environ).items():
        encoded = base64.b64encode(value.encode()).decode().rstrip("=")
        for form in {value, quote(value, safe=""), encoded}:
            if form in text:
                raise SecretFoundError(path, f"the value of ${name}", _place(text, text.index(form)))
    for name, shape in _KNOWN_SHAPES.items():
        if hit := shape.search(text):
            raise SecretFoundError(path, name, _place(text, hit.start()))


def _place(text: str, offset: int) -> str:
    lines = text[:offset].splitlines() or [""]
    section = next((line.strip(" -:") for line in reversed(lines) if line.strip(" -") in _SECTIONS), "its head")
    return f"line {len(lines)} ({section})"


_SECTIONS = ("request:", "response:", "x_llm_extract:")
