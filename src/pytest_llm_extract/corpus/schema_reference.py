"""`module:Model` or a JSON Schema file, as the command line names a schema."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_llm_extract.credentials.placeholder_key import placeholder_key
from pytest_llm_extract.errors import UnknownNameError, UsageError
from pytest_llm_extract.rules.comparators import Rule, RuleError, rules_of_json
from pytest_llm_extract.schema.json_schema import read_json_schema
from pytest_llm_extract.schema.schema import Schema

_SOURCE = "--schema"


def load_schema(reference: str, compare: Path | None = None) -> Schema:
    """Import it; modules of the current directory are found. `compare` is a JSON file of rules by field path.

    Raises:
        UsageError: it is not `module:Model`, cannot be imported, or is not a pydantic type; or a rule is wrong.
        UnknownNameError: there is no such module or attribute, or no field of a rule.
    """
    rules = read_rules(compare) if compare is not None else None
    return Schema.of(load_type(reference), f"{_SOURCE} {reference}", rules)


def load_type(reference: str) -> Any:
    """The type that `load_schema` reads.

    Raises:
        UsageError: it is not `module:Model`, cannot be imported, or is not a pydantic type.
        UnknownNameError: there is no such module or attribute.
    """
    if reference.endswith(".json"):
        return read_json_schema(Path(reference), _SOURCE)
    module_name, _, attributes = reference.partition(":")
    if not module_name or not attributes:
        raise UsageError(
            _SOURCE, f"is module:Model, as myapp.invoices:Invoice, or a JSON Schema file, not {reference!r}"
        )
    if module_name.endswith(".py"):
        dotted = module_name.removesuffix(".py").replace("\\", "/").replace("/", ".")
        raise UsageError(_SOURCE, f"is module:Model, not {reference!r}. Did you mean '{dotted}:{attributes}'?")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    value: Any = _module(module_name)
    place = module_name
    for name in attributes.split("."):
        if not hasattr(value, name):
            known = [known for known in dir(value) if not known.startswith("_")]
            raise UnknownNameError(name, known=known, source=f"{_SOURCE}: {place}", kind="attribute")
        value, place = getattr(value, name), f"{place}.{name}"
    if not isinstance(value, type) and typing.get_origin(value) is None:
        raise UsageError(f"{_SOURCE} {reference}", f"is not a pydantic type, got {value!r:.60}")
    return value


def read_rules(path: Path) -> dict[str, tuple[Rule, ...]]:
    """`{"vendor": {"Text": {"casefold": true}}, "tags[]": …}`, as `x-llm-extract` has rules.

    Raises:
        UsageError: it cannot be read, or a rule is wrong.
    """
    place = f"--compare {path}"
    try:
        given = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(place, f"cannot be read: {error}") from None
    if not isinstance(given, dict):
        raise UsageError(place, "must be an object of rules by field path")
    read = {}
    for field, rules in given.items():
        try:
            read[field] = rules_of_json(rules)
        except RuleError as error:
            raise UsageError(place, f"{field}: {error}") from None
    return read


def _module(name: str) -> ModuleType:
    try:
        with placeholder_key():  # a module of extractors may build its client
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise UnknownNameError(error.name, known=_siblings(error.name), source=_SOURCE, kind="module") from None
        raise UsageError(_SOURCE, f"{name} cannot be imported: {error}") from None
    except Exception as error:  # a user's module may raise anything
        raise UsageError(_SOURCE, f"{name} cannot be imported: {type(error).__name__}: {error}") from None


def _siblings(name: str) -> list[str]:
    """The modules that are where `name` is not."""
    package, _, _ = name.rpartition(".")
    folders = getattr(sys.modules.get(package), "__path__", None) if package else None
    prefix = f"{package}." if package else ""
    return [f"{prefix}{module.name}" for module in pkgutil.iter_modules(folders)]
