"""The report for a browser, as a function of results: what it says without script, and what it holds."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from commands import LLM_EXTRACT
from html_report import HOSTILE, RUN, blocks, files_of, value_case, value_suite

from pytest_llm_extract.cli.merge import merge
from pytest_llm_extract.comparison.compare import compare_suites
from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.lints.lint_report import lint_results
from pytest_llm_extract.report.html import figures
from pytest_llm_extract.report.html.page import html_files, script_text
from pytest_llm_extract.report.registry import write_report
from pytest_llm_extract.report.results_json import run_to_wire
from pytest_llm_extract.report.run_results import run_results
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Leaves, Outcome, Status
from pytest_llm_extract.results.recipe import Recipe


class Reader(HTMLParser):
    """The elements of a page with their attributes, and its text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._skips = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._skips = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._skips = False

    def handle_data(self, data: str) -> None:
        if not self._skips:
            self.text.append(data)


def page_of(n: int = 20, text: str = "") -> str:
    """The page of one suite."""
    (page,) = files_of([value_suite(n, text=text)], Path("report.html")).values()
    assert isinstance(page, str)
    return page


def test_first_screen_says_verdict_reasons_fields_and_lost_cases() -> None:
    """Without any script: why the gate fails, each field's numbers, and what each lost value was before."""
    text = "\n".join(Reader(page_of(40)).text)
    assert "The gate fails for 1 reason, with 7 cases lost against the baseline." in text
    assert "total: lost 7 cases and gained 0 against the baseline" in text
    assert "27/40" in text
    assert '<td class="word fail">fail</td>' in page_of(40)  # of a field without a floor that lost cases
    assert "Lost against the baseline: 7" in text
    assert "case-0002" in text
    assert "total 2?" in text


def test_gate_that_cannot_fail_is_said_beside_its_verdict() -> None:
    """A green page of a suite without floor and baseline says so at once, as the terminal does."""
    found = value_suite(5)._replace(baseline=None)
    (page,) = files_of([found], Path("report.html")).values()
    assert isinstance(page, str)
    before, _, after = page.partition("<h3>Fields</h3>")
    assert "nothing can fail this gate" in before
    assert "nothing can fail this gate" not in after


def test_names_in_the_picture_of_variants_stay_in_it() -> None:
    """Close points have their names below one another: a best one at the top keeps its own beside it."""
    points = [(100.0, 14.0, "best", True), (102.0, 15.0, "second", True), (104.0, 16.0, "third", False)]
    assert [str(name) for name in figures._names(points)] == [
        '<text x="110" y="18">best</text>',
        '<text x="112" y="32">second</text>',
        '<text x="114" y="46">third</text>',
    ]


def test_many_and_long_names_stay_in_the_picture_of_variants() -> None:
    """Names at the right edge are to the left of their points; those that find no room are shown by pointing."""
    points = [(510.0 + n % 3, 20.0 + n, f"formulation with a long name, number {n}", True) for n in range(30)]
    names = "".join(map(str, figures._names(points)))
    assert names.count('class="end"') == names.count("<text")
    heights = [float(y) for y in re.findall(r' y="([\d.]+)"', names)]
    assert len(heights) > 10
    assert max(heights) < 300 - 30


