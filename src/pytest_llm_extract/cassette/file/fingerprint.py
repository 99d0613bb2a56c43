"""What makes two requests the same: method, URL path, the whole body, and what else a `Scheme` compares."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from pytest_llm_extract.results.accepted import PARTS, joined_parts
from pytest_llm_extract.wire_formats.request import split_request

Json = Any
IGNORED = "(ignored)"
ORIGIN = frozenset({"prompt", "schema", "parameters", "document", "model"})  # what `origin` holds, beside `request`
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_as_written = json.JSONEncoder(separators=(",", ":")).encode
_HASH = re.compile(rb"sha256:([0-9a-f]{64})")
_QUERY_HASH = re.compile(r"sha256=([0-9a-f]{64})")
_OF_SCHEMA = ("properties", "$defs", "definitions")  # what only JSON Schemas have, as objects
_IN_QUERY = frozenset({"GET", "HEAD"})
_SIGNATURES = frozenset({"x-amz-signature", "x-goog-signature", "signature", "sig"})
_BOUNDARY = re.compile(rb"(--[\w'()+,./:=?-]{1,70})\r\n")


class Scheme(NamedTuple):
    """What a fingerprint is made of.

    Version 1 has method, path and body. Version 2 has the query of a GET, the version of the API in any query, the
    order of keys inside JSON Schemas, and these headers too. A cassette says which one it was recorded under.
    """

    version: int
    headers: tuple[str, ...] = ()


FIRST = Scheme(1)
VERSION = 2  # the newest


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


def schema_digest(value: Json) -> str:
    """sha256 of a JSON value, its keys sorted but for those inside JSON Schemas, whose order steers a model."""
    text = _canonical(value)
    if any(f'"{name}":{{' in text for name in _OF_SCHEMA):
        text = _as_written(_sorted_outside_schemas(value))
    return hashlib.sha256(text.encode()).hexdigest()


def _sorted_outside_schemas(value: Json) -> Json:
    if isinstance(value, list):
        return [_sorted_outside_schemas(item) for item in value]
    if not isinstance(value, dict) or is_schema(value):
        return value
    return {name: _sorted_outside_schemas(value[name]) for name in sorted(value)}


def is_schema(value: Json) -> bool:
    """Whether a JSON value is a JSON Schema with members or definitions, whatever API it is sent to."""
    return isinstance(value, dict) and any(isinstance(value.get(name), dict) for name in _OF_SCHEMA)


def body_digest(body: bytes, scheme: Scheme = FIRST) -> str:
    """sha256 of a body, canonical if it is JSON. A stored hash is returned as it is."""
    if kept := _HASH.fullmatch(body):
        return kept[1].decode()
    if (parsed := read_json(body)) is None:
        return hashlib.sha256(_without_boundary(body)).hexdigest()
    return digest(parsed) if scheme.version == 1 else schema_digest(parsed)


def body_hash(body: bytes, scheme: Scheme = FIRST) -> bytes:
    """The hash to store instead of a body: `sha256:…`. An empty body stays empty."""
    return f"sha256:{body_digest(body, scheme)}".encode() if body else body


def is_hash(body: bytes) -> bool:
    """Whether a stored body is a hash that replaces the body."""
    return _HASH.fullmatch(body) is not None


def fingerprint(
    method: str, url: str, body: bytes, headers: Mapping[str, Sequence[str]] | None = None, scheme: Scheme = FIRST
) -> str:
    """sha256 of a request. The host is not a part of it, so a recording replays against any endpoint.

    Args:
        method: in any case.
        url: without credentials.
        body: as bytes, or the hash that is stored in its place.
        headers: those of the request, by lower-case name; None where they are not known.
        scheme: what is compared.
    """
    split = urlsplit(url)
    lines = [f"{method.upper()} {split.path}"]
    if scheme.version > 1:
        query = query_digest(method, split)
        lines[0] += f"?{query}" if query else ""
        lines += [f"{name}: {value}" for name, value in meant(headers or {}, scheme).items()]
    return hashlib.sha256("\n".join([*lines, body_digest(body, scheme)]).encode()).hexdigest()


def meant(headers: Mapping[str, Sequence[str]], scheme: Scheme) -> dict[str, str]:
    """The compared headers of a request: each with its words sorted, since clients join them in any order."""
    words = {
        name: {word.strip() for value in headers.get(name, ()) for word in value.split(",")} for name in scheme.headers
    }
    return {name: ",".join(sorted(found)) for name, found in sorted(words.items()) if found}


def query_digest(method: str, url: SplitResult) -> str:
    """sha256 of the compared part of a query, or of the query that a hash stands for; empty where there is none."""
    if digest := _QUERY_HASH.fullmatch(url.query):
        return digest[1]
    compared = compared_query(method, url)
    return hashlib.sha256(urlencode(compared).encode()).hexdigest() if compared else ""


def compared_query(method: str, url: SplitResult) -> list[tuple[str, str]]:
    """The parameters of a query that are compared, sorted.

    A GET asks with its query, so all count, unless the URL is signed: then it is another one each time. Of any other
    request the version of the API counts.
    """
    pairs = sorted(parse_qsl(url.query, keep_blank_values=True)) if url.query else []
    if method.upper() not in _IN_QUERY:
        return [(name, value) for name, value in pairs if name == "api-version"]
    return [] if any(name.lower() in _SIGNATURES for name, _ in pairs) else pairs


def answer_digest(status: int, body: bytes) -> str:
    """sha256 of a stored answer, which reveals an edit."""
    return hashlib.sha256(b"%d\n%b" % (status, body)).hexdigest()


def _without_boundary(body: bytes) -> bytes:
    """A multipart body without the boundary that clients draw anew for every request; any other body as it is."""
    boundary = _BOUNDARY.match(body)
    return (
        body.replace(boundary[1], b"--boundary") if boundary and body.rstrip().endswith(boundary[1] + b"--") else body
    )


def origin(body: bytes, document: str | None) -> dict[str, str | None]:
    """Short hashes of what a request was made of: prompt, schema, parameters, document; and the model that it names.

    `request` has those of system prompt, messages, schema and parameters in any API (see `results.accepted`). The
    others split a request as OpenAI's APIs do.

    Args:
        body: of the request.
        document: the case's own text, hidden in the rest, so that the same prompt has the same hash for every case.
    """
    value = read_json(body)
    members = parts(value)
    prompt = [members.get("system prompt"), members.get("messages")]
    model = members.get("model")
    return {
        "prompt": _short(prompt, document),
        "schema": _short(members.get("schema"), document),
        "parameters": _short(members["parameters"], document),
        "document": _short(document, None) if document is not None else None,
        "model": model if isinstance(model, str) else None,
        "request": _request(value, document),
    }


def _request(body: Json, document: str | None) -> str:
    request = split_request(body)
    return joined_parts(
        {name: _hidden(_as_written(_sorted_outside_schemas(request.get(name))), document) for name in PARTS}
    )


def _short(value: Json, document: str | None) -> str:
    return _hidden(json.dumps(value, sort_keys=True), document)


def _hidden(text: str, document: str | None) -> str:
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
    members: dict[str, Json] = {"model": rest.pop("model", None)}
    turns = rest.pop("messages", None)
    if turns is None:
        turns = rest.pop("input", None)
    instructions = rest.pop("instructions", None)
    if isinstance(turns, list):
        system = [t for t in turns if isinstance(t, dict) and t.get("role") in ("system", "developer")]
        members["system prompt"] = [*([instructions] if instructions else []), *(t.get("content") for t in system)]
        members["messages"] = [t for t in turns if t not in system]
    else:
        members["system prompt"] = [instructions] if instructions else []
        members["messages"] = turns
    members["schema"] = {key: rest.pop(key) for key in ("response_format", "tools", "text") if key in rest}
    members["parameters"] = rest
    return members
