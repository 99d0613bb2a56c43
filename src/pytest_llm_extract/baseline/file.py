"""The accepted answers of a suite: `baseline.jsonl`, a header line and one line for each case, sorted by id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, ValidationError

from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.errors import BaselineError, reason
from pytest_llm_extract.formats.text_files import read_regular, withheld
from pytest_llm_extract.results.outcome import Outcome, Status
from pytest_llm_extract.results.suite_result import JudgedBy
from pytest_llm_extract.wording import count_cases

FORMAT, VERSION = "pytest-llm-extract-baseline", 1
_Text = InstanceOf[str]  # pydantic's own `str` refuses half a surrogate pair, which an answer may hold
_Part = Literal["prompt", "schema", "parameters", "model", "answered", "gold", "scoring", "document", "request", "via"]
_Origin = dict[_Part, _Text | None]
_Number = Annotated[int, Field(ge=1, strict=True)]


@dataclass(frozen=True)
class Baseline:
    """The accepted answers of one suite.

    `prompt` is the hash of the one prompt that gave them all; None where each case had its own. `judged_by` is what
    they were judged by; None in a file of a version that did not keep it. `is_edited` says that the file's checksum
    does not fit.
    """

    suite: str
    variant: str
    fields: tuple[str, ...]
    prompt: str | None
    history: tuple[dict[str, Any], ...]
    entries: dict[str, Entry]
    judged_by: JudgedBy | None = None
    is_edited: bool = False

    def continues(self, earlier: Baseline) -> bool:
        """Whether the history of an earlier file goes on in this one, of which the oldest may be cut off."""
        old, new = list(earlier.history), list(self.history)
        return any(new[: len(old) - cut] == old[cut:] for cut in range(len(old))) if old else True

    @cached_property
    def labelled(self) -> frozenset[str]:
        """The fields in which at least one case was scored."""
        return frozenset(path for entry in self.entries.values() for path in entry.then)

    def to_text(self) -> str:
        """The text of the file."""
        header = {
            "format": FORMAT,
            "version": VERSION,
            "suite": self.suite,
            "variant": self.variant,
            "fields": list(self.fields),
            "prompt": self.prompt,
            "history": list(self.history),
            "judge": self.judged_by and self.judged_by.to_wire(),
        }
        rows = [_line(self.entries[case].to_wire()) for case in sorted(self.entries)]
        header["checksum"] = _checksum(header, rows)
        return "".join(line + "\n" for line in [_line(header), *rows])


def _line(row: dict[str, Any]) -> str:
    line = json.dumps(row, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which an answer may hold
        return json.dumps(row)
    return line


def _checksum(header: Mapping[str, Any], lines: Iterable[str]) -> str:
    """sha256 of a file: of its header without the checksum, and of the lines of its cases."""
    head = {name: value for name, value in header.items() if name != "checksum"}
    text = "\n".join([json.dumps(head, sort_keys=True), *lines])
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def load(path: Path, name: str) -> Baseline | None:
    """Read a baseline file; None if it does not exist.

    Raises:
        BaselineError: it is none of ours, of another version, damaged, or mixes prompts.
    """
    try:
        data = read_regular(path)
        if problem := withheld(data):
            raise BaselineError(name, problem)
        text = data.decode().replace("\r\n", "\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(name, f"cannot be read: {reason(error)}") from None
    return parse(text, name)


def parse(text: str, name: str) -> Baseline:
    """Read the text of a baseline.

    Raises:
        BaselineError: it is none of ours, of another version, damaged, or mixes prompts.
    """
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    rows = [_row(line, number, name) for number, line in lines]
    header = rows[0][1] if rows else {}
    if header.get("format") != FORMAT:
        raise BaselineError(name, "is not a baseline of pytest-llm-extract")
    if header.get("version") != VERSION:
        raise BaselineError(name, f"has format version {header.get('version')!r}, this plugin reads {VERSION}")
    if (wrong := _wrong_in(header, _Header)) is not None:
        raise BaselineError(f"{name}:{rows[0][0]}", f"is not a valid baseline header ({wrong})")
    entries, history = _entries(rows[1:], header["prompt"], name), tuple(header["history"])
    if len(entries) != (n_rows := _n_rows(history, len(entries))):
        raise BaselineError(name, f"holds {count_cases(len(entries))} where its header says {n_rows} (a bad merge?)")
    is_edited = "checksum" in header and header["checksum"] != _checksum(header, (line for _, line in lines[1:]))
    fields, judged_by = tuple(header["fields"]), _judged_by(header, f"{name}:{rows[0][0]}")
    return Baseline(
        header["suite"], header["variant"], fields, header["prompt"], history, entries, judged_by, is_edited
    )


def _judged_by(header: Mapping[str, Any], place: str) -> JudgedBy | None:
    wire = header.get("judge")
    try:
        return None if wire is None else JudgedBy.from_wire(wire)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise BaselineError(place, f"is not a header of a baseline (judge: {error})") from None


def _entries(rows: Iterable[tuple[int, dict[str, Any]]], prompt: str | None, name: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for number, row in rows:
        place = f"{name}:{number}"
        if (wrong := _wrong_in(row, _Case)) is not None:
            raise BaselineError(place, f"is not a valid baseline record ({wrong})")
        entry = Entry.from_wire(row)
        if entry.id in entries:
            raise BaselineError(place, f"case {entry.id!r} occurs twice (a bad merge?)")
        if prompt is not None and entry.origin.prompt != prompt:
            what = f"case {entry.id!r} was answered under another prompt than the file's header says (a bad merge?)"
            raise BaselineError(place, f"mixes prompts: {what}")
        entries[entry.id] = entry
    return entries


def _n_rows(history: Sequence[Mapping[str, Any]], default: int) -> int:
    """The number of cases the file had when it was written; `default` if its history lacks the number."""
    if not history:
        return default
    last = history[-1]
    n_rows: int = last.get("n_rows", last["n_cases"] if last["complete"] else default)
    return n_rows


def _row(line: str, number: int, name: str) -> tuple[int, dict[str, Any]]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        conflict = line.startswith(("<<<<<<<", "=======", ">>>>>>>"))
        raise BaselineError(
            f"{name}:{number}", "merge conflict marker" if conflict else f"is not JSON: {error}"
        ) from None
    if not isinstance(row, dict):
        raise BaselineError(f"{name}:{number}", "is not a JSON object")
    return number, row


class _Sample(BaseModel):
    status: Status
    outcomes: dict[_Text, dict[Outcome, _Number]]
    rows: dict[_Text, dict[Outcome, _Number]] = {}
    attempt: _Number
    raw: _Text | None = None
    requests: list[_Text] = []
    origin: _Origin = {}


class _Case(_Sample):
    id: _Text
    requests: list[_Text]
    origin: _Origin
    group: _Text | None = None
    gold_text: _Text | None = None
    samples: list[_Sample] = []


class _Record(BaseModel):
    model_config = ConfigDict(strict=True)
    n_cases: int
    complete: bool
    n_rows: int | None = None


class _Header(BaseModel):
    suite: _Text
    variant: _Text
    fields: list[_Text]
    prompt: _Text | None
    history: list[_Record]
    judge: dict[_Text, Any] | None = None
    checksum: _Text | None = None


def _wrong_in(row: dict[str, Any], form: type[BaseModel]) -> str | None:
    """What is wrong with a line, in words; None if it can be read."""
    try:
        form.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return None
