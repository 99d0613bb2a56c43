"""Files of records as blocks, which tasks of an engine read one by one: anything that fsspec opens."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

from pytest_llm_extract.corpus.partition import LINES_OF_A_FILE
from pytest_llm_extract.corpus.record_files import Header, jsonl_records, open_parquet, parquet_records, read_header
from pytest_llm_extract.corpus.records import Record
from pytest_llm_extract.errors import DatasetError, LlmExtractError, did_you_mean


class FileBlock(NamedTuple):
    """A piece of a file: bytes of a .jsonl or .csv file, or row groups of a .parquet file, from `start` to `stop`.

    `n_lines` are in it and `before` come before it (of parquet: rows). `header` is that of a .csv file.
    """

    url: str
    start: int
    stop: int
    before: int
    n_lines: int
    header: Header | None = None


def find_files(url: str) -> dict[str, int]:
    """The files that a path or URL names, with `*` for several, in the order of their names; their sizes in bytes.

    Raises:
        DatasetError: there is none, one is of a kind that has no blocks, or the file system cannot be reached.
    """
    import fsspec

    with _reading(url):
        files = fsspec.open_files(url, "rb")
        names = {file.fs.unstrip_protocol(file.path) if "*" in url else url: file for file in files}
        if not names:
            raise FileNotFoundError
        sizes = {name: file.fs.size(file.path) for name, file in sorted(names.items())}
    for name in sizes:
        kind = PurePosixPath(name).suffix
        if kind not in _KINDS:
            problem = f"is not a .jsonl, .csv or .parquet file, which have blocks.{did_you_mean(kind, _KINDS)}"
            raise DatasetError(name, [(None, problem)])
    return sizes


def find_blocks(url: str, size: int) -> list[FileBlock]:
    """The blocks of one file, of about `size` bytes (of parquet: its row groups).

    Raises:
        DatasetError: it cannot be read.
    """
    blocks, _ = _KINDS[PurePosixPath(url).suffix]
    with _opened(url) as file:
        return list(blocks(url, file, size))


def read_block(block: FileBlock, leaves: Collection[str], number: int = 0) -> Iterator[Record]:
    """The records of a block of the file of this number; `leaves` are the field paths of the schema.

    Raises:
        DatasetError: it cannot be read.
    """
    _, records = _KINDS[PurePosixPath(block.url).suffix]
    with _opened(block.url) as file:
        for line, text in records(block, file, leaves):
            yield number * LINES_OF_A_FILE + line, text


@contextmanager
def _opened(url: str) -> Iterator[IO[bytes]]:
    import fsspec

    with _reading(url, "does not exist where a worker runs"), fsspec.open(url, "rb") as file:
        yield file


@contextmanager
def _reading(url: str, missing: str = "does not exist") -> Iterator[None]:
    try:
        yield
    except LlmExtractError:
        raise
    except FileNotFoundError:
        raise DatasetError(url, [(None, missing)]) from None
    except Exception as error:  # file systems of other packages raise errors of their own
        said = str(error) or type(error).__name__
        raise DatasetError(url, [(None, f"cannot be read: {said}")]) from None


def _jsonl_blocks(url: str, file: IO[bytes], size: int) -> Iterator[FileBlock]:
    start = before = 0
    while data := file.read(size):
        data += file.readline()
        n_lines = data.count(b"\n") + (not data.endswith(b"\n"))
        yield FileBlock(url, start, start + len(data), before, n_lines)
        start, before = start + len(data), before + n_lines


def _jsonl(block: FileBlock, file: IO[bytes], leaves: Collection[str]) -> Iterator[Record]:
    return jsonl_records(BytesIO(_bytes(block, file)), block.before + 1)


def _csv_blocks(url: str, file: IO[bytes], size: int) -> Iterator[FileBlock]:
    """A line break within quotes ends no row, so the whole file is parsed."""
    lines = _Lines(file)
    header = read_header(lines, url)
    start, before = lines.position, header.n_lines
    for _ in header.rows(lines, header.n_lines):
        if lines.position - start >= size:
            yield FileBlock(url, start, lines.position, before, lines.count - before, header)
            start, before = lines.position, lines.count
    if lines.position > start:
        yield FileBlock(url, start, lines.position, before, lines.count - before, header)


class _Lines(Iterator[str]):
    """The lines of a file as text, and how far it was read: in bytes and in lines."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.position, self.count = file, 0, 0

    def __next__(self) -> str:
        line = next(self._file)
        text = line.decode("utf-8" if self.position else "utf-8-sig")
        self.position, self.count = self.position + len(line), self.count + 1
        return text


def _csv(block: FileBlock, file: IO[bytes], leaves: Collection[str]) -> Iterator[Record]:
    if block.header is None:
        raise csv.Error("has no header")
    text = _bytes(block, file).decode()
    return block.header.records(StringIO(text, newline=""), block.before, leaves)


def _bytes(block: FileBlock, file: IO[bytes]) -> bytes:
    file.seek(block.start)
    return file.read(block.stop - block.start)


def _parquet_blocks(url: str, file: IO[bytes], size: int) -> Iterator[FileBlock]:
    metadata, before = open_parquet(file, url).metadata, 0
    for group in range(metadata.num_row_groups):
        n_rows = metadata.row_group(group).num_rows
        yield FileBlock(url, group, group + 1, before, n_rows)
        before += n_rows


def _parquet(block: FileBlock, file: IO[bytes], leaves: Collection[str]) -> Iterator[Record]:
    return parquet_records(open_parquet(file, block.url), list(range(block.start, block.stop)), block.before)


_Blocks = Callable[[str, Any, int], Iterator[FileBlock]]
_Records = Callable[[FileBlock, Any, Collection[str]], Iterator[Record]]
_KINDS: dict[str, tuple[_Blocks, _Records]] = {
    ".jsonl": (_jsonl_blocks, _jsonl),
    ".csv": (_csv_blocks, _csv),
    ".parquet": (_parquet_blocks, _parquet),
}
