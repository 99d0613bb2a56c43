"""A variant for each instruction of a prompt that is left out, as users write it: `variants=ablate()`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

UNITS = ("line", "sentence", "message")


@dataclass(frozen=True)
class Ablation:
    """Stands for one variant an instruction; `ablate` makes it."""

    prompt: str | Path | None
    by: str


@dataclass(frozen=True)
class LeftOut:
    """A prompt without one part: the characters from `start` to `end` of a message, which say `text`."""

    prompt: str | Path
    message: int
    start: int
    end: int
    text: str


def ablate(prompt: str | Path | None = None, by: str = "line") -> Ablation:
    """Leave out each instruction of a prompt, one at a time; the comparison then says what each of them brings.

    Args:
        prompt: the prompt file; None for the one of the suite.
        by: what an instruction is: a `line`, a `sentence` or a `message`. What holds `{{…}}` or `{%…%}` stays.
    """
    return Ablation(prompt, by)
