"""The layout of a vcrpy cassette, checked: every mistake has the path of what is wrong, and never shows a value."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pytest_llm_extract.cassette.file.bodies import shown_answer
from pytest_llm_extract.cassette.file.content_encoding import CodingError, decode
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording, as_bytes
from pytest_llm_extract.cassette.file.fingerprint import FIRST, ORIGIN, VERSION, Scheme, answer_digest
from pytest_llm_extract.config.options import HEADERS

FORMAT = 2  # in format 1, what is in `run` was beside it
_KINDS = {dict: "a mapping", list: "a list", str: "a string", bytes: "binary", bool: "true or false", int: "a number"}
_KINDS |= {float: "a number with a fraction", type(None): "nothing"}
# They describe how a body travelled; stored bodies are decoded and whole.
OF_TRANSFER = ("content-encoding", "content-length", "transfer-encoding")
_HEAD: dict[str, tuple[type, ...]] = {
    "seal": (str,),
    "format": (int,),
    "case": (str,),
    "run": (dict,),
    "answer": (str,),
}
_RUN: dict[str, tuple[type, ...]] = {
    "fingerprint_version": (int,),
    "headers": (str,),
    "fingerprints": (list,),
    "answers": (list,),
    "hashes": (dict,),
    "requests": (list,),
    "ignore": (list,),
    "scrubbed": (list,),
    "attempt": (int,),
    "latency_s": (int, float),
    "recorded": (str,),
    "via": (str,),
    "unfinished": (int,),
}


class LayoutError(Exception):
    """What is wrong in a cassette, and where: `interactions[1].response.status.code`."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(problem)
        self.place, self.problem = place, problem

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}" if self.place else self.problem


class LayoutNode(NamedTuple):
    """A value and its path."""

    value: Any
    place: str

    def refuse(self, problem: str) -> LayoutError:
        """The error to raise at this node."""
        return LayoutError(self.place, problem)

    def check(self, *types: type) -> LayoutNode:
        """Return this node if its value has one of these types."""
        if type(self.value) not in types:
            wanted = " or ".join(dict.fromkeys(_KINDS[kind] for kind in types))
            raise self.refuse(f"is {_KINDS[type(self.value)]}, not {wanted}")
        return self

    def find(self, name: str) -> LayoutNode | None:
        """A member of this mapping; None where it is missing or null."""
        value = self.check(dict).value.get(name)
        return None if value is None else LayoutNode(value, f"{self.place}.{name}" if self.place else name)

    def member(self, name: str, *types: type) -> LayoutNode:
        """A required member of this mapping."""
        if (member := self.find(name)) is None:
            raise self.refuse(f"{name} is missing")
        return member.check(*types) if types else member

    def items(self) -> list[LayoutNode]:
        """The items of this list."""
        return [LayoutNode(value, f"{self.place}[{index}]") for index, value in enumerate(self.check(list).value)]

    def members(self) -> list[tuple[str, LayoutNode]]:
        """The members of this mapping."""
        return [(name, LayoutNode(value, f"{self.place}.{name}")) for name, value in self.check(dict).value.items()]


def read_recording(data: Any) -> Recording:
    """Read a recording from plain data.

    Raises:
        LayoutError: it is not a vcrpy cassette, or not a whole one.
    """
    top = LayoutNode(data, "")
    if isinstance(data, list) and data and isinstance(data[0], dict) and "request" in data[0]:
        raise top.refuse("is a cassette of vcrpy before 1.0; migrate it (python -m vcr.migration)")
    if not isinstance(data, dict):
        raise top.refuse(f"is not a vcrpy cassette: it is {_KINDS[type(data)]}, not a mapping with interactions")
    interactions = top.member("interactions").items()
    _check_whole(top)
    if not interactions:
        raise LayoutError("interactions", "holds no exchanges")
    meta = top.find("x_llm_extract")
    scheme = scheme_of(meta)
    recording = Recording(tuple(_exchange(interaction, scheme) for interaction in interactions))
    if meta is not None:
        return _own_recording(recording, meta)
    _ = recording.fingerprints  # now, though they are not compared: what is nested too deeply fails here
    return recording


