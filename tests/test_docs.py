"""What README and docs show is what happens: every block of code runs or is checked, every link leads somewhere."""

from __future__ import annotations

import configparser
import doctest
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from pytest_llm_extract import hookspecs
from pytest_llm_extract.cli.main import main
from pytest_llm_extract.config.options import MARKERS
from pytest_llm_extract.stats.intervals import wilson
from pytest_llm_extract.stats.power import cases_to_decide
from pytest_llm_extract.suites.build_suites import ARGUMENTS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")]
PAGES += [*sorted(ROOT.glob("*/*.md")), ROOT / "ARCHITECTURE.md"]
PAGES = [page for page in dict.fromkeys(PAGES) if page.exists()]
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
PROGRAMS = {"pytest", "llm-extract", "python", "python3", "pip", "ruff", "MYPYPATH=src:tests:examples", "rm", "kill"}
PROGRAMS |= {".ci/run", ".venv/bin/python", "OPENAI_API_KEY=loopback-only"}
OUTPUT = "text"  # what a command printed: shown, not run

EXTRACTOR = """
import datetime
from pydantic import BaseModel

class Row(BaseModel):
    price: float

class Invoice(BaseModel):
    vendor: str
    amount: float
    total: float
    date: datetime.date | None = None
    line_items: list[Row] = []

def extract_invoice(text: str) -> Invoice:
    raise NotImplementedError
"""
GOLD = {
    "vendor": "ACME",
    "amount": 12,
    "total": 12,
    "date": "2026-01-14",
    "line_items": [{"price": 2}],
}
PROMPT = "messages:\n- {role: system, content: Read.}\n- {role: user, content: '{{input}}'}\n"


class Block(NamedTuple):
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """`docs/gate.md:7`."""
        return f"{self.page}:{self.line}"


def _blocks() -> list[Block]:
    blocks = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            blocks.append(Block(str(page.relative_to(ROOT)), line, match[1], match[2]))
    return blocks


BLOCKS = _blocks()
COMMANDS = [block for block in BLOCKS if block.language == "console"]
ENGINES = ("import ray\n", "import pyspark", "from pyspark")  # recipes, which tests/clients runs where they install
PYTHON = [block for block in BLOCKS if block.language == "python" and not any(name in block.text for name in ENGINES)]
DATA = ("json", "jsonl", "yaml", "toml", "ini")


def test_every_block_says_what_it_is() -> None:
    """A block has a language that a test below runs or reads, or it is the output of a command."""
    known = {"pycon", "python", "console", OUTPUT, *DATA}
    assert [f"{block.name}: {block.language!r}" for block in BLOCKS if block.language not in known] == []


@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS if block.language == "pycon"}))
def test_examples_run(page: str) -> None:
    """Every `pycon` example gives the answer that is printed below it."""
    source = "\n".join(block.text for block in BLOCKS if block.page == page and block.language == "pycon")
    test = doctest.DocTestParser().get_doctest(source, {}, page, page, 0)
    assert doctest.DocTestRunner().run(test).failed == 0


def test_python_blocks_are_collected(pytester: pytest.Pytester) -> None:
    """Every `python` block runs as a module of a project, and each of its suites has a gate."""
    (pytester.path / "myapp").mkdir()
    (pytester.path / "myapp/invoices.py").write_text(EXTRACTOR)
    for number, block in enumerate(PYTHON):
        _write_project(pytester.path / f"block_{number}", block, f"test_block_{number}.py")
        hooks = re.findall(r"def (pytest_llm_extract\w+)", block.text)
        assert [hook for hook in hooks if not hasattr(hookspecs, hook)] == [], block.name
    run = pytester.runpytest_subprocess("--collect-only", "-q", "-p", "no:cacheprovider", "-o", "pythonpath=.")
    shown = "\n".join(f"test_block_{number}.py is {block.name}" for number, block in enumerate(PYTHON))
    assert run.ret == 0, f"{run.stdout}\n{shown}"
    suites = {line.partition("[")[0] for line in run.outlines if "[" in line and "test_block_" in line}
    assert len(suites) == sum(block.text.count("mark.llm_extract(") for block in PYTHON), shown


