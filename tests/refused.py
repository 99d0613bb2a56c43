"""Modules that pytest refuses to collect, many in one run."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest


def refused(pytester: pytest.Pytester, modules: Sequence[str]) -> list[list[str]]:
    """What pytest shows of each of these modules, none of which it can collect."""
    names = [f"test_{number:02}" for number in range(len(modules))]
    pytester.makepyfile(**dict(zip(names, modules, strict=True)))
    run = pytester.runpytest_inprocess()
    run.assert_outcomes(errors=len(modules))
    run.stdout.no_fnmatch_line("*Traceback*")
    shown: dict[str, list[str]] = {name: [] for name in names}
    name = ""
    for line in run.outlines:
        if heading := re.fullmatch(r"_+ ERROR collecting (\w+)\.py _+|=+ .* =+", line):
            name = heading[1]
        elif name:
            shown[name].append(line)
    return list(shown.values())
