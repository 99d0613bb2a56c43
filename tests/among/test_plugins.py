"""Beside other plugins: each with ours alone, then all at once; docs/plugins.md has a line for each test."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from recorded import reachable
from standin import StandIn

PLUGINS = {
    "anyio": "anyio",
    "asyncio": "pytest-asyncio",
    "mockllm": "pytest-mockllm",
    "pytest_cov": "pytest-cov",
    "pytest_httpx": "pytest-httpx",
    "randomly": "pytest-randomly",
    "recording": "pytest-recording",
    "rerunfailures": "pytest-rerunfailures",
    "socket": "pytest-socket",
    "syrupy": "syrupy",
    "timeout": "pytest-timeout",
    "xdist": "pytest-xdist",
}
INSTALLED = {found.name for found in entry_points(group="pytest11")}
ASYNC = ("OpenAI", "AsyncOpenAI"), ("def read", "async def read"), ("= client.", "= await client.")
ASYNC_BODY = (*ASYNC, ("def test_items", "async def test_items"))
Beside = Callable[..., pytest.RunResult]
pytestmark = pytest.mark.slow


def needs(*names: str) -> pytest.MarkDecorator:
    """Skip a test where one of these plugins, by the names that they register, is not installed."""
    absent = [PLUGINS[name] for name in names if name not in INSTALLED]
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)} (.ci/among has them)")


@pytest.fixture
def beside(
    project: pytest.Pytester,
    provider: StandIn,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Beside:
    """`beside("xdist", "-n2")` replays the suite with ours and these plugins, by the names that they register."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # syrupy would take the inner run for the outer's worker

    def run(plugins: str, *flags: str) -> pytest.RunResult:
        loaded = [part for name in ("llm_extract", *plugins.split()) for part in ("-p", name)]
        return project.runpytest_subprocess(*loaded, *flags)

    kept = tmp_path_factory.getbasetemp() / "cassettes"  # recorded once, with ours alone
    if not kept.exists():
        with reachable(provider.base_url):
            run("", "--llm-record").assert_outcomes(passed=5)
        shutil.copytree(project.path / "cassettes", kept)
    shutil.copytree(kept, project.path / "cassettes", dirs_exist_ok=True)
    return run


def change(project: pytest.Pytester, *changes: tuple[str, str], before: str = "", after: str = "") -> None:
    """Put replacements into the suite's module, and tests of others around it."""
    module = project.path / "test_items.py"
    text = module.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    module.write_text(before + text + after)


def marked(*markers: str) -> tuple[str, str]:
    """The change that gives the suite more markers."""
    before = "@pytest.mark.llm_accuracy"
    return before, "".join(f"@pytest.mark.{marker}\n" for marker in markers) + before


def verdicts(run: pytest.RunResult) -> list[str]:
    """The tests of the suite in the order in which they ran, as `-v` shows them."""
    return [found[1] for line in run.outlines if (found := re.search(r"test_items(\[c\d\]|::gate) [PF]", line))]


VCR_TEST = '''
@pytest.mark.vcr
def test_{name}():
    """Its own cassette answers."""
    import urllib.request
    assert urllib.request.urlopen("http://foreign.invalid/").read() == b"foreign"
'''
VCR_CASSETTE = """\
version: 1
interactions:
- request: {method: GET, uri: 'http://foreign.invalid/', body: null, headers: {}}
  response: {status: {code: 200, message: OK}, headers: {}, body: {string: foreign}}
"""


def vcr_tests(project: pytest.Pytester) -> tuple[str, str]:
    """Two tests of pytest-recording, one for each side of the suite, with cassettes in the very folder of ours."""
    folder = project.path / "cassettes" / "test_items"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("before", "after"):
        folder.joinpath(f"test_{name}.yaml").write_text(VCR_CASSETTE)
    return "import pytest\n" + VCR_TEST.format(name="before"), VCR_TEST.format(name="after")


@needs("recording")
def test_recording(project: pytest.Pytester, beside: Beside) -> None:
    """Its cassettes answer its tests, ours the suite, which may carry `vcr` itself, also with --block-network."""
    before, after = vcr_tests(project)
    change(project, marked("vcr"), before=before, after=after)
    files = sorted(project.path.glob("cassettes/**/*"))
    run = beside("recording", "--block-network", "--record-mode=none")
    run.assert_outcomes(passed=5 + 2)
    run.stdout.no_fnmatch_line("*orphan*")
    assert sorted(project.path.glob("cassettes/**/*")) == files


