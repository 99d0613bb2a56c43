"""Extractors as people write them: repairs, fallbacks, threads, streams, retries."""

from __future__ import annotations

import pytest
from as_written import HEAD, run
from standin import StandIn

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


@pytest.mark.slow
def test_what_they_send_is_recorded_and_replayed(pytester: pytest.Pytester, answering: StandIn) -> None:
    """Repairs, fallbacks, retries, threads, streams read to the end or not, generators, and all kinds of callables."""
    pytester.makepyfile(test_good=HEAD + GOOD)
    recorded, suites = run(pytester, "--llm-record")
    recorded.assert_outcomes(passed=3 * len(suites))
    assert len(suites) == 13
    connections = answering.connections
    replayed, again = run(pytester, "-n2")
    replayed.assert_outcomes(passed=3 * len(suites))
    assert again == suites == dict.fromkeys(suites, ({"ok"}, ""))
    assert answering.connections == connections


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


def test_tenacity(pytester: pytest.Pytester, answering: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tries are recorded one by one; a request that is not in the cassette is not tried again."""
    pytest.importorskip("tenacity")
    pytester.makepyfile(test_good=HEAD + TENACITY)
    run(pytester, "--llm-record")[0].assert_outcomes(passed=6)
    assert len(answering.requests) == 2 * 3 + 2
    monkeypatch.setenv("SECOND", "1")
    found, suites = run(pytester)
    found.assert_outcomes(passed=3, failed=3)
    assert suites["stubborn"] == ({"stale"}, "system prompt changed")
