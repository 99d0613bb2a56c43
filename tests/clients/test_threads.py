"""Threads, pools, tasks and loops of an extractor's own: each request belongs to the extraction that asked for it."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import openai
import pytest
from at_once import AT_ONCE, Extractor, assert_nothing_crosses, extract_at_once, name_of, problem_of, slow_echo
from standin import StandIn
from suites import echo

from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.cassette.http.replay import Replay
from pytest_llm_extract.cassette.http.router import routed
from pytest_llm_extract.cassette.ownership import active
from pytest_llm_extract.extraction.call import record, replay
from pytest_llm_extract.extraction.slot import Slot
from pytest_llm_extract.results.outcome import Status

Ask = Callable[[str], str]


def sync_client(provider: StandIn) -> Ask:
    """Ask the stand-in with one client for all threads."""
    client = openai.OpenAI(base_url=provider.base_url, api_key="loopback-only", max_retries=0)

    def ask(document: str) -> str:
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": document}])
        return str(answer.choices[0].message.content)

    return ask


def async_client(provider: StandIn) -> Callable[[str], Any]:
    """Ask the stand-in with one async client."""
    client = openai.AsyncOpenAI(base_url=provider.base_url, api_key="loopback-only", max_retries=0)

    async def ask(document: str) -> str:
        answer = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": document}])
        return str(answer.choices[0].message.content)

    return ask


def thread(provider: StandIn) -> Extractor:
    """A thread for each extraction."""
    ask = sync_client(provider)

    def extract(document: str) -> str:
        found: list[str] = []
        started = threading.Timer(0.01, lambda: found.append(ask(document)))
        started.start()
        started.join()
        return found[0]

    return extract


def pool_of_the_module(provider: StandIn) -> Extractor:
    """A pool that has its threads before the first extraction."""
    ask, pool = sync_client(provider), ThreadPoolExecutor(16)
    list(pool.map(int, range(16)))
    return lambda document: pool.submit(ask, document).result()


def pool_that_extractions_fill(provider: StandIn) -> Extractor:
    """A pool whose threads the extractions start."""
    ask, pool = sync_client(provider), ThreadPoolExecutor(16)
    return lambda document: pool.submit(ask, document).result()


def pool_of_the_extraction(provider: StandIn) -> Extractor:
    """Three requests at once in a pool of the extraction's own."""
    ask = sync_client(provider)

    def extract(document: str) -> str:
        with ThreadPoolExecutor(3) as pool:
            return list(pool.map(ask, [document] * 3))[1]

    return extract


def thread_pool_of_multiprocessing(provider: StandIn) -> Extractor:
    """The same with multiprocessing's pool of threads."""
    ask = sync_client(provider)

    def extract(document: str) -> str:
        with ThreadPool(3) as pool:
            return pool.map(ask, [document] * 3)[1]

    return extract


def loop_in_the_background(provider: StandIn) -> Extractor:
    """One event loop in a thread that the first extraction starts for all."""
    ask, loop, lock, started = async_client(provider), asyncio.new_event_loop(), threading.Lock(), list[bool]()

    def extract(document: str) -> Any:
        with lock:
            if not started:
                threading.Thread(target=loop.run_forever, daemon=True).start()
                started.append(True)
        return asyncio.run_coroutine_threadsafe(ask(document), loop).result()

    return extract


def task_group(provider: StandIn) -> Extractor:
    """Three tasks for each extraction."""
    ask = async_client(provider)

    async def extract(document: str) -> Any:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(document)) for _ in range(3)]
        return tasks[2].result()

    return extract


def to_thread(provider: StandIn) -> Extractor:
    """The sync client, from a coroutine."""
    ask = sync_client(provider)

    async def extract(document: str) -> Any:
        return await asyncio.to_thread(ask, document)

    return extract


def executor_of_the_loop(provider: StandIn) -> Extractor:
    """The same through the loop's own executor."""
    ask = sync_client(provider)

    async def extract(document: str) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, ask, document)

    return extract


@pytest.mark.parametrize(
    ("make", "requests"),
    [
        (thread, 1),
        (pool_of_the_module, 1),
        (pool_that_extractions_fill, 1),
        (pool_of_the_extraction, 3),
        (thread_pool_of_multiprocessing, 3),
        (loop_in_the_background, 1),
        (task_group, 3),
        (to_thread, 1),
        (executor_of_the_loop, 1),
    ],
)
def test_nothing_crosses(make: Callable[[StandIn], Extractor], requests: int, tmp_path: Path) -> None:
    """Sixty-four extractions at once, each with its own exchanges, recorded and replayed."""
    with StandIn(slow_echo) as provider:
        assert_nothing_crosses(make(provider), tmp_path, provider, requests)


