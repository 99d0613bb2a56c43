"""The main job as a user meets it: record, replay, floors, stale, missing."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from standin import Reply, StandIn

from pytest_llm_extract.report.results_json import json_schema

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


def cassettes(project: pytest.Pytester) -> list[Path]:
    """All cassette files of a project."""
    return sorted((project.path / "cassettes").rglob("*.yaml"))


@WORKERS
def test_replay_needs_no_key_and_no_provider(recorded: pytest.Pytester, provider: StandIn, workers: str) -> None:
    """Recorded answers are scored offline: nothing reaches the provider."""
    before = provider.connections
    run = recorded.runpytest_subprocess(f"-n{workers}")
    run.assert_outcomes(passed=5)
    run.stdout.fnmatch_lines(["*gate: pass*", "*name*4/4*100.0%*PASS*", "*size*3/4*75.0%*PASS*"])
    assert provider.connections == before


@WORKERS
@pytest.mark.parametrize("extra", [[], ["-p", "no:terminal"], ["--no-summary"]])
def test_missed_floor_fails_the_build(recorded: pytest.Pytester, workers: str, extra: list[str]) -> None:
    """The gate is a test of its own: it decides the exit status, whatever is shown."""
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace("llm_accuracy(0.75)", "llm_accuracy(0.75, size=0.9)"))
    run = recorded.runpytest_subprocess(f"-n{workers}", "--junitxml=out.xml", *extra)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert (
        "::gate" in (recorded.path / "out.xml").read_text() or 'name="gate"' in (recorded.path / "out.xml").read_text()
    )
    if not extra:
        run.stdout.fnmatch_lines(["FAILED test_items.py::test_items::gate - size: 3/4 = 75% is below 90%"])


@WORKERS
def test_changed_prompt_is_stale(recorded: pytest.Pytester, workers: str) -> None:
    """Old answers never pass for a new prompt: one grouped explanation, and the command that mends it."""
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace('"Read."', '"Read well."'))
    run = recorded.runpytest_subprocess(f"-n{workers}")
    run.assert_outcomes(failed=5)
    run.stdout.fnmatch_lines(["*STALE: system prompt changed (4 cases*", "*-Read.*", "*+Read well.*", "*--llm-record*"])


def test_missing_cassette_is_not_stale(recorded: pytest.Pytester) -> None:
    """A case without a cassette fails as missing, and nothing is sent."""
    cassettes(recorded)[0].unlink()
    run = recorded.runpytest_subprocess()
    run.assert_outcomes(failed=2, passed=3)
    run.stdout.fnmatch_lines(["*MISSING: no cassette (1 case: c0)*"])


@WORKERS
def test_narrowed_run_does_not_gate(recorded: pytest.Pytester, workers: str) -> None:
    """-k selects two of four cases: their rates are shown, nothing is gated."""
    run = recorded.runpytest_subprocess("-k", "c0 or c1", f"-n{workers}")
    run.assert_outcomes(passed=2)
    run.stdout.fnmatch_lines(["*partial run: 2 of 4 cases*gate skipped*"])


def test_recording_without_a_key_says_so(project: pytest.Pytester, provider: StandIn) -> None:
    """The placeholder key is never sent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        run = project.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["*recording needs OPENAI_API_KEY*"])
    assert provider.requests == []
    assert cassettes(project) == []


def test_refused_recording_keeps_the_old_cassette(recorded: pytest.Pytester) -> None:
    """A provider that answers 401 costs nothing that was there."""
    before = {path: path.read_bytes() for path in cassettes(recorded)}
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace('"Read."', '"Read well."'))
    refusal = Reply(401, json.dumps({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}))
    with StandIn(lambda body: refusal) as provider, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "wrong-key-1")
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        run = recorded.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["*not recorded: HTTP 401*Incorrect API key*"])
    assert {path: path.read_bytes() for path in cassettes(recorded)} == before


