"""Read files as text: encodings, byte order marks, and files that are not text."""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

from pytest_llm_extract.errors import reason

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD = 8192
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # Windows has no O_NONBLOCK
# No text in any 8-bit encoding holds these; form feeds and escape sequences (OCR, terminals) it may hold.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# What git leaves in the place of a file that it keeps elsewhere, or encrypted.
_POINTERS = (
    (b"version https://git-lfs.github.com/spec/", "is a Git LFS pointer, not the file itself: git lfs pull"),
    (b"\x00GITCRYPT\x00", "is encrypted by git-crypt: git-crypt unlock"),
    (b"/annex/objects/", "is a git-annex pointer, not the file itself: git annex get"),
)
# A whole conflict: seven equals signs alone may underline a heading.
_WHOLE_CONFLICT = re.compile(r"^<{7} .*\n(?:.*\n)*?={7}\n(?:.*\n)*?>{7} ", re.MULTILINE)
_CONFLICT = re.compile(r"^(?:<{7} |>{7} |={7}\r?$)", re.MULTILINE)


class UnreadableFileError(Exception):
    """A file that cannot be read, with the line of the fault."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


def read_text(path: Path) -> str:
    """Read a text file: UTF-8, or UTF-16 or UTF-32 with a byte order mark. Its lines end with `\\n`.

    Git may check a file out with other line ends, and a prompt must not differ between two machines.

    Raises:
        FileNotFoundError: it is not there.
        UnreadableFileError: it cannot be opened, is not such text, or git has left a pointer in its place.
    """
    return _decode(_read(path))


def read_document(path: Path) -> str | Path:
    """Read a document: the text of a text file, or the path of a file that is not text (a PDF, an image).

    Raises:
        FileNotFoundError: it is not there.
        UnreadableFileError: it cannot be opened, is text in another encoding or with a merge conflict, or git has left
            a pointer in its place.
    """
    head = _read(path, _HEAD)
    unmarked = not head.startswith(tuple(mark for mark, _ in _MARKS))
    if head.startswith(b"%PDF-") or (unmarked and _BINARY.search(head)):
        return path
    text = _decode(head if len(head) < _HEAD else _read(path))
    refuse_conflict(text)
    return text


def conflict_line(text: str) -> int | None:
    """The line of the first merge conflict marker; None where there is none."""
    marker = _CONFLICT.search(text)
    return text.count("\n", 0, marker.start()) + 1 if marker else None


def refuse_conflict(text: str) -> None:
    """Refuse a text that holds a whole merge conflict.

    Raises:
        UnreadableFileError: it does; with the line.
    """
    if marker := _WHOLE_CONFLICT.search(text):
        raise UnreadableFileError(
            "merge conflict marker; resolve the conflict", text.count("\n", 0, marker.start()) + 1
        )


def withheld(data: bytes) -> str | None:
    """The pointer that git left instead of a file, and how to get the file; None for a real file."""
    return next((problem for head, problem in _POINTERS if data.startswith(head)), None)


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading. A pipe is not waited for, and a device is not read.

    Raises:
        OSError: it cannot be opened, or is something else than a file.
    """
    descriptor = os.open(path, _READ)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: as `open_regular`.
    """
    with open_regular(path) as file:
        return file.read()


def _read(path: Path, size: int = -1) -> bytes:
    try:
        with open_regular(path) as file:
            data = file.read(size)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        raise UnreadableFileError(f"cannot be read: {reason(error)}") from None
    if problem := withheld(data):
        raise UnreadableFileError(problem)
    return data


def _decode(data: bytes) -> str:
    mark, encoding = next((known for known in _MARKS if data.startswith(known[0])), (b"", "utf-8"))
    body = data[len(mark) :]
    try:
        return body.decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = body.count("\n".encode(encoding), 0, error.start) + 1
        problem = f"is not {encoding.upper()}: byte 0x{body[error.start]:02x}; save it as UTF-8"
        raise UnreadableFileError(problem, line) from None
