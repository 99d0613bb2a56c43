"""What makes two requests the same: method, URL path and the whole body, canonically."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from urllib.parse import urlsplit

Json = Any
IGNORED = "(ignored)"
ORIGIN = frozenset({"prompt", "schema", "parameters", "document", "model"})  # what `origin` tells
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_HASH = re.compile(rb"sha256:([0-9a-f]{64})")
_BOUNDARY = re.compile(rb"(--[\w'()+,./:=?-]{1,70})\r\n")


def read_json(body: bytes | str | None) -> Json | None:
    """The JSON value of a body, or None when it is not JSON."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def digest(value: Json) -> str:
    """sha256 of a JSON value, its keys sorted."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def body_digest(body: bytes) -> str:
    """sha256 of a body, canonical where it is JSON; that of the body it stands for, where it is a hash."""
    if found := _HASH.fullmatch(body):
        return found[1].decode()
    parsed = read_json(body)
    return digest(parsed) if parsed is not None else hashlib.sha256(_without_boundary(body)).hexdigest()


def body_hash(body: bytes) -> bytes:
    """What is stored of a body that must not be stored: `sha256:…`. An empty body stays empty."""
    return f"sha256:{body_digest(body)}".encode() if body else body


def is_hash(body: bytes) -> bool:
    """Whether a stored body is a hash that stands for it."""
    return _HASH.fullmatch(body) is not None


def fingerprint(method: str, url: str, body: bytes) -> str:
    """sha256 of a request; the host is no part of it, so a recording replays against any endpoint."""
    return hashlib.sha256(f"{method.upper()} {urlsplit(url).path}\n{body_digest(body)}".encode()).hexdigest()


def answer_digest(status: int, body: bytes) -> str:
    """sha256 of an answer as it is stored, so that an edit is noticed."""
    return hashlib.sha256(b"%d\n%b" % (status, body)).hexdigest()


def _without_boundary(body: bytes) -> bytes:
    """A multipart body without the boundary that clients draw anew for every request; any other body as it is."""
    found = _BOUNDARY.match(body)
    return body.replace(found[1], b"--boundary") if found and body.rstrip().endswith(found[1] + b"--") else body


def origin(body: bytes, document: str | None) -> dict[str, str | None]:
    """Short hashes of what a request was made of: prompt, schema, parameters, document; and the model that it names.

    `document` is the case's own text, hidden in the rest, so that the same prompt has the same hash for every case.
    """
    found = parts(read_json(body))
    prompt = [found.get("system prompt"), found.get("messages")]
    model = found.get("model")
    return {
        "prompt": _short(prompt, document),
        "schema": _short(found.get("schema"), document),
        "parameters": _short(found["parameters"], document),
        "document": _short(document, None) if document is not None else None,
        "model": model if isinstance(model, str) else None,
    }


def _short(value: Json, document: str | None) -> str:
    text = json.dumps(value, sort_keys=True)
    if document:
        text = text.replace(json.dumps(document)[1:-1], "{{input}}")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def without(value: Json, path: str) -> Json:
    """A body with what lies at a path put aside: `metadata.request_id`, or `messages[].id` through a list.

    The very same body where nothing does.
    """
    return _put_aside(value, path.replace("[]", ".[]").split("."))


def _put_aside(value: Json, steps: list[str]) -> Json:
    if not steps:
        return IGNORED
    if steps[0] == "[]" and isinstance(value, list):
        items = [_put_aside(item, steps[1:]) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, dict) and steps[0] in value:
        old = value[steps[0]]
        new = _put_aside(old, steps[1:])
        return value if new is old else {**value, steps[0]: new}
    return value


def parts(body: Json) -> dict[str, Json]:
    """A request body by what its hashes are made of: model, prompt, schema, parameters.

    Baselines and cassettes keep these hashes, so this split stays as it was: of APIs other than OpenAI's, everything
    but the model is a parameter. The stale report reads requests with `wire_formats.request`.
    """
    if not isinstance(body, dict):
        return {"parameters": body}
    rest = dict(body)
    found: dict[str, Json] = {"model": rest.pop("model", None)}
    turns = rest.pop("messages", None)
    if turns is None:
        turns = rest.pop("input", None)
    instructions = rest.pop("instructions", None)
    if isinstance(turns, list):
        system = [t for t in turns if isinstance(t, dict) and t.get("role") in ("system", "developer")]
        found["system prompt"] = [*([instructions] if instructions else []), *(t.get("content") for t in system)]
        found["messages"] = [t for t in turns if t not in system]
    else:
        found["system prompt"] = [instructions] if instructions else []
        found["messages"] = turns
    found["schema"] = {key: rest.pop(key) for key in ("response_format", "tools", "text") if key in rest}
    found["parameters"] = rest
    return found
