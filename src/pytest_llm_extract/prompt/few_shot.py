"""Few-shot examples, given or drawn from the other cases, and retrieved context: they go beside the document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pydantic
import pydantic_core

from pytest_llm_extract.cassette.file.fingerprint import digest
from pytest_llm_extract.config.source import MarkerSource
from pytest_llm_extract.dataset import Case, load_cases
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.lints.contamination import may_be_case
from pytest_llm_extract.lints.near_duplicates import Neighbours
from pytest_llm_extract.prompt.prompt_file import Example
from pytest_llm_extract.results.recipe import ExampleDocument
from pytest_llm_extract.rules.leave_one_out import LeaveOneOut
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.schema.validators import has_alternatives


class Examples(NamedTuple):
    """Few-shot pairs: the same ones for every case (`fixed`), or those that `find` gives for a case.

    `calls` says that `find` is the user's. `near` has, by the id of a case, those that `find` gave it last and that may
    be the case itself.
    """

    source: str
    schema: Schema
    near: dict[str, tuple[ExampleDocument, ...]]
    fixed: tuple[Example, ...] = ()
    find: Callable[[Case], Iterable[Any]] | None = None
    calls: bool = False

    def of(self, case: Case) -> tuple[Example, ...]:
        """The examples of one case.

        Raises:
            UsageError: one cannot be read, or is the case itself, whose gold the prompt would hold.
        """
        examples = self.fixed
        if self.find is not None:
            listed = self.find(case)
            if not isinstance(listed, Iterable) or isinstance(listed, str | Mapping):
                raise UsageError(self.source, f"of case {case.id!r} must be a list, got {listed!r}")
            examples = tuple(read_example(given, self.schema, self.source) for given in listed)
            self.near[case.id] = _near(case, examples)
        if any(columns["input"] == case.input for columns, _ in examples):
            raise UsageError(
                self.source,
                f"case {case.id!r} is its own example: the prompt would hold its gold; take one of them out",
            )
        return examples

    @property
    def fingerprint(self) -> str:
        """sha256 of the examples that are the same for every case."""
        return digest(pydantic_core.to_jsonable_python(self.fixed, fallback=str))


def _near(case: Case, examples: Iterable[Example]) -> tuple[ExampleDocument, ...]:
    """The examples that may be the case itself."""
    if not isinstance(case.input, str):
        return ()
    return tuple(one for one in map(document_of, examples) if may_be_case(one, case.id, case.input))


def document_of(example: Example) -> ExampleDocument:
    """The document of an example, as reports have it."""
    columns, _ = example
    return ExampleDocument(text_of(columns.get("id")), text_of(columns["input"]) or "")


def text_of(value: Any) -> str | None:
    """A value of an example's row as a string; a file by its name."""
    if isinstance(value, Path):
        return value.name
    return value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False, default=str)


class Context(NamedTuple):
    """Passages for each case, which templates call `context`.

    `calls` says that `find` is the user's. `kept` has what was found last, by the id of the case.
    """

    find: Callable[[Case], Any]
    calls: bool
    kept: dict[str, Any]

    def of(self, case: Case) -> Any:
        """Find the passages of a case, and keep them for its result."""
        self.kept[case.id] = passages = self.find(case)
        return passages


class OtherCases:
    """The cases of a suite, of which each gets others as examples; one is fit if it has a single whole answer."""

    def __init__(self, rule: LeaveOneOut, cases: Sequence[Case], is_fit: Callable[[Case], bool]) -> None:
        self._rule, self._cases, self._is_fit = rule, cases, is_fit

    def draw(self, case: Case) -> list[Case]:
        """The examples of a case.

        Each other case has a rank that depends on the seed and on both ids alone. So a case that is added or removed
        changes the examples of few others, and few cassettes become stale.
        """
        alike = {self._cases[other].id for other in self._neighbours.of(self._places[case.id])}
        others = [
            other
            for other in self._fit
            if other.id != case.id and other.id not in alike and (case.group is None or other.group != case.group)
        ]
        return sorted(others, key=lambda other: self._rank(case.id, other.id))[: self._rule.k]

    def _rank(self, case_id: str, other_id: str) -> bytes:
        return hashlib.sha256(f"{self._rule.seed}\0{case_id}\0{other_id}".encode("utf-8", "surrogatepass")).digest()

    @cached_property
    def _fit(self) -> list[Case]:
        return [case for case in self._cases if self._is_fit(case)]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {case.id: at for at, case in enumerate(self._cases)}

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours([case.input if isinstance(case.input, str) else str(case.input) for case in self._cases])


