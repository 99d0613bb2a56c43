"""How large the page for a browser is, how long it takes to write, and how soon it can be used.

`python benchmarks/report.py` makes suites of 15 fields, writes their pages and opens each in headless Chromium (through
playwright; without it only sizes and writing times are printed). "usable" is from the start of the navigation
until the list of cases is there and answers; "filter" is from a change of a filter until it is drawn.
Writing is processor time; what the browser does is wall time, the best of three.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.report.html.page import html_files, script_text
from pytest_llm_extract.report.markdown import markdown
from pytest_llm_extract.report.run_results import run_results
from pytest_llm_extract.results.accepted import Accepted, Origin
from pytest_llm_extract.results.case_result import CaseResult, Usage
from pytest_llm_extract.results.outcome import Leaf, Leaves, Outcome, Status, count_leaves
from pytest_llm_extract.results.suite_result import AcceptedRun, GateRules, SuiteResult

FIELDS = [f"field_{number:02}" for number in range(15)]
WORDS = ["invoice", "total", "net", "tax", "due", "street", "order", "paid", "city", "number", "amount", "date"]
LARGEST_SCRIPT = 60_000


def make_case(rng: random.Random, number: int, n_characters: int, *, is_lost: bool = False) -> CaseResult:
    """A case with a document of words and numbers, and one wrong value in eight."""
    leaves: Leaves = {}
    before: Leaves = {}
    for field in FIELDS:
        value = f"{rng.choice(WORDS)} {rng.randrange(10**6)}"
        right = Leaf(Outcome.CORRECT, value, value)
        bad = is_lost or rng.random() < 0.125
        leaves[field] = (Leaf(Outcome.WRONG, value, value[:-1]),) if bad else (right,)
        before[field] = (right,)
    pieces = [f"{rng.choice(WORDS)} {rng.randrange(10**5)}" for _ in range(n_characters // 11)]
    usage: dict[str | None, Usage] = {"gpt-4o-mini": Usage(900, 150)}
    accepted = Accepted(before, count_leaves(before), Origin())
    raw = str({field: found[0].actual for field, found in leaves.items()})
    name = f"case-{number:05}"
    return CaseResult(
        Status.OK, leaves, True, name, raw=raw, by_model=usage, latency_s=0.8, input=" ".join(pieces), baseline=accepted
    )


def make_suite(n: int, n_characters: int, *, is_lost: bool = False) -> SuiteResult:
    """A suite of that many cases, with a baseline."""
    rng = random.Random(n)
    cases = tuple(make_case(rng, number, n_characters, is_lost=is_lost) for number in range(n))
    ids = tuple(case.id for case in cases)
    accepted = AcceptedRun("baseline.jsonl", tuple(FIELDS))
    return SuiteResult("test_x.py::test_x", "read", ids, tuple(FIELDS), GateRules(), baseline=accepted, cases=cases)


def write(n: int, n_characters: int, folder: Path) -> tuple[Path, float]:
    """The page of a suite, and the processor time that it took to render and write, in seconds."""
    suite = make_suite(n, n_characters)
    results = run_results([(suite, decide(suite))], [], folder)
    path = folder / f"{n}-{n_characters}.html"
    start = time.process_time()
    for file, content in html_files(results, path).items():
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return path, time.process_time() - start


def open_in(browser: Any, path: Path) -> tuple[float, float, int]:
    """Seconds until it is usable, seconds of a filter, and rows of the list in the page; the best of three."""
    usable, filtered, rows = [], [], 0
    for _ in range(3):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri(), wait_until="commit")
        page.wait_for_selector("html.ready .cases a", timeout=60_000)
        usable.append(page.evaluate("performance.getEntriesByName('usable')[0].startTime") / 1000)
        filtered.append(page.evaluate(_FILTER) / 1000)
        rows = page.locator(".cases tr").count()
        page.close()
    return min(usable), min(filtered), rows


_FILTER = """() => {
  const select = document.querySelector('[name=show]');
  const start = performance.now();
  select.value = 'lost';
  select.dispatchEvent(new Event('change'));
  document.querySelector('.list').getBoundingClientRect();
  return performance.now() - start;
}"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    print(f"script: {len(script_text().encode()):,} bytes (at most {LARGEST_SCRIPT:,})")
    with tempfile.TemporaryDirectory() as name:
        pages = [
            (n, size, *write(n, size, Path(name))) for n, size in ((1000, 0), (1000, 2000), (5000, 2000), (20000, 500))
        ]
        seen = look([path for _, _, path, _ in pages])
        print(" cases  document        MB  written s  usable s  filter ms  rows")
        for n, size, path, seconds in pages:
            shown = "".join(f"{value:>10}" for value in seen.get(path, ("-", "-", "-")))
            print(f"{n:6}  {size:8}  {path.stat().st_size / 1e6:8.2f}  {seconds:9.2f}{shown}")
    suite = make_suite(5000, 0, is_lost=True)
    judged = [(suite, decide(suite))]
    start = time.process_time()
    text = markdown(judged, [])
    print(f"Markdown of 5,000 lost cases: {time.process_time() - start:.2f} s, {len(text):,} characters")


def look(paths: list[Path]) -> dict[Path, tuple[str, str, str]]:
    """What a browser measures; nothing where there is none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return {}
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        measured = {path: open_in(browser, path) for path in paths}
        browser.close()
    return {path: (f"{a:.2f}", f"{b * 1000:.0f}", str(rows)) for path, (a, b, rows) in measured.items()}


if __name__ == "__main__":
    main()
