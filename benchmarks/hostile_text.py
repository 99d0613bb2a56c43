"""Puts hostile text into every string and name of results, one after the other, and counts what gets through.

`python benchmarks/hostile_text.py` renders each for a terminal, as Markdown, a page, annotations of a job and a
Code Quality report. Through is a control character, a line that text forged, an element of HTML, a mention, a link.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))
from test_hostile_text import run_of_everything, strings

from pytest_llm_extract.errors import LlmExtractError
from pytest_llm_extract.formats.visible import visible_lines
from pytest_llm_extract.gate.decide import decide
from pytest_llm_extract.report.annotations import annotation_lines
from pytest_llm_extract.report.code_quality import code_quality
from pytest_llm_extract.report.html.page import html_files
from pytest_llm_extract.report.markdown import markdown
from pytest_llm_extract.report.results_json import read_results, run_to_wire
from pytest_llm_extract.report.run_results import Results, run_results
from pytest_llm_extract.report.terminal import Form, suite_lines

HOSTILE = (
    "x\x1b]52;c;Zm9v\x07\ngate: FORGED\r\x9b2J\u202eabc\u2066\u2028gate: FORGED\ud800\n::error::FORGED%0A::warning::F\n"
    "# FORGED\n| a | <img src=x onerror=alert(1)><script>alert(2)</script> @team [a](http://e.x) `y` ```\n"
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")  # in which Markdown renders nothing


def terminal(results: Results) -> str:
    """What a run prints."""
    lines = [line for suite, decision in results.suites for line in suite_lines(suite, decision, {}, Form(100))]
    return "\n".join(visible_lines(lines))


def page(results: Results) -> str:
    """The page, as one file."""
    return "\n".join(map(str, html_files(results, Path("report.html")).values()))


RENDERERS: Mapping[str, tuple[Callable[[Results], str], str]] = {
    "terminal": (terminal, r"(?m)^gate: FORGED"),
    "Markdown": (
        lambda results: _CODE.sub("", markdown(results.suites, ())),
        r"(?m)^# FORGED|<img|<script|(?<!\\)@team|\]\(http://e\.x",
    ),
    "page": (page, r"<img src=x|<script>alert|onerror=alert\(1\)>"),
    "annotations": (lambda results: "\n".join(annotation_lines(results, None)), r"(?m)^::error::FORGED|^::warning::F"),
    "Code Quality": (code_quality, r"(?!)"),
}


def poisoned(value: Any, path: tuple[Any, ...]) -> Any:
    """A copy with hostile text in one place: a string, or (`None` at the end) a name."""
    whole = at = copy.deepcopy(value)
    *way, last = path[:-1] if path[-1] is None else path
    for step in way:
        at = at[step]
    if path[-1] is None:
        at[HOSTILE] = at.pop(last)
    else:
        at[last] = HOSTILE
    return whole


def main() -> None:
    """Print the counts, and the places that let something through."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    whole = run_of_everything()
    wire = run_to_wire([(whole, decide(whole))], Path(tempfile.gettempdir()))
    counts: dict[str, Counter[str]] = {name: Counter() for name in RENDERERS}
    for path in strings(wire):
        try:
            suites = read_results(json.dumps(poisoned(wire, path)), "results.json")
            results = run_results([(suite, decide(suite)) for suite in suites], (), Path(tempfile.gettempdir()))
        except LlmExtractError:
            for counter in counts.values():
                counter["refused"] += 1
            continue
        for name, (render, forged) in RENDERERS.items():
            shown = render(results)
            is_through = _CONTROL.search(shown) or re.search(forged, shown)
            counts[name]["through" if is_through else "shown"] += 1
            if is_through:
                print(f"{name}: {path}: {is_through[0]!r}")
    for name, counter in counts.items():
        print(f"{name:13} {counter.total()} tried, {counter['refused']} refused, {counter['through']} through")


if __name__ == "__main__":
    main()
