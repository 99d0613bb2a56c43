"""Where an exchange holds a secret, and what is stored of such an exchange."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from secret_lists import CODINGS, STREAMS
from vcr.request import Request

from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.save import cassette_text
from pytest_llm_extract.cassette.scrub.scrubber import Scrubber
from pytest_llm_extract.config.settings import Storage
from pytest_llm_extract.errors import SecretFoundError

Message = dict[str, Any]
_FILE = re.compile(rb'(?<=")(data:image/png;base64,)([\w+/=]+)(?=")')
ASKED: Message = {"body": b'{"model": "m", "messages": []}'}
ANSWERED: Message = {"body": b'{"choices": []}'}


def _in_stream(form: Callable[[str], tuple[str, bytes]]) -> Callable[[str], tuple[Message, Message]]:
    def planted(secret: str) -> tuple[Message, Message]:
        kind, body = form(secret)
        return ASKED, {"body": body, "headers": {"content-type": [kind]}}

    return planted


def _in_prompt(coding: Callable[[str], str]) -> Callable[[str], tuple[Message, Message]]:
    def planted(secret: str) -> tuple[Message, Message]:
        content = f"the letter says {coding(secret)} and ends"
        return {"body": json.dumps({"messages": [{"role": "user", "content": content}]}).encode()}, ANSWERED

    return planted


PLACES: dict[str, Callable[[str], tuple[Message, Message]]] = {
    **{f"stream: {name}": _in_stream(form) for name, form in STREAMS.items()},
    **{f"coding: {name}": _in_prompt(coding) for name, coding in CODINGS.items()},
    "body in UTF-16": lambda s: ({"body": f'{{"q": {json.dumps(s)}}}'.encode("utf-16")}, ANSWERED),
    "binary body": lambda s: ({"body": b"\x89PNG\xff\xfe\x00" + s.encode() + b"\x00\xff"}, ANSWERED),
    "path": lambda s: (ASKED | {"url": f"https://api.example/v1/{s}/x"}, ANSWERED),
    "parameter": lambda s: (ASKED | {"url": f"https://api.example/v1?q={s}"}, ANSWERED),
    "reason": lambda s: (ASKED, ANSWERED | {"reason": f"no {s}"}),
    "header that is kept": lambda s: (ASKED, ANSWERED | {"headers": {"content-type": [f"text/x; a={s}"]}}),
    "case": lambda s: (ASKED, ANSWERED | {"case": f"of {s}"}),
    "model": lambda s: (ASKED, ANSWERED | {"meta": {"model": s}}),
}


def _hashed(file: re.Match[bytes]) -> bytes:
    return file[1] + b"sha256:" + hashlib.sha256(base64.b64decode(file[2])).hexdigest().encode()


def stored(asked: Message, answered: Message, environ: dict[str, str] | None = None) -> str:
    """`kept` if the cassette holds both bodies as they are, but for hashes of files, else `refused` or `altered`."""
    scrubber = Scrubber(Storage())
    request = Request(
        "POST", asked.get("url", "https://api.example/v1"), asked["body"], {"content-type": "application/json"}
    )
    response = {
        "status": {"code": 200, "message": answered.get("reason", "OK")},
        "headers": answered.get("headers", {"content-type": ["application/json"]}),
        "body": {"string": answered["body"]},
    }
    sent = scrubber.request(request)
    assert sent is not None
    exchange = scrubber.answer(sent, response)
    assert exchange is not None
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (environ or {}).items():
            patch.setenv(name, value)
        return _end(asked, answered, request, exchange)


def _end(asked: Message, answered: Message, request: Request, exchange: Exchange) -> str:
    try:
        cassette_text(Path("c.yaml"), Recording((exchange,), answered.get("case", "a")), answered.get("meta", {}))
    except SecretFoundError:
        return "refused"
    asked_for = _FILE.sub(_hashed, asked["body"])
    same = exchange.request_body == asked_for and exchange.response_body == answered["body"]
    return "kept" if same and exchange.url == request.uri else "altered"
