"""Ini options: one table of names and types, and how their values are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pytest_llm_extract.errors import UsageError

if TYPE_CHECKING:
    import pytest

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


def add_inis(parser: pytest.Parser) -> None:
    """Declare the ini options."""
    for name, text, kind, default in INIS:
        parser.addini(name, text, type=kind, default=default)
    for name, text, values in LISTS:
        parser.addini(name, text, type="linelist", default=list(values))


def ini_value(config: pytest.Config, name: str, what: str) -> Any:
    """An ini's value, of its type in `INIS`, in any table.

    Raises:
        UsageError: it is of another; pytest says so in several ways.
    """
    import pytest

    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        raise UsageError(f"ini {name}", f"must be {what} ({error})") from None


def ini_text(config: pytest.Config, name: str, what: str) -> str:
    """Read an ini option that is a string."""
    value = ini_value(config, name, what)
    if not isinstance(value, str):
        raise UsageError(f"ini {name}", f"must be {what}, got {value!r}")
    return value


def ini_texts(config: pytest.Config, name: str) -> tuple[str, ...]:
    """Read an ini option that is a list of strings."""
    values = ini_value(config, name, "a list of strings")
    if not all(isinstance(value, str) for value in values):
        raise UsageError(f"ini {name}", f"must be a list of strings, got {values!r}")
    return tuple(values)


def ini_choice(config: pytest.Config, name: str, choices: dict[str, bool]) -> bool:
    """Read an ini option that is one of these words; return the word's meaning."""
    value = ini_text(config, name, " or ".join(choices))
    if value not in choices:
        raise UsageError(f"ini {name}", f"must be {' or '.join(choices)}, got {value!r}")
    return choices[value]
