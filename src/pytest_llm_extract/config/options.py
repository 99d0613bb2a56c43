"""Declare the flags, ini options and markers."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

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

    def flag(name: str, **how: Any) -> None:
        group.addoption(f"--llm-extract-{name}", **{"dest": f"llm_extract_{name.replace('-', '_')}_flag", **how})

    def value(name: str, metavar: str, what: str) -> None:
        flag(name, metavar=metavar, type=_given, help=what)

    what = "record cassettes of the selected cases: the missing ones, the stale ones too, or all of a suite anew"
    flag("record", choices=RECORD_MODES, default="none", help=what)
    what = "say what recording would do and cost, and stop: nothing is sent, no test runs"
    flag("plan", action="store_true", help=what)
    flag(
        "batch",
        action="store_const",
        const="submit",
        help="with --llm-record: send what is missing or stale to the provider's batch API (half the price, answers "
        "within a day), and stop; `llm-extract collect` or the next --llm-record writes the cassettes",
    )
    flag(
        "collect",
        dest="llm_extract_batch_flag",
        nargs="?",
        choices=("once", "wait", "cancel"),
        const="once",
        metavar="wait|cancel",
        help="write what batches answered as cassettes, and stop; =wait: wait until all batches have ended; =cancel: "
        "end those that go on",
    )
    what = "most US dollars that this recording run may spend; it stops before the call that would exceed them"
    value("budget", "USD", what)
    value("concurrency", "N", "calls in flight while recording, default 8")
    for name, what in REPORTS.items():
        value(name, "PATH", what)
    what = "what reports hold of documents: full (default), embed (images and PDFs too), or none"
    flag("documents", choices=DOCUMENTS, help=what)
    what = "make this run's answers the baseline that later runs are compared with (=anchor: the anchor)"
    flag("accept", metavar="anchor", nargs="?", type=_accepted, const="baseline", help=what)
    what = "compare with another baseline: a file, or the committed one where this branch left git:REV"
    value("baseline", "FILE|git:REV", what)
    flag("require-baseline", action="store_true", help="a suite without a baseline fails")
    flag("require-complete", action="store_true", help="a partial run fails instead of skipping its gate")
    value("case", "GLOB", "run only the cases whose id matches")
    what = "run only the variants whose name matches; the variant that the marker itself says is called primary"
    value("variant", "GLOB", what)
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
