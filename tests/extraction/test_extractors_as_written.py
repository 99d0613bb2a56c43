"""Extractors as people write them: all that they send is recorded and replayed, and nothing else passes for it."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Self

import pydantic
import pytest
from standin import Reply, StandIn

from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.suites.extractors import name_of, returned_type

HEAD = """
import asyncio, dataclasses, functools, json, os, queue, socket, sys, threading, typing
import openai, pytest
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pydantic import BaseModel, ValidationError

class Item(BaseModel):
    name: str

client, async_client = openai.OpenAI(max_retries=0), openai.AsyncOpenAI(max_retries=0)
CASES = [{"id": f"c{i}", "input": f"doc {i}", "expected": {"name": f"doc {i}"}} for i in range(2)]
LISTS = [{"id": f"c{i}", "input": f"doc {i}", "expected": [{"name": f"doc {i}"}]} for i in range(2)]

def request(text, system="Read.", model="m"):
    return {"model": model, "messages": [{"role": "system", "content": system}, {"role": "user", "content": text}]}

def ask(text, system="Read.", model="m"):
    return client.chat.completions.create(**request(text, system, model)).choices[0].message.content

def parse(answer) -> Item:
    return Item.model_validate_json(answer)

def suite(extractor, cases=CASES, **arguments):
    @pytest.mark.llm_extract(extractor=extractor, cases=cases, **arguments)
    def test(extraction):
        assert extraction.output
    return test