@needs("asyncio")
@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_asyncio(project: pytest.Pytester, beside: Beside, mode: str) -> None:
    """Async bodies, fixtures and extractors; an extractor never runs in the loop of the test."""
    marker = "import pytest\npytestmark = pytest.mark.asyncio\n" if mode == "strict" else "import pytest\n"
    fixture = "\nimport pytest_asyncio\n\n@pytest_asyncio.fixture\nasync def ready(): return True\n"
    change(project, *ASYNC_BODY, ("(extraction):", "(extraction, ready):\n    assert ready"), before=marker + fixture)
    beside("asyncio", f"--asyncio-mode={mode}", "-W", "error::RuntimeWarning").assert_outcomes(passed=5)


@needs("anyio")
def test_anyio(project: pytest.Pytester, beside: Beside) -> None:
    """With one backend; more of them would run every case once for each, and are refused in one line."""
    backend = '\n@pytest.fixture\ndef anyio_backend(): return "asyncio"\n'
    change(project, *ASYNC_BODY, marked("anyio"), after=backend)
    beside("anyio").assert_outcomes(passed=5)
    change(project, (backend, ""))
    refused = beside("anyio")
    refused.assert_outcomes(errors=1)
    refused.stdout.fnmatch_lines(["*cannot be parametrized (by 'anyio_backend'); define a fixture anyio_backend*"])


@needs("xdist")
@pytest.mark.parametrize("distribution", ["load", "loadgroup", "worksteal"])
def test_xdist(project: pytest.Pytester, beside: Beside, distribution: str) -> None:
    """Whoever runs which case, the one gate sees them all, by their own ids."""
    change(project, marked("xdist_group('one')"))
    run = beside("xdist", "-n2", f"--dist={distribution}", "--llm-extract-json=out.json")
    run.assert_outcomes(passed=5)
    (suite,) = json.loads((project.path / "out.json").read_text())["suites"]
    assert ([case["id"] for case in suite["cases"]], suite["verdict"]) == (["c0", "c1", "c2", "c3"], "pass")


@needs("randomly")
def test_randomly(beside: Beside) -> None:
    """In any order; the gate stays last."""
    orders = [verdicts(beside("randomly", "-v", f"--randomly-seed={seed}")) for seed in (2, 3)]
    assert orders[0] != orders[1]
    for order in orders:
        assert (sorted(order[:-1]), order[-1]) == (["[c0]", "[c1]", "[c2]", "[c3]"], "::gate")


@needs("rerunfailures")
def test_rerunfailures(project: pytest.Pytester, beside: Beside) -> None:
    """A case that is run again counts once, as its last run left it."""
    flaky = "\n    from pathlib import Path\n    tried = Path(f'tried-{extraction.case.id}')\n"
    change(project, after=flaky + "    if not tried.exists():\n        tried.touch()\n        assert False\n")
    run = beside("rerunfailures", "--reruns=1", "--llm-extract-json=out.json")
    assert run.parseoutcomes() == {"passed": 5, "rerun": 4}
    (suite,) = json.loads((project.path / "out.json").read_text())["suites"]
    assert (suite["n_cases"], suite["fields"]["name"]["correct"]) == (4, 4)


HTTPX_TEST = '''
def test_{name}(httpx_mock):
    """The mock answers."""
    import httpx
    httpx_mock.add_response(text="foreign")
    assert httpx.get("http://foreign.invalid/").text == "foreign"
'''


@needs("pytest_httpx")
def test_httpx(project: pytest.Pytester, beside: Beside) -> None:
    """The mock answers its own tests, before and after a suite, and leaves the suite alone."""
    change(project, before=HTTPX_TEST.format(name="before"), after=HTTPX_TEST.format(name="after"))
    beside("pytest_httpx").assert_outcomes(passed=5 + 2)


@needs("socket")
def test_socket(project: pytest.Pytester, beside: Beside) -> None:
    """--disable-socket takes sockets away from tests; a replay needs none, the loop of an async extractor neither."""
    blocked = '\ndef test_blocked():\n    """It works."""\n    import socket\n    socket.socket()\n'
    change(project, *ASYNC, after=blocked)
    run = beside("socket", "--disable-socket")
    run.assert_outcomes(passed=5, failed=1)
    run.stdout.fnmatch_lines(["FAILED *::test_blocked - pytest_socket.SocketBlockedError*"])


