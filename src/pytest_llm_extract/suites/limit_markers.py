"""`llm_accuracy`, `llm_documents` and `llm_gate` as written become what the gate holds a suite to."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any

from pytest_llm_extract.errors import UnknownNameError, UsageError, did_you_mean
from pytest_llm_extract.results.outcome import is_through_a_list
from pytest_llm_extract.rules.limits import Floor, Gate, Waiver

Written = tuple[tuple[Any, ...], Mapping[str, Any]]
_THROUGH_A_LIST = "there is no hallucination_rate through a list; use precision="


def read_floors(
    written: Written | None, source: str, paths: Collection[str], labelled: Collection[str]
) -> dict[str, Floor]:
    """Floors by field path; `source` says where they were written.

    Raises:
        LlmExtractError: no floor at all, an unknown field, one that no case labels, or no number from 0 to 1.
    """
    if written is None:
        return {}
    default, named = _split(written, source, "floor")
    if default is None and not named:
        raise UsageError(source, "names no limit: give a floor for all fields, or for some by name")
    checked = {}
    for path, value in named.items():
        check_field(path, source, paths, labelled)
        checked[path] = _floor(value, source, path)
    if default is not None:
        if not labelled:
            raise UsageError(source, "no case labels any field, so the floor means nothing")
        floor = _floor(default, source, "the default floor")
        others = [path for path in paths if path in labelled and path not in checked]
        of_others = {path: possible for path in others if (possible := _possible(floor, path)).rates}
        if others and not of_others:
            raise UsageError(source, f"the default floor: {_THROUGH_A_LIST}")
        checked |= of_others
    return checked


def read_documents(written: Written | None, suite_id: str) -> dict[str, Fraction]:
    """The least shares of valid and of exact documents.

    Raises:
        LlmExtractError: no share at all, another name, or no number from 0 to 1.
    """
    if written is None:
        return {}
    source = f"{suite_id}: llm_documents"
    if written[0]:
        raise UsageError(source, "takes exact= and valid= only")
    if not written[1]:
        raise UsageError(source, "names no limit: exact=, valid=")
    for name in written[1]:
        if name not in ("exact", "valid"):
            raise UnknownNameError(name, known=("exact", "valid"), source=source, kind="argument")
    return {name: _share(value, source, name) for name, value in written[1].items()}


def read_budgets(
    written: Written | None, suite_id: str, paths: Collection[str], labelled: Collection[str]
) -> dict[str, Gate]:
    """Budgets by field path.

    Raises:
        LlmExtractError: neither a budget nor a waiver, an unknown field, or no `Gate`.
    """
    if written is None:
        return {}
    source = f"{suite_id}: llm_gate"
    default, named = _split((written[0], {k: v for k, v in written[1].items() if k != "waive"}), source, "Gate")
    if default in (None, Gate()) and not named and "waive" not in written[1]:
        raise UsageError(source, "names no limit: a Gate(max_lost=…, max_drop=…, critical=…), or waive=")
    budgets = {}
    for path, value in named.items():
        check_field(path, source, paths, labelled)
        budgets[path] = _budget(value, source, path)
    if default is not None:
        budget = _budget(default, source, "the default")
        budgets = {path: budget for path in paths if path in labelled} | budgets
    return budgets


def read_waivers(
    written: Written | None, suite_id: str, paths: Collection[str], case_ids: Collection[str]
) -> tuple[Waiver, ...]:
    """The waivers of a suite.

    Raises:
        LlmExtractError: no `Waiver`, no reason, no date, or a field or case that is not there.
    """
    if written is None:
        return ()
    source = f"{suite_id}: llm_gate: waive"
    given = written[1].get("waive", ())
    waivers = tuple(given) if isinstance(given, list | tuple) else (given,)
    for waiver in waivers:
        _check_waiver(waiver, source, paths, case_ids)
    return waivers


def _split(written: Written, source: str, kind: str) -> tuple[Any, dict[str, Any]]:
    positional, named = written
    default: Any = None
    limits: dict[str, Any] = dict(named)
    for value in positional:
        if isinstance(value, Mapping):
            for path in value.keys() & limits.keys():
                raise UsageError(source, f"{path} is named twice")
            limits |= value
        elif default is None:
            default = value
        else:
            raise UsageError(source, f"takes one default {kind}, then fields by name")
    return default, limits


def check_field(path: Any, source: str, paths: Collection[str], labelled: Collection[str], what: str = "limit") -> None:
    """Check a field that a limit or a weight names.

    Raises:
        LlmExtractError: it is not a path, not one of the schema, or one that no case labels.
    """
    if not isinstance(path, str):
        raise UsageError(source, f"a field must be named by its path, got {path!r}")
    if path not in paths:
        raise UnknownNameError(path, known=paths, source=source, kind="field")
    if path not in labelled:
        raise UsageError(source, f"{path}: no case labels this field, so its {what} means nothing")


def _floor(value: Any, source: str, name: str) -> Floor:
    if not isinstance(value, Floor):
        return Floor(accuracy=_share(value, source, name))
    given = {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) is not None}
    if not given:
        raise UsageError(source, f"{name}: Floor() names no rate: accuracy=, precision=, recall=, hallucination_rate=")
    if "hallucination_rate" in given and is_through_a_list(name):
        raise UsageError(source, f"{name}: {_THROUGH_A_LIST}")
    return Floor(**{rate: _share(limit, source, f"{name}: {rate}") for rate, limit in given.items()})


def _possible(floor: Floor, path: str) -> Floor:
    """What a field can be held to of a default floor."""
    return replace(floor, hallucination_rate=None) if is_through_a_list(path) else floor


def _share(value: Any, source: str, name: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction):
        raise UsageError(source, f"{name}: a floor must be a number from 0 to 1, got {value!r}")
    if value != value or not 0 <= value <= 1:
        hint = f"; did you mean {float(value) / 100:g}?" if value == value and 2 <= value <= 100 else ""
        raise UsageError(source, f"{name}: a floor must be a number from 0 to 1, got {value!r}{hint}")
    return Fraction(str(value))


def _budget(value: Any, source: str, name: str) -> Gate:
    if not isinstance(value, Gate):
        raise UsageError(source, f"{name}: a budget must be a Gate(max_lost=…, max_drop=…, critical=…), got {value!r}")
    lost, drop = value.max_lost, value.max_drop
    if lost is not None and (isinstance(lost, bool) or not isinstance(lost, int) or lost < 0):
        raise UsageError(source, f"{name}: max_lost must be a number of cases, got {lost!r}")
    if drop is not None and (isinstance(drop, bool) or not isinstance(drop, int | float) or not 0 <= drop <= 1):
        raise UsageError(source, f"{name}: max_drop must be a number from 0 to 1, got {drop!r}")
    if not isinstance(value.critical, bool):
        raise UsageError(source, f"{name}: critical must be True or False, got {value.critical!r}")
    return value


def _check_waiver(waiver: Any, source: str, paths: Collection[str], case_ids: Collection[str]) -> None:
    if not isinstance(waiver, Waiver):
        raise UsageError(source, f"takes Waiver(reason=…, expires=…, field=… or case=…), got {waiver!r}")
    for name in ("reason", "field", "case"):
        if not isinstance(given := getattr(waiver, name), str) and (given is not None or name == "reason"):
            raise UsageError(source, f"{name} of a waiver must be a string, got {given!r}")
    if not waiver.reason.strip():
        raise UsageError(source, f"a waiver must have a reason, got {waiver!r}")
    try:
        datetime.date.fromisoformat(waiver.expires)
    except (TypeError, ValueError):
        raise UsageError(source, f"expires must be a date such as '2027-01-31', got {waiver.expires!r}") from None
    if (waiver.field is None) is (waiver.case is None):
        raise UsageError(source, "a waiver must name a field or a case")
    if waiver.field is not None and waiver.field not in paths:
        raise UnknownNameError(waiver.field, known=paths, source=source, kind="field")
    if waiver.case is not None and waiver.case not in case_ids:
        near = did_you_mean(waiver.case, case_ids)
        raise UsageError(source, f"no case {waiver.case!r} in the golden data.{near}")


def read_weights(given: Any, source: str, paths: Collection[str], labelled: Collection[str]) -> dict[str, float]:
    """Weights by field path; a labelled field that is not named has the weight 1, a row path 0.

    Raises:
        LlmExtractError: not a mapping, an unknown field, one that no case labels, or not a number of at least 0.
    """
    source = f"{source}: weights"
    if not isinstance(given, Mapping):
        raise UsageError(source, f"must map field paths to numbers, as {{'vendor': 2}}, got {given!r}")
    for path, weight in given.items():
        check_field(path, source, paths, labelled, "weight")
        is_number = isinstance(weight, int | float | Decimal | Fraction) and not isinstance(weight, bool)
        if not is_number or not isfinite(weight) or weight < 0:
            raise UsageError(source, f"{path}: a weight must be a number of at least 0, got {weight!r}")
    return {path: float(weight) for path, weight in given.items()}
