"""What a project's own files must not decide: that answers are accepted, and that a complete run tests nothing."""

from __future__ import annotations

import pytest

from pytest_llm_extract.config.ci import is_ci
from pytest_llm_extract.config.early import is_true

_ACCEPT, _COMPLETE = "--llm-extract-accept", "--llm-extract-require-complete"
# Options by which pytest ends without a test, by their names in `config.option`.
_MODES = {
    "help": "--help",
    "version": "--version",
    "collectonly": "--collect-only",
    "setuponly": "--setup-only",
    "setupplan": "--setup-plan",
    "showfixtures": "--fixtures",
    "show_fixtures_per_test": "--fixtures-per-test",
    "markers": "--markers",
    "cacheshow": "--cache-show",
    "llm_extract_plan_flag": "--llm-extract-plan",
    "llm_extract_batch_flag": "--llm-extract-batch or --llm-extract-collect",
}


def check_accept(config: pytest.Config) -> None:
    """Refuse an acceptance that the command line does not ask for.

    Raises:
        pytest.UsageError: the flag comes from addopts, PYTEST_ADDOPTS, a file of arguments or a conftest.py.
    """
    if config.getoption("llm_extract_accept_flag") is not None and not _is_typed(config, _ACCEPT):
        raise pytest.UsageError(
            f"{_ACCEPT} counts on the command line only, not in addopts, PYTEST_ADDOPTS, @files or a conftest.py: "
            "accepting is a decision of the person who runs pytest"
        )


def check_complete(config: pytest.Config) -> None:
    """Refuse a run that is required to be complete and calls no test.

    On a developer's machine that holds for the command line alone: editors list tests under the same ini.

    Raises:
        pytest.UsageError: an option leaves out all tests.
    """
    asked = _is_typed(config, _COMPLETE) or (is_ci() and _is_required(config))
    if not asked or config.pluginmanager.has_plugin("llm_extract_collected"):
        return
    for name, flag in _MODES.items():
        if getattr(config.option, name, False):
            raise pytest.UsageError(f"{flag} calls no test, and {_COMPLETE} asks for a complete run: drop one of them")


def _is_typed(config: pytest.Config, flag: str) -> bool:
    given = map(str, config.invocation_params.args)
    return any(argument == flag or argument.startswith(f"{flag}=") for argument in given)


def _is_required(config: pytest.Config) -> bool:
    required: bool = config.getoption("llm_extract_require_complete_flag")
    return required or is_true(config, "llm_extract_require_complete")
