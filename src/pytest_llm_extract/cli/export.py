"""`llm-extract export`: training data for fine-tuning, without anything that a suite is judged by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from pytest_llm_extract.cli.collected import collect
from pytest_llm_extract.cli.output import echo, echo_error
from pytest_llm_extract.dataset import load_cases
from pytest_llm_extract.dataset.gold import read_golden
from pytest_llm_extract.errors import ResultsError, UsageError, reason
from pytest_llm_extract.formats.atomic_write import write_atomically
from pytest_llm_extract.prompt.prompt_call import PromptCall
from pytest_llm_extract.results.prices import dollars
from pytest_llm_extract.suites.suite import Suite
from pytest_llm_extract.training.lines import FORMATS, TrainingFile, check_lines, training_file
from pytest_llm_extract.training.selection import split_rows
from pytest_llm_extract.wording import counted


@click.command(name="export")
@click.argument("gold", type=click.Path(exists=True, path_type=Path))
@click.option("--suite", "suite_id", metavar="ID", help="The suite whose prompt is used, where there are several.")
@click.option("--variant", metavar="NAME", help="The variant whose prompt is used; default: the primary.")
@click.option("--format", "format_name", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option("--validation", type=click.FloatRange(0, 0.9), default=0.2, show_default=True, help="Share to hold back.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another number divides the rows differently.")
@click.option("--training-price", type=click.FloatRange(min=0), metavar="USD", help="Price of a million tokens.")
@click.option("--epochs", default=3, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--output", "-o", default=".", type=click.Path(file_okay=False, path_type=Path), help="Folder to write to."
)
def command(
    gold: Path,
    suite_id: str | None,
    variant: str | None,
    format_name: str,
    validation: float,
    seed: int,
    training_price: float | None,
    epochs: int,
    output: Path,
) -> None:
    """Write GOLD (golden data for training) as train.jsonl and validation.jsonl, with the prompt of a suite.

    \b
    Example:
      llm-extract export golden/training.jsonl --suite tests/test_invoices.py::test_invoices -o training

    Cases of any suite, rows with the metadata `"split": "holdout"` and near-duplicates of these are left out. Rows of
    one group, and near-duplicates, go into the same file. The requests have no few-shot examples. Every line is read
    back and checked. Add the tuned model to the suite as one more variant: Variant("tuned", model="…").

    Exit status: 0 both files were written, 1 no row is left to train on, 2 wrong arguments or unreadable input.
    """
    collected = collect()
    for error in collected.errors:
        echo_error(f"not collected, so its cases are not left out: {error}")
    suite, call = _chosen(collected.named(suite_id, variant))
    rows = read_golden(load_cases(gold, str(gold)), suite.schema, str(gold))
    compared = {id(one): one for other in collected.suites for one in other.cases}
    split = split_rows(rows, compared.values(), validation=validation, seed=seed)
    for why, count in split.left_out.items():
        echo(f"left out: {count} {why}")
    n_lines = 0
    for name, part in (("train.jsonl", split.train), ("validation.jsonl", split.validation)):
        file = training_file(call, suite.schema, part, format_name)
        for why, count in Counter(file.left_out.values()).items():
            echo(f"left out: {counted(count, 'row')}: {why}")
        n_lines += len(file.lines) if name == "train.jsonl" else 0
        if file.lines:
            _write(output / name, file, suite, format_name)
            cost = None if training_price is None else file.n_tokens * epochs * training_price / 1e6
            is_priced = cost is not None and name == "train.jsonl"
            price = f", {dollars(cost)} for {counted(epochs, 'epoch')}" if is_priced else ""
            echo(f"{output / name}: {counted(len(file.lines), 'row')}, about {counted(file.n_tokens, 'token')}{price}")
    if not n_lines:
        echo_error("no row is left to train on: training data must be other documents than those of suites")
        raise SystemExit(1)


def _chosen(suites: Sequence[Suite]) -> tuple[Suite, PromptCall]:
    """The only suite among these that has a prompt, and its prompt: the primary of several variants.

    Raises:
        UsageError: there is none, or several.
    """
    prompted = [(suite, suite.call) for suite in suites if suite.call is not None]
    ids = dict.fromkeys(suite.id for suite, _ in prompted)
    if not ids:
        raise UsageError("export", "no suite with prompt= is here: training data are its requests and the gold")
    if len(ids) > 1:
        raise UsageError("export", f"there are several suites: name one with --suite ({', '.join(ids)})")
    return prompted[0]


def _write(path: Path, file: TrainingFile, suite: Suite, format_name: str) -> None:
    """Write a file, and read it back.

    Raises:
        ResultsError: it cannot be written, or what was written is not in order.
    """
    try:
        write_atomically(path, file.text)
        text = path.read_text("utf-8")
    except OSError as error:
        raise ResultsError(str(path), f"cannot be written: {reason(error)}") from None
    if problems := check_lines(text, suite.schema, format_name):
        raise ResultsError(str(path), "; ".join(problems[:5]))
