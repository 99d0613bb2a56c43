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
        or option.llm_extract_variant_flag is not None
    )


def nothing_selected(case: str | None, variant: str | None) -> list[str]:
    """Why a run without a test has none, where our options left them out."""
    given = {"case has an id": ("case", case), "variant has a name": ("variant", variant)}
    return [f"no {what} like --llm-extract-{name}={glob}" for what, (name, glob) in given.items() if glob is not None]


def looks_where_settings_say(config: pytest.Config) -> bool:
    """Whether nobody named tests on the command line, so that the settings decide where to look."""
    return config.args_source is not pytest.Config.ArgsSource.ARGS


def is_looked_at(module: Path, config: pytest.Config, *, in_modules: bool) -> bool:
    """Whether a test module is in a folder among the arguments, or (`in_modules`) is one of them, if in a node id."""
    given = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    roots = [_real(path) for path in given if in_modules or path.is_dir()]
    return any(_real(module).is_relative_to(root) for root in roots)


def _real(path: Path) -> Path:
    """Where a folder or a test module is, with all links resolved."""
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name
