"""Threads and tasks that belong to no extraction, or outlive theirs."""

from __future__ import annotations

import time

import pytest
from as_written import HEAD, run
from standin import StandIn

pytestmark = pytest.mark.own_process  # what runs leave behind must not meet the next one

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


def test_a_thread_of_nobody_is_named(pytester: pytest.Pytester, answering: StandIn) -> None:
    """A thread that was there before, and that hides why it got no answer: nothing is sent, nothing recorded."""
    pytester.makepyfile(test_stray=HEAD + STRAY)
    found, suites = run(pytester, "--llm-record")
    found.assert_outcomes(failed=3)
    assert suites["read"][0] == {"missing"}
    sent = f"sent a request to {answering.base_url}/chat/completions;"
    assert f"a thread that was not started by this extraction {sent}" in suites["read"][1]
    assert answering.requests == []


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


@pytest.mark.slow
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
    pytester: pytest.Pytester, answering: StandIn, monkeypatch: pytest.MonkeyPatch, late: str, key: str
) -> None:
    """It sends its first request when no replay is under way any more: nothing goes out, and a warning says so."""
    pytester.makepyfile(test_late=HEAD + LATE)
    monkeypatch.setenv("LATE", late)
    pytester.runpytest_subprocess("--llm-record", "-k", "not others").assert_outcomes(passed=2)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    sent, connections = len(answering.requests), answering.connections
    found = pytester.runpytest_subprocess()
    found.assert_outcomes(passed=3)
    end = time.monotonic() + 5
    while answering.connections == connections and time.monotonic() < end:
        time.sleep(0.01)  # the stand-in counts in a thread of its own
    assert (len(answering.requests), answering.connections) == (sent, connections + 1)  # that of the foreign test
    found.stdout.fnmatch_lines(["*started and did not wait for tried to reach 127.0.0.1:* after the extraction had *"])
