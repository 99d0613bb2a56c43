"""Suites with a baseline that a run does not hold."""

from __future__ import annotations

import pytest
from people import Project

WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


def test_suite_that_disappeared_fails_a_whole_run(people: Project) -> None:
    """Renaming a test function leaves its baseline without a suite; a run of one file does not ask for it."""
    module = people.pytester.path / "test_items.py"
    module.write_text("def test_other():\n    pass\n")
    run = people.run()
    run.assert_outcomes(passed=1, failed=1)
    run.stdout.fnmatch_lines(["FAILED test_items.py::test_items::gate - suite gone, but*"])
    people.run("test_items.py").assert_outcomes(passed=1)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_suite_of_a_skipped_module_is_not_called_gone(people: Project, workers: str) -> None:
    """What a run cannot import it does not gate: that is said with the reason, and the baseline stays."""
    module = people.pytester.path / "test_items.py"
    module.write_text("import pytest\npytest.importorskip('no_such_module')\n" + module.read_text())
    people.pytester.makepyfile(test_other="def test_other(): pass")
    run = people.run(f"-n{workers}")
    run.assert_outcomes(passed=1, failed=1, skipped=1)
    run.stdout.fnmatch_lines(
        [
            "its module was skipped at its import (could not import 'no_such_module'*), but its baseline is there: "
            "give the module what it needs, or leave it out with --ignore=test_items.py"
        ]
    )
    people.run("--ignore=test_items.py").assert_outcomes(passed=1)


@WORKERS
def test_a_skipped_suite_with_a_baseline_has_lost_its_answers(people: Project, workers: str) -> None:
    """One skipped case counts as lost; so do all of them."""
    people.write_module("read", "@pytest.mark.skip(reason='later')")
    run = people.run(f"-n{workers}")
    run.assert_outcomes(skipped=12, failed=1)
    run.stdout.fnmatch_lines(["  no case has an answer"])


@pytest.mark.parametrize(
    ("arguments", "gone"), [((".",), 1), (("test_other.py",), 0), (("test_other.py::test_other",), 0)], ids=str
)
def test_a_suite_is_gone_from_the_folder_that_was_asked_for(
    people: Project, arguments: tuple[str, ...], gone: int
) -> None:
    """A folder is looked through whole; a file says nothing of its neighbours."""
    people.pytester.path.joinpath("test_items.py").unlink()
    people.pytester.makepyfile(test_other="def test_other(): pass")
    people.run(*arguments).assert_outcomes(passed=1, failed=gone)


@WORKERS
@pytest.mark.parametrize(
    ("arguments", "passed", "reason"),
    [
        (("-k", "test_other"), 1, "the suite did not run, and the run is required to be complete"),
        (("test_items.py::test_other",), 1, "the suite did not run, and the run is required to be complete"),
        (("test_items.py", "--deselect=test_items.py::test_items"), 1, "the suite did not run, and *"),
        (("test_other.py",), 1, None),
        ((".",), 14, None),
    ],
    ids=str,
)
def test_a_suite_that_was_not_selected_is_not_gone(
    people: Project, workers: str, arguments: tuple[str, ...], passed: int, reason: str | None
) -> None:
    """A run that is required to be complete fails for it, and says nothing of its baseline."""
    other = "def test_other(): pass"
    if "test_other.py" in arguments:
        people.pytester.makepyfile(test_other=other)
    else:
        module = people.pytester.path / "test_items.py"
        module.write_text(f"{module.read_text()}\n{other}\n")
    run = people.run(f"-n{workers}", "--llm-extract-require-complete", *arguments)
    assert run.ret == (pytest.ExitCode.TESTS_FAILED if reason else 0)
    assert run.parseoutcomes()["passed"] == passed
    if reason:
        run.stdout.fnmatch_lines([reason])


@WORKERS
@pytest.mark.parametrize("flag", ["--setup-only", "--setup-plan"])
def test_a_run_that_only_sets_up_gates_nothing(people: Project, workers: str, flag: str) -> None:
    """No test was called, so no suite is missed."""
    run = people.run(f"-n{workers}", flag)
    assert run.ret == 0
    assert "::gate" not in run.stdout.str()


@pytest.mark.parametrize("argument", ["..", "../../linked/tests", "./../tests", "../tests/"])
def test_a_suite_is_gone_however_its_folder_is_written(
    people: Project, argument: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a subfolder, through a link, with dots."""
    root, linked = people.pytester.path / "root", people.pytester.path / "linked"
    tests = root / "tests"
    tests.mkdir(parents=True)
    linked.symlink_to(root)
    folder = root / "cassettes/tests/test_items/test_items"
    folder.mkdir(parents=True)
    header, *rows = people.baseline.read_text().splitlines()
    moved = header.replace("test_items.py::", "tests/test_items.py::")
    folder.joinpath("baseline.jsonl").write_text("\n".join([moved, *rows]))
    tests.joinpath("test_other.py").write_text("def test_other(): pass")
    root.joinpath("pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(tests)
    run = people.run(argument, f"--rootdir={root}", f"-c{root / 'pytest.ini'}")
    run.assert_outcomes(passed=1, failed=1)
    run.stdout.fnmatch_lines(["suite gone, but its baseline is there: put the suite back; *"])


@WORKERS
def test_a_suite_that_a_conftest_deselects_is_not_gone(people: Project, workers: str) -> None:
    """As it does for slow tests, say."""
    people.pytester.makepyfile(test_other="def test_other(): pass")
    people.pytester.makeconftest("""
        def pytest_collection_modifyitems(config, items):
            left_out = [item for item in items if item.get_closest_marker("llm_extract")]
            items[:] = [item for item in items if item not in left_out]
            config.hook.pytest_deselected(items=left_out)
    """)
    run = people.run(f"-n{workers}")
    assert run.ret == 0
    run.assert_outcomes(passed=1, deselected=12 if workers == "0" else 0)


@WORKERS
@pytest.mark.parametrize("option", [(), ("--continue-on-collection-errors",)], ids=str)
def test_a_suite_that_cannot_be_collected_is_not_gone(people: Project, workers: str, option: tuple[str, ...]) -> None:
    """One mistake, one line."""
    people.write_module("read", "@pytest.mark.llm_accuracy(nme=1.0)")
    run = people.run(f"-n{workers}", *option)
    run.assert_outcomes(errors=1)
    assert "suite gone" not in run.stdout.str()
