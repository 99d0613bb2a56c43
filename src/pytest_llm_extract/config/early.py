"""What every session asks of its configuration, before it is known whether there is a suite."""

from __future__ import annotations

import os

import pytest

from pytest_llm_extract.config.options import INIS, LISTS

CONFTEST = f"{os.sep}conftest.py"  # how the path of every conftest ends
_COLLECTING = ("once", "wait", "cancel")


def is_configured(config: pytest.Config) -> bool:
    """Whether a flag or an ini option differs from its default, so that there can be a mistake in it."""
    flags = (value for name, value in vars(config.option).items() if name.startswith("llm_extract_"))
    if any(value not in (None, False, "none") for value in flags):
        return True
    return any(_is_set(config, name, default) for name, _, _, default in INIS) or any(
        _is_set(config, name, default) for name, _, default in LISTS
    )


def _is_set(config: pytest.Config, name: str, default: object) -> bool:
    try:
        value = config.getini(name)
    except (TypeError, ValueError, pytest.UsageError):  # it is not of its type
        return True
    return bool((tuple(value) if isinstance(value, list) else value) != default)


def is_true(config: pytest.Config, name: str) -> bool:
    """Whether an ini option is true. A value that is neither true nor false is an error of the settings."""
    try:
        return bool(config.getini(name))
    except (TypeError, ValueError, pytest.UsageError):
        return False


def conftests_may_build_clients(config: pytest.Config) -> bool:
    """Whether conftests and fixtures may build clients without a key."""
    return is_true(config, "llm_extract_placeholder_key")


def records(config: pytest.Config) -> bool:
    """Whether a run records, or plans what it would record: it then needs all suites in one process."""
    return record_mode(config) != "none"


def record_mode(config: pytest.Config) -> str:
    """What a run records, one of `RECORD_MODES`. A plan without a mode is that of `stale`; so is a collection."""
    mode: str = config.getoption("llm_extract_record_flag")
    is_stale = config.getoption("llm_extract_plan_flag") or config.getoption("llm_extract_batch_flag") in _COLLECTING
    return "stale" if mode == "none" and is_stale else mode
