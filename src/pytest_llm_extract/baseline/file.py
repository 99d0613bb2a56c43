"""The accepted answers of a suite: `baseline.jsonl`, a header line and one line for each case, sorted by id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract import clock
from pytest_llm_extract.baseline.file_schema import wrong_in_case, wrong_in_header
from pytest_llm_extract.errors import BaselineError, reason
from pytest_llm_extract.formats.strict_json import read_exactly
from pytest_llm_extract.formats.text_files import read_regular, withheld
from pytest_llm_extract.results.accepted import Accepted, Origin, numbered
from pytest_llm_extract.results.leaf import Leaf, Leaves, counts_from_wire
from pytest_llm_extract.results.outcome import FieldCounts, Outcome, Status, merge_counts
from pytest_llm_extract.results.suite_result import JudgedBy
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import Answer, lost_answer, read_answer
from pytest_llm_extract.scoring.score import score_answer
from pytest_llm_extract.wording import count_cases

FORMAT, VERSION = "pytest-llm-extract-baseline", 1
_MAX_HISTORY = 50
_SHARED = ("id", "requests", "origin")  # what the samples of a case mostly have in common


class Entry(NamedTuple):
    """One accepted case. `text` is the answer as JSON text; None for one that was lost.

    `outcomes` counts leaves and `rows` rows, as a `Sample` has them. `further` are its second and later samples, each
    as an entry of its own. `gold` is what was expected, as JSON text; None for gold that has no such form, and in a
    file of a version that did not keep it.
    """

    id: str
    status: Status
    text: str | None
    outcomes: dict[str, FieldCounts]
    fingerprints: tuple[str, ...]
    origin: Origin
    attempt: int = 1
    further: tuple[Entry, ...] = ()
    group: str | None = None
    gold: str | None = None
    rows: dict[str, FieldCounts] = {}  # noqa: RUF012 - of a NamedTuple, and never changed

    @property
    def samples(self) -> tuple[Entry, ...]:
        """All samples, the first one included."""
        return (self, *self.further)

    def to_wire(self) -> dict[str, Any]:
        """Plain values for JSON. The answer is nested JSON if that keeps its exact meaning, else a string.

        A further sample has what differs from the first: its answer always, requests and origin where they do.
        """
        answer = {} if self.text is None else _exactly(self.text, "answer", "raw")
        wire = {
            "id": self.id,
            **({} if self.group is None else {"group": self.group}),
            **({} if self.gold is None else _exactly(self.gold, "gold", "gold_text")),
            "status": self.status.value,
            **answer,
            "outcomes": {path: counts.to_wire() for path, counts in self.outcomes.items()},
            **({"rows": {path: counts.to_wire() for path, counts in self.rows.items()}} if self.rows else {}),
            "requests": list(self.fingerprints),
            "origin": self.origin.to_wire(),
            "attempt": self.attempt,
        }
        if self.further:
            wire["samples"] = numbered(
                {k: v for k, v in sample.to_wire().items() if k not in _SHARED or v != wire[k]}
                for sample in self.further
            )
        return wire

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Entry:
        """The inverse of `to_wire`."""
        text = wire.get("raw")
        shared = {name: wire[name] for name in _SHARED}
        return cls(
            wire["id"],
            Status(wire["status"]),
            json.dumps(wire["answer"]) if "answer" in wire else text,
            counts_from_wire(wire["outcomes"]),
            tuple(wire["requests"]),
            Origin(**wire["origin"]),
            wire["attempt"],
            tuple(cls.from_wire({**shared, **sample}) for sample in wire.get("samples", ())),
            wire.get("group"),
            json.dumps(wire["gold"]) if "gold" in wire else wire.get("gold_text"),
            counts_from_wire(wire.get("rows", {})),
        )

    @property
    def then(self) -> dict[str, FieldCounts]:
        """Outcome counts of leaves and rows by field path, when it was accepted."""
        return merge_counts(self.outcomes, self.rows)

    @property
    def leaves(self) -> Leaves:
        """The leaves with their outcomes at acceptance, without values."""
        return {
            path: tuple(Leaf(Outcome(name)) for name, count in counts.to_wire().items() for _ in range(count))
            for path, counts in self.outcomes.items()
        }

    def as_then(self) -> Accepted:
        """The entry with the leaves it had at acceptance."""
        further = tuple(sample.as_then() for sample in self.further)
        return Accepted(
            self.leaves, self.then, self.origin, self.attempt, further, self.group, status=self.status, rows=self.rows
        )

    def scored(self, schema: Schema, gold: Any, old_gold: Any = None) -> Accepted:
        """Its answer under today's gold and rules, and under the `old_gold` that `kept_gold` gave."""
        answer = self._answer(schema)
        result = score_answer(schema, gold, answer)
        further = tuple(sample.scored(schema, gold, old_gold) for sample in self.further)
        then = None if old_gold is None else score_answer(schema, old_gold, answer).fields
        now = result.leaves, self.then, self.origin
        return Accepted(*now, self.attempt, further, self.group, then, self.status, result.rows)

    def kept_gold(self, schema: Schema, gold_hash: str) -> Any:
        """The gold of the day on which it was accepted; None where that is today's, or the schema does not read it."""
        if self.gold is None or self.origin.gold == gold_hash:
            return None
        try:
            return schema.read_gold_json(self.gold)
        except Exception:  # of pydantic, or of a validator
            return None

    def _answer(self, schema: Schema) -> Answer:
        if self.text is None or self.status not in (Status.OK, Status.INVALID):
            return lost_answer(self.status, None)
        return read_answer(schema, self.text)


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


