"""Settings from flags and ini options."""

from __future__ import annotations

import os
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pytest_llm_extract.config.ini import HEADERS, REPORTS, add_inis, ini_choice, ini_text, ini_texts, ini_value
from pytest_llm_extract.errors import UsageError

if TYPE_CHECKING:
    import pytest

    from pytest_llm_extract.credentials.scanner import Watch

SHORT_FLAG, LONG_FLAG = "--llm-record", "--llm-extract-record=stale"
CONFTEST = f"{os.sep}conftest.py"  # how the path of every conftest ends
DOCUMENTS = ("full", "embed", "none")
RECORD_MODES = ("none", "missing", "stale", "all")  # each records what those before it do, and more
MARKERS = (
    "llm_extract(*, cases, extractor=None, prompt=None, schema=None, model=None, api='chat', "
    "response_format='json_schema', examples=None, context=None, compare={}, samples=1, strict=False, ignore=(), "
    "concurrency=None, record='all', prompts=(), models=(), variants=()): "
    "extract every golden case, from its cassette, and score each field",
    "llm_gate(default=None, fields=None, /, *, waive=(), **fields): budgets (Gate) of a suite, and waivers (Waiver)",
    "llm_accuracy(default=None, fields=None, /, **fields): floors of a suite that carries llm_extract: numbers (0..1), "
    "or Floor(accuracy, precision, recall, hallucination_rate)",
    "llm_documents(*, exact=None, valid=None): least shares (0..1) of exact and of valid documents",
)


@dataclass(frozen=True)
class Storage:
    """What may be stored of requests and answers, and what must never be written.

    `scrub` are names whose values are taken out; `secrets` are entries of a `Watch`; `offer_vcr` gives a `vcr.VCR` to
    the project's hooks, which set filters on it; without `keeps_requests`, hashes are kept of request bodies.
    `headers` are the lower-case names of headers that new cassettes compare.
    """

    scrub: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    offer_vcr: Callable[[Any], None] | None = None
    keeps_requests: bool = True
    headers: tuple[str, ...] = HEADERS

    @classmethod
    def of(cls, config: pytest.Config) -> Storage:
        """Read the storage settings from pytest's configuration."""
        scrub = tuple(filter(None, map(str.strip, ini_texts(config, "llm_extract_scrub"))))
        for name in scrub:
            if "," in name:
                raise UsageError("ini llm_extract_scrub", f"must have one name on each line, got {name!r}")
        storage = cls(
            scrub,
            ini_texts(config, "llm_extract_secrets"),
            lambda vcr: config.hook.pytest_llm_extract_vcr(vcr=vcr, config=config),
            ini_choice(config, "llm_extract_store_requests", {"full": True, "hash": False}),
            _headers(config),
        )
        if storage.secrets:
            _ = storage.watch  # a mistake in an entry is told now
        return storage

    @cached_property
    def watch(self) -> Watch:
        """Finds secrets; made when it is needed, since most runs of pytest never do.

        Raises:
            UsageError: an entry is none.
        """
        from pytest_llm_extract.credentials.scanner import Watch

        return Watch.of(self.secrets, "ini llm_extract_secrets")


class Settings(NamedTuple):
    """The settings of a run, from the command line and the ini file."""

    rootdir: Path
    cassettes: Path
    record: str  # one of RECORD_MODES
    record_flag: str  # the one that records what is stale
    plan_only: bool
    budget_usd: float | None
    concurrency: int
    model: str | None
    reports: dict[str, Path]  # where to write each of REPORTS that was asked for
    documents: str  # one of DOCUMENTS: what reports hold of documents
    baseline: str | None  # a file relative to the rootdir, or git:REV
    accept: str | None  # None, baseline or anchor
    case: str | None
    variant: str | None
    alpha: float
    inconclusive_fails: bool
    require_complete: bool
    require_baseline: bool
    storage: Storage
    input_folders: tuple[str, ...]
    placeholder_key: bool  # for conftests and fixtures too
    strict_network: bool

    @classmethod
    def of(cls, config: pytest.Config) -> Settings:
        """Read the settings from pytest's configuration."""
        baseline = config.getoption("llm_extract_baseline_flag")
        if baseline and not baseline.startswith("git:"):
            baseline = str(Path(config.invocation_params.dir, baseline))
        return cls(
            rootdir=config.rootpath,
            cassettes=_cassettes(config),
            record=_record_mode(config),
            record_flag=LONG_FLAG if is_short_flag_taken(config) else SHORT_FLAG,
            plan_only=config.getoption("llm_extract_plan_flag"),
            budget_usd=_number(config, "llm_extract_budget", "US dollars, such as 0.50", _dollars),
            concurrency=_number(config, "llm_extract_concurrency", "a whole number from 1 to 1000", _count) or 8,
            model=ini_text(config, "llm_extract_model", "the name of a model") or None,
            reports=_reports(config),
            documents=_documents(config),
            baseline=baseline or ini_text(config, "llm_extract_baseline", "a file, or git:REV") or None,
            accept=config.getoption("llm_extract_accept_flag"),
            case=config.getoption("llm_extract_case_flag"),
            variant=config.getoption("llm_extract_variant_flag"),
            alpha=_alpha(config),
            inconclusive_fails=ini_choice(config, "llm_extract_inconclusive", {"warn": False, "fail": True}),
            require_complete=config.getoption("llm_extract_require_complete_flag")
            or ini_value(config, "llm_extract_require_complete", "true or false"),
            require_baseline=config.getoption("llm_extract_require_baseline_flag")
            or ini_value(config, "llm_extract_require_baseline", "true or false"),
            storage=Storage.of(config),
            input_folders=tuple(filter(None, map(str.strip, ini_texts(config, "llm_extract_input_folders")))),
            placeholder_key=ini_value(config, "llm_extract_placeholder_key", "true or false"),
            strict_network=ini_value(config, "llm_extract_strict_network", "true or false"),
        )


