"""How a variant asks, as far as its marker says: what a decision needs to know besides its answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class ExampleDocument(NamedTuple):
    """The document of a few-shot example that every case gets; `id` is None where its row has none."""

    id: str | None
    text: str


class Formulation(NamedTuple):
    """A prompt that was recorded: on which day, the variant's name then, sha256 of messages and fixed examples.

    `wording` is the fingerprint of the first that had nearly its instructions, with whatever examples; None where a
    variant of today has them.
    """

    date: str
    variant: str
    fingerprint: str
    wording: str | None


class Recipe(NamedTuple):
    """The prompt of a variant.

    `instructions` are the messages as written, without examples. `examples` are those that every case gets;
    `has_own_examples` says that each case has its own. `has_context` says that passages are retrieved for each case.
    `parameters` are sent with each request: temperature, seed. `left_out` is the instruction that an ablation took out.
    """

    instructions: str
    examples: tuple[ExampleDocument, ...] = ()
    has_own_examples: bool = False
    has_context: bool = False
    response_format: str = ""
    parameters: Mapping[str, Any] = MappingProxyType({})
    left_out: str | None = None

    @property
    def fixed_seed(self) -> Any:
        """The seed that all cases share while answers are drawn; None where there is none, or the temperature is 0."""
        return None if self.parameters.get("temperature") == 0 else self.parameters.get("seed")

    @property
    def has_examples(self) -> bool:
        """Whether a request holds few-shot examples."""
        return bool(self.examples) or self.has_own_examples

    @property
    def examples_digest(self) -> str:
        """What tells one set of few-shot examples from another; empty without any."""
        if self.has_own_examples:
            return "own"
        listed = json.dumps([example.text for example in self.examples])
        return hashlib.sha256(listed.encode("utf-8", "surrogatepass")).hexdigest()[:16] if self.examples else ""

    def without_documents(self) -> Recipe:
        """The same prompt with examples that show nothing."""
        return self._replace(examples=tuple(example._replace(text="") for example in self.examples))

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Recipe:
        """The inverse of `as_wire`."""
        return cls(**{**wire, "examples": tuple(ExampleDocument(**example) for example in wire["examples"])})
