"""A project in a folder of its own, and a stand-in provider on loopback."""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import shutil
import signal
import ssl
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import commands
import pytest
import yaml  # noqa: F401  # pytester's runs in this process forget what they import, and yaml's C part loads only once
from recorded import record_in
from standin import StandIn

import pytest_llm_extract

pytest_plugins = ["pytester", "any_provider", "as_written", "batched", "people", "unrecorded"]

with suppress(ImportError):  # .ci/clients and .ci/among do without hypothesis
    from hypothesis import settings

    settings.register_profile("any machine", deadline=None)  # a busy one is no failure
    settings.load_profile("any machine")

# Plugins that pytest would load in each run of a test, for nothing: half of its start.
UNASKED = "-p no:hypothesispytest -p no:asyncio -p no:anyio -p no:rerunfailures"

MODULE = """
import pytest
from openai import OpenAI
from pydantic import BaseModel

class Item(BaseModel):
    name: str
    size: int | None = None

client = OpenAI()

def read(text: str) -> Item:
    answer = client.chat.completions.create(
        model="m", messages=[{"role": "system", "content": "Read."}, {"role": "user", "content": text}]
    )
    return Item.model_validate_json(answer.choices[0].message.content)

@pytest.mark.llm_extract(extractor=read, cases="gold.jsonl")
@pytest.mark.llm_accuracy(0.75)
def test_items(extraction):
    assert extraction.output.name
"""


def answer_item(body: dict[str, Any]) -> str:
    """`name size` as the document says it."""
    name, _, size = body["messages"][-1]["content"].partition(" ")
    return json.dumps({"name": name, "size": int(size) if size else None})


# Packages that a run in this process would import anew each time, since pytester forgets what its run imported.
HEAVY = (
    "pydantic",
    "vcr",
    "openai",
    "openai.resources.chat.completions",
    "rich.table",
    "jinja2",
    "deepdiff",
    "genai_prices",
)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers of our own tests."""
    config.addinivalue_line("markers", "slow: takes seconds, or starts xdist workers; `-m 'not slow'` leaves it out")
    config.addinivalue_line("markers", "own_process: its runs of pytest and llm-extract need processes of their own")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow every test with a parameter that makes its runs start xdist workers."""
    for item in items:
        values = (
            item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
        )
        if any(value == "2" or "-n2" in str(value) for value in values):
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let every TLS context trust one certificate: reading all of them takes 35 ms for each call of urllib."""
    known = ssl.create_default_context().get_ca_certs(binary_form=True)
    if not known:
        yield
        return
    path = tmp_path_factory.mktemp("tls") / "one.pem"
    path.write_text(ssl.DER_cert_to_PEM_cert(known[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield


@pytest.fixture(scope="session", autouse=True)
def heavy_packages() -> None:
    """Import once what most runs import, and all of this package, of which a process must hold one copy."""
    with suppress(ImportError):
        for name in HEAVY:
            importlib.import_module(name)
    for module in pkgutil.walk_packages(pytest_llm_extract.__path__, "pytest_llm_extract."):
        with suppress(ImportError):  # an extra that is not installed
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()  # each run of pytest collects garbage at its end, several times: not among all these modules


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, processes: None) -> pytest.Pytester:
    """pytest's own. Serial runs may share this process."""
    if "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ:
        monkeypatch.setenv("PYTEST_ADDOPTS", UNASKED)
    for name in ("CI", "BUILD_NUMBER", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)
    if commands.shares_process:
        monkeypatch.setattr(pytester, "runpytest_subprocess", partial(_run_in_process, pytester))
        monkeypatch.setattr(pytester, "run", partial(_run_program, pytester))
    return pytester


def _run_in_process(pytester: pytest.Pytester, *arguments: str, **options: Any) -> pytest.RunResult:
    """Run pytest in this process; with workers or a time limit in one of its own."""
    if "timeout" in options or any(str(argument).startswith("-n") and argument != "-n0" for argument in arguments):
        return pytest.Pytester.runpytest_subprocess(pytester, *arguments, **options)
    return pytester.runpytest_inprocess(*arguments, **options)


def _run_program(pytester: pytest.Pytester, *arguments: Any, **options: Any) -> pytest.RunResult:
    """Run `llm-extract` in this process, any other program as it is."""
    if options or Path(arguments[0]).stem != Path(commands.LLM_EXTRACT).stem:
        return pytest.Pytester.run(pytester, *arguments, **options)
    done = commands.llm_extract(*arguments[1:], cwd=pytester.path)
    return pytest.RunResult(done.returncode, done.stdout.splitlines(), done.stderr.splitlines(), 0.0)


@pytest.fixture(autouse=True)
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of pytest and llm-extract share this process, but for `own_process` and --runpytest=subprocess."""
    in_process = request.config.getoption("runpytest", "inprocess") == "inprocess"
    own_process = request.node.get_closest_marker("own_process")
    monkeypatch.setattr(commands, "shares_process", in_process and not own_process)


@pytest.fixture
def all_plugins(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs load whatever is installed."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes take Ctrl-C also where this run ignores it, as what a shell runs in its background does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def provider() -> Iterator[StandIn]:
    """A stand-in that reads items."""
    with StandIn(answer_item) as standin:
        yield standin


@pytest.fixture
def bare(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project, and no key."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return pytester


@pytest.fixture
def project(bare: pytest.Pytester) -> pytest.Pytester:
    """A suite of four cases, one of which the provider gets wrong, and no key."""
    _write_items(bare.path)
    return bare


def _write_items(folder: Path) -> None:
    rows = [
        ("c0", "bolt 4", "bolt", 4),
        ("c1", "nut 5", "nut", 5),
        ("c2", "pin", "pin", None),
        ("c3", "cap 9", "cap", 8),
    ]
    lines = [json.dumps({"id": i, "input": t, "expected": {"name": n, "size": s}}) for i, t, n, s in rows]
    (folder / "gold.jsonl").write_text("\n".join(lines))
    (folder / "test_items.py").write_text(MODULE)


@pytest.fixture(scope="session")
def recorded_items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its cassettes: recorded once, copied for each test."""
    folder = tmp_path_factory.mktemp("items")
    _write_items(folder)
    said = record_in(folder, answer_item)
    assert "5 passed" in said
    return folder / "cassettes"


@pytest.fixture
def recorded(project: pytest.Pytester, recorded_items: Path) -> pytest.Pytester:
    """The same project with its cassettes, and no provider."""
    shutil.copytree(recorded_items, project.path / "cassettes")
    return project