def test_hostile_text_is_inert() -> None:
    """Ids, fields, values, documents and answers of others are text: no element, attribute or policy is theirs."""
    plain, hostile = Reader(page_of()), Reader(page_of(text=HOSTILE))
    assert [name for name, _ in hostile.elements] == [name for name, _ in plain.elements]
    attributes = {name for _, found in hostile.elements for name in found}
    assert not {name for name in attributes if name.startswith("on") or name == "style"}
    text = "".join(hostile.text)
    assert "alert(1)" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_policy_allows_this_script_alone() -> None:
    """The page's own policy names its style and its script by their digests, and nothing else."""
    page = page_of()
    policy = next(found["content"] for name, found in Reader(page).elements if found.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src 'sha256-" in policy
    assert "unsafe" not in policy
    assert not re.search(r"""(?:src|href)=["']https?:""", page)


def test_a_folder_has_its_assets_beside_it(tmp_path: Path) -> None:
    """A server's policy may block what stands in the page: then script and style are files."""
    files = files_of([value_suite(3)], tmp_path / "report")
    assert sorted(path.relative_to(tmp_path).as_posix() for path in files) == [
        "report/index.html",
        "report/report.css",
        "report/report.js",
    ]
    page = files[tmp_path / "report/index.html"]
    assert isinstance(page, str)
    assert "<style" not in page
    assert not [found for name, found in Reader(page).elements if name == "script" and not found]


def test_script_is_small() -> None:
    """At most 60 kB, as it stands in the page."""
    assert len(script_text().encode()) <= 60_000


def test_blocks_hold_every_case(tmp_path: Path) -> None:
    """An index of all cases, and chunks of a hundred with documents, answers, and values before and now."""
    found = blocks(page_of(230))
    (variant,) = found["index"][0]["variants"]
    assert len(variant["ids"]) == 230
    assert len(variant["now"]) == len(variant["moves"][0]) == 2 * 230
    assert variant["moves"][0][2 * 2 + 1] == "-"
    assert [len(found[f"chunk-0-{number}"]) for number in range(3)] == [100, 100, 30]
    case = found["chunk-0-0"][2]
    assert case["input"].startswith("Document 2: vendor 2, total 2")
    assert case["samples"][0]["fields"]["total"] == [["w", "total 2", "total 2?"]]
    assert case["before"][0][0]["total"] == [["c", "total 2", "total 2"]]
    assert case["samples"][0]["tokens"] == [100, 20]


def test_documents_can_be_left_out() -> None:
    """`documents=none`: no document, no request; the report says so."""
    (page,) = files_of([value_suite(3)], Path("report.html"), documents="none").values()
    assert isinstance(page, str)
    assert "input" not in blocks(page)["chunk-0-0"][0]
    assert "Documents and requests are left out." in page
    assert "Documents and requests are left out." not in page_of(3)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "link.png", "gone.png", "a\0b.png"])
def test_files_outside_the_folder_are_not_read(tmp_path: Path, name: str) -> None:
    """results.json of somebody else cannot make a report embed any other file of this machine."""
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    suite = value_suite(1)
    suite = suite._replace(cases=(replace(suite.cases[0], document=name, cassette=name),))
    (page,) = files_of([suite], tmp_path / "report.html", folder, "embed").values()
    assert isinstance(page, str)
    assert "file" not in blocks(page)["chunk-0-0"][0]


@pytest.mark.parametrize("documents", ["full", "embed"])
def test_images_are_linked_or_embedded(tmp_path: Path, documents: str) -> None:
    """A document that is a file: a link to it from the report; the file itself where that was asked for."""
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a #1.png").write_bytes(b"picture")
    suite = value_suite(1)
    suite = suite._replace(cases=(replace(suite.cases[0], input="a #1.png", document="scans/a #1.png"),))
    files = files_of([suite], tmp_path / "out" / "report.html", tmp_path, documents)
    (page,) = files.values()
    assert isinstance(page, str)
    file = blocks(page)["chunk-0-0"][0]["file"]
    assert file["href"] == "../scans/a%20%231.png"
    assert file["type"] == "image/png"
    assert ("data" in file) is (documents == "embed")
    beside = files_of([suite], tmp_path / "out", tmp_path, documents)
    assert (beside.get(tmp_path / "out/files/0.png") == b"picture") is (documents == "embed")


def test_a_large_report_is_said_to_be_large(tmp_path: Path) -> None:
    """Beyond 20 MB: how large it is, and what makes it smaller."""
    (tmp_path / "scan.png").write_bytes(random.Random(1).randbytes(16_000_000))
    suite = value_suite(1)
    suite = suite._replace(cases=(replace(suite.cases[0], document="scan.png"),))
    results = run_results([(suite, decide(suite))], [], tmp_path, "embed")
    note = write_report("html", tmp_path / "report.html", results)
    assert note is not None
    assert "--llm-extract-documents=none" in note


def test_merged_shards_give_the_page_of_one_run(tmp_path: Path) -> None:
    """The page is made of results alone: those of two shards, merged, are those of the whole run."""
    whole = value_suite(20)
    halves = [whole._replace(cases=whole.cases[:7]), whole._replace(cases=whole.cases[7:])]
    texts = {str(n): json.dumps(run_to_wire([(half, decide(half))], tmp_path)) for n, half in enumerate(halves)}
    (page,) = files_of([whole], tmp_path / "r.html").values()
    (again,) = files_of(merge(texts), tmp_path / "r.html").values()
    assert page == again


