"""Find the end of a stream of events, also if its connection stays open after it."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

_LAST = rb"message_stop|response\.(?:completed|failed|incomplete)"
_LAST_EVENT = re.compile(rb"event: ?(?:" + _LAST + rb")\s*")
_LAST_TYPE = re.compile(rb'data: ?\{\s*"type": ?"(?:' + _LAST + rb')"')
_DONE = re.compile(rb"data: ?\[DONE\]\s*")
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
_PIECE = 65536


class StreamEnd:
    """Looks for the last event of a stream: OpenAI's `[DONE]` or `response.completed`, Anthropic's `message_stop`."""

    def __init__(self) -> None:
        self._line, self._is_last = list[bytes](), False  # a long line comes in many pieces, which are joined once

    def is_in(self, piece: bytes) -> bool:
        """Whether the stream has ended with this piece.

        The last event is whole with the empty line after it; `[DONE]` needs none.
        """
        self._line.append(piece)
        if not any(b"\n" in one or b"\r" in one for one in self._line[-2:]):
            return False
        *lines, rest = _LINE_END.split(b"".join(self._line))
        self._line = [rest]
        for line in lines:
            if _DONE.fullmatch(line) or (self._is_last and not line):
                return True
            self._is_last = self._is_last or bool(_LAST_EVENT.fullmatch(line) or _LAST_TYPE.match(line))
        return False


class Ended:
    """A stream of httpx that ends with its last event."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._end = stream, StreamEnd()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            yield piece
            if self._end.is_in(piece):
                return

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()


class EndedAsync:
    """An asynchronous stream of httpx that ends with its last event."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._end = stream, StreamEnd()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece
            if self._end.is_in(piece):
                return

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


def is_stream(headers: Any) -> bool:
    """Whether these headers announce events that can be read as they are."""
    is_coded = headers.get("content-encoding") not in (None, "identity")
    return not is_coded and (headers.get("content-type") or "").startswith("text/event-stream")


class _Whole(NamedTuple):
    """What vcrpy reads of the answer of a connection."""

    data: bytes
    status: int
    reason: str
    headers: Any
    msg: Any


def reading_to_the_end(getresponse: Callable[..., Any]) -> Callable[..., Any]:
    """vcrpy's `getresponse` of `http.client` and urllib3 (requests), where the last event ends a stream."""

    def read(connection: Any, *args: Any, **kwargs: Any) -> Any:
        real = connection.real_connection
        own = {"getresponse": lambda: _whole(real, type(real).getresponse(real))}
        if "preload_content" in inspect.signature(real.request).parameters:  # urllib3 2 reads before it hands out
            own["request"] = partial(real.request, preload_content=False)
        vars(real).update(own)
        try:
            return getresponse(connection, *args, **kwargs)
        finally:
            for name in own:
                del vars(real)[name]

    return read


def _whole(connection: Any, response: Any) -> Any:
    if not is_stream(response.headers) or not hasattr(response, "read1"):
        return response
    end, pieces = StreamEnd(), list[bytes]()
    while piece := response.read1(_PIECE):
        pieces.append(piece)
        if end.is_in(piece):
            connection.close()  # or the next request would wait for the rest
            break
    return _Whole(b"".join(pieces), response.status, response.reason, response.headers, getattr(response, "msg", None))
