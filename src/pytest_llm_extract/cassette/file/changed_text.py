"""What changed between two texts of a request: lines of a prompt, words of a document, the digest of a file."""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import re
from typing import Any

from pytest_llm_extract.cassette.file.fingerprint import Json
from pytest_llm_extract.wire_formats.request import plain_text
from pytest_llm_extract.wording import counted

_MOST_WORDS = 5_000  # in a longer document, lines are compared
_AROUND = 3  # words that are shown beside a changed one
_MOST_PLACES = 10
_LONGEST_LINE = 200  # characters that a changed line may have to be shown whole
_FILE = re.compile(r"(?:data:([\w.+-]+/[\w.+-]+);base64,)?(sha256:[0-9a-f]{64}|[A-Za-z0-9+/\r\n]{200,}={0,2})")


def changed_lines(old: str, new: str) -> list[str]:
    """The lines that are in one of them alone, with `-` or `+`."""
    compared = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return [line for line in compared if not line.startswith(("---", "+++", "@@"))]


def changed_places(old: str, new: str) -> list[str]:
    """The lines that changed, or the words where a line is so long that it may hold a whole document."""
    lines = changed_lines(old, new)
    return changed_words(old, new) if any(len(line) > _LONGEST_LINE for line in lines) else lines


def changed_words(old: str, new: str) -> list[str]:
    """The places where the words of a document changed, each with a few words around it."""
    before, after = old.split(), new.split()
    if max(len(before), len(after)) > _MOST_WORDS:
        return changed_lines(old, new)
    lines: list[str] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    places = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    for _, i1, i2, j1, j2 in places[:_MOST_PLACES]:
        lines += [f"-{_excerpt(before, i1, i2)}", f"+{_excerpt(after, j1, j2)}"]
    if len(places) > _MOST_PLACES:
        lines.append(f"… and {counted(len(places) - _MOST_PLACES, 'more place')}")
    return lines or ["(only spaces or line ends)"]


def _excerpt(words: list[str], start: int, end: int) -> str:
    first, last = max(0, start - _AROUND), end + _AROUND
    shown = " ".join(words[first:last])
    return f"{'… ' if first else ''}{shown}{' …' if last < len(words) else ''}"


def recorded_document(old: str, new: str, document: str) -> str | None:
    """The document that was in a recorded text, where nothing else changed; None where something did."""
    pieces = new.split(document)
    n = len(pieces) - 1
    if not n:
        return None
    length, rest = divmod(len(old) - sum(map(len, pieces)), n)
    document_text = old[len(pieces[0]) : len(pieces[0]) + length] if length >= 0 and not rest else None
    return (
        document_text
        if document_text is not None and document_text != document and document_text.join(pieces) == old
        else None
    )


def without_files(value: Json, files: list[str]) -> Json:
    """A JSON value without the files in it (PDFs, images); what identifies each is added to `files`."""
    if isinstance(value, dict):
        return {name: without_files(inner, files) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_files(item, files) for item in value]
    if not isinstance(value, str) or (file := _FILE.fullmatch(value)) is None:
        return value
    files.append(f"{file[1] or 'file'}, sha256 {_digest(file[2])[:16]}")
    return "(file)"


def _digest(text: str) -> str:
    if text.startswith("sha256:"):
        return text.removeprefix("sha256:")
    try:
        return hashlib.sha256(base64.b64decode(text)).hexdigest()
    except ValueError:
        return hashlib.sha256(text.encode()).hexdigest()


def text_of(value: Json) -> str:
    """Messages as text, and as JSON what is more than text."""
    pieces: list[Any] = value if isinstance(value, list) else [value]
    shown = []
    for piece in pieces:
        content = plain_text(piece)
        shown.append(json.dumps(piece, ensure_ascii=False, indent=2) if content is None else content)
    return "\n".join(shown)
