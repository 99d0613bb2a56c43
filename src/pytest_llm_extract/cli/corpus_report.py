"""Judge and print the totals of a corpus, for `score` and for `merge`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

from pytest_llm_extract.cli.output import echo, terminal_form
from pytest_llm_extract.corpus.totals import Totals
from pytest_llm_extract.errors import DatasetError, UsageError
from pytest_llm_extract.report.corpus_totals import corpus_lines, corpus_suite, corpus_to_wire, judge, problem_lines
from pytest_llm_extract.report.results_json import results_text, write_results
from pytest_llm_extract.suites.limit_markers import Written, read_floors


def report(
    name: str,
    variant: str,
    totals: Totals,
    floors: Written | None,
    output: Path | None,
    last: str,
    flag: str = "--json",
) -> int:
    """Print table and verdict, write results.json to `output`; the exit status.

    `name` and `variant` are usually the files of gold and of predictions. `floors` is what `--floor` says, None without
    it; `last` is a line to print at the end. `flag` is the option that names `output`.

    Raises:
        DatasetError: there is not a single case.
        UnknownNameError: a floor is of a field that the schema does not have.
    """
    if not totals.n_cases:
        raise DatasetError(name, [(None, line) for line in (*problem_lines(totals), "holds no cases")])
    fields = totals.fields()
    suite = corpus_suite(name, variant, totals, read_floors(floors, "--floor", totals.paths, fields))
    decision = judge(totals, suite, fields)
    if output is not None:
        write_results(output, results_text(corpus_to_wire(suite, decision, totals, Path.cwd())))
    echo(f"{name} ({variant})")
    echo(*corpus_lines(suite, decision, totals, terminal_form(flag)), last)
    return 3 if totals.counts.problems else int(bool(decision.reasons))


def read_floor_options(floors: tuple[str, ...]) -> Written | None:
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
