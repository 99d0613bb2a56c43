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
from hashlib import file_digest
from multiprocessing import get_context
from pathlib import Path

from pytest_llm_extract.corpus.partition import Part, PartScorer
from pytest_llm_extract.corpus.record_files import read_records
from pytest_llm_extract.corpus.records import Record, id_hash, pack_record, unpack_records
from pytest_llm_extract.corpus.schema_reference import load_schema
from pytest_llm_extract.corpus.totals import Scope, SplitFiles, Totals
from pytest_llm_extract.dataset.gold_labels import AS_WRITTEN, GoldOptions
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

    `compare` is a JSON file of rules by field path; `strip` is what is taken off the text of answers. `share` is which
    of how many parts to score, `(1, 8)` for the first of eight; None for all. `options` say how keys of gold are read.
    """

    gold: Path
    predictions: Path
    schema: str
    compare: Path | None = None
    strip: str | None = None
    share: tuple[int, int] | None = None
    options: GoldOptions = AS_WRITTEN

    @property
    def size(self) -> int:
        """The size in bytes of what is to be scored of both files."""
        whole = sum(path.stat().st_size for path in (self.gold, self.predictions) if path.is_file())
        return whole // self.share[1] if self.share else whole

    @property
    def files(self) -> SplitFiles | None:
        """What the corpus is a share of; None for the whole."""
        if self.share is None:
            return None
        gold, predictions = map(_sha256, self.paths)
        return SplitFiles(str(self.gold), str(self.predictions), gold, predictions, self.share[1])

    @property
    def paths(self) -> tuple[Path, Path]:
        """Gold and predictions."""
        return self.gold, self.predictions


@cache
def schema_of(reference: str, compare: Path | None = None) -> Schema:
    """The schema with its rules, read once in a process."""
    return load_schema(reference, compare)


def score_corpus(corpus: Corpus, processes: int, advance: Advance) -> Totals:
    """Score all of it, or its share; `advance` is called with the share of the work done since its last call.

    Raises:
        LlmExtractError: a file or the schema cannot be read.
    """
    if corpus.size <= _ALONE_BYTES:
        totals = _alone(corpus)
        advance(1.0)
    else:
        with tempfile.TemporaryDirectory(prefix="llm-extract-") as folder:
            totals = _in_parts(corpus, processes, Path(folder), advance)
    return totals.as_part("{}/{}".format(*corpus.share), corpus.files) if corpus.share else totals


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _alone(corpus: Corpus) -> Totals:
    records: list[list[Record]] = []
    counts = []
    for path in corpus.paths:
        shared = _Shared(corpus, path)
        records.append([record for _, record in shared])
        counts.append(shared.n_read)
    return _scorer(corpus, counts[0] <= N_LISTED).score(Part(*records), "all")


class _Shared:
    """The records of a file that are in the corpus' share, each after a hash of its id.

    A record without a usable id is in the first part, which will say so.
    """

    def __init__(self, corpus: Corpus, path: Path) -> None:
        self._number, self._of = corpus.share or (1, 1)
        self._records = read_records(path, schema_of(corpus.schema, corpus.compare).paths)
        self.n_read = 0

    def __iter__(self) -> Iterator[tuple[int, Record]]:
        for line, text in self._records:
            self.n_read += 1
            hashed = id_hash(text)
            if hashed % self._of == self._number - 1:
                yield hashed // self._of, (line, text)


def _scorer(corpus: Corpus, keep_all: bool) -> PartScorer:
    schema = schema_of(corpus.schema, corpus.compare)
    names = (str(corpus.gold),), (str(corpus.predictions),)
    return PartScorer(schema, names, Scope.of(schema, corpus.strip, corpus.options), keep_all)


def available_processes() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_parts(corpus: Corpus, processes: int, folder: Path, advance: Advance) -> Totals:
    # Beside Dask, since it needs no package, starts at once, and takes 0.81 of its processor time (a million records).
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
        totals += done.result()
        advance(0.8 / len(parts))
    return totals


def split(corpus: Corpus, side: str, folder: Path, n_parts: int) -> int:
    """Write the records of one file into `n_parts` files by a hash of their id, each after its line.

    Returns how many the whole file holds.
    """
    path = corpus.gold if side == "gold" else corpus.predictions
    shared = _Shared(corpus, path)
    with ExitStack() as stack:
        files = [stack.enter_context(_part(folder, side, n).open("wb", buffering=1 << 16)) for n in range(n_parts)]
        for hashed, (line, text) in shared:
            files[hashed % n_parts].write(pack_record(line, text))
    return shared.n_read


def score_part(corpus: Corpus, folder: Path, number: int, keep_all: bool) -> Totals:
    """Score one part that `split` wrote, and remove it."""
    sides = [_part(folder, side, number) for side in ("gold", "predictions")]
    gold, predictions = (unpack_records(path.read_bytes()) for path in sides)
    totals = _scorer(corpus, keep_all).score(Part(gold, predictions), str(number))
    for path in sides:
        path.unlink()
    return totals


def _part(folder: Path, side: str, number: int) -> Path:
    return folder / f"{side}-{number}"
