"""What each instruction of a prompt brings: variants that lack one against the whole prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from pytest_llm_extract.comparison.claims import Claim
from pytest_llm_extract.comparison.scores import ALL
from pytest_llm_extract.results.suite_result import SuiteResult


class Instruction(NamedTuple):
    """An instruction that a variant leaves out.

    Attributes:
        found: `needed` where a field is worse without it, beyond noise; `harmful` where one is better; `unclear` where
            outcomes moved that may be noise; `unnoticed` where none moved; `untested` where none moved and no case
            labels a field that it names.
        fields: those of the claims, of the moves, or the ones that it names and nobody labels.
    """

    variant: str
    text: str
    found: Literal["needed", "harmful", "unclear", "unnoticed", "untested"]
    fields: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say what the comparison found out about it."""
        where = ", ".join(self.fields[:4])
        said = {
            "needed": f"needed: without it {where} is worse",
            "harmful": f"harmful: without it {where} is better",
            "unclear": f"unclear: without it {where} moves, which may be noise",
            "unnoticed": "nothing notices it: no outcome moves without it",
            "untested": f"untested: no case labels {where}, which it names",
        }
        return said[self.found]


def find_instructions(
    suites: Sequence[SuiteResult], labelled: Sequence[str], claims: Sequence[Claim], moved: Mapping[str, Sequence[str]]
) -> tuple[Instruction, ...]:
    """What was found out about each instruction that one of the compared variants leaves out.

    `labelled` are the fields that are compared. `moved` has by variant the fields in which some case is scored
    otherwise than with the reference.
    """
    return tuple(
        _judge(suite, suite.recipe.left_out, labelled, claims, tuple(moved.get(suite.variant, ())))
        for suite in suites
        if suite.recipe is not None and suite.recipe.left_out is not None
    )


def _judge(
    suite: SuiteResult, text: str, labelled: Sequence[str], claims: Sequence[Claim], moved: tuple[str, ...]
) -> Instruction:
    mine = [claim for claim in claims if claim.variant == suite.variant]
    for direction in ("worse", "better"):
        fields = tuple(claim.field for claim in mine if claim.direction == direction)
        if fields:
            named = tuple(field for field in fields if field != ALL) or ("all fields together",)
            return Instruction(suite.variant, text, "needed" if direction == "worse" else "harmful", named)
    if moved:
        return Instruction(suite.variant, text, "unclear", moved)
    unlabelled = tuple(path for path in suite.paths if path not in labelled and _names(text, path))
    return Instruction(suite.variant, text, "untested" if unlabelled else "unnoticed", unlabelled)


def _names(text: str, path: str) -> bool:
    """Whether an instruction speaks of a field, by the last part of its path."""
    name = re.split(r"[.\[\]{}<>]+", path.strip("[]{}"))[-1]
    words = re.escape(name).replace("_", r"[\s_-]?")
    return bool(name) and re.search(rf"\b{words}s?\b", text, re.IGNORECASE) is not None
