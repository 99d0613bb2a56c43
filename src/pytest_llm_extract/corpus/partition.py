"""Join the records of one part by id, and score or name every one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from pytest_llm_extract.corpus.counts import Counts
from pytest_llm_extract.corpus.records import BadRecord, Record, Row, cut_value, parse_row
from pytest_llm_extract.corpus.totals import NamedCases, Scope, Totals
from pytest_llm_extract.dataset.gold_labels import AS_WRITTEN, read_labels
from pytest_llm_extract.dataset.gold_mistakes import unknown_key
from pytest_llm_extract.formats.exact_decimals import exact_text, read_number
from pytest_llm_extract.results.accepted import Origin
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import Outcome, Status
from pytest_llm_extract.schema.field_tree import top_names
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.answer import Answer, lost_answer, read_answer
from pytest_llm_extract.scoring.compare.walk import compare
from pytest_llm_extract.scoring.score import count_rows, score_answer

_OF_GOLD, _OF_PREDICTIONS = ("expected",), ("output", "raw")
UNKNOWN, MISSING = "unknown", "missing"
DUPLICATE, DUPLICATE_GOLD = "duplicate", "duplicate gold"
BROKEN, BROKEN_GOLD = "broken", "broken gold"
_C, _A, _M, _I = Outcome.CORRECT, Outcome.ABSENT_OK, Outcome.MISSING, Outcome.INVALID


# The line of a record in the n-th of several files is n times this, plus its line there.
LINES_OF_A_FILE = 1 << 40
FileNames = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Part:
    """Records of both files. All records of an id are in one part."""

    gold: list[Record]
    predictions: list[Record]


@dataclass(slots=True)
class _Gold:
    line: int
    value: Any
    columns: Mapping[str, Any] = field(default_factory=dict)
    predicted: int | None = None  # line of its prediction


def place(names: tuple[str, ...], line: int) -> str:
    """File and line of a record."""
    file, number = divmod(line, LINES_OF_A_FILE)
    return f"{names[file]}:{number}"


class PartScorer:
    """Scores parts. It keeps every case with `keep_all`, else only the worst.

    `names` are those of the files of gold and of predictions, None where records do not come from files. `scope` says
    by which rules answers are scored.
    """

    def __init__(self, schema: Schema, names: FileNames | None, scope: Scope, keep_all: bool = False) -> None:
        self._schema, self._keep_all, self._scope = schema, keep_all, scope
        self._gold_names, self._prediction_names = names or ((), ())
        self._fields = top_names(schema.root)
        self._start()

    def _start(self) -> None:
        self._counts, self._examples = Counts(), NamedCases()
        self._gold: dict[str, _Gold | None] = {}
        self._strangers: list[str] = []  # what the part has besides cases, for its identity

    def score(self, part: Part, identity: str | None = None) -> Totals:
        """Score one part and return its totals, under its identity; None: under a hash of its ids."""
        self._start()
        for line, text in part.gold:
            self._take_gold(line, text)
        for line, text in part.predictions:
            self._take_prediction(line, text)
        for case_id, gold in self._gold.items():
            if gold is not None and gold.predicted is None:
                self._problem(MISSING, gold.line, f"{case_id!r}")
                self._add(case_id, gold, lost_answer(Status.ERROR, "no prediction"))
        return Totals(self._scope, {identity or self._identity(): self._counts}, self._examples)

    def _identity(self) -> str:
        ids = "\n".join([*sorted(self._gold), "", *sorted(self._strangers)])
        return sha256(ids.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _problem(self, kind: str, line: int, what: str) -> None:
        of_gold = kind in (MISSING, DUPLICATE_GOLD, BROKEN_GOLD)
        names = self._gold_names if of_gold else self._prediction_names
        self._counts.problems[kind] += 1
        self._examples.keep_problems(kind, (line, f"{place(names, line)} {what}") if names else (0, what))
        if kind in (UNKNOWN, BROKEN, BROKEN_GOLD):
            self._strangers.append(what)

    def _first(self, names: tuple[str, ...], line: int, first: int | None) -> str:
        if not first or not names:
            return ""
        file, number = divmod(first, LINES_OF_A_FILE)
        return f", first in line {number}" if file == line // LINES_OF_A_FILE else f", first in {place(names, first)}"

    def _take_gold(self, line: int, text: bytes) -> None:
        try:
            case_id, gold = self._cut_gold(line, text) or self._parse_gold(line, text)
        except BadRecord as bad:
            self._problem(BROKEN_GOLD, line, bad.problem)
            if bad.id is not None:
                self._gold.setdefault(bad.id, None)
            return
        if case_id in self._gold:
            known = self._gold[case_id]
            first = self._first(self._gold_names, line, known.line if known else None)
            self._problem(DUPLICATE_GOLD, line, f"{case_id!r}{first}")
        else:
            self._gold[case_id] = gold

    def _cut_gold(self, line: int, text: bytes) -> tuple[str, _Gold] | None:
        cut = None if self._scope.options.absent_is_null else cut_value(text, "expected", self._fields)
        if cut is None:
            return None
        try:
            return cut[0].decode(), _Gold(line, self._schema.read_gold_json(cut[1]))
        except ValueError:  # of pydantic, of JSON or of UTF-8: the slow way says which
            return None

    def _parse_gold(self, line: int, text: bytes) -> tuple[str, _Gold]:
        row = parse_row(text, _OF_GOLD, self._fields)
        try:
            return row.id, _Gold(line, self._read_gold(self._value_text(text, row, _OF_GOLD)), row.columns)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            unknown = first["type"] == "extra_forbidden"
            problem = unknown_key(first["loc"], self._schema) if unknown else f"{place}: {first['msg']}"
            raise BadRecord(f"case {row.id!r}: {problem}", row.id) from None

    def _read_gold(self, text: str) -> Any:
        options, read = self._scope.options, self._schema.read_gold_json
        if options == AS_WRITTEN:
            return read(text)
        data = json.loads(text, parse_float=read_number)
        labels = read_labels(self._schema, data, options, lambda known: read(exact_text(known)))
        self._counts.unknown.update(set(labels.unknown))
        return labels.gold

    def _take_prediction(self, line: int, text: bytes) -> None:
        try:
            case_id, answer = self._cut_prediction(text) or self._parse_prediction(text)
        except BadRecord as bad:
            self._problem(BROKEN, line, bad.problem)
            if bad.id is None:
                return
            case_id, answer = bad.id, lost_answer(Status.INVALID, bad.problem)
        gold = self._gold.get(case_id)
        if gold is None:
            if case_id not in self._gold:
                self._problem(UNKNOWN, line, f"{case_id!r}")
        elif gold.predicted is not None:
            self._problem(DUPLICATE, line, f"{case_id!r}" + self._first(self._prediction_names, line, gold.predicted))
        else:
            gold.predicted = line
            self._add(case_id, gold, answer)

    def _cut_prediction(self, text: bytes) -> tuple[str, Answer] | None:
        cut = cut_value(text, "output", self._fields)
        if cut is None:
            return None
        try:
            return cut[0].decode(), Answer(Status.OK, self._schema.read_json(cut[1]), valid=True)
        except ValueError:
            return None

    def _parse_prediction(self, text: bytes) -> tuple[str, Answer]:
        row = parse_row(text, _OF_PREDICTIONS, self._fields)
        if row.key == "raw":
            return row.id, self._read_raw(row)
        return row.id, read_answer(self._schema, self._value_text(text, row, _OF_PREDICTIONS))

    def _value_text(self, text: bytes, row: Row, keys: tuple[str, ...]) -> str:
        if not self._schema.needs_exact_numbers(text):
            return json.dumps(row.value)
        return exact_text(parse_row(text, keys, self._fields, read_number).value)

    def _read_raw(self, row: Row) -> Answer:
        if row.value is None:
            return lost_answer(Status.INVALID, "the answer has no content")
        if not isinstance(row.value, str):
            raise BadRecord(f"{row.id!r}: raw must be the text of an answer, got {type(row.value).__name__}", row.id)
        answer = read_answer(self._schema, row.value, self._scope.strip)
        self._counts.n_fenced += answer.text is not None
        return answer

    def _add(self, case_id: str, gold: _Gold, answer: Answer) -> None:
        walk = compare(self._schema.root, gold.value, answer.value, _I if answer.lost else _A)
        scored = [leaf[:2] for leaf in walk]
        outcomes = [outcome for _, outcome in scored]
        n_wrong = len(outcomes) - outcomes.count(_C) - outcomes.count(_A) + len(walk.bare)
        counts, examples = self._counts, self._examples
        counts.add(scored, count_rows(walk.rows), n_wrong, answer)
        if n_wrong and answer.status is not Status.ERROR:
            nothing_read = answer.status is Status.INVALID and outcomes.count(_M) + outcomes.count(_I) == len(outcomes)
            counts.n_misses += 1 if nothing_read else n_wrong
            if examples.is_among_worst(n_wrong, case_id):
                examples.keep_worst((-n_wrong, case_id, self._result(case_id, gold, answer)))
        if self._keep_all:
            examples.cases[gold.line, case_id] = self._result(case_id, gold, answer)

    def _result(self, case_id: str, gold: _Gold, answer: Answer) -> CaseResult:
        columns = gold.columns
        group, metadata = columns.get("group"), columns.get("metadata")
        return replace(
            score_answer(self._schema, gold.value, answer, case_id=case_id),
            group=None if group is None else str(group),
            input=columns.get("input"),
            metadata=metadata if isinstance(metadata, dict) else {},
            origin=Origin(scoring=self._schema.scoring_fingerprint[:16]),
        )
