"""Declare the flags, ini options and markers."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any, Literal

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
# Reports by the name in their flag (`--llm-extract-json`) and ini (`llm_extract_json`).
REPORTS = {
    "json": "write the results to this file, as JSON",
    "markdown": "write a report to this file, as Markdown for a pull request or a job summary",
    "codequality": "write a Code Quality report of GitLab to this file, with an issue for each wrong value",
    "html": "write a report for a browser: one file where PATH ends in .html, else a folder",
}
INIS: tuple[tuple[str, str, Literal["string", "bool", "int", "float"], Any], ...] = (
    ("llm_extract_cassettes", "folder of the cassettes, relative to the rootdir", "string", "cassettes"),
    ("llm_extract_model", "model for prompts that name none", "string", ""),
    ("llm_extract_baseline", "compare with this baseline: a file, or git:REV", "string", ""),
    ("llm_extract_alpha", "how often an unchanged run may fail its gate by chance (0..1)", "float", 0.05),
    ("llm_extract_inconclusive", "what an inconclusive gate does: warn or fail", "string", "warn"),
    ("llm_extract_require_baseline", "a suite without a baseline fails", "bool", False),
    ("llm_extract_require_complete", "a partial run fails instead of skipping its gate", "bool", False),
    ("llm_extract_placeholder_key", "conftests and fixtures may build clients without a key", "bool", False),
    ("llm_extract_strict_network", "requests outside of extractions are refused", "bool", False),
    ("llm_extract_budget", "most US dollars that one recording run may spend", "float", None),
    ("llm_extract_concurrency", "calls in flight while recording", "int", 8),
    (
        "llm_extract_store_requests",
        "what a cassette keeps of requests: full, or hash (no text of them)",
        "string",
        "full",
    ),
    ("llm_extract_documents", "documents in reports: full, embed (images and PDFs too), or none", "string", "full"),
    *((f"llm_extract_{name}", f"{what} (relative to the rootdir)", "string", "") for name, what in REPORTS.items()),
)
# Headers that change what a request means.
HEADERS = (
    "anthropic-beta",
    "anthropic-version",
    "azureml-model-deployment",
    "extra-parameters",
    "openai-beta",
    "x-amzn-bedrock-guardrailidentifier",
    "x-amzn-bedrock-guardrailversion",
)
LISTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("llm_extract_scrub", "names of headers, parameters and JSON members whose values are never stored", ()),
    (
        "llm_extract_secrets",
        "secrets that are never written: variables (globs) or re:PATTERN; after a ! what is not a secret",
        (),
    ),
    ("llm_extract_input_folders", "folders outside of the rootdir that documents may be read from", ()),
    ("llm_extract_allowed_hosts", "hosts (globs) that suites may reach outside of extractions while they replay", ()),
    (
        "llm_extract_batch_tokens",
        "input tokens that a provider's queue of batches takes: a model (glob) and a number on each line",
        (),
    ),
    ("llm_extract_shared", "addresses (globs) whose answers all cases share, beside those of tokens", ()),
    ("llm_extract_headers", "headers of requests that are stored and compared in new cassettes", HEADERS),
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
    for name, text, kind, default in INIS:
        parser.addini(name, text, type=kind, default=default)
    for name, text, values in LISTS:
        parser.addini(name, text, type="linelist", default=list(values))


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
