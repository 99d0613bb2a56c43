"""Score a corpus on Dask: a cluster, or processes on this machine. Files are read by the workers.

Three kinds of tasks. `find_blocks` looks for the blocks of a file; `_split` reads a block and splits it by a hash of
the ids; `_score` joins and scores what every block has of one part. In between Dask holds the records, in the memory of
the workers and, beyond that, on their disks.
"""

from __future__ import annotations

import logging
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import lru_cache
from operator import getitem
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.corpus.blocks import FileBlock, find_blocks, find_files, read_block
from pytest_llm_extract.corpus.partition import FileNames, Part, PartScorer
from pytest_llm_extract.corpus.records import id_hash, pack_record, unpack_records
from pytest_llm_extract.corpus.schema_reference import load_type, read_rules
from pytest_llm_extract.corpus.score_files import N_LISTED
from pytest_llm_extract.corpus.totals import Scope, Totals
from pytest_llm_extract.dataset.gold_labels import AS_WRITTEN, GoldOptions
from pytest_llm_extract.errors import LlmExtractError, UsageError
from pytest_llm_extract.schema.json_schema import model_of, read_schema_file
from pytest_llm_extract.schema.schema import Schema

_BLOCK_BYTES = 64_000_000  # of a file, which one task reads
_PART_BYTES, _PART_LINES = 48_000_000, 300_000  # of both sides, which one task scores
# The tasks between blocks and parts are the product of both, and each takes some 5 ms of the processor.
_MOST_BLOCKS = _MOST_PARTS = 500
# Measured on two idle workers: what a worker notes of itself takes 4 % of a core. With these it is 1 %.
_CONFIG = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.tick.interval": "1s",
}
_WORKER_BYTES = 2_000_000_000  # of a process on this machine; beyond two thirds of it records go to disk
_WAIT_S = 20
_SOURCE = "--engine dask"


class SentRules(NamedTuple):
    """How to score, for workers that do not share files with this process.

    `schema` is `module:Model`, or a JSON Schema; `compare` holds rules by field path. `options` say how keys of gold
    are read.
    """

    schema: str | Mapping[str, Any]
    compare: Mapping[str, Any] | None
    strip: str | None
    options: GoldOptions = AS_WRITTEN

    @classmethod
    def read(cls, schema: str, compare: Path | None, strip: str | None, options: GoldOptions = AS_WRITTEN) -> SentRules:
        """Read what the command line names."""
        read_schema = read_schema_file(Path(schema), "--schema") if schema.endswith(".json") else schema
        return cls(read_schema, read_rules(compare) if compare is not None else None, strip, options)


@lru_cache(maxsize=8)
def _schema(pickled: bytes) -> Schema:
    rules: SentRules = pickle.loads(pickled)
    if isinstance(rules.schema, Mapping):
        return Schema.of(model_of(rules.schema, "--schema"), "--schema", rules.compare)
    try:
        tp = load_type(rules.schema)
    except LlmExtractError as error:
        problem = f"not found by a worker ({error}): install it there, or start workers in the folder that has it"
        raise UsageError(f"--schema {rules.schema}", problem) from None
    return Schema.of(tp, f"--schema {rules.schema}", rules.compare)


def score_on_dask(gold: str, predictions: str, rules: SentRules, scheduler: str | None, processes: int) -> Totals:
    """Score files of gold and predictions, which fsspec finds: a path or a URL, in which `*` stands for several.

    `scheduler` is the address of a scheduler; None for so many `processes` on this machine.

    Raises:
        UsageError: Dask is not installed, its scheduler or workers fail, or the schema cannot be used.
        DatasetError: a file cannot be read.
    """
    try:
        import distributed  # noqa: F401 - all that follows needs it
    except ImportError:
        raise UsageError(_SOURCE, "Dask is not installed: pip install 'pytest-llm-extract[dask]'") from None
    sides = [_FilesOfSide.find(gold), _FilesOfSide.find(predictions)]
    with _failures(scheduler), _client(scheduler, processes) as client:
        return _add_up(client, sides, rules)


class _FilesOfSide(NamedTuple):
    """Gold or predictions: the files."""

    urls: tuple[str, ...]
    n_bytes: int

    @classmethod
    def find(cls, url: str) -> _FilesOfSide:
        files = find_files(url)
        return cls(tuple(files), sum(files.values()))


