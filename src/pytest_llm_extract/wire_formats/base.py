"""What is read out of an answer, and what a reader of a wire format is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Body = Mapping[str, Any]
_MOST_TOKENS = 10**12  # no model has that many: a count beyond it is a mistake


class RawAnswer(NamedTuple):
    """One answer as it came.

    `content` is the arguments of the last tool call (a final answer follows the look-ups that it needed), or else the
    text. `finish_reason` is in the words of Chat Completions (`stop`, `length`, `tool_calls`, `content_filter`),
    whatever the API; None for a stream that broke off. `input_tokens` count what was read from or written to a cache,
    `output_tokens` count reasoning; 0 where none are reported.
    """

    content: str | None
    refusal: str | None
    finish_reason: str | None
    model: str | None = None
    system_fingerprint: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0


class RequestKeys(NamedTuple):
    """Where a request of one API has its parts: keys, with a dot before a key inside. The rest are parameters."""

    system: tuple[str, ...] = ()
    turns: tuple[str, ...] = ("messages",)
    schema: tuple[str, ...] = ("tools",)


class WireFormat(NamedTuple):
    """How one API answers: a whole body, and the events of a stream, which `join` makes into a whole body.

    `request` is how it is asked.
    """

    is_answer: Callable[[Body], bool]
    read: Callable[[Body], RawAnswer]
    is_event: Callable[[Body], bool] = lambda event: False
    join: Callable[[Sequence[Body]], Body] = lambda events: {}
    request: RequestKeys = RequestKeys()


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
    """The parts of a text; None if there are none, which differs from an empty string."""
    return "".join(texts) if texts else None


def tokens(usage: Body, *names: str) -> int:
    """The sum of these counts, as far as they are some."""
    counts = [usage[name] for name in names if type(usage.get(name)) is int]
    return sum(count for count in counts if 0 <= count <= _MOST_TOKENS)
