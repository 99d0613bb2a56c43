"""Reading cassette files: safely, and never a damaged one as an empty one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pytest_llm_extract.cassette.exchange import Exchange, Recording, as_bytes
from pytest_llm_extract.errors import CassetteError

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

MAX_BYTES = 64 * 1024 * 1024


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
                request_body=as_bytes(request.get("body")),
                status=int(response["status"]["code"]),
                reason=str(response["status"].get("message") or ""),
                response_headers={k: list(v) for k, v in (response.get("headers") or {}).items()},
                response_body=as_bytes(body),
            )
        )
    if not exchanges:
        raise ValueError("it holds no exchange")
    recording = Recording(tuple(exchanges), str(meta.get("case", "")), meta)
    if "fingerprints" in meta and meta["fingerprints"] != recording.fingerprints:
        raise ValueError("a request was edited by hand: its fingerprint no longer matches; record the case again")
    return recording
