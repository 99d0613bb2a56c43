"""Marker arguments become a `Suite`, checked once, at collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.baseline.find import AcceptedAnswers, Sought, find_accepted
from pytest_llm_extract.baseline.formulations import tried_before
from pytest_llm_extract.config.options import RECORD_MODES
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.source import MarkerSource, path_below
from pytest_llm_extract.config.suite_folders import suite_key
from pytest_llm_extract.dataset import Case, load_cases
from pytest_llm_extract.dataset.gold import GoldenCase, read_golden
from pytest_llm_extract.dataset.gold_labels import GoldOptions
from pytest_llm_extract.dataset.load import refuse_outside
from pytest_llm_extract.errors import UnknownNameError, UsageError
from pytest_llm_extract.lints.finding import SETTLED, read_settled
from pytest_llm_extract.prompt.prompt_call import read_prompt_call
from pytest_llm_extract.results.suite_result import GateRules
from pytest_llm_extract.schema.json_schema import model_of, read_json_schema
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.scoring.compare import walk
from pytest_llm_extract.suites.extractors import check_arguments, name_of, returned_type
from pytest_llm_extract.suites.limit_markers import (
    Written,
    read_budgets,
    read_documents,
    read_floors,
    read_waivers,
    read_weights,
)
from pytest_llm_extract.suites.suite import Suite
from pytest_llm_extract.suites.variants import OWN, SHORT_FORMS, VariantArguments, expand_variants

ARGUMENTS = OWN | {"cases", "strict", "weights", *GoldOptions._fields, *SHORT_FORMS}
_NO_RULES: Mapping[str, Any] = {}


class MarkerArguments(NamedTuple):
    """The markers of a suite as written, and where (`line` from 1); `skips` are skip, skipif and xfail."""

    suite_id: str
    module: Path
    extract: Mapping[str, Any]
    positional: tuple[Any, ...]
    accuracy: Written | None
    documents: Written | None
    gate: Written | None
    skips: tuple[str, ...] = ()
    line: int | None = None


def build_suites(arguments: MarkerArguments, settings: Settings) -> list[Suite]:
    """Check a suite's markers, load its golden data and its prompts: the primary, then every other variant.

    Raises:
        LlmExtractError: one clear line that says where, what, and the nearest right name.
    """
    marker = MarkerSource(f"{arguments.suite_id}: llm_extract", arguments.module, settings)
    source, given = marker.name, arguments.extract
    if arguments.positional:
        raise UsageError(source, "takes keyword arguments only: llm_extract(extractor=…, cases=…)")
    for name in given:
        if name not in ARGUMENTS:
            raise UnknownNameError(name, known=ARGUMENTS, source=source, kind="argument")
    if "cases" not in given:
        raise UsageError(source, "cases= is missing: name a dataset file or folder, a list or a callable")
    golden = _Golden(*_load(given["cases"], marker), _gold_options(given, source))
    suites = [
        _build(variant, arguments, golden, marker._replace(name=variant.source))
        for variant in expand_variants(given, marker)
    ]
    names = [suite.variant for suite in suites]
    if names.count(names[0]) > 1:
        raise UsageError(source, f"a variant is called {names[0]!r}, as the primary is by its prompt or extractor")
    _check_item_ids(suites, source)
    others = [(suite, tuple(name for name in names if name != suite.variant)) for suite in suites]
    primary, *further = [suite._replace(others=named) for suite, named in others]
    today = {suite.call.fingerprint for suite in suites if suite.call}
    return [primary._replace(tried=tried_before(arguments.suite_id, today, settings)), *further]


def _gold_options(given: Mapping[str, Any], source: str) -> GoldOptions:
    chosen = {name: given[name] for name in GoldOptions._fields if name in given}
    for name, value in chosen.items():
        if not isinstance(value, bool):
            raise UsageError(source, f"{name}= must be True or False, got {value!r}")
    return GoldOptions(**chosen)


def _check_item_ids(suites: Sequence[Suite], source: str) -> None:
    seen: dict[str, str] = {}
    for suite in suites:
        for golden in suite.cases:
            name = suite.item_id(golden.case.id)
            other = seen.setdefault(name, suite.variant)
            if other != suite.variant:
                why = f"a case of {other!r} and one of {suite.variant!r} would both be called {name!r}"
                raise UsageError(source, f"{why}: give the variant another name")


def _build(variant: VariantArguments, arguments: MarkerArguments, golden: _Golden, marker: MarkerSource) -> Suite:
    source, given, settings = marker.name, variant.given, marker.settings
    strict = given.get("strict", False)
    if not isinstance(strict, bool):
        raise UsageError(source, f"strict= must be True or False, got {strict!r}")
    ignore = _ignored(given.get("ignore", ()), source)
    n_samples = given.get("samples", 1)
    if type(n_samples) is not int or n_samples < 1:
        raise UsageError(source, f"samples= must be a whole number of at least 1, got {n_samples!r}")
    concurrency, record = _recording(given, source)
    extractor = _extractor(given, source)
    schema_type = _schema_type(given, extractor, marker)
    schema, cases = golden.read(schema_type, _compare(given, source), source)
    call = read_prompt_call(given, schema_type, schema, [golden.case for golden in cases], marker)
    name = variant.name or (name_of(extractor) if extractor else call.prompt.name if call else "run")
    rules, accepted = GateRules(alpha=settings.alpha), AcceptedAnswers()
    if variant.is_gated:
        rules = _rules(arguments, schema, cases, settings)
        ids = frozenset(golden.case.id for golden in cases)
        accepted = find_accepted(Sought(suite_key(arguments.suite_id, variant.name), name, ids), settings)
    return Suite(
        arguments.suite_id,
        name,
        schema,
        cases,
        rules,
        accepted,
        extractor,
        call,
        strict,
        ignore,
        n_samples,
        concurrency,
        record,
        is_primary=variant.name is None,
        is_gated=variant.is_gated,
        markers=arguments.skips,
        settled=read_settled(settings.cassettes / SETTLED),
        line=arguments.line,
        prompt_file=path_below(call.prompt.path, settings.rootdir) if call else None,
        weights=read_weights(given.get("weights", {}), source, schema.scored_paths, _labelled(schema, cases)),
        dataset=_dataset(given["cases"], marker),
    )


def _ignored(given: Any, source: str) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if isinstance(given, str) or not all(isinstance(path, str) and path for path in listed):
        raise UsageError(
            source, f"ignore= must be a list of body paths, such as ['metadata.request_id'], got {given!r}"
        )
    return tuple(listed)


def _recording(given: Mapping[str, Any], source: str) -> tuple[int | None, str]:
    concurrency, record = given.get("concurrency"), given.get("record", "all")
    if concurrency is not None and (type(concurrency) is not int or concurrency < 1):
        raise UsageError(source, f"concurrency= must be a whole number of at least 1, got {concurrency!r}")
    if record not in RECORD_MODES:
        raise UnknownNameError(str(record), known=RECORD_MODES, source=source, kind="record mode")
    return concurrency, record


def _rules(arguments: MarkerArguments, schema: Schema, cases: tuple[GoldenCase, ...], settings: Settings) -> GateRules:
    labelled = _labelled(schema, cases)
    return GateRules(
        read_floors(arguments.accuracy, f"{arguments.suite_id}: llm_accuracy", schema.scored_paths, labelled),
        read_documents(arguments.documents, arguments.suite_id),
        read_budgets(arguments.gate, arguments.suite_id, schema.scored_paths, labelled),
        read_waivers(arguments.gate, arguments.suite_id, schema.scored_paths, [golden.case.id for golden in cases]),
        settings.alpha,
        settings.inconclusive_fails,
    )


def _labelled(schema: Schema, cases: tuple[GoldenCase, ...]) -> set[str]:
    """The fields, and the rows, that some case labels."""
    labelled: set[str] = set()
    for golden in cases:
        if len(labelled) == len(schema.scored_paths):
            break
        labelled.update(walk.labelled(schema.root, golden.gold))
    return labelled


def _extractor(given: Mapping[str, Any], source: str) -> Callable[..., Any] | None:
    extractor = given.get("extractor")
    if extractor is not None and given.get("prompt") is not None:
        raise UsageError(source, "extractor= and prompt= exclude each other")
    if extractor is None:
        return None
    if not callable(extractor):
        raise UsageError(source, f"extractor= must be a function, got {extractor!r}")
    function: Callable[..., Any] = extractor
    if hasattr(function, "cache_clear"):
        name = name_of(function)
        raise UsageError(source, f"{name} is cached, and replay needs its requests: give extractor={name}.__wrapped__")
    check_arguments(function, source)
    return function


def _schema_type(given: Mapping[str, Any], extractor: Callable[..., Any] | None, marker: MarkerSource) -> Any:
    schema, source = given.get("schema"), marker.at("schema")
    if isinstance(schema, str | Path):
        return read_json_schema(source.find(schema), source.name)
    if isinstance(schema, Mapping):
        return model_of(schema, source.name)
    if schema is not None:
        return schema
    if extractor is None:
        missing = "schema= is missing: name the pydantic model of the answer, or a JSON Schema file"
        raise UsageError(marker.name, missing)
    return returned_type(extractor, marker.name)


def _compare(given: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    compare = given.get("compare", _NO_RULES)
    if not isinstance(compare, Mapping):
        raise UsageError(source, f"compare= must map field paths to rules, as {{'vendor': Text()}}, got {compare!r}")
    return compare


class _Golden:
    """Golden data, read once for all variants that share a schema and its rules; `name` is how messages call it."""

    def __init__(self, cases: list[Case], name: str, options: GoldOptions) -> None:
        self._cases, self._name, self._options = cases, name, options
        self._read: list[tuple[Any, Mapping[str, Any], Schema, tuple[GoldenCase, ...]]] = []

    def read(self, schema_type: Any, compare: Mapping[str, Any], source: str) -> tuple[Schema, tuple[GoldenCase, ...]]:
        """The schema, and the cases as it reads them."""
        for known_type, known_compare, schema, cases in self._read:
            if known_type is schema_type and known_compare is compare:
                return schema, cases
        schema = Schema.of(schema_type, source, compare)
        cases = read_golden(self._cases, schema, self._name, self._options)
        self._read.append((schema_type, compare, schema, cases))
        return schema, cases


def _dataset(cases: Any, marker: MarkerSource) -> str | None:
    """The file of golden data below the rootdir, if it is one."""
    if not isinstance(cases, str | Path) or not (path := marker.find(cases)).is_file():
        return None
    return path_below(path, marker.settings.rootdir)


def _load(cases: Any, marker: MarkerSource) -> tuple[list[Case], str]:
    settings = marker.settings
    allowed = (settings.rootdir, *(settings.rootdir / folder for folder in settings.input_folders))
    if isinstance(cases, str | Path):
        name, path = str(cases), marker.find(cases)
        loaded, folder = load_cases(path, name), path if path.is_dir() else path.parent
    else:
        name, folder = marker.at("cases").name, marker.module.parent
        loaded = load_cases(cases, name, folder)
    refuse_outside(loaded, folder, allowed, name)
    return loaded, name
