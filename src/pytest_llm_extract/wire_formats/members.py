"""Read members of JSON whose shape is not sure: what is missing or of another type is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_llm_extract.wire_formats.base import Body

_MOST_TOKENS = 10**12  # no model has that many: a count beyond it is a mistake


def mapping(value: Any) -> Body:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> Iterator[Body]:
    """The objects of a list."""
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def text(value: Any) -> str | None:
    """The value if it is a string."""
    return value if isinstance(value, str) else None


def arguments(calls: Any) -> list[str]:
    """The arguments of function calls as Chat Completions writes them; of a custom tool, its input."""
    texts = (
        text(mapping(call.get("function")).get("arguments", mapping(call.get("custom")).get("input")))
        for call in mappings(calls)
    )
    return [written for written in texts if written is not None]


def joined(texts: Sequence[str]) -> str | None:
    """The texts in one; None if there are none, which differs from an empty string."""
    return "".join(texts) if texts else None


def tokens(usage: Body, *names: str) -> int:
    """The sum of these counts, as far as they are some."""
    counts = [usage[name] for name in names if type(usage.get(name)) is int]
    return sum(count for count in counts if 0 <= count <= _MOST_TOKENS)