@pytest.mark.parametrize("workers", ["0", "2"])
def test_flag_and_command_write_the_same(recorded: pytest.Pytester, workers: str) -> None:
    """What the flag writes under any number of workers, and what the command makes of results.json."""
    arguments = ("--llm-extract-json=results.json", "--llm-extract-html=report.html", f"-n{workers}")
    recorded.runpytest_subprocess(*arguments).assert_outcomes(passed=5)
    run = recorded.run(LLM_EXTRACT, "html", "results.json", "-o", "later.html")
    assert run.ret == 0
    page = (recorded.path / "report.html").read_text()
    assert page == (recorded.path / "later.html").read_text()
    request = blocks(page)["chunk-0-0"][3]["samples"][0]["requests"][0]
    assert request["turns"] == [["system", "Read."], ["user", "cap 9"]]


def test_documents_flag_governs_every_report(recorded: pytest.Pytester) -> None:
    """With `none`, no report holds a document, results.json included."""
    flags = ("--llm-extract-json=results.json", "--llm-extract-html=report/", "--llm-extract-documents=none")
    recorded.runpytest_subprocess(*flags).assert_outcomes(passed=5)
    assert '"cap 9"' not in (recorded.path / "results.json").read_text()
    case = blocks((recorded.path / "report" / "index.html").read_text())["chunk-0-0"][3]
    assert "input" not in case
    assert "requests" not in case["samples"][0]


def test_several_results_become_sections(recorded: pytest.Pytester) -> None:
    """Two files with the same suite: a section for each, with its own verdict."""
    recorded.runpytest_subprocess("--llm-extract-json=a.json")
    (recorded.path / "b.json").write_text((recorded.path / "a.json").read_text())
    recorded.run(LLM_EXTRACT, "html", "a.json", "b.json", "-o", "both.html")
    index = blocks((recorded.path / "both.html").read_text())["index"]
    assert [section["title"] for section in index] == ["test_items.py::test_items", "test_items.py::test_items (2)"]


def test_a_wrong_value_of_documents_is_refused(recorded: pytest.Pytester) -> None:
    """The ini says what it may be."""
    recorded.makeini("[pytest]\nllm_extract_documents = some\n")
    run = recorded.runpytest_subprocess()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*llm_extract_documents: must be one of full, embed, none, got 'some'*"])


def test_accepted_runs_keep_the_rates_of_fields(recorded: pytest.Pytester) -> None:
    """The second report after an acceptance shows each field's rate then and now."""
    recorded.runpytest_subprocess("--llm-extract-accept")
    recorded.runpytest_subprocess("--llm-extract-html=report.html")
    assert "accuracy of accepted runs, then of this one: 75%, 75%" in (recorded.path / "report.html").read_text()


def test_a_suite_with_variants_says_whether_fine_tuning_is_due() -> None:
    """The conclusion and the first step in sight; questions, ceiling, reasons and sources folded below."""
    primary = value_suite(30)
    better = primary._replace(
        variant="better",
        is_primary=False,
        is_gated=False,
        baseline=None,
        cases=tuple(value_case(i, ("vendor", "total")) for i in range(30)),
    )
    suites = [suite._replace(recipe=Recipe(f"Read the {suite.variant}")) for suite in (primary, better)]
    judged = [(suite, decide(suite)) for suite in suites]
    found = run_results(judged, compare_suites(suites), Path(), "full", RUN, lint_results(suites))
    (page,) = html_files(found, Path("report.html")).values()
    assert isinstance(page, str)
    text = " ".join(Reader(page).text)
    assert "Fine-tuning is not due yet; first: formulations." in text
    assert "Next: make better the primary, for its formulation: better 100.0%, read" in text
    assert "Have 5 different formulations been tried? No." in text
    assert "Numbers in results.json: [1] comparison[0].best" in text


def test_answers_that_are_lost_alike_are_one_row() -> None:
    """The first one by its name, and how many more there are; another reason is another row."""
    suite = value_suite(12)
    lost = [
        replace(
            case, status=Status.TRUNCATED, valid=False, error="other" if at == 3 else "cut off", leaves=_missing(case)
        )
        for at, case in enumerate(suite.cases)
    ]
    (page,) = files_of([suite._replace(cases=tuple(lost), baseline=None)], Path("report.html")).values()
    assert isinstance(page, str)
    text = " ".join(Reader(page).text)
    assert "Wrong now: 12" in text
    assert "case-0000 all; 10 more cases alike truncated cut off case-0003 all truncated other" in text


def _missing(case: CaseResult) -> Leaves:
    return {path: (leaf._replace(outcome=Outcome.MISSING, actual=None),) for path, (leaf,) in case.leaves.items()}