def _add_up(client: Any, sides: list[_FilesOfSide], rules: SentRules) -> Totals:
    from dask import delayed

    size = max(_BLOCK_BYTES, max(side.n_bytes for side in sides) // _MOST_BLOCKS)
    looks = [[delayed(find_blocks, pure=False)(_absolute(url), size) for url in side.urls] for side in sides]
    blocks: list[list[list[FileBlock]]] = [client.gather(client.compute(look)) for look in looks]
    futures = client.compute(_tasks(sides, blocks, rules))
    _show_progress(futures)
    return sum(client.gather(futures), Totals())


def _absolute(url: str) -> str:
    """The URL, or the absolute path: workers may run in another folder."""
    return url if "://" in url else str(Path(url).absolute())


def _tasks(sides: list[_FilesOfSide], blocks: list[list[list[FileBlock]]], rules: SentRules) -> list[Any]:
    """A delayed `_score` for each part."""
    from dask import delayed

    split, score = delayed(_split, pure=False), delayed(_score, pure=False)
    pickled = pickle.dumps(rules)
    n_lines = [sum(block.n_lines for of_file in side for block in of_file) for side in blocks]
    n_bytes = sum(side.n_bytes for side in sides)
    n_parts = min(_MOST_PARTS, 1 + max(n_bytes // _PART_BYTES, sum(n_lines) // _PART_LINES))
    job = _Job(pickled, (sides[0].urls, sides[1].urls), n_lines[0] <= N_LISTED)
    leaves = _schema(pickled).paths
    splits = [
        [split(block, number, n_parts, leaves) for number, of_file in enumerate(side) for block in of_file]
        for side in blocks
    ]
    return [
        score(job, part, *([delayed(getitem)(one, part) for one in side] for side in splits)) for part in range(n_parts)
    ]


class _Job(NamedTuple):
    """What every part is scored by."""

    rules: bytes
    names: FileNames
    keep_all: bool


def _split(block: FileBlock, number: int, n_parts: int, leaves: Sequence[str]) -> list[bytes]:
    """The records of a block in `n_parts` parts, packed; `number` is that of the file."""
    parts: list[list[bytes]] = [[] for _ in range(n_parts)]
    for line, text in read_block(block, leaves, number):
        parts[id_hash(text) % n_parts].append(pack_record(line, text))
    return [b"".join(part) for part in parts]


def _score(job: _Job, part: int, gold: list[bytes], predictions: list[bytes]) -> Totals:
    """Score what all blocks have of one part."""
    schema = _schema(job.rules)
    rules: SentRules = pickle.loads(job.rules)
    scope = Scope.of(schema, rules.strip, rules.options)
    sides = ([record for packed in side for record in unpack_records(packed)] for side in (gold, predictions))
    return PartScorer(schema, job.names, scope, job.keep_all).score(Part(*sides), str(part))


@contextmanager
def _client(scheduler: str | None, processes: int) -> Iterator[Any]:
    from dask import config
    from distributed import Client, LocalCluster

    if scheduler is None:
        with (
            config.set(_CONFIG),
            LocalCluster(
                n_workers=processes,
                threads_per_worker=1,
                memory_limit=_WORKER_BYTES,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    for logger in ("distributed", "distributed.client"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)  # failures are reported once, in our words
    try:
        client = Client(scheduler, timeout=_WAIT_S)
    except (OSError, ValueError) as error:
        raise UsageError("--scheduler", f"{scheduler} does not answer: {error or type(error).__name__}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_WAIT_S)
        except TimeoutError:
            raise UsageError("--scheduler", f"{scheduler} has no workers (waited {_WAIT_S} s)") from None
        yield client


@contextmanager
def _failures(scheduler: str | None) -> Iterator[None]:
    """Say what became of workers and scheduler in one line."""
    try:
        yield
    except LlmExtractError:
        raise
    except ModuleNotFoundError as error:
        raise UsageError(_SOURCE, f"a worker has no module {error.name!r}: install it there") from None
    except Exception as error:
        name = type(error).__name__
        if name == "KilledWorker":
            problem = "a part was not scored: workers ended each time that they had it, perhaps for want of memory"
        elif name in ("CancelledError", "FutureCancelledError", "FuturesCancelledError", "CommClosedError"):
            problem = f"the scheduler {scheduler or 'of this machine'} went away before all was scored"
        else:
            raise
        raise UsageError(_SOURCE, problem) from None


def _show_progress(futures: Any) -> None:
    """Dask's own bar, on a terminal only."""
    if sys.stderr.isatty():
        from distributed import progress

        with redirect_stdout(sys.stderr):
            progress(futures, notebook=False)
