"""`llm-extract score`: a file of predictions against gold, without pytest and without cassettes."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import click

from pytest_llm_extract import clock
from pytest_llm_extract.cli.corpus_report import read_floor_options, report
from pytest_llm_extract.cli.output import echo
from pytest_llm_extract.corpus.dask_engine import SentRules, score_on_dask
from pytest_llm_extract.corpus.score_files import Corpus, available_processes, schema_of, score_corpus
from pytest_llm_extract.dataset.gold_labels import GoldOptions
from pytest_llm_extract.errors import DatasetError, UsageError
from pytest_llm_extract.report.corpus_totals import problem_lines
from pytest_llm_extract.report.progress import progress
from pytest_llm_extract.report.results_json import write_results
from pytest_llm_extract.suites.limit_markers import read_floors
from pytest_llm_extract.wording import counted

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="score")
@click.argument("gold")
@click.argument("predictions")
@click.option("--schema", required=True, metavar="MODULE:MODEL", help="A pydantic model, or a JSON Schema file.")
@click.option("--compare", type=_FILE, help="A JSON file of rules by field, as x-llm-extract has them.")
@click.option("--strip", type=click.Choice(["fence"]), help="Read answers (raw) that are in a Markdown fence.")
@click.option("--ignore-unknown", is_flag=True, help="Leave out keys of GOLD that the schema does not have.")
@click.option("--absent-is-null", is_flag=True, help="A key that GOLD leaves out is null, not unlabelled.")
@click.option("--floor", "floors", multiple=True, metavar="[FIELD=]SHARE", help="Accuracy that fields must reach.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write results.json.")
@click.option("--part", metavar="K/N", help="Score the K-th of N parts, and write its totals to --json, for merge.")
@click.option("--processes", type=click.IntRange(min=1), help="For large files; default: one for each core.")
@click.option("--engine", type=click.Choice(["dask"]), help="Read and score on Dask, a cluster's or this machine's.")
@click.option("--scheduler", metavar="ADDRESS", help="Of the Dask cluster, as tcp://10.0.0.1:8786.")
def command(
    gold: str,
    predictions: str,
    schema: str,
    compare: Path | None,
    strip: str | None,
    ignore_unknown: bool,
    absent_is_null: bool,
    floors: tuple[str, ...],
    output: Path | None,
    part: str | None,
    processes: int | None,
    engine: str | None,
    scheduler: str | None,
) -> None:
    """Score PREDICTIONS against GOLD, record by record, without pytest.

    \b
    Example:
      llm-extract score gold.jsonl predictions.jsonl --schema myapp.invoices:Invoice \\
          --floor 0.9 --floor vendor=0.95 --json results.json

    \b
    Both are .jsonl, .json (a list), .csv or .parquet (extra `parquet`). Records of
    GOLD         {"id": "inv-1", "expected": {"vendor": "ACME"}}, input is optional
    PREDICTIONS  {"id": "inv-1", "output": {"vendor": "Acme"}}
                 {"id": "inv-1", "raw": "{\\"vendor\\": …"}, the text of an answer
    of either    {"id": "inv-1", "vendor": "ACME"}, flat; so is a .csv

    In a .csv an empty cell is unlabelled (in GOLD) or absent, `null` is null, `address.city` is a field within a field,
    and a cell may hold a JSON list or object. A `;` or a tab may stand for the comma. The current directory is
    importable.

    Memory is bounded for .jsonl, .csv and .parquet: large files are split by id into at most 200 temporary parts, which
    need as much disk as the two files; a part is about 6 MB, and more only past 1.2 GB. Of more than 10,000 cases
    results.json holds the totals and lists no case. Two runs over the same GOLD compare with `llm-extract diff`.

    \b
    On several machines, each scores its part, and merge adds them up and judges the whole:
      llm-extract score gold.jsonl predictions.jsonl --schema myapp.invoices:Invoice --part 3/8 --json part-3.json
      llm-extract merge part-*.json --floor 0.9 -o results.json

    \b
    With --engine dask (extra `dask`), files may be URLs that fsspec opens, and `*` stands for several:
      llm-extract score s3://bucket/gold.parquet "s3://bucket/run-7/*.jsonl" --schema myapp.invoices:Invoice \\
          --scheduler tcp://10.0.0.1:8786

    \b
    Exit status:
      0  scored, and every floor is met
      1  a floor is missed
      2  wrong arguments, or a file that cannot be read
      3  records do not match: ids that are unknown, missing or repeated, or broken lines; each is counted and the
         first are named, and a case without prediction counts as a lost answer (this takes precedence over 1)
    """
    read = schema_of(schema, compare)
    share = _read_part(part, floors, output) if part is not None else None
    written = read_floor_options(floors)
    read_floors(written, "--floor", read.scored_paths, read.scored_paths)
    start = clock.monotonic_s()
    options = GoldOptions(ignore_unknown, absent_is_null)
    if engine is not None or scheduler is not None:
        if share is not None:
            raise UsageError("--part", "does not go with --engine, which splits the files itself")
        if scheduler is not None and processes is not None:
            raise UsageError("--processes", "does not go with --scheduler, which has workers of its own")
        rules = SentRules.read(schema, compare, strip, options)
        totals = score_on_dask(gold, predictions, rules, scheduler, processes or available_processes())
    else:
        corpus = Corpus(_file(gold), _file(predictions), schema, compare, strip, share, options)
        with progress("scoring") as advance:
            totals = score_corpus(corpus, processes or available_processes(), advance)
    took_s, n = clock.monotonic_s() - start, totals.n_cases
    took = f"{counted(n, 'record')} in {took_s:.1f} s: {n / took_s:,.0f} a second"
    if share is None:
        raise SystemExit(report(gold, PurePosixPath(predictions).name, totals, written, output, took))
    if output is not None:
        write_results(output, totals.to_json())
    echo(f"part {part} of {gold} ({Path(predictions).name})", *problem_lines(totals), took)


def _file(name: str) -> Path:
    """A file of this machine.

    Raises:
        DatasetError: there is no such file.
    """
    if "://" in name:
        raise DatasetError(name, [(None, "is read by --engine dask only")])
    if not Path(name).is_file():
        raise DatasetError(name, [(None, "is a directory" if Path(name).is_dir() else "does not exist")])
    return Path(name)


def _read_part(part: str, floors: tuple[str, ...], output: Path | None) -> tuple[int, int]:
    """`3/8` as two numbers.

    Raises:
        UsageError: it is not that, or does not go with the other options.
    """
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", part, re.ASCII)
    if match is None or int(match[1]) > int(match[2]):
        raise UsageError("--part", f"must be K/N with K from 1 to N, as 3/8, got {part!r}")
    if output is None:
        raise UsageError("--part", "needs --json PATH for its totals")
    if floors:
        raise UsageError("--floor", "judges the whole: give it to llm-extract merge, which adds up the parts")
    return int(match[1]), int(match[2])