def read_examples(given: Any, cases: list[Case], schema: Schema, source: MarkerSource) -> Examples:
    """`examples=`: a callable, `LeaveOneOut`, the name of a column that every case has, or a file of golden data.

    Raises:
        UsageError: it is none of them, or an example cannot be read.
        DatasetError: the file is not golden data.
    """
    source = source.at("examples")
    if isinstance(given, LeaveOneOut):
        if type(given.k) is not int or given.k < 1:
            raise UsageError(f"{source.name}: LeaveOneOut", f"k= must be a whole number from 1, got {given.k!r}")
        if type(given.seed) is not int:
            raise UsageError(f"{source.name}: LeaveOneOut", f"seed= must be a whole number, got {given.seed!r}")
        others = OtherCases(given, cases, lambda case: _has_one_answer(case, schema))
        return Examples(source.name, schema, {}, find=others.draw, calls=True)
    if callable(given):
        return Examples(source.name, schema, {}, find=given, calls=True)
    if isinstance(given, str) and all(given in case.columns for case in cases):
        return Examples(source.name, schema, {}, find=lambda case: case.columns[given])
    if isinstance(given, str | Path):
        rows: Iterable[Any] = load_cases(source.find(given), str(given))
    elif isinstance(given, list | tuple):
        rows = given
    else:
        raise UsageError(source.name, f"must be a file, a column, a list, LeaveOneOut or a callable, got {given!r}")
    return Examples(source.name, schema, {}, tuple(read_example(row, schema, source.name) for row in rows))


def read_context(given: Any, cases: list[Case], source: str) -> Context:
    """`context=`: a callable that takes a case, or the name of a column that every case has.

    Raises:
        UsageError: it is neither.
    """
    if callable(given):
        return Context(given, calls=True, kept={})
    if not isinstance(given, str):
        raise UsageError(source, f"context= must be a column or a callable, got {given!r}")
    for case in cases:
        if given not in case.prompt_columns:
            raise UsageError(source, f"context={given!r}: case {case.id!r} has no such column")
    return Context(lambda case: case.prompt_columns[given], calls=False, kept={})


def read_example(given: Any, schema: Schema, source: str) -> Example:
    """An example from a case, a mapping with `input` and `expected`, or a pair of them.

    Raises:
        UsageError: it is none of them, or its answer does not fit the schema.
    """
    if isinstance(given, Case):
        columns, expected = given.prompt_columns, given.expected
    elif isinstance(given, Mapping) and {"input", "expected"} <= given.keys():
        columns, expected = {key: value for key, value in given.items() if key != "expected"}, given["expected"]
    elif isinstance(given, list | tuple) and len(given) == 2:
        columns, expected = {"input": given[0]}, given[1]
    else:
        raise UsageError(source, f"an example must have `input` and `expected`, got {str(given)[:80]!r}")
    return {"context": "", **columns}, answer_text(expected, schema, f"{source}: {str(columns['input'])[:40]!r}")


def _has_one_answer(case: Case, schema: Schema) -> bool:
    """Whether the gold of a case is a whole answer, which the schema takes as it is."""
    try:
        schema.read_json(answer_text(case.expected, schema, "expected"))
    except (UsageError, pydantic.ValidationError):
        return False
    return True


def answer_text(expected: Any, schema: Schema, source: str) -> str:
    """Gold as the JSON text that a model would have answered with.

    Raises:
        UsageError: it does not fit the schema, or holds several answers that would do.
    """
    if isinstance(expected, str):
        return expected
    if has_alternatives(expected):
        raise UsageError(source, "an example must have one answer, not several accepted ones")
    try:
        schema.read_gold(expected)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(source, f"expected.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    try:
        return json.dumps(pydantic_core.to_jsonable_python(expected, by_alias=True), ensure_ascii=False)
    except UnicodeDecodeError:
        raise UsageError(source, "the answer has bytes that are not text: give it as a JSON string") from None
