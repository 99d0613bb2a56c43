"""Ids of gates as a user meets them: pasted as an argument of pytest, and among the last failures."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import pytest

from pytest_llm_extract.config.suite_folders import gate_id
from pytest_llm_extract.session.stash import suite_and_case

_GATE = gate_id("")  # how the id of a gate ends, up to the variant in brackets


def run_suites_of_gates(config: pytest.Config) -> None:
    """Let the id of a gate among the arguments stand for its suite: a gate has no test of its own."""
    if any(argument.partition("::")[2].count("::") for argument in config.args) and not _has_tests_called_gate(config):
        config.args[:] = [_suite_of(argument) for argument in config.args]


def _has_tests_called_gate(config: pytest.Config) -> bool:
    name = _GATE.removeprefix("::")
    return any(name.startswith(pattern) or fnmatchcase(name, pattern) for pattern in config.getini("python_functions"))


def _suite_of(argument: str) -> str:
    file, _, name = argument.partition("::")
    suite, separator, variant = name.rpartition(_GATE)
    is_gate = bool(suite and separator) and (not variant or (variant[0], variant[-1]) == ("[", "]"))
    return f"{file}::{suite}" if is_gate else argument


def count_cases_as_failed(config: pytest.Config, collected: Iterable[Any]) -> None:
    """With `--lf` and `--ff`, let the failure of a gate be one of each case of its suite, so that they run again."""
    last: Any = config.pluginmanager.get_plugin("lfplugin")
    if last is None or not last.active or not last.lastfailed:
        return
    failed = {str(key) for key in last.lastfailed}
    for item in collected:
        of_suite = suite_and_case(item) if isinstance(item, pytest.Function) else None
        if of_suite is not None and gate_id(of_suite[0].key) in failed:
            last.lastfailed[getattr(item, "id", item.nodeid)] = True