def test_key_is_never_stored(project: pytest.Pytester, provider: StandIn) -> None:
    """Headers are kept by allowlist, and a secret in a body refuses the file."""
    secret = "zq-4471-aaaa-bbbb-9999"
    gold = project.path / "gold.jsonl"
    gold.write_text(gold.read_text().replace("pin", f"pin{secret}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", secret)
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        run = project.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["*not written: the value of $OPENAI_API_KEY*"])
    assert len(cassettes(project)) == 3
    assert all(secret not in path.read_text() for path in cassettes(project))


def test_cassette_is_stock_vcrpy(recorded: pytest.Pytester) -> None:
    """Stock vcrpy reads the file, and its bodies are literal blocks."""
    from vcr.persisters.filesystem import FilesystemPersister
    from vcr.serializers import yamlserializer

    path = cassettes(recorded)[0]
    requests, responses = FilesystemPersister.load_cassette(path, yamlserializer)[:2]
    assert json.loads(requests[0].body)["model"] == "m"
    assert json.loads(responses[0]["body"]["string"])["object"] == "chat.completion"
    assert "body: |-" in path.read_text()
    assert yaml.safe_load(path.read_text())["x_llm_extract"]["case"] == "c0"


@WORKERS
def test_results_json_fits_its_schema(recorded: pytest.Pytester, workers: str) -> None:
    """results.json is what its JSON Schema says."""
    recorded.runpytest_subprocess(f"-n{workers}", "--llm-extract-json=out.json").assert_outcomes(passed=5)
    results = json.loads((recorded.path / "out.json").read_text())
    jsonschema.validate(results, json_schema())
    assert results["run"]["complete"] is True
    assert results["suites"][0]["fields"]["size"]["wrong"] == 1


@WORKERS
def test_mistake_in_a_marker_is_one_line(recorded: pytest.Pytester, workers: str) -> None:
    """A floor for a field that is not there names the nearest that is."""
    module = recorded.path / "test_items.py"
    module.write_text(module.read_text().replace("llm_accuracy(0.75)", "llm_accuracy(0.75, nam=1.0)"))
    run = recorded.runpytest_subprocess(f"-n{workers}")
    run.stdout.fnmatch_lines(["*test_items: llm_accuracy: no field 'nam'. Did you mean 'name'?*"])
    run.stdout.no_fnmatch_line("*Traceback*")


def test_key_questions_of_the_module_see_no_placeholder(recorded: pytest.Pytester) -> None:
    """A live test that skips without a key stays skipped, in the very module of a suite."""
    module = recorded.path / "test_items.py"
    skip = '@pytest.mark.skipif(not os.getenv("OPENAI_API_KEY"), reason="no key")'
    live = f"\nimport os\n\n{skip}\ndef test_live():\n    pass\n"
    module.write_text(module.read_text() + live)
    recorded.runpytest_subprocess().assert_outcomes(passed=5, skipped=1)


@pytest.mark.own_process
def test_unrelated_suite_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    """A project without a suite pays for no client, no schema library and no renderer."""
    pytester.makeconftest(
        "import sys\ndef pytest_unconfigure():\n"
        "    print('heavy:', sorted({'pydantic', 'vcr', 'openai', 'rich', 'jinja2'} & set(sys.modules)))"
    )
    pytester.makepyfile("def test_nothing(): pass")
    run = pytester.runpytest_subprocess("-s", "-p", "no:asyncio")
    run.stdout.fnmatch_lines(["*heavy: *[[][]]*"])


@WORKERS
def test_own_modules_are_imported_by_python_itself(recorded: pytest.Pytester, workers: str) -> None:
    """pytest's loader of plugins, which rewrites asserts, takes several times as long."""
    recorded.makeconftest(
        """
        import sys
        from importlib.machinery import SourceFileLoader

        def pytest_runtest_teardown(item):
            assert type(sys.modules["pytest_llm_extract.cassette.file.load"].__spec__.loader) is SourceFileLoader
            assert type(item.module.__spec__.loader) is not SourceFileLoader
        """
    )
    recorded.runpytest_subprocess("-n", workers).assert_outcomes(passed=5)
