"""Answers from a cache, and requests that were recorded and are not sent."""

from __future__ import annotations

import pytest
from as_written import HEAD, run
from standin import StandIn

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


def test_a_call_that_never_happens_is_no_replay(pytester: pytest.Pytester, answering: StandIn) -> None:
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


def test_diskcache(pytester: pytest.Pytester, answering: StandIn) -> None:
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
    pytester: pytest.Pytester, answering: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the extractor hides it, or loses it in a thread; and a crash shows the extractor's code, not ours."""
    pytester.makepyfile(test_changed=HEAD + CHANGED)
    recorded, suites = run(pytester, "--llm-record")
    recorded.assert_outcomes(passed=3 * len(suites))
    monkeypatch.setenv("SECOND", "1")
    connections = answering.connections
    found, suites = run(pytester)
    assert answering.connections == connections
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
