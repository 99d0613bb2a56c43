"""Draw docs/images/report*.png: the page of a run whose prompt lost two of its three examples.

`python benchmarks/report_pictures.py` records the answers of a small real model to the example documents (they lie
beside this repository) from a stand-in on loopback, and takes pictures of the page in headless Chromium.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from real_models import serve, write_project  # noqa: E402

SUITE = """
import pytest
from invoices import InvoiceData
from pytest_llm_extract import Variant

@pytest.mark.llm_extract(
    schema=InvoiceData, cases="gold.jsonl", prompt="{name}.prompt.yml", examples="{examples}",
    variants=[
        Variant("jsonobj", prompt="jsonobj.prompt.yml", response_format="json_object", examples=None),
        Variant("rules", prompt="rules.prompt.yml", examples=None),
    ],
)
@pytest.mark.llm_accuracy({{"vendor": 0.75, "invoice_number": 0.3, "currency": 0.3}})
def test_invoices(extraction): ...
"""
PICTURES = {"report": "", "report-cases": "#show=lost", "report-case": "#show=lost&case=inv-012&field=vendor"}


def main() -> None:
    """Record, change the prompt, record again, and draw."""
    with tempfile.TemporaryDirectory() as name, serve() as provider:
        folder = Path(name)
        write_project(folder)
        run(folder, provider.base_url, SUITE.format(name="fewshot", examples="shots.jsonl"), "--llm-extract-accept")
        changed = SUITE.format(name="oneshot", examples="shot.jsonl")
        run(folder, provider.base_url, changed, "--llm-extract-html=report.html")
        draw((folder / "report.html").as_uri())


def run(folder: Path, base_url: str, suite: str, *arguments: str) -> None:
    """Record a suite."""
    (folder / "test_invoices.py").write_text(suite, encoding="utf-8")
    environment = os.environ | {"OPENAI_API_KEY": "loopback-only", "OPENAI_BASE_URL": base_url}
    command = [sys.executable, "-m", "pytest", "--rootdir=.", "-q", "test_invoices.py", "--llm-record", *arguments]
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)


def draw(url: str) -> None:
    """Take the pictures."""
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1120, "height": 760})
        for name, place in PICTURES.items():
            page.goto("about:blank")
            page.goto(url + place)
            page.wait_for_selector("html.ready")
            if place:
                page.eval_on_selector(".explorer", "one => scrollTo(0, one.getBoundingClientRect().top - 12)")
            page.wait_for_timeout(500)
            page.screenshot(path=ROOT / "docs" / "images" / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