def _write_project(folder: Path, block: Block, module: str) -> None:
    """A block as a test module, beside golden data for the schema that it defines or imports, and its prompts."""
    for name in ("golden", "prompts"):
        (folder / name).mkdir(parents=True)
    own = re.findall(r"^    (\w+): ", block.text, re.MULTILINE) if "class Invoice" in block.text else list(GOLD)
    for name in ("invoices", "examples"):
        expected = {field: GOLD[field] for field in own}
        line = {"id": name, "input": f"the document of {name}", "expected": expected}
        (folder / f"golden/{name}.jsonl").write_text(json.dumps(line))
    (folder / "prompts/invoice.prompt.yml").write_text(PROMPT)
    for name in re.findall(r"prompts/\w+\.md", block.text):
        (folder / name).write_text("Read.")
    (folder / module).write_text(block.text)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in DATA], ids=lambda block: block.name)
def test_data_can_be_read(block: Block) -> None:
    """JSON (one document, or one a line), YAML, TOML and INI parse."""
    if block.language == "yaml":
        assert yaml.safe_load(block.text)
    elif block.language == "toml":
        assert tomllib.loads(block.text)
    elif block.language == "ini":
        text = block.text if "[" in block.text.splitlines()[0] else f"[pytest]\n{block.text}"
        configparser.ConfigParser(allow_no_value=True, interpolation=None).read_string(text)
    else:
        assert all(isinstance(document, dict) for document in _documents(block.text))


def _documents(text: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="session")
def flags() -> str:
    """The help of pytest, which lists our flags and settings."""
    command = [sys.executable, "-m", "pytest", "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: block.name)
def test_commands_exist(block: Block) -> None:
    """Each command is a known program; its scripts, subcommands and their options are there."""
    for line in block.text.splitlines():
        if not line.startswith("$ "):
            continue
        for command in re.split(r" && ", line[2:].partition("  #")[0]):
            words = [word for word in command.split() if word != "."]
            assert words[0] in PROGRAMS or (ROOT / words[0]).exists() or words[0].startswith(".venv"), line
            assert all((ROOT / word).exists() for word in words if word.startswith(("benchmarks/", "tests/standin"))), (
                line
            )
            if words[0] == "llm-extract":
                _check_subcommand(words[1:], line)


def _check_subcommand(words: list[str], line: str) -> None:
    command = main.get_command(click.Context(main), words[0])
    assert command is not None, line
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_flags_and_settings_exist(page: Path, flags: str) -> None:
    """Every flag and every setting that a page names is in `pytest --help`."""
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"--llm-[a-z]+(?:-[a-z]+)*", text)) | set(re.findall(r"\bllm_extract_[a-z_]+\b", text))
    hooks = {name.removeprefix("pytest_") for name in dir(hookspecs)}
    assert {name for name in named - hooks if name not in flags} == set()


def test_settings_are_all_listed(flags: str) -> None:
    """docs/settings.md has every argument of a suite, every flag and every setting; so has `pytest --markers`."""
    cells = set(re.findall(r"`([^`]+)`", (ROOT / "docs/settings.md").read_text(encoding="utf-8")))
    listed = {re.split(r"[=\[(]", cell)[0] for cell in cells}
    there = set(re.findall(r"--llm-[a-z]+(?:-[a-z]+)*", flags)) | set(re.findall(r"\bllm_extract_[a-z_]+\b", flags))
    assert (there | ARGUMENTS) - listed == set()
    signature = MARKERS[0].removeprefix("llm_extract(*, ").partition("): ")[0]
    assert {argument.partition("=")[0] for argument in signature.split(", ")} == ARGUMENTS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file that is there, and an anchor a heading of it."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file), target


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_numbers_of_cases_are_those_of_our_statistics() -> None:
    """Both tables of docs/scale.md are what intervals and power say."""
    rows = re.findall(r"^\| ([\d,]+) \| (.*) \|$", (ROOT / "docs/scale.md").read_text(encoding="utf-8"), re.MULTILINE)
    numbers = [
        [int(first.replace(",", "")), *(cell.replace(",", "") for cell in rest.split(" | "))] for first, rest in rows
    ]
    widths, drops = numbers[:7], numbers[7:]
    for n, *halves in widths:
        expected = [wilson(share * n, n) for share in (0.9, 0.99)]
        assert halves == [f"{(high - low) * 50:.1f}" for low, high in expected], n
    for points, *cases in drops:
        lost, gained, of = points * 100, 200, 10_000
        decided = [cases_to_decide(lost, 0, of, n_fields, 0.05) for n_fields in (1, 10)]
        assert cases == [str(n) for n in (*decided, cases_to_decide(lost + gained, gained, of, 10, 0.05))], points


def test_readme_is_short_and_links_every_page() -> None:
    """The README has at most 900 words and leads to each page of docs/."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 900
    assert [page.name for page in ROOT.glob("docs/*.md") if f"docs/{page.name}" not in text] == []
