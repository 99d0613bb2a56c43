"""What git makes of files: other line ends, merge conflicts, pointers and encrypted files."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from recorded import record
from standin import StandIn

from pytest_llm_extract.dataset import load_cases
from pytest_llm_extract.errors import DatasetError, PromptError
from pytest_llm_extract.formats.text_files import UnreadableFileError, read_document
from pytest_llm_extract.prompt.attachments import read_document as read_attachment
from pytest_llm_extract.prompt.prompt_file import load_prompt

POINTERS = {
    "git lfs pull": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "git-crypt unlock": b"\x00GITCRYPT\x00" + base64.b64decode("6J0nS8g5XvGQ4QyM8w=="),
    "git annex get": b"/annex/objects/SHA256E-s12345--4d7a.pdf\n",
}
CONFLICT = "Read it.\n<<<<<<< HEAD\nOne.\n=======\nTwo.\n>>>>>>> other\n"
MODULE = """
import pathlib, pytest
from pydantic import BaseModel

class Item(BaseModel):
    name: str

@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="m", cases="golden")
def test_folder(extraction):
    assert extraction.output

@pytest.mark.llm_extract(schema=Item, prompt="read.md", model="m", cases="golden.csv")
def test_csv(extraction):
    assert extraction.output
"""


def checked_out(path: Path, end: bytes) -> None:
    """Write every text file below a folder with these line ends."""
    for file in path.rglob("*"):
        if file.suffix in (".txt", ".csv", ".md", ".json", ".jsonl"):
            file.write_bytes(file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", end))


def test_a_checkout_with_other_line_ends_replays(pytester: pytest.Pytester) -> None:
    """core.autocrlf: documents, cells of several lines, prompts and the baseline are what they were."""
    pytester.makepyfile(test_items=MODULE)
    (pytester.path / "golden").mkdir()
    (pytester.path / "golden" / "c1.txt").write_bytes(b"A bolt.\nIt is long.\n")
    (pytester.path / "golden" / "c1.json").write_text('{"name": "bolt"}\n')
    (pytester.path / "golden.csv").write_bytes(b'id,input,expected.name\nc1,"A bolt.\nIt is long.",bolt\n')
    (pytester.path / "read.md").write_bytes(b"Read.\nRead well.\n")
    checked_out(pytester.path, b"\r\n")
    with StandIn(lambda body: '{"name": "bolt"}') as provider:
        record(pytester, provider, "--llm-extract-accept").assert_outcomes(passed=4)
    assert all("\r" not in json.dumps(body) for body in provider.requests)
    for end in (b"\n", b"\r\n"):
        checked_out(pytester.path, end)
        pytester.runpytest_subprocess().assert_outcomes(passed=4)


@pytest.mark.parametrize("remedy", list(POINTERS))
def test_what_git_left_in_the_place_of_a_file_is_named(tmp_path: Path, remedy: str) -> None:
    """Documents, images and prompts: nothing of it is sent, and the command that gets the file is said."""
    for name in ("scan.pdf", "scan.png", "note.txt", "read.md"):
        (tmp_path / name).write_bytes(POINTERS[remedy])
    for name in ("scan.pdf", "scan.png", "note.txt"):
        with pytest.raises(UnreadableFileError, match=remedy):
            read_document(tmp_path / name)
        with pytest.raises(OSError, match=remedy):
            read_attachment(tmp_path / name)
    with pytest.raises(PromptError, match=remedy):
        load_prompt(tmp_path / "read.md")
    (tmp_path / "golden.jsonl").write_bytes(POINTERS[remedy])
    with pytest.raises(DatasetError, match=remedy):
        load_cases(tmp_path / "golden.jsonl", "golden.jsonl")


def test_a_cassette_or_baseline_that_is_a_pointer_is_not_recorded_over(pytester: pytest.Pytester) -> None:
    """The case fails with the command that gets it; the file stays."""
    pytester.makepyfile(test_items=MODULE)
    (pytester.path / "golden").mkdir()
    (pytester.path / "golden" / "c1.txt").write_text("A bolt.")
    (pytester.path / "golden" / "c1.json").write_text('{"name": "bolt"}')
    (pytester.path / "golden.csv").write_text("id,input,expected.name\nc1,A bolt.,bolt\n")
    (pytester.path / "read.md").write_text("Read.")
    with StandIn(lambda body: '{"name": "bolt"}') as provider:
        record(pytester, provider, "--llm-extract-accept").assert_outcomes(passed=4)
        (cassette,) = pytester.path.glob("cassettes/*/test_folder/**/*.yaml")
        cassette.write_bytes(POINTERS["git lfs pull"])
        run = record(pytester, provider)
    run.assert_outcomes(passed=2, failed=2)
    run.stdout.fnmatch_lines(["*is a Git LFS pointer, not the file itself: git lfs pull*"])
    run.stdout.no_fnmatch_line("*delete it*")
    assert cassette.read_bytes() == POINTERS["git lfs pull"]
    (baseline,) = pytester.path.glob("cassettes/*/test_csv/**/baseline.jsonl")
    baseline.write_bytes(POINTERS["git-crypt unlock"])
    pytester.runpytest_subprocess().stdout.fnmatch_lines(["*is encrypted by git-crypt: git-crypt unlock*"])


def test_a_merge_conflict_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    """In a prompt and in a document, with its line; a heading that is underlined is not one."""
    (tmp_path / "read.md").write_text(CONFLICT)
    with pytest.raises(PromptError, match="line 2: merge conflict marker"):
        load_prompt(tmp_path / "read.md")
    (tmp_path / "note.txt").write_text(CONFLICT)
    with pytest.raises(UnreadableFileError, match="merge conflict marker"):
        read_document(tmp_path / "note.txt")
    (tmp_path / "heading.md").write_text("Invoice\n=======\n\nRead.\n")
    assert load_prompt(tmp_path / "heading.md").messages