@needs("pytest_cov", "xdist")
@pytest.mark.parametrize("workers", ["0", "2"])
def test_cov(project: pytest.Pytester, beside: Beside, workers: str) -> None:
    """The extractor's lines are measured, in every worker."""
    beside("pytest_cov xdist", f"-n{workers}", "--cov=.", "--cov-report=json").assert_outcomes(passed=5)
    measured = json.loads((project.path / "coverage.json").read_text())["files"]["test_items.py"]
    assert measured["functions"]["read"]["summary"]["percent_covered"] == 100


@needs("timeout")
def test_timeout(project: pytest.Pytester, beside: Beside) -> None:
    """An extractor that hangs fails its case, whose fields count as missing; the others go on."""
    hang = "    if text == 'nut 5':\n        import time\n        time.sleep(100)\n    answer ="
    change(project, ("    answer =", hang), marked("timeout(5, func_only=True, method='signal')"))
    run = beside("timeout")
    run.assert_outcomes(passed=3, failed=2)
    run.stdout.fnmatch_lines(["FAILED *test_items[[]c1[]] - Failed: Timeout*", "FAILED *::gate - size: 2/4*"])


@needs("syrupy")
def test_syrupy(project: pytest.Pytester, beside: Beside) -> None:
    """A snapshot for each case, which replays meet."""
    change(project, ("(extraction):", "(extraction, snapshot):\n    assert extraction.output.size == snapshot"))
    beside("syrupy", "--snapshot-update").assert_outcomes(passed=5)
    run = beside("syrupy")
    run.assert_outcomes(passed=5)
    run.stdout.fnmatch_lines(["4 snapshots passed."])


MOCKLLM_TEST = '''
def test_{name}(mock_openai):
    """The mock answers."""
    from openai import OpenAI
    mock_openai.add_response("foreign")
    asked = OpenAI(api_key="none").chat.completions.create(model="m", messages=[])
    assert asked.choices[0].message.content == "foreign"
'''


@needs("mockllm")
def test_mockllm(project: pytest.Pytester, beside: Beside, provider: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps `--llm-record`, as the header says; the long flag records; its mocks answer its own tests."""
    change(project, before=MOCKLLM_TEST.format(name="before"), after=MOCKLLM_TEST.format(name="after"))
    run = beside("mockllm")
    run.assert_outcomes(passed=5 + 2)
    run.stdout.fnmatch_lines(["llm-extract: --llm-record is pytest-mockllm's here; record with --llm-extract-record=*"])
    change(project, ('"Read."', '"Read it."'))
    stale = beside("mockllm")
    stale.stdout.fnmatch_lines(["*to record: pytest --llm-extract-record=stale *"])
    monkeypatch.setenv("OPENAI_API_KEY", "loopback-only")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
    beside("mockllm", "--llm-extract-record=stale").assert_outcomes(passed=5 + 2)


@needs(*PLUGINS)
def test_all_together(project: pytest.Pytester, beside: Beside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every plugin is loaded as pip installed it, and in use."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    before, after = vcr_tests(project)
    change(
        project,
        *ASYNC_BODY,
        marked("asyncio", "vcr", "xdist_group('one')"),
        before=before + HTTPX_TEST.format(name="httpx"),
        after=after + MOCKLLM_TEST.format(name="mockllm"),
    )
    flags = ("--disable-socket", "--allow-unix-socket", "--block-network", "--cov=.", "--timeout=60", "--reruns=1")
    for workers in ("-n0", "-n2"):
        run = project.runpytest_subprocess(workers, "--dist=loadgroup", *flags)
        run.assert_outcomes(passed=5 + 4)


def test_each_line_of_the_matrix_is_a_test() -> None:
    """docs/plugins.md names every test of this module, and no other."""
    page = Path(__file__).parents[2] / "docs" / "plugins.md"
    named = re.findall(r"\| `(test_\w+)` \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plugins = [name for name in globals() if name.startswith("test_") and "matrix" not in name]
    assert sorted(named) == sorted(plugins)
