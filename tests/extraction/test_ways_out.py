"""Ways out to the network while a suite replays: none is live but those that docs/clients.md lists."""

from __future__ import annotations

import json

import pytest
from as_written import HEAD
from standin import StandIn

pytestmark = pytest.mark.own_process  # which the guard's audit hook stays in

# Each way writes how it ended: refused, or live whatever came of it.
WAYS = (
    HEAD
    + """
import _thread, atexit, contextvars, http.client, pathlib, time, urllib.request
from pydantic import field_validator

LOG = pathlib.Path(os.environ["WAYS"])
AWAY = ("192.0.2.1", 9)
HERE = ("127.0.0.1", int(os.environ["OPENAI_BASE_URL"].split(":")[2].split("/")[0]))
SECOND = "SECOND" in os.environ

def way(name, function, *args):
    if not SECOND:
        return
    try:
        function(*args)
        end = "live"
    except BaseException as error:
        chain = []
        while error is not None:
            chain.append(str(error))
            error = error.__cause__ or error.__context__
        end = "refused" if "replay never touches the network" in " ".join(chain) else f"live {chain}"
    with LOG.open("a") as log:
        log.write(json.dumps([name, end]) + "\\n")

def connect(address=AWAY):
    socket.create_connection(address, timeout=0.05).close()

def datagram(address=AWAY):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", address)

def stream(address=AWAY):
    asyncio.run(asyncio.wait_for(asyncio.open_connection(*address), 0.05))

def url():
    urllib.request.urlopen("http://192.0.2.1:9/x", timeout=0.05)

def ask_away():
    openai.OpenAI(base_url="http://192.0.2.1:9/v1", timeout=0.05, max_retries=0).models.list()

OUTSIDE = {"socket": connect, "name": lambda: socket.getaddrinfo("a.invalid", 80), "datagram": datagram,
           "asyncio": stream, "urllib": url, "client": ask_away,
           "old name": lambda: socket.gethostbyname("a.invalid")}

def outside(where):
    for name, function in OUTSIDE.items():
        way(f"{where}: {name}", function)

def in_thread(function):
    found = []
    def run():
        try:
            function()
        except BaseException as error:
            found.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if found:
        raise found[0]

outside("import")
way("import: thread", in_thread, connect)
atexit.register(way, "atexit", connect)
from atexit import register
register(way, "atexit by name", ask_away)

# What is there before any extraction.
kept = socket.create_connection(HERE)
connection = http.client.HTTPConnection(*HERE)
connection.connect()
pool = ThreadPoolExecutor(1)
pool.submit(int).result()
jobs = queue.Queue()

def work():
    while True:
        function, done = jobs.get()
        try:
            function()
            done.put(None)
        except BaseException as error:
            done.put(error)

threading.Thread(target=work, daemon=True).start()

def by_queue():
    done = queue.Queue()
    jobs.put((lambda: connect(HERE), done))
    if (error := done.get()) is not None:
        raise error

def by_thread_module():
    done = queue.Queue()
    def run():
        try:
            connect(HERE)
            done.put(None)
        except BaseException as error:
            done.put(error)
    _thread.start_new_thread(run, ())
    if (error := done.get()) is not None:
        raise error

INSIDE = {
    "socket": lambda: connect(HERE),
    "datagram": lambda: datagram(HERE),
    "name": lambda: socket.getaddrinfo("a.invalid", 1),
    "connected at import": lambda: kept.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n"),
    "http.client of the import": lambda: connection.sock.sendall(b"x"),
    "empty context": lambda: contextvars.Context().run(connect, HERE),
    "pool of the import": lambda: pool.submit(connect, HERE).result(),
    "queue of the import": by_queue,
    "_thread": by_thread_module,
    "thread": lambda: in_thread(lambda: connect(HERE)),
    "pool in an empty context": lambda: contextvars.Context().run(lambda: pool.submit(connect, HERE).result()),
    "another loop": lambda: in_thread(lambda: stream(HERE)),
}

def inside(where):
    for name, function in INSIDE.items():
        way(f"{where}: {name}", function)

ANSWERED = []

class Checked(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def look_up(cls, name):
        outside("validation of gold" if not ANSWERED else "validation")
        if ANSWERED:
            inside("validation")
        return name

def same(expected, actual):
    inside("comparison")
    outside("comparison")
    return expected == actual

def read(text) -> Checked:
    answer = ask(text)
    inside("extraction")
    return json.loads(answer)

def read_quietly(text) -> Checked:
    ANSWERED.append(text)
    return json.loads(ask(text))

@pytest.fixture(scope="session")
def shared():
    outside("session fixture")
    connect(HERE)
    yield
    outside("end of the session fixture")

@pytest.fixture
def own():
    outside("fixture")
    yield
    outside("end of the fixture")

def test_first(shared):
    if SECOND:
        try:
            connect()
        except OSError as error:
            assert "replay never" not in str(error)

@pytest.mark.llm_extract(extractor=read, cases=CASES[:1], compare={"name": same})
def test_read(extraction, shared, own):
    outside("body")
    connect(HERE)
    extraction.output

@pytest.mark.llm_extract(extractor=read_quietly, cases=CASES[:1], compare={"name": same})
def test_judged(extraction): ...
"""
)


@pytest.mark.slow
def test_no_way_out_is_live(pytester: pytest.Pytester, answering: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Import, fixtures and bodies reach this machine alone; extraction, validation and scoring reach nothing."""
    log = pytester.path / "ways.jsonl"
    monkeypatch.setenv("WAYS", str(log))
    pytester.makepyfile(test_ways=WAYS)
    pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=5)
    monkeypatch.setenv("SECOND", "1")
    run = pytester.runpytest_subprocess("-rA")
    ends = [json.loads(line) for line in log.read_text().splitlines()]
    assert [end for end in ends if end[1] != "refused"] == []
    wheres = {name.partition(":")[0] for name, _ in ends}
    assert wheres >= {
        "import",
        "atexit",
        "atexit by name",
        "validation of gold",
        "extraction",
        "validation",
        "comparison",
    }
    assert wheres >= {"session fixture", "end of the session fixture", "fixture", "end of the fixture", "body"}
    assert len(ends) >= 100
    run.assert_outcomes(passed=1, failed=4)  # the foreign test connects; both cases and both gates fail
    run.stdout.fnmatch_lines_random(
        [
            "*error: the extraction tried to reach 127.0.0.1*",
            "*error: the validation or scoring of the answer tried to *",
        ]
    )


UVLOOP = (
    HEAD
    + """
uvloop = pytest.importorskip("uvloop")
HERE = ("127.0.0.1", int(os.environ["OPENAI_BASE_URL"].split(":")[2].split("/")[0]))

def read(text) -> Item:
    answer = ask(text)
    if "SECOND" in os.environ:
        uvloop.run(asyncio.open_connection(*HERE))
    return parse(answer)

test_read = suite(read, CASES[:1])
"""
)


def test_uvloop_is_no_way_out(pytester: pytest.Pytester, answering: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections are opened in C, where Python sees no event."""
    pytest.importorskip("uvloop", reason="uvloop is not installed")
    pytester.makepyfile(test_loop=UVLOOP)
    pytester.runpytest_subprocess("--llm-record").assert_outcomes(passed=2)
    monkeypatch.setenv("SECOND", "1")
    connections = answering.connections
    run = pytester.runpytest_subprocess()
    assert answering.connections == connections
    run.stdout.fnmatch_lines(["*the extraction tried to reach 127.0.0.1:*"])
