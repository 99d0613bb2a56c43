"""vcrpy's patches, adapted to many concurrent extractions in one process."""

from __future__ import annotations

import contextlib
import functools
import http.client
import importlib
import types
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from unittest import mock

from vcr.cassette import Cassette
from vcr.request import Request
from vcr.stubs import VCRConnection

from pytest_llm_extract.cassette.http.stream_end import Ended, EndedAsync, is_stream, reading_to_the_end


@contextlib.contextmanager
def patched(cassette: type[Cassette]) -> Iterator[None]:
    """Route every request of the process through one cassette."""
    with contextlib.ExitStack() as stack:
        # While urllib3 connects, vcrpy takes its patches off the whole process: requests of other threads go live.
        stack.enter_context(mock.patch("vcr.patch.force_reset", contextlib.nullcontext))
        stack.enter_context(mock.patch.object(http.client.HTTPSConnection, "__init__", _https_init()))
        stack.enter_context(mock.patch("vcr.stubs.httpx_stubs.VcrRequest", _HttpxRequest))
        for name, ending in (("vcr_handle_request", _ending), ("vcr_handle_async_request", _ending_async)):
            stack.enter_context(mock.patch(f"vcr.stubs.httpx_stubs.{name}", _reading_to_its_end(name, ending)))
        stack.enter_context(
            mock.patch("vcr.stubs.VCRConnection.getresponse", reading_to_the_end(VCRConnection.getresponse))
        )
        stack.enter_context(cassette.use(path="pytest-llm-extract"))
        stack.enter_context(_aiohttp())
        yield


def _https_init() -> Callable[..., None]:
    """The `__init__` that finds its own class also while its name is vcrpy's, which `super()` there refuses."""
    init: Any = http.client.HTTPSConnection.__init__
    own = types.FunctionType(init.__code__, dict(init.__globals__), init.__name__, init.__defaults__, init.__closure__)
    own.__kwdefaults__ = init.__kwdefaults__
    return own


class _HttpxRequest(Request):  # type: ignore[misc]  # vcrpy has no types
    """One that keeps the headers of httpx, a mapping as vcrpy's own is, which would be made by asking for each."""

    headers: Any = None  # an attribute in the place of vcrpy's property


def _reading_to_its_end(name: str, ending: Callable[[Any], Any]) -> Callable[..., Any]:
    """vcrpy's stub of httpx, which reads a stream to its end, with that end where its events say so."""
    make: Callable[..., Any] = getattr(importlib.import_module("vcr.stubs.httpx_stubs"), name)
    return lambda cassette, send, module: make(cassette, ending(send), module)


def _ending(send: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def sent(transport: Any, request: Any) -> Any:
        response = send(transport, request)
        return _end_at_last_event(response, Ended)

    return sent


def _ending_async(send: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def sent(transport: Any, request: Any) -> Any:
        return _end_at_last_event(await send(transport, request), EndedAsync)

    return sent


def _end_at_last_event(response: Any, wrap: Callable[[Any], Any]) -> Any:
    if is_stream(response.headers):
        response.stream = wrap(response.stream)
    return response


def _recording_to_the_end(record: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """vcrpy's `record_response` of aiohttp, where the last event ends a stream."""
    from vcr.stubs.aiohttp_stubs import MockStream

    async def recorded(cassette: Cassette, request: Request, response: Any) -> None:
        if is_stream(response.headers):
            try:
                pieces = [piece async for piece in EndedAsync(response.content.iter_any())]
            except BaseException:
                response.close()
                raise
            response.content = MockStream(b"".join(pieces))
        await record(cassette, request, response)

    return recorded


@contextlib.contextmanager
def _aiohttp() -> Iterator[None]:
    """Hand vcrpy the bytes of a body, as it takes `json=` and forms as the objects that they are; end its streams."""
    try:
        import aiohttp
        from vcr.stubs import aiohttp_stubs
    except ImportError:
        yield
        return
    request: Callable[..., Awaitable[Any]] = aiohttp.ClientSession._request

    @functools.wraps(request)
    async def with_bytes(session: Any, method: str, url: Any, **options: Any) -> Any:
        data, value = options.get("data"), options.get("json")
        payload: Any = None
        if value is not None and data is None:
            payload = aiohttp.JsonPayload(options.pop("json"), dumps=session._json_serialize)
        elif isinstance(data, Mapping | list | tuple | aiohttp.FormData):
            payload = (data if isinstance(data, aiohttp.FormData) else aiohttp.FormData(data))()
        if payload is not None:
            sent = _Sent()
            await payload.write(sent)
            headers = session._prepare_headers(options.get("headers"))
            headers.setdefault("Content-Type", payload.headers["Content-Type"])
            options |= {"data": bytes(sent.body), "headers": headers}
        return await request(session, method, url, **options)

    record = _recording_to_the_end(aiohttp_stubs.record_response)
    with (
        mock.patch.object(aiohttp.ClientSession, "_request", with_bytes),
        mock.patch.object(aiohttp_stubs, "record_response", record),
    ):
        yield


class _Sent:
    """A buffer that aiohttp writes a body into."""

    def __init__(self) -> None:
        self.body = bytearray()

    async def write(self, chunk: bytes) -> None:
        self.body += chunk
