"""Marker arguments become a `Suite`, checked once, at collection."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pydantic

from pytest_llm_extract.cases import Case, load_cases
from pytest_llm_extract.config import Settings
from pytest_llm_extract.errors import DatasetError, PromptError, UnknownNameError, UsageError, did_you_mean
from pytest_llm_extract.outcome import Status
from pytest_llm_extract.prompt import Prompt, load_prompt
from pytest_llm_extract.schema import Schema, strict_json_schema
from pytest_llm_extract.scoring import labelled_paths, score_answer
from pytest_llm_extract.validate import lost_answer

ARGUMENTS = frozenset({"cases", "extractor", "prompt", "schema", "model", "response_format", "compare"})
FORMATS = ("json_schema", "json_object")


@dataclass(frozen=True)
class GoldenCase:
    """A case with its gold read by the schema."""

    case: Case
    gold: Any


@dataclass(frozen=True)
class PromptCall:
    """Everything of a request but the document."""

    prompt: Prompt
    model: str
    response_format: dict[str, Any]


@dataclass(frozen=True)
class Suite:
    """One test function that carries `llm_extract`."""

    id: str
    variant: str
    schema: Schema
    cases: tuple[GoldenCase, ...]
    floors: dict[str, Fraction]
    extractor: Callable[..., Any] | None
    call: PromptCall | None

    def header(self) -> dict[str, Any]:
        """What the controller needs to know of the suite, as plain builtins."""
        lost = {}
        for golden in self.cases:
            result = score_answer(self.schema, golden.gold, lost_answer(Status.ERROR, None), case_id=golden.case.id)
            lost[golden.case.id] = result.to_wire()["fields"]
        return {
            "id": self.id,
            "variant": self.variant,
            "dataset_ids": [golden.case.id for golden in self.cases],
            "paths": list(self.schema.paths),
            "floors": {path: str(floor) for path, floor in self.floors.items()},
            "lost": lost,
            "model": self.call.model if self.call else None,
            "prompt": self.call and {"path": self.call.prompt.path.name, "fingerprint": self.call.prompt.fingerprint},
        }


@dataclass(frozen=True)
class MarkerArguments:
    """The markers of a suite as written, and where."""

    suite_id: str
    module: Path
    extract: Mapping[str, Any]
    positional: tuple[Any, ...]
    accuracy: tuple[tuple[Any, ...], Mapping[str, Any]] | None


def build_suite(arguments: MarkerArguments, settings: Settings) -> Suite:
    """Check a suite's markers, load its golden data and its prompt.

    Raises:
        LlmExtractError: one clear line that says where, what, and the nearest right name.
    """
    source = f"{arguments.suite_id}: llm_extract"
    given = arguments.extract
    if arguments.positional:
        raise UsageError(source, "takes keyword arguments only: llm_extract(extractor=…, cases=…)")
    for name in given:
        if name not in ARGUMENTS:
            raise UnknownNameError(name, known=ARGUMENTS, source=source, kind="argument")
    if "cases" not in given:
        raise UsageError(source, "cases= is missing: name a .jsonl or .json file, a list or a callable")
    extractor, call, variant = _under_test(given, settings, arguments.module, source)
    schema_type = _schema_type(given, extractor, source)
    schema = Schema.of(schema_type, source, _compare(given, source))
    if call is not None:
        prompt, model, name = call
        response = _response_format(name, schema_type, schema.name)
        prompt_call = PromptCall(prompt, model, response)
    else:
        prompt_call = None
    cases = _golden(given["cases"], schema, settings, arguments.module, source)
    if prompt_call is not None:
        _check_columns(prompt_call.prompt, cases, source)
    labelled: set[str] = set().union(*(labelled_paths(schema, golden.gold) for golden in cases))
    floors = _floors(arguments, schema, labelled)
    return Suite(arguments.suite_id, variant, schema, cases, floors, extractor, prompt_call)


def find_file(name: str | Path, settings: Settings, module: Path, source: str) -> Path:
    """A file relative to the rootdir, or beside the test module.

    Raises:
        UsageError: it is in neither place.
    """
    tried = [settings.rootdir / name, module.parent / name]
    for path in tried:
        if path.is_file():
            return path
    near = [path.name for folder in {path.parent for path in tried} if folder.is_dir() for path in folder.iterdir()]
    hint = did_you_mean(Path(name).name, near)
    raise UsageError(source, f"no file {str(name)!r} in the rootdir {settings.rootdir} or beside {module.name}.{hint}")


def _under_test(
    given: Mapping[str, Any], settings: Settings, module: Path, source: str
) -> tuple[Callable[..., Any] | None, tuple[Prompt, str, str] | None, str]:
    extractor, prompt = given.get("extractor"), given.get("prompt")
    if extractor is not None and prompt is not None:
        raise UsageError(source, "extractor= and prompt= exclude each other")
    if prompt is None:
        for name in ("model", "response_format"):
            if name in given:
                raise UsageError(source, f"{name}= goes with prompt=")
    if extractor is not None:
        if not callable(extractor):
            raise UsageError(source, f"extractor= is a function, not {extractor!r}")
        return extractor, None, _callable_name(extractor)
    if prompt is None:
        return None, None, "run"
    if not isinstance(prompt, str | Path):
        raise UsageError(source, f"prompt= is the path of a prompt file, not {prompt!r}")
    try:
        loaded = load_prompt(find_file(prompt, settings, module, source))
    except PromptError as error:
        raise UsageError(source, str(error)) from None
    model = given.get("model") or loaded.model or settings.model
    if not model:
        raise UsageError(source, f"no model: name one in {loaded.path.name}, in model= or in the ini llm_extract_model")
    name = given.get("response_format") or loaded.response_format or "json_schema"
    if name not in FORMATS:
        raise UnknownNameError(str(name), known=FORMATS, source=source, kind="response_format")
    return None, (loaded, str(model), name), loaded.name


def _callable_name(function: Callable[..., Any]) -> str:
    if isinstance(function, functools.partial):
        return _callable_name(function.func)
    return getattr(function, "__name__", type(function).__name__).strip("<>")


def _schema_type(given: Mapping[str, Any], extractor: Callable[..., Any] | None, source: str) -> Any:
    if (schema := given.get("schema")) is not None:
        return schema
    if extractor is None:
        raise UsageError(source, "schema= is missing: name the pydantic model of the answer")
    function = extractor.func if isinstance(extractor, functools.partial) else extractor
    try:
        annotation = typing.get_type_hints(inspect.unwrap(function)).get("return")
    except (NameError, TypeError) as error:
        raise UsageError(source, f"{_callable_name(extractor)}: unreadable return annotation: {error}") from None
    if annotation is None:
        raise UsageError(source, f"{_callable_name(extractor)} has no return annotation: annotate it or give schema=")
    return annotation


def _compare(given: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    compare = given.get("compare", {})
    if not isinstance(compare, Mapping):
        raise UsageError(source, f"compare= maps field paths to rules, as {{'vendor': Text()}}, not {compare!r}")
    return compare


def _response_format(name: str, schema_type: Any, schema_name: str) -> dict[str, Any]:
    if name == "json_object":
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "json_schema": {"name": schema_name, "strict": True, "schema": strict_json_schema(schema_type)},
    }


def _golden(cases: Any, schema: Schema, settings: Settings, module: Path, source: str) -> tuple[GoldenCase, ...]:
    if isinstance(cases, str | Path):
        found = find_file(cases, settings, module, source)
        rows, name = load_cases(found, str(cases)), str(cases)
    else:
        rows, name = load_cases(cases, f"{source}: cases"), f"{source}: cases"
    problems: list[tuple[int | None, str]] = []
    golden = []
    for case in rows:
        try:
            golden.append(GoldenCase(case, schema.read_gold(case.expected)))
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "expected"
            near = did_you_mean(place, schema.paths) if first["type"] == "extra_forbidden" else ""
            text = f"the schema has no field {place!r}" if near or first["type"] == "extra_forbidden" else first["msg"]
            problems.append((case.line, f"case {case.id!r}: expected.{place}: {text}{near and '.' + near}"))
    if problems:
        raise DatasetError(name, problems)
    return tuple(golden)


def _check_columns(prompt: Prompt, cases: tuple[GoldenCase, ...], source: str) -> None:
    for golden in cases:
        try:
            prompt.render(golden.case.prompt_columns)
        except PromptError as error:
            raise UsageError(source, f"case {golden.case.id!r}: {error}") from None


def _floors(arguments: MarkerArguments, schema: Schema, labelled: set[str]) -> dict[str, Fraction]:
    if arguments.accuracy is None:
        return {}
    source = f"{arguments.suite_id}: llm_accuracy"
    positional, named = arguments.accuracy
    default: Fraction | None = None
    floors: dict[str, Any] = dict(named)
    for value in positional:
        if isinstance(value, Mapping):
            floors |= value
        elif default is None:
            default = _floor(value, source, "the default floor")
        else:
            raise UsageError(source, "takes one default floor, then fields by name")
    checked: dict[str, Fraction] = {}
    for path, value in floors.items():
        if path not in schema.paths:
            raise UnknownNameError(path, known=schema.paths, source=source, kind="field")
        if path not in labelled:
            raise UsageError(source, f"{path}: no case labels this field, so its floor means nothing")
        checked[path] = _floor(value, source, path)
    if default is not None:
        checked |= {path: default for path in schema.paths if path in labelled and path not in checked}
    return checked


def _floor(value: Any, source: str, name: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction):
        raise UsageError(source, f"{name}: a floor is a number from 0 to 1, not {value!r}")
    if not 0 <= value <= 1:
        hint = f"; did you mean {float(value) / 100:g}?" if 1 < value <= 100 else ""
        raise UsageError(source, f"{name}: a floor is a number from 0 to 1, not {value!r}{hint}")
    return Fraction(str(value))
