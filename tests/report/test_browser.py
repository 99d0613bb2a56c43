"""The page in a browser: with mouse and keyboard, with hostile text, under strict policies, and without script."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from html_report import HOSTILE, value_case, value_suite, write_report
from loopback import LoopbackServer

from pytest_llm_extract.results.accepted import Accepted, Origin
from pytest_llm_extract.results.outcome import Leaf, Leaves, Outcome, Status, count_leaves
from pytest_llm_extract.results.suite_result import AcceptedRun, SuiteResult

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)")
JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"  # as it comes
STRICT = "default-src 'self'; object-src 'none'"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; for this module alone, since its event loop runs as long as it does."""
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open an address. At the end, the page must have said nothing on its console and opened no dialog."""
    said: list[str] = []
    contexts = []

    def open_page(url: str | Path, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.goto(url.as_uri() if isinstance(url, Path) else url)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html.ready")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of forty cases that lost seven of `total`."""
    return write_report([value_suite(40)], tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Serve a folder on loopback under a policy; its address."""
    servers = []

    def serve(policy: str) -> str:
        class Handler(SimpleHTTPRequestHandler):
            def end_headers(self) -> None:
                self.send_header("Content-Security-Policy", policy)
                super().end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        server = LoopbackServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
        server.start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.end()


def state(page: Any) -> dict[str, str]:
    """What the address of a page says."""
    return {key: values[0] for key, values in parse_qs(urlparse(page.url).fragment).items()}


def title(page: Any) -> str:
    """The case that is shown, once it is."""
    page.wait_for_selector("article.case h4:visible")
    found: str = page.inner_text("article.case h4")
    return found


@pytest.mark.slow
def test_every_action_by_keyboard(look: Callable[..., Any], report: Path) -> None:
    """Keys move among cases, search, go back and help; the heat map takes arrow keys."""
    page = look(report)
    page.keyboard.press("n")
    assert title(page) == "case-0002"
    page.keyboard.press("j")
    page.wait_for_function("document.querySelector('article.case h4').textContent === 'case-0003'")
    page.keyboard.press("k")
    page.wait_for_function("document.querySelector('article.case h4').textContent === 'case-0002'")
    page.keyboard.press("Escape")
    page.wait_for_selector("article.case", state="hidden")
    assert page.evaluate("document.activeElement.textContent") == "case-0002"
    page.keyboard.press("/")
    page.keyboard.type("0011")
    assert page.inner_text(".counted") == "1 of 40 cases"
    page.keyboard.press("Escape")
    page.focus(".cells")
    page.keyboard.press("ArrowDown")
    assert "case-0011 · total: correct" in page.inner_text(".tip")
    page.keyboard.press("Enter")
    assert title(page) == "case-0011"
    assert state(page) == {"q": "0011", "case": "case-0011", "field": "total"}
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="hidden")
    assert title(page) == "case-0011"


def test_every_control_can_be_reached_with_tab(look: Callable[..., Any], report: Path) -> None:
    """From the top of the page, Tab comes to each filter, the heat map, the list and its first case."""
    page = look(report)
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("(e => e.name || e.className || e.dataset.number)(document.activeElement)"))
    assert {"q", "field", "show", "group", "status", "order", "cells", "list", "0"} <= reached


def test_every_action_by_mouse(look: Callable[..., Any], report: Path) -> None:
    """Filters, a cell of the heat map, a case of the list, its fields, and its buttons."""
    page = look(report)
    page.select_option("[name=show]", "lost")
    assert page.inner_text(".counted") == "7 of 40 cases"
    page.select_option("[name=field]", "vendor")
    assert page.inner_text(".counted") == "0 of 40 cases"
    page.click("text=Clear")
    page.select_option("[name=group]", "layout: list")
    assert page.inner_text(".counted") == "20 of 40 cases"
    page.click("text=Clear")
    page.select_option("[name=order]", "worst")
    assert page.inner_text(".cases tbody:not([aria-hidden]) tr:first-child a") == "case-0002"
    page.click("text=Clear")
    page.click("canvas", position={"x": 24 * 3 + 4, "y": 18 + 6})
    assert title(page) == "case-0003"
    assert state(page)["field"] == "total"
    assert page.inner_text("tr.chosen button.field") == "total"
    page.click("text=Next wrong")
    page.wait_for_function("document.querySelector('article.case h4').textContent === 'case-0007'")
    page.click("button.field:has-text('vendor')")
    assert state(page)["field"] == "vendor"
    page.click("button:has-text('All cases')")
    page.wait_for_selector("article.case", state="hidden")
    page.click(".cases a:has-text('case-0010')")
    assert title(page) == "case-0010"


def test_a_link_shows_the_same_again(look: Callable[..., Any], report: Path) -> None:
    """The address of a case, opened elsewhere, shows it; the lost cases of the first screen are such links."""
    page = look(report)
    page.click(".lost-values a:has-text('case-0012')")
    assert title(page) == "case-0012"
    other = look(page.url)
    assert title(other) == "case-0012"
    assert other.inner_text("tr.chosen button.field") == "total"
    page.go_back()
    page.wait_for_selector("article.case", state="hidden")


def test_a_case_shows_document_values_answer_and_what_it_took(look: Callable[..., Any], report: Path) -> None:
    """Expected, before and now beside the document, then raw answer, model, tokens, cost, latency and group."""
    page = look(f"{report.as_uri()}#case=case-0002&field=total")
    row = page.inner_text("tr.chosen")
    assert row.split() == ["total", "wrong", "lost", "total", "2", "total", "2", "total", "2?"]
    assert page.inner_text("mark.chosen") == "total 2"
    facts = page.inner_text(".more")
    for text in ("gpt-4o-mini", "100 in, 20 out", "$0.0000270", "1.25 s", "table", '"total": "total 2?"'):
        assert text in facts, text


@pytest.mark.parametrize(
    ("value", "text", "place"),
    [
        ("1234.5", "Total: 1,234.50 EUR", "1,234.50"),
        (1234.5, "Summe 1.234,50", "1.234,50"),
        ("1234.50", "Total 1 234,50 in 12345", "1 234,50"),
        (12, "Items: 120 and 12.", "12"),
        ("2026-05-03", "am 3. Mai 2026", "3. Mai 2026"),
        ("2026-05-03", "on May 3, 2026, or", "May 3, 2026"),
        ("2026-05-03", "3/5/26 it was", "3/5/26"),
        ("ACME  Ltd", "by acme\nltd.", "acme\nltd"),
        ("2/3/91", "on February 3, 1991", "February 3, 1991"),
        ("March 18, 1991", "received 18.3.1991", "18.3.1991"),
        ("net", "Internet, NET", "NET"),
    ],
)
def test_values_are_marked_in_their_notations(
    look: Callable[..., Any], tmp_path: Path, value: Any, text: str, place: str
) -> None:
    """Numbers, dates and strings as people write them."""
    case = replace(value_case(0, ["x"]), input=text, leaves={"x": (Leaf(Outcome.CORRECT, value, value),)})
    page = look(f"{write_report([one_case(case)], tmp_path / 'r.html').as_uri()}#case=case-0000&field=x")
    page.wait_for_selector("pre.text")
    assert page.eval_on_selector_all("mark", "marks => marks.map(mark => mark.textContent)") == [place]


def one_case(case: Any) -> SuiteResult:
    """A suite of one case."""
    return value_suite(1)._replace(cases=(case,), paths=("x",), baseline=None)


@pytest.mark.parametrize("policy", [None, STRICT])
def test_hostile_text_does_nothing(
    look: Callable[..., Any], served: Callable[[str], str], tmp_path: Path, policy: str | None
) -> None:
    """As a file, and from a server with a strict policy: ids, fields, documents and answers are shown as text."""
    name = "report.html" if policy is None else "report"
    page_file = write_report([value_suite(8, text=HOSTILE)], tmp_path / name)
    page = look(page_file if policy is None else f"{served(policy)}/report/index.html")
    page.click(".cases a >> nth=2")
    page.wait_for_selector("article.case pre.text")
    shown = page.inner_text("article.case")
    assert "alert(1)" in shown
    assert "\\u202e" in shown
    assert page.evaluate("document.querySelectorAll('img, article script').length") == 0


def test_jenkins_shows_what_needs_no_script(browser: Any, served: Callable[[str], str], tmp_path: Path) -> None:
    """Under Jenkins' own policy no script runs: verdict, fields and lost cases are there, with their style."""
    write_report([value_suite(40)], tmp_path / "report")
    page = browser.new_page()
    page.goto(f"{served(JENKINS)}/report/index.html")
    assert "The gate fails for 1 reason" in page.inner_text("main")
    assert page.evaluate("1") == 1
    assert page.eval_on_selector(".verdict", "one => getComputedStyle(one).borderRadius") != "0px"
    assert "With script, every case is here" in page.inner_text(".explorer")
    page.close()


def test_without_script_everything_said_is_visible(look: Callable[..., Any], tmp_path: Path) -> None:
    """Both suites stand one after the other, nothing is hidden, and no link leads nowhere."""
    other = value_suite(3)._replace(id="test_y.py::test_y")
    page = look(write_report([value_suite(40), other], tmp_path / "r.html"), java_script_enabled=False)
    assert page.locator("section.suite:visible").count() == 2
    assert page.locator("svg.bar:visible").count() == 4
    links = page.locator("main a").count()
    assert links == 0


@pytest.mark.slow
def test_five_thousand_cases_are_listed_by_few_rows(look: Callable[..., Any], tmp_path: Path) -> None:
    """Only the rows in view are in the page, wherever it is scrolled to; a filter finds any case."""
    page = look(write_report([value_suite(5000)], tmp_path / "r.html"))
    assert page.locator(".cases tr").count() < 100
    page.eval_on_selector(".list", "list => list.scrollTop = list.scrollHeight")
    page.wait_for_selector(".cases a:has-text('case-4999')")
    assert page.locator(".cases tr").count() < 100
    page.fill("[name=q]", "4321")
    assert page.inner_text(".counted") == "1 of 5,000 cases"
    page.click(".cases a")
    assert title(page) == "case-4321"
    assert "Document 4321" in page.inner_text("pre.text >> nth=0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["", "#case=case-0002&field=total"])
def test_contrast_names_and_roles(look: Callable[..., Any], report: Path, scheme: str, place: str) -> None:
    """axe-core finds nothing to complain of: contrast, names, tables, landmarks."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = look(f"{report.as_uri()}{place}", color_scheme=scheme)
    if place:
        title(page)
    found = axe.run(page).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []


def test_phone_and_print(look: Callable[..., Any], report: Path) -> None:
    """On a phone nothing is wider than the page; on paper there are no controls."""
    page = look(f"{report.as_uri()}#case=case-0002", viewport={"width": 390, "height": 844})
    title(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.emulate_media(media="print")
    assert not page.is_visible(".filters")
    assert page.is_visible("h2")


def test_lost_and_gained_against_the_anchor(look: Callable[..., Any], tmp_path: Path) -> None:
    """Where an anchor is compared as well, marks, filters and the case's values are against either of the two."""
    page = look(write_report([anchored(value_suite(20))], tmp_path / "r.html"))
    page.select_option("[name=show]", "lost")
    assert page.inner_text(".counted") == "3 of 20 cases"
    page.select_option("[name=against]", "anchor")
    assert page.inner_text(".counted") == "6 of 20 cases"
    assert state(page)["against"] == "anchor"
    page.click(".cases a:has-text('case-0003')")
    assert title(page) == "case-0003"
    assert page.inner_text("article .values thead").split() == ["field", "outcome", "expected", "anchor", "now"]
    assert "lost" in page.inner_text("article .values tr.lost")


def anchored(suite: SuiteResult) -> SuiteResult:
    """The suite with an anchor that had every value right."""
    accepted = [case.baseline for case in suite.cases]
    cases = []
    for case, one in zip(suite.cases, accepted, strict=True):
        assert one is not None
        right: Leaves = {path: (leaf._replace(outcome=Outcome.CORRECT),) for path, (leaf,) in one.leaves.items()}
        anchor = Accepted(right, count_leaves(right), Origin(prompt="a"))
        cases.append(replace(case, anchor=anchor))
    return suite._replace(cases=tuple(cases), anchor=AcceptedRun("anchor.jsonl", suite.paths))


def test_lost_cases_of_a_gated_variant_lead_to_its_own(look: Callable[..., Any], tmp_path: Path) -> None:
    """A second gated variant has its own verdict and tables, and their links show its answers."""
    first = value_suite(12)
    second = first._replace(variant="small", is_primary=False)
    page = look(write_report([first, second], tmp_path / "r.html"))
    page.click("[data-variant=small] .lost-values a >> nth=0")
    assert title(page) == "case-0002"
    assert state(page)["variant"] == "small"
    assert page.input_value("[name=variant]") == "small"


def odd_suites() -> dict[str, list[SuiteResult]]:
    """Results of runs in which little worked."""
    whole = value_suite(3)
    lost = tuple(
        replace(case, status=Status.TRUNCATED, valid=False, raw="", error="cut off", by_model={}, latency_s=None)
        for case in whole.cases
    )
    return {
        "no suite": [],
        "no case": [whole._replace(cases=(), dataset_ids=(), baseline=None)],
        "partial": [whole._replace(cases=whole.cases[:1])],
        "no label": [whole._replace(cases=tuple(replace(case, leaves={}, baseline=None) for case in whole.cases))],
        "lost answers": [whole._replace(cases=lost)],
        "samples": [whole._replace(cases=tuple(replace(case, further=(case.first,)) for case in whole.cases))],
    }


@pytest.mark.parametrize("name", ["no suite", "no case", "partial", "no label", "lost answers", "samples"])
def test_odd_results_are_shown(look: Callable[..., Any], tmp_path: Path, name: str) -> None:
    """Whatever a run came to: the page opens, and so does a case where there is one."""
    suites = odd_suites()[name]
    page = look(write_report(suites, tmp_path / "r.html"))
    page.keyboard.press("j")
    if suites and suites[0].cases:
        assert title(page) == "case-0000"
        assert page.is_visible("article.case pre.text >> nth=0")


PNG = (
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f00050001ffa65c9b5d"
    "0000000049454e44ae426082"
)


@pytest.mark.parametrize("name", ["report.html", "report"])
def test_images_and_pdfs_are_shown_where_that_was_asked_for(
    look: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    """Beside the values, from the page itself or from the folder beside it, under the page's own policy."""
    (tmp_path / "scan.png").write_bytes(bytes.fromhex(PNG))
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    cases = value_suite(2).cases
    cases = tuple(replace(case, document=file) for case, file in zip(cases, ("scan.png", "scan.pdf"), strict=True))
    path = write_report([value_suite(2)._replace(cases=cases)], tmp_path / name, "embed")
    page = look(f"{path.as_uri()}#case=case-0000")
    page.wait_for_function("document.querySelector('.document img')?.naturalWidth === 1")
    page.keyboard.press("j")
    page.wait_for_selector(".document iframe")
    assert page.get_attribute(".document iframe", "src").startswith("blob:" if name == "report.html" else "files/1.pdf")


@pytest.mark.slow
def test_many_equal_values_are_marked_fast(look: Callable[..., Any], tmp_path: Path) -> None:
    """A table of 300 rows with the same quantity: the case opens within a second or two."""
    leaves = {"x": tuple(Leaf(Outcome.CORRECT, 1, 1) for _ in range(300))}
    case = replace(value_case(0, ["x"]), input="item 1 1,00\n" * 2000, leaves=leaves)
    page = look(write_report([one_case(case)], tmp_path / "r.html"))
    page.keyboard.press("j")
    page.wait_for_selector("mark.chosen, mark.expected", timeout=5000)
    assert 0 < page.locator("mark").count() <= 300
