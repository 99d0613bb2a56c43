"""Further ways to extract in a suite, as users write them in `llm_extract(variants=[…])`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