"""


def answer(body: dict[str, Any]) -> str | Reply:
    """The document is the name; the system message asks for bad answers."""
    system, text = body["messages"][0]["content"], body["messages"][-1]["content"]
    if body["model"] == "gone":
        return Reply(404, json.dumps({"error": {"message": "no such model", "code": "model_not_found"}}))
    return "oops" if system == "Break." else json.dumps({"name": text})


class Forgetful(StandIn):
    """Answers like `answer`, and well at every third try only where it is told to be flaky."""

    def __init__(self) -> None:
        self.tries: dict[str, int] = {}
        super().__init__(self.flaky)

    def flaky(self, body: dict[str, Any]) -> str | Reply:
        system, text = body["messages"][0]["content"], body["messages"][-1]["content"]
        self.tries[text] = self.tries.get(text, 0) + (system == "Be flaky.")
        return "oops" if system == "Be flaky." and self.tries[text] % 3 else answer(body)


@pytest.fixture
def provider(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A provider that is where clients look for OpenAI, with a key that is none."""
    with Forgetful() as standin:
        monkeypatch.setenv("OPENAI_BASE_URL", standin.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
        yield standin


def run(project: pytest.Pytester, *arguments: str) -> tuple[pytest.RunResult, dict[str, tuple[set[str], str]]]:
    """Run pytest; by suite the statuses of its cases, and the last one's error."""
    found = project.runpytest_subprocess("--llm-extract-json=out.json", "--tb=short", *arguments)
    suites = json.loads((project.path / "out.json").read_text())["suites"]
    return found, {
        suite["id"].partition("::test_")[2]: (
            {case["status"] for case in suite["cases"]},
            suite["cases"][-1]["error"] or "",
        )
        for suite in suites
    }


GOOD = """
def repaired(text) -> Item:
    try:
        return parse(ask(text, "Break."))
    except ValidationError:
        return parse(ask(text, "Repair it."))

def with_fallback(text) -> Item:
    try:
        return parse(ask(text, model="gone"))
    except openai.NotFoundError:
        return parse(ask(text))

def tried_again(text) -> Item:
    for _ in range(3):
        try:
            return parse(ask(text, "Be flaky."))
        except ValidationError:
            pass

async def in_executor(text) -> Item:
    return parse(await asyncio.get_running_loop().run_in_executor(None, ask, text))

async def gathered(text) -> Item:
    create = async_client.chat.completions.create
    found = await asyncio.gather(*(create(**request(text, f"Read {i}.")) for i in range(5)))
    assert len({json.dumps(one.choices[0].message.content) for one in found}) == 1
    return parse(found[4].choices[0].message.content)

def pieces(text):
    for chunk in client.chat.completions.create(stream=True, **request(text)):
        yield chunk.choices[0].delta.content or "" if chunk.choices else ""

def streamed(text) -> Item:
    return parse("".join(pieces(text)))

def streamed_in_part(text) -> Item:
    found = ""
    for piece in pieces(text):
        found += piece
        if "}" in found:
            return parse(found)

def generated(text) -> Iterator[Item]:
    yield parse(ask(text))

async def generated_async(text) -> AsyncIterator[Item]:
    yield parse((await async_client.chat.completions.create(**request(text))).choices[0].message.content)

class Reader:
    def __call__(self, text) -> Item:
        return parse(ask(text, "Call."))

class Read(Item):
    @classmethod
    def of(cls, text) -> typing.Self:
        return cls.model_validate_json(ask(text))

@dataclasses.dataclass
class Plain:
    name: str

def plain(text) -> Plain:
    return Plain(**json.loads(ask(text)))

pool = ThreadPoolExecutor(2)
list(pool.map(int, [1, 2]))

def pooled(text) -> Item:
    first, _ = pool.map(functools.partial(ask, text), ["One.", "Two."])
    return parse(first)

for extractor in (repaired, with_fallback, tried_again, in_executor, gathered, streamed, streamed_in_part, pooled):
    globals()[f"test_{extractor.__name__}"] = suite(extractor)
test_generated, test_generated_async = suite(generated, LISTS), suite(generated_async, LISTS)
test_reader, test_of, test_plain = suite(Reader()), suite(Read.of), suite(plain, schema=Item)
"""


def test_what_they_send_is_recorded_and_replayed(pytester: pytest.Pytester, provider: StandIn) -> None:
    """Repairs, fallbacks, retries, threads, streams read to the end or not, generators, and all kinds of callables."""
    pytester.makepyfile(test_good=HEAD + GOOD)
    recorded, suites = run(pytester, "--llm-record")
    recorded.assert_outcomes(passed=3 * len(suites))
    assert len(suites) == 13
    connections = provider.connections
    replayed, again = run(pytester, "-n2")
    replayed.assert_outcomes(passed=3 * len(suites))
    assert again == suites == dict.fromkeys(suites, ({"ok"}, ""))
    assert provider.connections == connections


TENACITY = """
import tenacity

@tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_none(), reraise=True)
def tenacious(text) -> Item:
    return parse(ask(text, "Be flaky."))

@tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_none())
def stubborn(text) -> Item:
    return parse(ask(text, "Again." if "SECOND" in os.environ else "Once."))

test_tenacious, test_stubborn = suite(tenacious), suite(stubborn)
"""


def test_tenacity(pytester: pytest.Pytester, provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tries are recorded one by one; a request that is not in the cassette is not tried again."""
    pytest.importorskip("tenacity")
    pytester.makepyfile(test_good=HEAD + TENACITY)
    run(pytester, "--llm-record")[0].assert_outcomes(passed=6)
    assert len(provider.requests) == 2 * 3 + 2
    monkeypatch.setenv("SECOND", "1")
    found, suites = run(pytester)
    found.assert_outcomes(passed=3, failed=3)
    assert suites["stubborn"] == ({"stale"}, "system prompt changed")


CACHES = """
import pathlib

@functools.cache
def remembered(text):
    return ask(text, "Remember.")

def cached(text) -> Item:
    return parse(remembered(text))

def on_disk(text) -> Item:
    path = pathlib.Path("cache", text)
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(ask(text, "Keep."))
    return parse(path.read_text())

@functools.cache
def examples():
    return ask("", "Find examples.")

def in_part(text) -> Item:
    return parse(examples() and ask(text, "Then."))

test_cached, test_on_disk, test_in_part = suite(cached), suite(on_disk), suite(in_part, CASES[:1])
"""
DISKCACHE = """
import diskcache

@diskcache.Cache("disk").memoize()
def memoized(text):
    return ask(text, "Memoize.")

def with_diskcache(text) -> Item:
    return parse(memoized(text))

test_with_diskcache = suite(with_diskcache)
"""


def test_a_call_that_never_happens_is_no_replay(pytester: pytest.Pytester, provider: StandIn) -> None:
    """What a cache answered was not tested: that is said where it happens, and what to do."""
    pytester.makepyfile(test_caches=HEAD + CACHES)
    recorded, suites = run(pytester, "--llm-record")
    none = "the extraction sent no request, so its cassette was not replayed; if a cache answered, give extractor="
    for name in ("cached", "on_disk"):
        assert suites[name][0] == {"error"}
        assert suites[name][1].startswith(none)
    assert suites["in_part"][0] == {"stale"}
    assert "only 1 of the 2 recorded requests sent, though it was recorded a moment ago: if a" in suites["in_part"][1]
    recorded.stdout.fnmatch_lines(["ERROR: the extraction sent no request*if a cache answered*(2 cases: c0, c1)"])
    _, later = run(pytester)
    assert [later[name][0] for name in ("cached", "on_disk", "in_part")] == [{"ok"}, {"error"}, {"ok"}]


def test_diskcache(pytester: pytest.Pytester, provider: StandIn) -> None:
    """The same with the library."""
    pytest.importorskip("diskcache")
    pytester.makepyfile(test_caches=HEAD + DISKCACHE)
    run(pytester, "--llm-record")[0].stdout.fnmatch_lines(
        ["ERROR: the extraction sent no request*if a cache answered*"]
    )


def test_a_cached_extractor_is_refused(pytester: pytest.Pytester) -> None:
    """One line at collection, with the way out."""
    pytester.makepyfile(test_cached=HEAD + "@functools.cache\ndef read(text) -> Item: ...\n\ntest_read = suite(read)")
    found = pytester.runpytest_subprocess()
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["*read is cached, and replay needs its requests: give extractor=read.__wrapped__"])


CHANGED = """
SECOND = "SECOND" in os.environ

def shorter(text) -> Item:
    if not SECOND:
        ask(text, "First.")
    return parse(ask(text))

def swallowing(text) -> Item:
    try:
        return parse(ask(text, "Changed." if SECOND else "Read."))
    except BaseException:
        return Item(name=text)

def lost_in_a_thread(text) -> Item:
    found = [json.dumps({"name": text})]
    thread = threading.Thread(target=lambda: found.append(ask(text, "Changed." if SECOND else "Read.")))
    thread.start()
    thread.join()
    return parse(found[-1])

def side_door(text) -> Item:
    answer = ask(text)
    try:
        if SECOND:
            socket.create_connection(("127.0.0.1", 9))
    except BaseException:
        pass
    return parse(answer)

def dated(text) -> Item:
    return parse(ask(text, f"Read. Today is {'2026-11-25 08:30' if SECOND else '2026-11-24 17:15'}."))

async def exiting(text) -> Item:
    answer = (await async_client.chat.completions.create(**request(text))).choices[0].message.content
    if SECOND and text == "doc 0":
        sys.exit(3)
    return parse(answer)

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("nothing to say")

def crashing(text) -> Item:
    answer = ask(text)
    if SECOND:
        raise Mute
    return parse(answer)

names = "shorter swallowing lost_in_a_thread side_door dated exiting crashing"
for name in names.split():
    globals()[f"test_{name}"] = suite(globals()[name])
"""


def test_what_was_recorded_and_is_not_sent_fails(
    pytester: pytest.Pytester, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the extractor hides it, or loses it in a thread; and a crash shows the extractor's code, not ours."""
    pytester.makepyfile(test_changed=HEAD + CHANGED)
    recorded, suites = run(pytester, "--llm-record")
    recorded.assert_outcomes(passed=3 * len(suites))
    monkeypatch.setenv("SECOND", "1")
    connections = provider.connections
    found, suites = run(pytester)
    assert provider.connections == connections
    assert suites["shorter"] == ({"stale"}, "only 1 of the 2 recorded requests sent")
    assert suites["swallowing"] == suites["lost_in_a_thread"] == ({"stale"}, "system prompt changed")
    assert suites["side_door"][0] == {"error"}
    assert "tried to reach 127.0.0.1:9, and replay never touches the network" in suites["side_door"][1]
    assert suites["dated"] == ({"stale"}, "system prompt changed")
    assert suites["exiting"][0] == {"error", "ok"}  # the event loop outlives it
    assert suites["crashing"] == ({"error"}, "Mute (its text cannot be read)")
    found.stdout.fnmatch_lines(["test_changed.py:*: in crashing"])
    found.stdout.fnmatch_lines(
        [
            "STALE: only 1 of the 2 recorded requests sent (2 cases: c0, c1)",
            "    if a cache answered, give extractor= *",
            "STALE: system prompt changed (2 cases: c0, c1)",
            "    is there a time or a random value in it?*",
        ]
    )
    found.stdout.no_fnmatch_line("*pytest_llm_extract*: in *")


STRAY = """
asked = queue.Queue()

def work():
    while True:
        text, answered = asked.get()
        try:
            client.post("/chat/completions?signature=of-the-request", body={"text": text}, cast_to=object)
        except Exception:
            answered.put(json.dumps({"name": text}))

threading.Thread(target=work, daemon=True).start()

def read(text) -> Item:
    answered = queue.Queue()
    asked.put((text, answered))
    return parse(answered.get())

test_read = suite(read)
"""


def test_a_thread_of_nobody_is_named(pytester: pytest.Pytester, provider: StandIn) -> None:
    """A thread that was there before, and that hides why it got no answer: nothing is sent, nothing recorded."""
    pytester.makepyfile(test_stray=HEAD + STRAY)
    found, suites = run(pytester, "--llm-record")
    found.assert_outcomes(failed=3)
    assert suites["read"][0] == {"missing"}
    sent = f"sent a request to {provider.base_url}/chat/completions;"
    assert f"a thread that was not started by this extraction {sent}" in suites["read"][1]
    assert provider.requests == []


LATE = """
import time
waiting = ThreadPoolExecutor(2)

def audit():
    time.sleep(0.7)
    ask("audit")

def audit_further():
    time.sleep(0.3)
    threading.Thread(target=audit).start()

async def audit_async():
    await asyncio.sleep(0.7)
    await async_client.chat.completions.create(**request("audit"))

def in_thread(text) -> Item:
    threading.Thread(target=audit).start()
    return parse(ask(text))

def in_pool(text) -> Item:
    waiting.submit(audit)
    return parse(ask(text))

def in_thread_of_a_thread(text) -> Item:
    threading.Thread(target=audit_further).start()
    return parse(ask(text))

async def in_task(text) -> Item:
    asyncio.create_task(audit_async())
    return parse((await async_client.chat.completions.create(**request(text))).choices[0].message.content)

test_late = suite(globals()[os.environ["LATE"]], CASES[:1])

def test_others():
    time.sleep(1.5)
    with socket.create_connection(("127.0.0.1", int(os.environ["OPENAI_BASE_URL"].split(":")[2].split("/")[0]))):
        pass
"""


@pytest.mark.parametrize(
    ("late", "key"),
    [
        ("in_thread", "loopback-only"),
        ("in_thread", ""),
        ("in_pool", "loopback-only"),
        ("in_thread_of_a_thread", "loopback-only"),
        ("in_task", "loopback-only"),
    ],
)
def test_what_nobody_waits_for_is_refused_for_ever(
    pytester: pytest.Pytester, provider: StandIn, monkeypatch: pytest.MonkeyPatch, late: str, key: str
) -> None:
    """It sends its first request when no replay is under way any more: nothing goes out, and a warning says so."""
    pytester.makepyfile(test_late=HEAD + LATE)
    monkeypatch.setenv("LATE", late)
    pytester.runpytest_subprocess("--llm-record", "-k", "not others").assert_outcomes(passed=2)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    sent, connections = len(provider.requests), provider.connections
    found = pytester.runpytest_subprocess()
    found.assert_outcomes(passed=3)
    assert (len(provider.requests), provider.connections) == (sent, connections + 1)  # that of the foreign test
    found.stdout.fnmatch_lines(["*started and did not wait for tried to reach 127.0.0.1:* after the extraction had *"])


class Item(pydantic.BaseModel):
    """What the extractors below give."""

    name: str

    @classmethod
    def of(cls, text: str) -> Self:
        raise NotImplementedError

    def __call__(self, text: str) -> list[Item]:
        raise NotImplementedError


def _read(text: str) -> Item:
    raise NotImplementedError


def _read_soon(text: str) -> Awaitable[Item]:
    raise NotImplementedError


def _read_all(text: str) -> Iterator[Item]:
    raise NotImplementedError


def _read_all_soon(text: str) -> AsyncIterator[Item]:
    raise NotImplementedError


@functools.wraps(_read)
def _decorated(*args: Any) -> Any:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("extractor", "name", "type_"),
    [
        (_read, "_read", Item),
        (_decorated, "_read", Item),
        (functools.partial(functools.partial(_read)), "_read", Item),
        (_read_soon, "_read_soon", Item),
        (_read_all, "_read_all", list[Item]),
        (_read_all_soon, "_read_all_soon", list[Item]),
        (Item, "Item", Item),
        (Item.of, "of", Item),
        (Item(name="x"), "Item", list[Item]),
    ],
)
def test_schema_is_what_comes_out_at_the_end(extractor: Callable[..., Any], name: str, type_: Any) -> None:
    """Awaited, read to the end, through decorators and partials, of classes and of objects that can be called."""
    assert (name_of(extractor), returned_type(extractor, "t")) == (name, type_)


def test_no_annotation_says_what_to_do() -> None:
    """A lambda cannot have one."""
    with pytest.raises(UsageError, match=r"^t: lambda has no return annotation: give schema=$"):
        returned_type(lambda text: text, "t")
    with pytest.raises(UsageError, match=r"annotate it .* or give schema="):
        returned_type(_bare, "t")


def _bare(text):  # type: ignore[no-untyped-def]
    return text
