"""`llm-extract decide`: whether fine-tuning is due, from a suite's own results."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from pytest_llm_extract.cli.output import echo, echo_json
from pytest_llm_extract.decision.conclude import conclude
from pytest_llm_extract.decision.costs import NESTED_EXAMPLES, Assumptions
from pytest_llm_extract.decision.evidence import gather
from pytest_llm_extract.report.results_json import read_input, read_results
from pytest_llm_extract.report.tuning import tuning_lines

_PRICE = click.FloatRange(min=0)


@click.command(name="decide")
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--suite", "suite_id", metavar="ID", help="The suite, where the file holds several.")
@click.option(
    "--target", type=click.FloatRange(0, 1), metavar="SHARE", help="Accuracy of every field; default: floors."
)
@click.option("--volume", type=click.FloatRange(min=1), metavar="N", help="Documents a month.")
@click.option("--training-price", type=_PRICE, metavar="USD", help="Price of a million training tokens.")
@click.option("--tuned-price", type=(_PRICE, _PRICE), metavar="IN OUT", help="Prices of a million tokens, once tuned.")
@click.option("--epochs", default=3, show_default=True, type=click.IntRange(min=1), help="Passes over the examples.")
@click.option(
    "--examples", default=NESTED_EXAMPLES, show_default=True, type=click.IntRange(min=1), help="Examples to train on."
)
@click.option(
    "--tuning-available/--no-tuning-available", default=None, help="Whether tuning is on offer; default: not stated."
)
@click.option("--json", "as_json", is_flag=True, help="Write the decision as JSON.")
def command(
    results: Path,
    suite_id: str | None,
    target: float | None,
    volume: float | None,
    training_price: float | None,
    tuned_price: tuple[float, float] | None,
    epochs: int,
    examples: int,
    tuning_available: bool | None,
    as_json: bool,
) -> None:
    """Say whether fine-tuning is due for a suite, from its RESULTS (--llm-extract-json) alone.

    \b
    Example:
      pytest --llm-extract-json=results.json
      llm-extract decide results.json --target 0.95 --volume 100000

    Five questions come first: formulations, examples, retrieval, clean data, and whether the gap to the target is more
    than noise. The conclusion is one of: not yet (and the cheapest thing not tried), justified (for these fields), not
    needed, cannot be decided (and what would decide). Every number has its path into results.json.

    Whether tuning is on offer is yours to say (--tuning-available): providers open and close it. Exit status: 0 it was
    answered, 2 the file cannot be read.
    """
    suites = read_results(read_input(results), str(results))
    evidence = gather(suites, suite_id, target, str(results))
    decision = conclude(evidence, Assumptions(volume, training_price, tuned_price, epochs, examples, tuning_available))
    if as_json:
        echo_json(decision)
    else:
        echo(*tuning_lines(decision, shutil.get_terminal_size().columns))
