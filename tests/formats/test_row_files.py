"""Small files of rows: whatever characters a row has, it is read as it was written."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import BaseModel

from pytest_llm_extract.formats.row_files import read_rows, rows_to_text
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.training.lines import check_lines

ODD = "one\u2028two\u2029three\u0085four\x0cfive\x1esix\r\nseven \ud800"


class Note(BaseModel):
    """One field."""

    name: str


def test_every_character_comes_back(tmp_path: Path) -> None:
    """Separators of lines that JSON does not escape, and half a character."""
    file = tmp_path / "rows.jsonl"
    file.write_text(rows_to_text([{"text": ODD}, {"text": "second"}]), "utf-8")
    assert [row["text"] for row in read_rows(file)] == [ODD, "second"]


def test_training_data_may_hold_them_too() -> None:
    """A document with such a character is one line; what is wrong is still counted by lines."""
    answer = json.dumps({"name": "x"})
    line = json.dumps({"prompt": ODD.removesuffix("\ud800"), "completion": answer}, ensure_ascii=False)
    schema = Schema.of(Note, "test")
    assert check_lines(f"{line}\n{line}\n", schema, "prompt-completion") == []
    assert check_lines(f"{line}\n\n", schema, "prompt-completion")[0].startswith("line 2: ")
    assert check_lines("", schema, "prompt-completion") == []


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """Also where the file system does not tell the two times apart."""
    file = tmp_path / "rows.jsonl"
    for text in ("[1]\n", "[1]\n[2]\n"):
        file.write_text(text)
        os.utime(file, ns=(10**18, 10**18))
        assert len(read_rows(file)) == text.count("\n")
