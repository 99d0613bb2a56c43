"""Declare the flags, ini options and markers."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from pytest_llm_extract.config.ini import REPORTS, add_inis

if TYPE_CHECKING:
    import pytest


SHORT_FLAG, LONG_FLAG = "--llm-record", "--llm-extract-record=stale"
DOCUMENTS = ("full", "embed", "none")
RECORD_MODES = ("none", "missing", "stale", "all")  # each records what those before it do, and more
MARKERS = (
    "llm_extract(*, cases, extractor=None, prompt=None, schema=None, model=None, api='chat', "
    "response_format='json_schema', examples=None, context=None, strip=None, compare={}, weights={}, strict=False, "
    "absent_is_null=False, ignore_unknown=False, samples=1, ignore=(), concurrency=None, record='all', prompts=(), "
    "models=(), variants=()): "
    "extract every golden case, from its cassette, and score each field",
    "llm_gate(default=None, fields=None, /, *, waive=(), **fields): budgets (Gate) of a suite, and waivers (Waiver)",
    "llm_accuracy(default=None, fields=None, /, **fields): floors of a suite that carries llm_extract: numbers (0..1), "
    "or Floor(accuracy, precision, recall, hallucination_rate)",
    "llm_documents(*, exact=None, valid=None): least shares (0..1) of exact and of valid documents",
)


def add_options(parser: pytest.Parser) -> None:
    """Declare flags and ini options."""
    group = parser.getgroup("llm-extract", "LLM extraction")
    group.addoption(
        "--llm-extract-record",
        dest="llm_extract_record_flag",
        choices=RECORD_MODES,
        default="none",
        help="record cassettes of the selected cases: the missing ones, the stale ones too, or all of a suite anew",
    )
    group.addoption(
        "--llm-extract-plan",
        dest="llm_extract_plan_flag",
        action="store_true",
        default=False,
        help="say what recording would do and cost, and stop: nothing is sent, no test runs",
    )
    group.addoption(
        "--llm-extract-batch",
        dest="llm_extract_batch_flag",
        action="store_const",
        const="submit",
        default=None,
        help="with --llm-record: send what is missing or stale to the provider's batch API (half the price, answers "
        "within a day), and stop; `llm-extract collect` or the next --llm-record writes the cassettes",
    )
    group.addoption(
        "--llm-extract-collect",
        dest="llm_extract_batch_flag",
        nargs="?",
        choices=("once", "wait"),
        const="once",
        metavar="wait",
        help="write what batches answered as cassettes, and stop; =wait: wait until all batches have ended",
    )
    group.addoption(
        "--llm-extract-budget",
        dest="llm_extract_budget_flag",
        metavar="USD",
        type=_given,
        default=None,
        help="most US dollars that this recording run may spend; it stops before the call that would exceed them",
    )
    group.addoption(
        "--llm-extract-concurrency",
        dest="llm_extract_concurrency_flag",
        metavar="N",
        type=_given,
        default=None,
        help="calls in flight while recording, default 8",
    )
    for name, what in REPORTS.items():
        group.addoption(
            f"--llm-extract-{name}",
            dest=f"llm_extract_{name}_flag",
            metavar="PATH",
            type=_given,
            default=None,
            help=what,
        )
    group.addoption(
        "--llm-extract-documents",
        dest="llm_extract_documents_flag",
        choices=DOCUMENTS,
        default=None,
        help="what reports hold of documents: full (default), embed (images and PDFs too), or none",
    )
    group.addoption(
        "--llm-extract-accept",
        dest="llm_extract_accept_flag",
        metavar="anchor",
        nargs="?",
        type=_accepted,
        const="baseline",
        default=None,
        help="make this run's answers the baseline that later runs are compared with (=anchor: the anchor)",
    )
    group.addoption(
        "--llm-extract-baseline",
        dest="llm_extract_baseline_flag",
        metavar="FILE|git:REV",
        type=_given,
        default=None,
        help="compare with another baseline: a file, or the committed one where this branch left git:REV",
    )
    group.addoption(
        "--llm-extract-require-baseline",
        dest="llm_extract_require_baseline_flag",
        action="store_true",
        default=False,
        help="a suite without a baseline fails",
    )
    group.addoption(
        "--llm-extract-require-complete",
        dest="llm_extract_require_complete_flag",
        action="store_true",
        default=False,
        help="a partial run fails instead of skipping its gate",
    )
    group.addoption(
        "--llm-extract-case",
        dest="llm_extract_case_flag",
        metavar="GLOB",
        type=_given,
        default=None,
        help="run only the cases whose id matches",
    )
    group.addoption(
        "--llm-extract-variant",
        dest="llm_extract_variant_flag",
        metavar="GLOB",
        type=_given,
        default=None,
        help="run only the variants whose name matches; the variant that the marker itself says is called primary",
    )
    add_inis(parser)


def add_short_flag(config: pytest.Config, parser: pytest.Parser) -> None:
    """Declare `--llm-record` unless another plugin has it. Call this when all plugins are loaded."""
    if is_short_flag_taken(config):
        return
    parser.getgroup("llm-extract").addoption(
        SHORT_FLAG,
        dest="llm_extract_record_flag",
        action="store_const",
        const="stale",
        help=f"record missing and stale cassettes of the selected cases; short for {LONG_FLAG}",
    )


def is_short_flag_taken(config: pytest.Config) -> bool:
    """Whether pytest-mockllm is loaded, which has a `--llm-record` of its own."""
    return any(config.pluginmanager.has_plugin(name) for name in ("mockllm", "pytest_mockllm.plugin"))


def _accepted(value: str) -> str:
    if value not in ("baseline", "anchor"):
        # argparse would take a path that follows the bare flag for its value.
        raise ArgumentTypeError(f"takes =anchor or nothing, not {value!r}; name test paths before the flag")
    return value


def _given(value: str) -> str:
    if not value:
        # What an unset variable of a CI job leaves behind would be taken for no flag at all.
        raise ArgumentTypeError("needs a value, got an empty string; give one, or leave the option out")
    return value
