"""Files as text: encodings, byte order marks, and files that are no text at all."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from pytest_llm_extract.errors import reason

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD = 8192
# No text in any 8-bit encoding holds these; form feeds and escape sequences (OCR, terminals) it may hold.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CONFLICT = re.compile(r"^(?:<{7} |>{7} |={7}\r?$)", re.MULTILINE)


class UnreadableFileError(Exception):
    """A file that cannot be read, and the line where that is so."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


def read_text(path: Path) -> str:
    """A text file: UTF-8, or UTF-16 or UTF-32 with a byte order mark. Line ends stay as they are.

    Raises:
        FileNotFoundError: it is not there.
        UnreadableFileError: it cannot be opened, or is no such text.
    """
    return _decode(_read(path))


def read_document(path: Path) -> str | Path:
    """A text file's text, or the path of a file that is not text (a PDF, an image).

    Raises:
        FileNotFoundError: it is not there.
        UnreadableFileError: it cannot be opened, or is text in another encoding.
    """
    head = _read(path, _HEAD)
    unmarked = not head.startswith(tuple(mark for mark, _ in _MARKS))
    if head.startswith(b"%PDF-") or (unmarked and _BINARY.search(head)):
        return path
    return _decode(head if len(head) < _HEAD else _read(path))


def conflict_line(text: str) -> int | None:
    """The line of the first merge conflict marker; None where there is none."""
    found = _CONFLICT.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None


def _read(path: Path, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        raise UnreadableFileError(f"cannot be read: {reason(error)}") from None


def _decode(data: bytes) -> str:
    mark, encoding = next((known for known in _MARKS if data.startswith(known[0])), (b"", "utf-8"))
    body = data[len(mark) :]
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body.count("\n".encode(encoding), 0, error.start) + 1
        problem = f"is not {encoding.upper()}: byte 0x{body[error.start]:02x}; save it as UTF-8"
        raise UnreadableFileError(problem, line) from None