def scheme_of(meta: LayoutNode | None) -> Scheme:
    """What the fingerprints of a cassette with this head are made of; of one without a head, version 1.

    Raises:
        LayoutError: that of a later version of this package.
    """
    run = meta and _run_of(meta)
    version = run and run.find("fingerprint_version")
    if run is None or version is None:
        return FIRST
    if version.check(int).value not in (1, VERSION):
        raise version.refuse(f"is not {VERSION} or less: update pytest-llm-extract")
    headers = run.find("headers")
    return Scheme(version.value, HEADERS if headers is None else tuple(headers.check(str).value.split()))


def head_of(scheme: Scheme) -> dict[str, Any]:
    """How the head of a cassette says it; nothing for version 1."""
    if scheme == FIRST:
        return {}
    headers = {} if scheme.headers == HEADERS else {"headers": " ".join(scheme.headers)}
    return {"fingerprint_version": scheme.version, **headers}


def _check_whole(top: LayoutNode) -> None:
    """vcrpy ends YAML with its version: without it, exchanges may be missing at the end."""
    version = top.find("version")
    if version is None:
        raise top.refuse("`version: 1` is missing, so the file may be cut off; add it if the file is whole")
    if version.check(int).value != 1:
        raise version.refuse("is not 1, the only version of the format that is known")


def _own_recording(recording: Recording, meta: LayoutNode) -> Recording:
    """Read a recording that this package wrote, and check its header against its exchanges.

    Raises:
        LayoutError: it is not.
    """
    _check_members(meta, _HEAD, tuple(_KINDS))
    run = _run_of(meta)
    _check_members(run, _RUN, tuple(_KINDS))
    head = flat_head(meta.value)
    if head.get("format") not in (1, FORMAT):
        raise meta.member("format").refuse(f"is not {FORMAT}: update pytest-llm-extract")
    if (hashes := run.find("hashes")) is not None:
        _check_origin(hashes)
    requests = run.find("requests")
    for origin in requests.items() if requests else ():
        _check_origin(origin)
    if head.get("fingerprints") != (fingerprints := recording.fingerprints):
        listed = run.member("fingerprints")
        if len(listed.value) != len(fingerprints):
            raise listed.refuse(f"are {len(listed.value)}, and the exchanges {len(fingerprints)}")
        raise listed.refuse("a request was edited by hand: its fingerprint no longer matches")
    digests = head.get("answers")
    if digests is not None and digests != [answer_digest(e.status, e.response_body) for e in recording.exchanges]:
        answers = run.member("answers")
        raise answers.refuse(
            "an answer was edited by hand: its digest no longer matches; "
            f"take {answers.place} out of the file if the edit is meant"
        )
    if (shown := meta.find("answer")) is not None and digests is not None and shown.value != shown_answer(recording):
        raise shown.refuse("was edited by hand: it only shows what the last response holds; undo the edit")
    return Recording(recording.exchanges, head.get("case", ""), head)


def _run_of(meta: LayoutNode) -> LayoutNode:
    """What a head says of its recording: on one line of its own, or in format 1 beside the rest."""
    return meta.find("run") or meta


def flat_head(head: Mapping[str, Any]) -> dict[str, Any]:
    """A head as both formats are used, without the answer that it shows to people."""
    beside = {name: value for name, value in head.items() if name not in ("answer", "run")}
    run: dict[str, Any] = head.get("run", {})
    return beside | run


def _check_origin(node: LayoutNode) -> None:
    if node.check(dict).value.keys() - {"request"} != ORIGIN:
        raise node.refuse(f"has not the members {', '.join(sorted(ORIGIN))}")
    _check_members(node, {}, (str, type(None)))


