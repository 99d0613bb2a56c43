"""What is known of a batch between its sending and its collection, in a file beside the cassettes.

The file holds ids and fingerprints, and no document and no key. It is written before anything is sent, so that a
killed process, or another machine that has the file, neither loses a batch nor sends it twice.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from pytest_llm_extract.errors import PlacedError
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.formats.strict_json import read_json
from pytest_llm_extract.formats.text_files import conflict_line

FORMAT, VERSION = "pytest-llm-extract-batch", 1
_FILE = re.compile(r"batch-[0-9a-f]{16}\.json")
# Ids become parts of URLs, so nothing else may be in them.
_ID = re.compile(r"[\w./:=@+-]{1,256}", re.ASCII)


class BatchFileError(PlacedError):
    """The file of a batch cannot be read or written."""


@dataclass(frozen=True)
class SentBatch:
    """One batch of one suite.

    `name` is ours, which the provider keeps with the batch where it can. `base` is the address of the API; it is
    compared, and never sent to. `id` and `file` are the provider's, None as long as nobody knows. `tried_s` is when the
    batch was being created (seconds since 1970), None before. `is_found` says that the id
    was found after the sending was cut off, so that it may be another batch's; `not_ours` are those that were.
    `requests` has the files of the cassettes that wait for each request, by the request's id.
    `n_tokens` of input it has, by the length of its requests. One that `is_queued` was not sent: it waits for room
    in the provider's queue.
    """

    name: str
    suite: str
    provider: str
    base: str
    endpoint: str
    model: str
    created: str
    requests: Mapping[str, tuple[str, ...]]
    file: str | None = None
    tried_s: float | None = None
    id: str | None = None
    is_found: bool = False
    not_ours: tuple[str, ...] = ()
    until: str | None = None
    n_tokens: int = 0
    is_queued: bool = False

    def path(self, cassettes: Path) -> Path:
        """The file of the batch."""
        return cassettes / f"batch-{self.name}.json"

    @property
    def files(self) -> list[str]:
        """The files of all cassettes that wait for it, in order."""
        return list(dict.fromkeys(file for same in self.requests.values() for file in same))

    @property
    def words(self) -> str:
        """Why a case has no cassette whose request is in it."""
        if self.is_queued:
            return "its request waits for room in the provider's queue of batches: llm-extract collect"
        return f"its request is in a batch that was sent {self.created}: llm-extract collect"

    def queued(self, cassettes: Path) -> SentBatch:
        """Write that the batch was not sent, and waits for room in the provider's queue.

        Raises:
            BatchFileError: its file cannot be written.
        """
        bare = replace(self, id=None, file=None, tried_s=None, until=None, is_found=False, is_queued=True)
        return bare.write(cassettes)

    def halved(self, cassettes: Path) -> list[SentBatch]:
        """Let the halves of a batch wait for room that found none. Every machine gives them the same names.

        Raises:
            BatchFileError: a file cannot be written.
        """
        ids = list(self.requests)
        halves = []
        for number, own in enumerate((ids[: (len(ids) + 1) // 2], ids[(len(ids) + 1) // 2 :])):
            if own:
                name = hashlib.sha256(f"{self.name} {number}".encode()).hexdigest()[:16]
                n_tokens = self.n_tokens * len(own) // len(ids)
                half = replace(self, name=name, requests={one: self.requests[one] for one in own}, n_tokens=n_tokens)
                halves.append(half.queued(cassettes))
        self.path(cassettes).unlink(missing_ok=True)
        return halves

    def write(self, cassettes: Path) -> SentBatch:
        """Write the file, atomically, and return the batch.

        Raises:
            BatchFileError: it cannot be written.
        """
        data = {"format": FORMAT, "version": VERSION, **asdict(self)}
        try:
            write_atomically(self.path(cassettes), json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            raise BatchFileError(self.path(cassettes), f"cannot be written: {error.strerror or error}") from None
        return self

    def hand_over(self, cassettes: Path, suite: str, files: set[str]) -> None:
        """Give the requests of these cassettes to another suite. What is left stays, in a file of its own.

        Raises:
            BatchFileError: a file cannot be written.
        """
        sides: tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]] = ({}, {})
        for identity, own in self.requests.items():
            for side, is_given in zip(sides, (True, False), strict=True):
                if kept := tuple(file for file in own if (file in files) is is_given):
                    side[identity] = kept
        given, left = sides
        if not left:
            replace(self, suite=suite).write(cassettes)
        elif given:
            replace(self, name=secrets.token_hex(8), suite=suite, requests=given).write(cassettes)
            replace(self, requests=left).write(cassettes)

    def settle(self, cassettes: Path, settled: set[str]) -> SentBatch | None:
        """Take out requests that nobody waits for any longer. The file goes with the last; then None is returned."""
        left = {name: files for name, files in self.requests.items() if name not in settled}
        if not left:
            self.path(cassettes).unlink(missing_ok=True)
            return None
        return (
            self if len(left) == len(self.requests) else replace(self, requests=left, is_found=False).write(cassettes)
        )


def sent_batches(cassettes: Path) -> list[SentBatch]:
    """The batches that were sent and not collected, the oldest first.

    Raises:
        BatchFileError: a file of a batch is damaged. Whoever went on without it might pay twice.
    """
    if not cassettes.is_dir():
        return []
    paths = sorted(path for path in cassettes.iterdir() if _FILE.fullmatch(path.name))
    batches_read = [batch for path in paths if (batch := _read(path)) is not None]
    return sorted(batches_read, key=lambda batch: (batch.created, batch.name))


def _read(path: Path) -> SentBatch | None:
    try:
        if path.is_symlink():
            raise BatchFileError(path, "is a symbolic link")
        text = path.read_text(encoding="utf-8")
        if (line := conflict_line(text)) is not None:
            raise BatchFileError(path, f"has a merge conflict in line {line}")
        return _batch_of(read_json(text), path)
    except FileNotFoundError:  # collected in the meantime
        return None
    except OSError as error:
        raise BatchFileError(path, f"cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise BatchFileError(path, "is not JSON") from None


def _batch_of(data: Any, path: Path) -> SentBatch:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise BatchFileError(path, "is not the file of a batch")
    if data.get("version") != VERSION:
        raise BatchFileError(path, f"has version {data.get('version')!r}: update pytest-llm-extract")
    members = {name: value for name, value in data.items() if name not in ("format", "version")}
    texts = ("name", "suite", "provider", "base", "endpoint", "model", "created")
    known = {field.name for field in fields(SentBatch)}
    if not set(texts) | {"requests"} <= members.keys() <= known or path.name != f"batch-{members['name']}.json":
        raise BatchFileError(path, "has not the members of a batch")
    optional = ("file", "id", "until")
    if not all(isinstance(members[name], str) for name in texts) or not all(
        isinstance(members.get(name), str | None) for name in optional
    ):
        raise BatchFileError(path, "has a member that must be a string")
    ids = [value for name in ("file", "id") if (value := members.get(name)) is not None]
    requests, not_ours = members["requests"], members.get("not_ours", [])
    is_typed = (
        isinstance(members.get("tried_s"), int | float | None)
        and all(isinstance(members.get(name, False), bool) for name in ("is_found", "is_queued"))
        and isinstance(members.get("n_tokens", 0), int)
    )
    if not _is_table(requests) or not _is_list(not_ours) or not is_typed:
        raise BatchFileError(path, "has a member of the wrong type")
    if not all(_ID.fullmatch(value) and ".." not in value for value in ids):
        raise BatchFileError(path, "has an id that no provider gives")
    table = {name: tuple(files) for name, files in requests.items()}
    return SentBatch(**{**members, "requests": table, "not_ours": tuple(not_ours)})


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_list(files) for files in value.values())
