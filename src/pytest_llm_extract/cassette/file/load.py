"""Read cassette files safely. A damaged file is an error, never an empty or shorter cassette."""

from __future__ import annotations

import json
import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.cassette.file.fast_load import read_as_written
from pytest_llm_extract.cassette.file.layout import LayoutError, read_recording
from pytest_llm_extract.errors import CassetteError, WithheldError
from pytest_llm_extract.formats.safe_yaml import YamlMistakeError, YamlReader, describe
from pytest_llm_extract.formats.strict_json import read_json
from pytest_llm_extract.formats.text_files import conflict_line, withheld

MAX_BYTES = 64 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe must not be waited for
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none


def load(path: Path, root: Path | None = None) -> Recording | None:
    """Read a cassette; None if it does not exist. No symbolic link may lead out of the folder `root`.

    Raises:
        CassetteError: there is a file, but it is not a whole cassette; or it would lie outside of `root`.
    """
    data = _read(path, root)
    if data is None:
        return None
    try:
        return read_as_written(data) or parse(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        if data.startswith(_GZIP):
            raise CassetteError(path, f"is compressed with gzip; unpack it first: gunzip {path.name}") from None
        raise CassetteError(path, f"is not UTF-8 (byte {error.start:,})") from None
    except LayoutError as error:
        raise CassetteError(path, str(error)) from None


def check_inside(path: Path, root: Path) -> None:
    """Make sure that no symbolic link leads a path out of the folder that it lies below.

    Raises:
        CassetteError: one does.
    """
    # Only what lies below the root can lead out of it: where that is no link, nothing needs to be resolved.
    if path.is_symlink() or _is_linked(_folder(path), root):
        _check_resolved(path, root)


def _check_resolved(path: Path, root: Path) -> None:
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:  # a circle of links
        raise CassetteError(path, f"cannot be read: {error}") from None
    if not inside:
        raise CassetteError(path, f"a symbolic link leads it out of {root}; cassettes lie in that folder")


@lru_cache(maxsize=1024)  # many cassettes lie in one folder, which nobody replaces by a link while a run reads it
def _is_linked(folder: str, root: Path) -> bool:
    below = Path(folder).relative_to(root).parts
    return any(root.joinpath(*below[: n + 1]).is_symlink() for n in range(len(below)))


def _folder(path: Path) -> str:
    """The folder as a string, which a cache looks up faster than a path."""
    return os.fspath(path).rpartition(os.sep)[0]


def _read(path: Path, root: Path | None) -> bytes | None:
    """The content of the file; None if it does not exist."""
    if root is not None and _is_linked(_folder(path), root):
        _check_resolved(path, root)
    try:
        return _read_whole(path, root)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CassetteError(path, f"cannot be read: {error.strerror or error}") from None


def _read_whole(path: Path, root: Path | None) -> bytes:
    descriptor = _open(path, root)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise CassetteError(path, "is not a regular file")
        if status.st_size > MAX_BYTES:
            raise CassetteError(path, f"has {status.st_size:,} bytes, more than a cassette may have ({MAX_BYTES:,})")
        data = os.read(descriptor, status.st_size)
        while len(data) < status.st_size and (more := os.read(descriptor, status.st_size - len(data))):
            data += more
        if problem := withheld(data):
            raise WithheldError(path, problem)
        return data
    finally:
        os.close(descriptor)


def _open(path: Path, root: Path | None) -> int:
    """Open a file with few system calls, since every case does so. A symbolic link is checked first."""
    try:
        if _NO_LINK or not path.is_symlink():
            return os.open(path, _READ | _NO_LINK)
    except FileNotFoundError:
        raise
    except OSError:
        if not path.is_symlink():
            raise
    if root is not None:
        _check_resolved(path, root)
    return os.open(path, _READ)


def parse(text: str) -> Recording:
    """Read the text of a cassette, YAML or JSON, written by this package or by vcrpy.

    Raises:
        LayoutError: it is not a whole cassette.
    """
    try:
        return read_recording(_read_json(text) if text.lstrip()[:1] == "{" else _read_yaml(text))
    except RecursionError:
        raise LayoutError("", "is nested too deeply") from None


def _read_yaml(text: str) -> Any:
    import yaml

    reader = YamlReader(text, dumped=True, max_weight=2 * MAX_BYTES)
    try:
        event = reader.start()
        value = None if event is None else reader.value(event)
        if event is not None:
            reader.end("holds more than one document")
        return value
    except (yaml.YAMLError, YamlMistakeError, ValueError) as error:
        line, problem = describe(text, error)
        if conflict := conflict_line(text):
            line, problem = conflict, "merge conflict marker; resolve the conflict"
        raise LayoutError(_line(line), problem) from None


def _read_json(text: str) -> Any:
    """Read the form that vcrpy's JSON serializer writes."""
    try:
        return read_json(text)
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise LayoutError(_line(line), f"is not JSON: {getattr(error, 'msg', error)}") from None


def _line(number: int | None) -> str:
    return f"line {number}" if number else ""
