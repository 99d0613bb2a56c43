"""The page: one file that holds all it needs, or a folder with its assets beside it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path

from pytest_llm_extract.report.html.explorer import Block, chunks_of, compressed, index_of
from pytest_llm_extract.report.html.markup import Html, join, tag
from pytest_llm_extract.report.html.section import Section, section_html, sections_of, verdict_mark, verdict_sentence
from pytest_llm_extract.report.html.sources import Sources
from pytest_llm_extract.report.run_results import Results
from pytest_llm_extract.wording import count_cases, counted

_SCRIPTS = ("data", "values", "notations", "filters", "heatmap", "list", "document", "case", "explorer", "main")
_PAGES = (".html", ".htm")


def html_files(results: Results, path: Path) -> Mapping[Path, str | bytes]:
    """The files of a report: a page where `path` ends in .html, else index.html and its assets in that folder."""
    is_page = path.suffix.lower() in _PAGES
    target = path.parent if is_page else path
    embedding = ("data" if is_page else "files") if results.embeds else None
    sources = Sources(results.folder, target.absolute(), embedding)
    sections = sections_of(results.suites, results.comparisons, results.lints)
    blocks = _blocks(sections, sources)
    style, script = _asset("report.css"), script_text()
    if is_page:
        return {path: _page(results, sections, sources, blocks, _inline(style, script, sources))}
    page = _page(results, sections, sources, blocks, _beside(sources))
    files: dict[Path, str | bytes] = {path / "index.html": page, path / "report.css": style, path / "report.js": script}
    return files | {path / name: data for name, data in sources.files.items()}


def script_text() -> str:
    """The script of every report: its files one after the other, in a scope of their own."""
    files = "\n".join(_asset("script", f"{name}.js") for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{files}\n}})();\n'


def _asset(*names: str) -> str:
    return resources.files(__package__).joinpath(*names).read_text("utf-8")


def _blocks(sections: Sequence[Section], sources: Sources) -> list[Block]:
    """An index of all cases, then their chunks."""
    index, chunks, number = [], list[Block](), 0
    for section in sections:
        variants = []
        for suite, decision in section.variants:
            variants.append(index_of(suite, decision, number))
            chunks += chunks_of(suite, decision, number, sources)
            number += 1
        index.append({"title": section.title, "variants": variants})
    return [compressed("index", index), *chunks]


def _inline(style: str, script: str, sources: Sources) -> tuple[Html, Html]:
    """The head and the end of a page that holds all it needs."""
    images = "img-src data:; frame-src blob:" if sources.embeds else ""
    policy = _policy(f"style-src '{_digest(style)}'", f"script-src '{_digest(script)}'", images)
    return join(policy, tag("style", Html(style))), tag("script", Html(script))


def _beside(sources: Sources) -> tuple[Html, Html]:
    """The head and the end of a page with its assets beside it, which a strict policy of a server allows too."""
    images = "img-src 'self' data:; frame-src 'self'" if sources.embeds else ""
    policy = _policy("style-src 'self'", "script-src 'self'", images)
    style = tag("link", rel="stylesheet", href="report.css")
    return join(policy, style), tag("script", src="report.js")


def _policy(*directives: str) -> Html:
    listed = ("default-src 'none'", *filter(None, directives), "base-uri 'none'", "form-action 'none'")
    return tag("meta", http_equiv="Content-Security-Policy", content="; ".join(listed))


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _page(
    results: Results, sections: Sequence[Section], sources: Sources, blocks: Iterable[Block], assets: tuple[Html, Html]
) -> str:
    head, foot = assets
    data = [tag("script", Html(block.text), type="application/gzip", id=block.name) for block in blocks]
    body = [
        tag("a", "To the results", href="#results", class_="skip"),
        tag("header", tag("h1", "Extraction report"), _about_run(results), _overview(sections)),
        tag(
            "main",
            *(section_html(section, number) for number, section in enumerate(sections)),
            id="results",
            tabindex=-1,
        ),
        tag("footer", tag("p", _holds(results, sources))),
    ]
    top = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", _title(sections)),
    ]
    page = tag("html", tag("head", *top[:1], head, *top[1:]), tag("body", *body, *data, foot), lang="en")
    return f"<!doctype html>\n{page}\n"


def _title(sections: Sequence[Section]) -> str:
    if len(sections) == 1:
        return f"{sections[0].verdict}: {sections[0].title}"
    n_failed = sum(section.verdict == "fail" for section in sections)
    fail = "fails" if n_failed == 1 else "fail"
    return f"{n_failed} of {len(sections)} suites {fail}" if n_failed else f"{len(sections)} suites, none fails"


def _about_run(results: Results) -> Html:
    run = results.run
    parts = [str(run.get("created", ""))[:19].replace("T", " ") + " UTC"]
    parts += [f"commit {str(run['commit'])[:12]}"] if run.get("commit") else []
    return tag("p", " · ".join([*parts, f"pytest-llm-extract {run.get('plugin', '')}"]), class_="about")


def _overview(sections: Sequence[Section]) -> Html | None:
    """Where there are several suites: each one's verdict, as a link to it."""
    if len(sections) < 2:
        return None
    items = []
    for number, section in enumerate(sections):
        suite, decision = section.variants[0]
        link = tag("a", verdict_mark(section.verdict), " ", section.title, href=f"#suite-{number}")
        items.append(tag("li", link, tag("span", verdict_sentence(suite, decision), class_="about")))
    return tag("nav", tag("ul", *items, class_="suites"), aria_label="Suites")


def _holds(results: Results, sources: Sources) -> str:
    """What a reader must know before passing the report on."""
    cases = [case for suite, _ in results.suites for case in suite.cases]
    n_documents = sum(case.input is not None for case in cases)
    held = f"This report holds the expected values and the answers of {count_cases(len(cases))}"
    if not n_documents:
        return f"{held}. Documents and requests are left out."
    requests = f" and {counted(sources.n_requests, 'request')}" if sources.n_requests else ""
    text = f"{held}, with their documents{requests}"
    if sources.n_refused:
        linked = "is linked" if sources.n_refused == 1 else "are linked"
        text += f"; {counted(sources.n_refused, 'file')} {linked}, since more than 50 MB are not embedded"
    return f"{text}. Pass it on as you would pass on the documents (--llm-extract-documents=none leaves them out)."
