"""Score a file of predictions against a file of gold: joined by id, in bounded memory, on all cores."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from zlib import crc32

from pytest_llm_extract.corpus.partition import Part, PartScorer
from pytest_llm_extract.corpus.records import BadRecord, Record, glance_id, parse_row, read_records
from pytest_llm_extract.corpus.schema_reference import load_schema
from pytest_llm_extract.corpus.totals import Totals
from pytest_llm_extract.errors import DatasetError
from pytest_llm_extract.schema.schema import Schema

N_LISTED = 10_000  # cases; of a larger corpus only the worst are kept
_PART_BYTES = 6_000_000  # of both files together, about 20,000 flat records
_ALONE_BYTES = 12_000_000  # less than this is scored sooner than worker processes start
_MAX_PARTS = 200  # files that are open at once
Advance = Callable[[float], None]


@dataclass(frozen=True)
class Corpus:
    """The files to score, and the schema as `module:Model`.

    `compare` is a JSON file of rules by field path; `strip` is what is taken off the text of answers.
    """

    gold: Path
    predictions: Path
    schema: str
    compare: Path | None = None
    strip: str | None = None

    @property
    def size(self) -> int:
        """The size of both files in bytes."""
        return sum(path.stat().st_size for path in (self.gold, self.predictions) if path.is_file())


@cache
def schema_of(reference: str, compare: Path | None = None) -> Schema:
    """The schema with its rules, read once in a process."""
    return load_schema(reference, compare)


def score_corpus(corpus: Corpus, processes: int, advance: Advance) -> Totals:
    """Score all of it; `advance` is told what share of the work is done since it was last called.

    Raises:
        LlmExtractError: a file or the schema cannot be read.
    """
    if corpus.size <= _ALONE_BYTES:
        schema = schema_of(corpus.schema, corpus.compare)
        gold, predictions = (list(read_records(path, schema.paths)) for path in (corpus.gold, corpus.predictions))
        totals = PartScorer(schema, _names(corpus), len(gold) <= N_LISTED, corpus.strip).score(Part(gold, predictions))
        advance(1.0)
        return totals
    with tempfile.TemporaryDirectory(prefix="llm-extract-") as folder:
        return _in_parts(corpus, processes, Path(folder), advance)


def available_processes() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_parts(corpus: Corpus, processes: int, folder: Path, advance: Advance) -> Totals:
    # Spawned, since a fork would copy the threads that show progress.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_leave_interrupts)
    try:
        return _scored(corpus, pool, folder, advance)
    except BrokenProcessPool:
        problem = "not scored: a worker process ended early, perhaps for want of memory; try --processes 1"
        raise DatasetError(str(corpus.predictions), [(None, problem)]) from None
    except OSError as error:
        raise DatasetError(str(corpus.predictions), [(None, f"not split into {folder}: {error}")]) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts() -> None:
    """Ignore Ctrl-C in a worker: the main process handles it and ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _scored(corpus: Corpus, pool: ProcessPoolExecutor, folder: Path, advance: Advance) -> Totals:
    n_parts = min(_MAX_PARTS, corpus.size // _PART_BYTES + 1)
    splits = [pool.submit(split, corpus, side, folder, n_parts) for side in ("gold", "predictions")]
    for one in as_completed(splits):
        one.result()
        advance(0.1)
    keep_all = splits[0].result() <= N_LISTED
    parts = [pool.submit(score_part, corpus, folder, number, keep_all) for number in range(n_parts)]
    totals = Totals()
    for done in as_completed(parts):
        totals.merge(done.result())
        advance(0.8 / len(parts))
    return totals


def split(corpus: Corpus, side: str, folder: Path, n_parts: int) -> int:
    """Write the records of one file into `n_parts` files by a hash of their id, each after its line; gives how many.

    A record without a usable id goes into the first part, which will say so.
    """
    path, count = (corpus.gold if side == "gold" else corpus.predictions), 0
    with ExitStack() as stack:
        files = [stack.enter_context(_part(folder, side, n).open("wb", buffering=1 << 16)) for n in range(n_parts)]
        for line, text in read_records(path, schema_of(corpus.schema, corpus.compare).paths):
            count += 1
            number = crc32(glance_id(text) or _parsed_id(text)) % n_parts
            files[number].write(b"%d\t%s\n" % (line, text.rstrip(b"\r\n")))
    return count


def _parsed_id(text: bytes) -> bytes:
    try:
        return parse_row(text, (), ()).id.encode("utf-8", "surrogatepass")
    except BadRecord:
        return b""


def score_part(corpus: Corpus, folder: Path, number: int, keep_all: bool) -> Totals:
    """Score one part that `split` wrote, and remove it."""
    sides = [_part(folder, side, number) for side in ("gold", "predictions")]
    gold, predictions = (list(_read_part(path)) for path in sides)
    schema = schema_of(corpus.schema, corpus.compare)
    totals = PartScorer(schema, _names(corpus), keep_all, corpus.strip).score(Part(gold, predictions))
    for path in sides:
        path.unlink()
    return totals


def _read_part(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        for content in file:
            line, _, text = content.partition(b"\t")
            yield int(line), text


def _part(folder: Path, side: str, number: int) -> Path:
    return folder / f"{side}-{number}"


def _names(corpus: Corpus) -> tuple[str, str]:
    return str(corpus.gold), str(corpus.predictions)