def _headers(config: pytest.Config) -> tuple[str, ...]:
    names = sorted({name.strip().lower() for name in ini_texts(config, "llm_extract_headers")} - {""})
    for name in names:
        if not re.fullmatch(r"[\w-]+", name, re.ASCII):
            raise UsageError("ini llm_extract_headers", f"must be one name of a header a line, got {name!r}")
        if re.search(r"auth|cookie|key|secret|token|session", name):
            raise UsageError("ini llm_extract_headers", f"must not name a header with a credential, got {name!r}")
    return tuple(names)


def _documents(config: pytest.Config) -> str:
    value: str | None = config.getoption("llm_extract_documents_flag")
    if value is None:
        value = ini_text(config, "llm_extract_documents", f"one of {', '.join(DOCUMENTS)}")
    if value not in DOCUMENTS:
        raise UsageError("ini llm_extract_documents", f"must be one of {', '.join(DOCUMENTS)}, got {value!r}")
    return value


def _reports(config: pytest.Config) -> dict[str, Path]:
    """The path of each report. Flags are relative to the current folder, ini options to the rootdir."""
    paths: dict[str, Path] = {}
    for name in REPORTS:
        flag = config.getoption(f"llm_extract_{name}_flag")
        ini = ini_text(config, f"llm_extract_{name}", "the path of a file")
        if flag:
            paths[name] = Path(config.invocation_params.dir, flag)
        elif ini:
            paths[name] = config.rootpath / ini
    return paths


def _cassettes(config: pytest.Config) -> Path:
    what = "a folder below the rootdir, such as cassettes"
    name = ini_text(config, "llm_extract_cassettes", what)
    if not name:
        raise UsageError("ini llm_extract_cassettes", f"must be {what}, got {name!r}")
    if os.path.relpath(config.rootpath / name, config.rootpath).startswith(os.pardir):
        raise UsageError("ini llm_extract_cassettes", f"must be {what}, got {name!r}, which is outside of it")
    return config.rootpath / name


def records(config: pytest.Config) -> bool:
    """Whether a run records, or plans what it would record: it then needs all suites in one process."""
    return _record_mode(config) != "none"


def _record_mode(config: pytest.Config) -> str:
    mode: str = config.getoption("llm_extract_record_flag")
    # A plan without a mode is that of --llm-record.
    return "stale" if mode == "none" and config.getoption("llm_extract_plan_flag") else mode


_N = TypeVar("_N", int, float)


def _number(config: pytest.Config, name: str, what: str, read: Callable[[str], _N]) -> _N | None:
    """A number from the flag, else from the ini option; None if neither is given."""
    value, source = config.getoption(f"{name}_flag"), f"--{name.replace('_', '-')}"
    if value is None:
        value, source = ini_value(config, name, what), f"ini {name}"
    if value is None:
        return None
    try:
        return read(str(value))
    except ValueError:
        raise UsageError(source, f"must be {what}, got {value!r}") from None


def _dollars(text: str) -> float:
    value = float(text.removeprefix("$"))
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1000:
        raise ValueError(text)
    return value


def _alpha(config: pytest.Config) -> float:
    what = "a number between 0 and 1, such as 0.05"
    alpha: float = ini_value(config, "llm_extract_alpha", what)
    if not 0 < alpha < 1:
        raise UsageError("ini llm_extract_alpha", f"must be {what}, got {alpha!r}")
    return alpha


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


def is_short_flag_taken(config: pytest.Config) -> bool:
    """Whether pytest-mockllm is loaded, which has a `--llm-record` of its own."""
    return any(config.pluginmanager.has_plugin(name) for name in ("mockllm", "pytest_mockllm.plugin"))


def conftests_may_build_clients(config: pytest.Config) -> bool:
    """Whether the ini option is true. A value that is neither true nor false is an error in `Settings.of`."""
    try:
        return bool(ini_value(config, "llm_extract_placeholder_key", "true or false"))
    except UsageError:
        return False


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
        help="what reports hold of documents: full (default), embed (images and PDFs as well), or none",
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
