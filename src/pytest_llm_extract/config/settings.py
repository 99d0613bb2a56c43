"""Settings from flags and ini options."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pytest_llm_extract.config.early import record_mode
from pytest_llm_extract.config.ini import ini_choice, ini_text, ini_texts, ini_value
from pytest_llm_extract.config.options import (
    DOCUMENTS,
    HEADERS,
    LONG_FLAG,
    REPORTS,
    SHORT_FLAG,
    is_short_flag_taken,
)
from pytest_llm_extract.errors import UsageError

if TYPE_CHECKING:
    import pytest

    from pytest_llm_extract.credentials.scanner import Watch


@dataclass(frozen=True)
class Storage:
    """What may be stored of requests and answers, and what must never be written.

    `scrub` are names whose values are taken out; `secrets` are entries of a `Watch`; `offer_vcr` gives a `vcr.VCR` to
    the project's hooks, which set filters on it; without `keeps_requests`, hashes are kept of request bodies.
    `headers` are the lower-case names of headers that new cassettes compare. `shared` are globs of addresses, without
    scheme and query, whose answers all cases share.
    """

    scrub: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    offer_vcr: Callable[[Any], None] | None = None
    keeps_requests: bool = True
    headers: tuple[str, ...] = HEADERS
    shared: tuple[str, ...] = ()

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
            tuple(filter(None, map(str.strip, ini_texts(config, "llm_extract_shared")))),
        )
        if storage.secrets:
            _ = storage.watch  # a mistake in an entry is reported now
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
    batch: str | None = None  # submit, once, wait or cancel: what is done with batches instead of running tests
    batch_tokens: tuple[tuple[str, int], ...] = ()  # what a queue of batches takes, by model (glob)
    allowed_hosts: tuple[str, ...] = ()  # that suites may reach outside of extractions while they replay

    @property
    def sends(self) -> bool:
        """Whether the run sends requests: it records, and does more than plan that."""
        return self.record != "none" and not self.plan_only

    @classmethod
    def of(cls, config: pytest.Config) -> Settings:
        """Read the settings from pytest's configuration."""
        baseline = config.getoption("llm_extract_baseline_flag")
        if baseline and not baseline.startswith("git:"):
            baseline = str(Path(config.invocation_params.dir, baseline))
        return cls(
            rootdir=config.rootpath,
            cassettes=_cassettes(config),
            record=record_mode(config),
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
            batch=_batch(config),
            batch_tokens=tuple(map(_batch_tokens, ini_texts(config, "llm_extract_batch_tokens"))),
            allowed_hosts=tuple(filter(None, map(str.strip, ini_texts(config, "llm_extract_allowed_hosts")))),
        )

    def most_batch_tokens(self, model: str) -> int | None:
        """How many input tokens the queue of batches takes of a model; None if the project does not say it."""
        return next((most for glob, most in self.batch_tokens if fnmatchcase(model, glob)), None)


def _batch_tokens(line: str) -> tuple[str, int]:
    if (match := re.fullmatch(r"\s*(\S+)\s+([\d,_]*\d)\s*", line, re.ASCII)) is None:
        what = "a model (glob) and a number of tokens on each line, such as gpt-4o 90000"
        raise UsageError("ini llm_extract_batch_tokens", f"must be {what}, got {line!r}")
    return match[1], int(re.sub("[,_]", "", match[2]))


def _batch(config: pytest.Config) -> str | None:
    batch: str | None = config.getoption("llm_extract_batch_flag")
    if batch == "submit":
        mode = record_mode(config)
        if mode == "none":
            raise UsageError("--llm-extract-batch", f"needs {SHORT_FLAG} (or {LONG_FLAG})")
        if mode == "all":
            raise UsageError("--llm-extract-batch", "records what is missing or stale, not all: delete the cassettes")
    return batch


def _headers(config: pytest.Config) -> tuple[str, ...]:
    names = sorted({name.strip().lower() for name in ini_texts(config, "llm_extract_headers")} - {""})
    for name in names:
        if not re.fullmatch(r"[\w-]+", name, re.ASCII):
            raise UsageError("ini llm_extract_headers", f"must be one name of a header a line, got {name!r}")
        if re.search(r"auth|cookie|key|secret|token|session", name):
            raise UsageError("ini llm_extract_headers", f"must not name a header with a credential, got {name!r}")
    return tuple(names)


def _documents(config: pytest.Config) -> str:
    what = f"one of {', '.join(DOCUMENTS)}"
    value: str = config.getoption("llm_extract_documents_flag") or ini_text(config, "llm_extract_documents", what)
    if value not in DOCUMENTS:
        raise UsageError("ini llm_extract_documents", f"must be {what}, got {value!r}")
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
