"""What of a project a run was asked for, by pytest's own arguments and options."""

from __future__ import annotations

from pathlib import Path

import pytest


def calls_no_test(config: pytest.Config) -> bool:
    """Whether tests are only listed, or only set up."""
    return bool(config.option.collectonly or getattr(config.option, "setuponly", False))


def is_narrowed(config: pytest.Config) -> bool:
    """Whether options leave out some tests of the arguments."""
    option = config.option
    return bool(
        option.keyword
        or option.markexpr
        or getattr(option, "lf", False)
        or option.deselect
        or option.ignore
        or option.ignore_glob
        or option.llm_extract_case_flag is not None
    )


def looked_at(config: pytest.Config, *, modules: bool) -> list[Path]:
    """The folders among the arguments, and the `modules` too; those of a node id count as one that was named."""
    given = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    return [real_path(path) for path in given if modules or path.is_dir()]


def real_path(path: Path) -> Path:
    """Where a folder or a test module is, whatever links lead to its folder."""
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name