def _check_members(node: LayoutNode, known: Mapping[str, tuple[type, ...]], others: tuple[type, ...]) -> None:
    for name, value in node.check(dict).value.items():
        if type(value) not in (types := known.get(name, others)):
            LayoutNode(value, f"{node.place}.{name}").check(*types)


def _exchange(interaction: LayoutNode, scheme: Scheme) -> Exchange:
    request, response = interaction.member("request", dict), interaction.member("response", dict)
    code, reason, body = _answer(response)
    headers = _headers(response)
    codings = [value for name, values in headers.items() if name.lower() == "content-encoding" for value in values]
    return Exchange(
        method=request.member("method", str).value,
        url=_url(request.member("uri", str)),
        request_headers=_headers(request),
        request_body=_request_body(request),
        status=code,
        reason=reason,
        response_headers={name: values for name, values in headers.items() if name.lower() not in OF_TRANSFER},
        response_body=_decoded(body, codings),
        scheme=scheme,
    )


def _url(node: LayoutNode) -> str:
    try:
        urlsplit(node.value)
    except ValueError:
        raise node.refuse("is not a URL") from None
    return str(node.value)


def _answer(response: LayoutNode) -> tuple[int, str, LayoutNode]:
    """Status, reason and body; also as vcrpy before 6 wrote the answers of httpx: `status_code` and `content`."""
    if (code := response.find("status_code")) is not None:
        return _status(code), "", LayoutNode(response.value.get("content"), f"{response.place}.content")
    status = response.member("status")
    reason = status.find("message")
    return _status(status.member("code")), reason.check(str).value if reason else "", _body(response)


def _status(code: LayoutNode) -> int:
    if not 100 <= code.check(int).value <= 999:
        raise code.refuse("is not an HTTP status")
    return int(code.value)


def _headers(holder: LayoutNode) -> dict[str, list[str]]:
    """Each header that has a value with the list of them, also where a file has one value without a list."""
    written = holder.find("headers")
    headers: dict[str, list[str]] = {}
    for name, node in written.members() if written else ():
        values = node.items() if isinstance(node.value, list) else [node]
        if values:
            headers[name] = [_header_value(value.check(str, bytes, int, float).value) for value in values]
    return headers


def _header_value(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _body(holder: LayoutNode) -> LayoutNode:
    """A body as text or bytes: plain, in base64, or (pydantic-ai) parsed as JSON."""
    parsed, body = holder.find("parsed_body"), holder.find("body")
    if parsed is not None and body is not None:
        raise parsed.refuse("is given beside body; keep one of them")
    if parsed is not None:
        return LayoutNode(_dumped(parsed), parsed.place)
    if body is None:
        return LayoutNode(None, f"{holder.place}.body")
    if isinstance(body.value, dict) and "base64_string" in body.value:
        return _from_base64(body.member("base64_string", str))
    if isinstance(body.value, dict) and "string" in body.value:
        return LayoutNode(body.value["string"], f"{body.place}.string")
    return body


def _request_body(request: LayoutNode) -> bytes:
    """The bytes that were sent; aiohttp hands JSON to vcrpy before it is text."""
    body = _body(request)
    value = _dumped(body) if isinstance(body.value, dict | list) else body.value
    return as_bytes(LayoutNode(value, body.place).check(str, bytes, type(None)).value)


def _decoded(body: LayoutNode, codings: list[str]) -> bytes:
    """Decode a body. One that is stored as text is decoded already."""
    data = as_bytes(body.check(str, bytes, type(None)).value)
    try:
        return decode(data, codings) if isinstance(body.value, bytes) else data
    except CodingError as error:
        raise body.refuse(str(error)) from None


def _dumped(node: LayoutNode) -> str:
    try:
        return json.dumps(node.value)
    except TypeError:
        raise node.refuse("holds binary, which is not JSON") from None


def _from_base64(node: LayoutNode) -> LayoutNode:
    try:
        return LayoutNode(base64.b64decode("".join(node.value.split()), validate=True), node.place)
    except ValueError:
        raise node.refuse("is not base64") from None
