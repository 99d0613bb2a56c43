"""One extraction inside its cassette: replayed, or recorded when that was asked for."""

from __future__ import annotations

import asyncio
import contextvars
import datetime
import inspect
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llm_extract.cassette import diff, key
from pytest_llm_extract.cassette.exchange import Recording
from pytest_llm_extract.cassette.facts import summary
from pytest_llm_extract.cassette.guard import NetworkBlocked
from pytest_llm_extract.cassette.load import load
from pytest_llm_extract.cassette.router import CassetteMiss, KeyNeeded, Record, Replay, Unowned, taking
from pytest_llm_extract.cassette.save import save
from pytest_llm_extract.errors import CassetteError, SecretFoundError
from pytest_llm_extract.outcome import Status
from pytest_llm_extract.placeholder import placeholder_key


@dataclass
class Call:
    """What came of one extraction.

    `problem` is one line for a case that has no usable recording (`status` says stale, missing or error);
    `error` is the extractor's own exception.
    """

    status: Status = Status.OK
    value: Any = None
    error: Exception | None = None
    problem: str | None = None
    change: diff.Change | None = None
    recorded: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Slot:
    """Where a case's cassette is, and what of it may be recorded: none, missing or stale.

    `ignore` are paths of volatile values in the request's body, which are neither stored nor compared. No symbolic link
    may lead the file out of `root`.
    """

    path: Path
    case_id: str
    document: str | None
    record: str
    ends_normally: Callable[[Exception], bool]
    ignore: tuple[str, ...] = ()
    root: Path | None = None


def call_in_cassette(function: Callable[[], Any], slot: Slot) -> Call:
    """Run an extraction against its cassette; record it if that is asked for and needed."""
    try:
        recording = load(slot.path, slot.root)
    except CassetteError as error:
        return Call(Status.ERROR, problem=str(error))
    if recording is not None:
        call = _replay(function, slot, recording)
        if call.status is not Status.STALE or slot.record != "stale":
            return call
    if slot.record != "none":
        return _record(function, slot, recording)
    return Call(Status.MISSING, problem=f"no cassette {slot.path.name}")


def _replay(function: Callable[[], Any], slot: Slot, recording: Recording) -> Call:
    take = Replay(recording, slot.ignore)
    call = Call(facts={**recording.meta, **_facts(recording, slot)})
    try:
        with taking(take), placeholder_key():
            call.value = run(function)
    except (CassetteMiss, Unowned, NetworkBlocked) as error:
        call.status, call.problem = Status.ERROR, str(error)
    except Exception as error:
        call.error = error
    if take.miss is not None:
        at = len(take.played)
        before = recording.exchanges[at].request_body if at < len(recording.exchanges) else None
        call.change = diff.explain(before, take.miss[2], slot.document)
        call.status, call.problem, call.error = Status.STALE, call.change.cause, None
    elif call.status is Status.OK and not take.played and (call.error is None or slot.ends_normally(call.error)):
        call.status, call.problem = Status.ERROR, "the extraction sent no request, so its cassette was not replayed"
    return call


def _record(function: Callable[[], Any], slot: Slot, old: Recording | None) -> Call:
    take, call = Record(slot.ignore), Call()
    status = Status.STALE if old else Status.MISSING
    start = time.perf_counter()
    try:
        with taking(take), placeholder_key():
            call.value = run(function)
    except (KeyNeeded, Unowned) as error:
        return Call(status, problem=str(error))
    except Exception as error:
        call.error = error
    recording = Recording(tuple(take.exchanges), slot.case_id)
    call.facts = _facts(recording, slot)
    if call.error is not None and not (take.exchanges and slot.ends_normally(call.error)):
        return _not_recorded(call, take, status)
    if not take.exchanges:
        return Call(Status.ERROR, problem="the extraction sent no request, so there is nothing to record")
    try:
        call.facts |= _meta(recording, old, time.perf_counter() - start)
        save(slot.path, recording, {name: call.facts[name] for name in _META})
    except (CassetteError, SecretFoundError) as error:
        return Call(status, problem=str(error))
    call.recorded = True
    return call


def _not_recorded(call: Call, take: Record, status: Status) -> Call:
    refused = next((e for e in reversed(take.exchanges) if e.status >= 400), None)
    transport = not take.exchanges and "onnect" in type(call.error).__name__
    if refused is None and not transport and type(call.error).__name__ != "ProviderError":
        call.status = Status.ERROR
        return call
    words = (
        f"HTTP {refused.status} {refused.reason}: {refused.response_body.decode(errors='replace')[:300]}"
        if refused
        else ""
    )
    return Call(status, problem=f"not recorded: {words or _with_cause(call.error)}")


def _with_cause(error: BaseException | None) -> str:
    """An error with what lies at its bottom: "Connection error." alone does not say which connection."""
    bottom = error
    while bottom is not None and bottom.__cause__ is not None:
        bottom = bottom.__cause__
    return str(error) if bottom is error else f"{error} ({bottom})"


_META = ("hashes", "attempt", "model", "system_fingerprint", "latency_s", "recorded")


def _facts(recording: Recording, slot: Slot) -> dict[str, Any]:
    facts = summary(recording)
    first = recording.exchanges[0].request_body if recording.exchanges else b""
    return {**facts, "hashes": key.origin(first, slot.document), "fingerprints": recording.fingerprints}


def _meta(recording: Recording, old: Recording | None, seconds: float) -> dict[str, Any]:
    again = old is not None and old.fingerprints == recording.fingerprints
    return {
        "attempt": int(old.meta.get("attempt", 1)) + 1 if again and old is not None else 1,
        "latency_s": round(seconds, 3),
        "recorded": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


class _Loop:
    """One event loop for the whole process, or a module-level async client would die with the first one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine in the loop's thread, in a copy of the caller's context."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # An empty context: the thread outlives the extraction that starts it.
                forever = contextvars.Context().run
                threading.Thread(target=forever, args=(self._loop.run_forever,), daemon=True).start()
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


_loop = _Loop()


def run(function: Callable[[], Any]) -> Any:
    """Call a sync or async function to its end, also from a thread whose own event loop is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        value = function()
    else:
        with ThreadPoolExecutor(1) as pool:
            value = pool.submit(contextvars.copy_context().run, function).result()
    return _loop.run(value) if inspect.iscoroutine(value) else value
