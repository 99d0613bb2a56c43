"""Further ways to extract in a suite, as users write them: `variants=[Variant(…)]`, `variants=ablate()`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

UNITS = ("line", "sentence", "message")


@dataclass(frozen=True, init=False)
class Variant:
    """One way to extract beside the primary; every argument that is left out is the primary's.

    Args:
        name: how the variant is called in node ids, cassette folders and reports.
        gated: True for a variant that has a gate and a baseline of its own, such as a fallback model in production.
        arguments: those of `llm_extract` that differ: `prompt`, `model`, `extractor`, `examples`, `context`, `schema`,
            `response_format`, `api`, `compare`, `ignore`, `samples`, `concurrency`, `record`.
    """

    name: str
    gated: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)

    def __init__(self, name: str, *, gated: bool = False, **arguments: Any) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "gated", gated)
        object.__setattr__(self, "arguments", arguments)


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
