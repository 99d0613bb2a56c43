"""Many extractions at once: each cassette has to hold its own case's exchanges, and no other's."""

from __future__ import annotations

import inspect
import json
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from standin import StandIn, said

from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.cassette.http.router import routed
from pytest_llm_extract.extraction.call import Call, record, replay
from pytest_llm_extract.extraction.slot import Slot

AT_ONCE = 64
_DOCUMENT = re.compile(r"document-\d\d")
Extractor = Callable[[str], Any]
# Collected with open connections, an async client of asyncio takes sockets away from those that came after it.
_kept = list[Extractor]()


def slow_echo(body: dict[str, Any]) -> str:
    """The document as JSON, late enough that all requests are under way at the same time."""
    time.sleep(0.05)
    return json.dumps({"name": said(body)})


def extract_at_once(
    extract: Extractor, folder: Path, call: Callable[[Callable[[], Any], Slot], Call]
) -> dict[str, Call]:
    """One call for each document, all started together, each in a thread of its own as the recorder does it."""
    _kept.append(extract)
    documents = [f"document-{number:02}" for number in range(AT_ONCE)]
    together, calls = threading.Barrier(AT_ONCE), dict[str, Call]()

    def one(document: str) -> None:
        together.wait()
        calls[document] = call(lambda: extract(document), Slot(folder / f"{document}.yaml", document, document))

    with routed():
        threads = [threading.Thread(target=one, args=(document,)) for document in documents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return calls


def assert_nothing_crosses(extract: Extractor, folder: Path, provider: StandIn, requests: int = 1) -> None:
    """Record all at once, then replay all at once: every case gets its own answer, without a connection.

    A sync extractor answers every other document in a thread of its own.
    """
    extract = extract if inspect.iscoroutinefunction(extract) else _half_in_threads(extract)
    recorded = extract_at_once(extract, folder, record)
    assert {document: problem_of(call) for document, call in recorded.items()} == dict.fromkeys(recorded)
    for document in recorded:
        assert documents_of(folder / f"{document}.yaml") == [document] * requests
    connections = provider.connections
    replayed = extract_at_once(extract, folder, replay)
    assert {document: problem_of(call) for document, call in replayed.items()} == dict.fromkeys(recorded)
    for calls in (recorded, replayed):
        assert {document: name_of(call) for document, call in calls.items()} == {name: name for name in recorded}
    assert len(replayed) == AT_ONCE
    assert provider.connections == connections


def _half_in_threads(extract: Extractor) -> Extractor:
    def half_in_threads(document: str) -> Any:
        if int(document[-2:]) % 2:
            return extract(document)
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(extract, document).result()

    return half_in_threads


def problem_of(call: Call) -> str | None:
    """Why a call has no answer; None where it has one."""
    return call.problem or (repr(call.error) if call.error else None)


def name_of(call: Call) -> str:
    """The name in the answer of a call."""
    name: str = json.loads(call.value)["name"]
    return name


def documents_of(path: Path) -> list[str]:
    """The documents that each request of a cassette speaks of."""
    recording = load(path)
    assert recording is not None
    return [" and ".join(sorted(set(_DOCUMENT.findall(e.request_body.decode())))) for e in recording.exchanges]
