"""Read ini options."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llm_extract.errors import UsageError


def ini_value(config: pytest.Config, name: str, what: str) -> Any:
    """An ini's value, of its type in `INIS`, in any table.

    Raises:
        UsageError: it is of another; pytest says so in several ways.
    """
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
