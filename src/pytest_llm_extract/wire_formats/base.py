"""What is read out of an answer, and what a reader of a wire format is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Body = Mapping[str, Any]


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
