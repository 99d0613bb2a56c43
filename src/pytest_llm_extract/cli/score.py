"""`llm-extract score`: a file of predictions against gold, without pytest and without cassettes."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from pytest_llm_extract import clock
from pytest_llm_extract.cli.output import echo, terminal_form
from pytest_llm_extract.corpus.score_files import Corpus, available_processes, schema_of, score_corpus
from pytest_llm_extract.errors import DatasetError, UsageError
from pytest_llm_extract.report.corpus_totals import corpus_lines, corpus_suite, corpus_to_wire, judge, problem_lines
from pytest_llm_extract.report.progress import progress
from pytest_llm_extract.report.results_json import results_text, write_results
from pytest_llm_extract.suites.limit_markers import Written, read_floors
from pytest_llm_extract.wording import counted

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="score", short_help="score a file of predictions")
@click.argument("gold", type=_FILE)
@click.argument("predictions", type=_FILE)
@click.option("--schema", required=True, metavar="MODULE:MODEL", help="A pydantic model, or a JSON Schema file.")
@click.option("--compare", type=_FILE, help="A JSON file of rules by field, as x-llm-extract has them.")
@click.option("--strip", type=click.Choice(["fence"]), help="Read answers (raw) that stand in a Markdown fence.")
@click.option("--floor", "floors", multiple=True, metavar="[FIELD=]SHARE", help="Accuracy that fields must reach.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write results.json.")
@click.option("--processes", type=click.IntRange(min=1), help="For large files; default: one for each core.")
def command(
    gold: Path,
    predictions: Path,
    schema: str,
    compare: Path | None,
    strip: str | None,
    floors: tuple[str, ...],
    output: Path | None,
    processes: int | None,
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
    Exit status:
      0  scored, and every floor is met
      1  a floor is missed
      2  wrong arguments, or a file that cannot be read
      3  records do not match: ids that are unknown, missing or repeated, or broken lines; each is counted and the
         first are named, and a case without prediction counts as a lost answer (this goes before 1)
    """
    found = schema_of(schema, compare)
    written = _read_options(floors)
    read_floors(written, "--floor", found.scored_paths, found.scored_paths)
    start = clock.monotonic_s()
    with progress("scoring") as advance:
        corpus = Corpus(gold, predictions, schema, compare, strip)
        totals = score_corpus(corpus, processes or available_processes(), advance)
    took_s = clock.monotonic_s() - start
    if not totals.n_cases:
        raise DatasetError(str(gold), [(None, line) for line in (*problem_lines(totals.problems), "holds no cases")])
    fields = totals.fields(found.scored_paths)
    suite = corpus_suite(
        str(gold),
        predictions.name,
        found.scored_paths,
        totals,
        read_floors(written, "--floor", found.scored_paths, fields),
    )
    decision = judge(totals, suite, fields)
    if output is not None:
        write_results(output, results_text(corpus_to_wire(suite, decision, totals, Path.cwd())))
    echo(f"{gold} ({predictions.name})")
    echo(*corpus_lines(suite, decision, totals, terminal_form("--json")))
    echo(f"{counted(totals.n_cases, 'record')} in {took_s:.1f} s: {totals.n_cases / took_s:,.0f} a second")
    raise SystemExit(3 if totals.problems.counts else int(bool(decision.reasons)))


def _read_options(floors: tuple[str, ...]) -> Written | None:
    """`0.9` is the default, `vendor=0.95` names a field; None where there is no floor.

    Raises:
        UsageError: that is not a number.
    """
    default, named = [], {}
    for text in floors:
        field, _, share = text.rpartition("=")
        try:
            number = Decimal(share)
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite():
            raise UsageError("--floor", f"must be a share such as 0.9 or vendor=0.95, got {text!r}")
        if field in named:
            raise UsageError("--floor", f"{field} is named twice")
        if field:
            named[field] = number
        else:
            default.append(number)
    return (tuple(default), named) if floors else None
