"""What a report reads beside the results when it is written: requests in cassettes, and the files of documents.

Results name both by their path below the rootdir. A path that leads elsewhere is not followed: results.json may come
from somebody else.
"""

from __future__ import annotations

import base64
import json
import mimetypes
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from pytest_llm_extract.cassette.file.exchange import path_of
from pytest_llm_extract.cassette.file.fingerprint import is_hash
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.errors import LlmExtractError
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.wire_formats.request import plain_text, split_request

DOCUMENT = "⟦the document⟧"
MOST_EMBEDDED = 50_000_000  # bytes of files in one report
_LEAST_DOCUMENT = 12  # characters; a shorter one may be in a prompt by chance


@dataclass
class Sources:
    """Reads below `folder` for a report that lies in `target`; `files` are to be written beside it.

    `embeds` is None where files are linked, "data" where they go into the page, "files" where they go beside it.
    """

    folder: Path
    target: Path
    embeds: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    n_bytes: int = 0
    n_refused: int = 0
    n_requests: int = 0

    def requests(self, sample: Sample, document: Any) -> list[dict[str, Any]]:
        """The requests of a sample's cassette, with a mark in the place of the document; empty without a cassette."""
        path = self._inside(sample.cassette)
        if path is None or document is None:
            return []
        try:
            recording = load(path, self.folder)
        except (LlmExtractError, ValueError):  # the page shows the results without it
            return []
        requests = [
            {"to": f"{exchange.method} {path_of(exchange.url)}", **_request(exchange.request_body, document)}
            for exchange in (recording.exchanges if recording else ())
        ]
        self.n_requests += len(requests)
        return requests

    def document_file(self, case: CaseResult) -> dict[str, str] | None:
        """Where the file of a case's document is, for a link or an image; None where its document is not a file."""
        path = self._inside(case.document)
        if path is None or case.document is None:
            return None
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        link = quote(os.path.relpath(path, self.target).replace(os.sep, "/"))
        described = {"name": case.document, "type": kind, "href": link}
        return described | self._embedded(path, kind) if self.embeds else described

    def _embedded(self, path: Path, kind: str) -> dict[str, str]:
        try:
            size = path.stat().st_size
            if self.n_bytes + size > MOST_EMBEDDED:
                self.n_refused += 1
                return {}
            data = path.read_bytes()
        except OSError:
            return {}
        self.n_bytes += size
        if self.embeds == "data":
            return {"data": base64.b64encode(data).decode()}
        name = f"files/{len(self.files)}{path.suffix if path.suffix.isalnum() or path.suffix[1:].isalnum() else ''}"
        self.files[name] = data
        return {"href": name, "beside": "1"}

    def _inside(self, name: str | None) -> Path | None:
        """A path that results name, where it leads to a file below the folder."""
        if not name or PurePosixPath(name).is_absolute() or "\0" in name:
            return None
        path = self.folder / name
        try:
            inside = path.resolve().is_relative_to(self.folder.resolve())
            return path if inside and path.is_file() else None
        except (OSError, RuntimeError, ValueError):
            return None


def _request(body: bytes, document: Any) -> dict[str, Any]:
    """A request as turns of role and text, and the rest of it as JSON."""
    if is_hash(body):
        return {"turns": [], "rest": "(of this request, its cassette keeps a hash)"}
    try:
        value = json.loads(body)
    except ValueError:
        return {"turns": [], "rest": _marked(body.decode("utf-8", "replace"), document)}
    parts = split_request(value)
    turns = [["system", _words(piece)] for piece in parts.get("system prompt", ())]
    turns += [[role, _words(piece)] for role, piece in _messages(parts.get("messages", ()))]
    rest = {"model": parts.get("model"), **_rest(parts)}
    return {
        "turns": [[role, _marked(text, document)] for role, text in turns],
        "rest": _marked(json.dumps(rest, indent=1, ensure_ascii=False), document),
    }


def _messages(messages: Any) -> Iterator[tuple[str, Any]]:
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        yield (role if isinstance(role, str) else "user"), message


def _rest(parts: dict[str, Any]) -> dict[str, Any]:
    rest = {**(parts.get("schema") or {})}
    parameters = parts.get("parameters")
    return {**rest, **parameters} if isinstance(parameters, dict) else {**rest, "body": parameters}


def _words(piece: Any) -> str:
    text = plain_text(piece)
    return text if text is not None else json.dumps(piece, indent=1, ensure_ascii=False)


def _marked(text: str, document: Any) -> str:
    is_known = isinstance(document, str) and len(document) >= _LEAST_DOCUMENT
    return text.replace(document, DOCUMENT) if is_known else text