def _exactly(text: str, name: str, name_of_text: str) -> dict[str, Any]:
    """The value of JSON text, or the text itself if writing the value again would change it."""
    value = read_exact_json(text)
    return {name_of_text: text} if value is _INEXACT else {name: value}


_INEXACT = object()


def read_exact_json(text: str) -> Any:
    """The JSON value of a text, or `_INEXACT` when writing it again would change what it means."""
    try:
        value = read_exactly(text, lambda number, literal: repr(number) == literal)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate cannot be written as UTF-8
    except (ValueError, RecursionError):
        return _INEXACT
    return value


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
    if (wrong := wrong_in_header(header)) is not None:
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
    found = header.get("judge")
    try:
        return None if found is None else JudgedBy.from_wire(found)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise BaselineError(place, f"is not a header of a baseline (judge: {error})") from None


def _entries(rows: Iterable[tuple[int, dict[str, Any]]], prompt: str | None, name: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for number, row in rows:
        place = f"{name}:{number}"
        if (wrong := wrong_in_case(row)) is not None:
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


class Acceptance(NamedTuple):
    """The entries of a run to accept, and the facts about that run."""

    suite: str
    variant: str
    fields: tuple[str, ...]
    entries: tuple[Entry, ...]
    complete: bool
    verdict: str | None
    reasons: tuple[str, ...] = ()
    judged_by: JudgedBy | None = None


def accept(old: Baseline | None, new: Acceptance, name: str) -> Baseline:
    """The baseline after an acceptance: replaced by a complete run, extended by a partial one.

    A partial run adds cases that are new and replaces those whose gold changed; no others, for choosing which cases
    to accept again would be choosing the answers.

    Raises:
        BaselineError: a partial run under another prompt than the baseline's.
    """
    if new.complete or old is None:
        entries, history = {entry.id: entry for entry in new.entries}, old.history if old else ()
        fields = new.fields
    else:
        taken = {e.id: e for e in new.entries if e.id not in old.entries or _relabelled(old.entries[e.id], e)}
        entries, history = {**old.entries, **taken}, old.history
        fields = old.fields  # those of most entries: what is new or gone is accepted by a whole run
        if old.prompt is not None and any(entry.origin.prompt != old.prompt for entry in taken.values()):
            raise BaselineError(
                name, "a partial run under another prompt would mix prompts in one baseline; run the whole suite"
            )
    record = {
        "accepted": clock.utc_now().date().isoformat(),
        "n_cases": len(new.entries),
        "n_rows": len(entries),
        "complete": new.complete,
        "verdict": new.verdict,
        "reasons": list(new.reasons),
        "fields": _rates(entries.values()),
    }
    prompt = _one_prompt(entries.values())
    history = (*history, record)[-_MAX_HISTORY:]
    judged_by = new.judged_by if new.complete or old is None else old.judged_by
    return Baseline(new.suite, new.variant, fields, prompt, history, entries, judged_by)


def _rates(entries: Iterable[Entry]) -> dict[str, list[int]]:
    """By field, how many leaves were right, and how many there were."""
    counts: dict[str, FieldCounts] = {}
    for entry in (sample for first in entries for sample in first.samples):
        for path, found in entry.outcomes.items():
            counts[path] = counts.get(path, FieldCounts()) + found
    return {path: [found.right, found.n] for path, found in sorted(counts.items())}


def _relabelled(old: Entry, new: Entry) -> bool:
    return old.origin.gold != new.origin.gold


def _one_prompt(entries: Iterable[Entry]) -> str | None:
    prompts = {entry.origin.prompt for entry in entries}
    return prompts.pop() if len(prompts) == 1 else None