def one_thread_for_all(provider: StandIn) -> Extractor:
    """A thread that the first extraction starts, and that answers the others through a queue."""
    ask, asked, lock, started = sync_client(provider), queue.Queue[Any](), threading.Lock(), list[bool]()

    def work() -> None:
        while True:
            document, answered = asked.get()
            try:
                answered.put(ask(document))
            except Exception as error:
                answered.put(error)

    def extract(document: str) -> str:
        with lock:
            if not started:
                threading.Thread(target=work, daemon=True).start()
                started.append(True)
        answered = queue.Queue[Any]()
        asked.put((document, answered))
        found = answered.get(timeout=30)
        if isinstance(found, Exception):
            raise found
        return str(found)

    return extract


def test_shared_thread_is_refused(tmp_path: Path) -> None:
    """A thread that outlives its extraction sends other cases' requests: nothing of it is recorded, and it is said."""
    with StandIn(echo) as provider:
        calls = extract_at_once(one_thread_for_all(provider), tmp_path, record)
    assert not list(tmp_path.iterdir())
    problems = [problem_of(call) or "" for call in calls.values()]
    assert len([problem for problem in problems if "goes on after it" in problem]) == 1
    assert all(problems)


def recorded_then(recorded: Extractor, replayed: Extractor, folder: Path) -> tuple[Status, str | None]:
    """The status and the problem of one case that was recorded with one extractor and is replayed with another."""
    document = "document-00"
    with routed():
        slot = Slot(folder / "case.yaml", "case", document)
        assert record(lambda: recorded(document), slot).recorded
        call = replay(lambda: replayed(document), slot)
    return call.status, call.problem or (str(call.error) if call.error else None)


@pytest.mark.parametrize("make", [thread_pool_of_multiprocessing, task_group, pool_of_the_extraction])
def test_miss_ends_the_extraction(make: Callable[[StandIn], Extractor], tmp_path: Path) -> None:
    """A request that is not in the cassette neither hangs a pool nor hides in a group: the case is stale."""
    with StandIn(echo) as provider:
        ask = sync_client(provider)
        assert recorded_then(ask, make(provider), tmp_path)[0] is Status.STALE
        assert len(provider.requests) == 1


@pytest.mark.parametrize("pool", [ThreadPool, ThreadPoolExecutor])
def test_side_door_in_a_pool_is_closed(pool: Any, tmp_path: Path) -> None:
    """A connection from a pool's thread fails during replay, and its caller hears of it."""
    with StandIn(echo) as provider:
        ask, port = sync_client(provider), int(provider.base_url.split(":")[2].split("/")[0])

        def connect(document: str) -> None:
            with pool(1) as threads:
                list(threads.map(socket.create_connection, [("127.0.0.1", port)]))

        status, problem = recorded_then(ask, connect, tmp_path)
        assert provider.connections == 1
    assert status is not Status.STALE
    assert "replay never touches the network" in str(problem)


def test_side_door_is_closed_for_all_at_once(tmp_path: Path) -> None:
    """Sixty-four replays at once, half of which connect by hand: those fail, the others are answered."""
    with StandIn(echo) as provider:
        ask, port = sync_client(provider), int(provider.base_url.split(":")[2].split("/")[0])
        extract_at_once(ask, tmp_path, record)
        connections = provider.connections

        def connect(document: str) -> str:
            if int(document[-2:]) % 2:
                socket.create_connection(("127.0.0.1", port))
            return ask(document)

        calls = extract_at_once(connect, tmp_path, replay)
        assert provider.connections == connections
    answered = {document for document, call in calls.items() if problem_of(call) is None}
    assert {document: name_of(calls[document]) for document in answered} == {name: name for name in answered}
    assert len(answered) == AT_ONCE // 2


def test_pool_is_free_after_the_replay(tmp_path: Path) -> None:
    """The thread that a replay started in a shared pool serves others afterwards, not while another case replays."""
    with StandIn(echo) as provider:
        ask, pool = sync_client(provider), ThreadPoolExecutor(1)
        replayed = recorded_then(ask, lambda document: pool.submit(ask, document).result(), tmp_path)
        assert replayed == (Status.OK, None)
        address = ("127.0.0.1", int(provider.base_url.split(":")[2].split("/")[0]))
        other = Replay(Recording(()))
        active.add(other)
        try:
            with pytest.raises(ConnectionError, match="was refused while an extraction replays"):
                pool.submit(socket.create_connection, address).result()
        finally:
            active.remove(other)
        pool.submit(socket.create_connection, address).result().close()
