"""Short hashes of the project's own code that decides what is right: validators, comparisons, and what they call."""

from __future__ import annotations

import hashlib
import inspect
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_LIBRARIES = ("pydantic", "pydantic_core", "pytest_llm_extract")
_METHODS = frozenset(
    {"__eq__", "__ne__", "__hash__", "__new__", "__init__", "__post_init__", "__setattr__", "__getattribute__"}
    | {"model_post_init", "__get_pydantic_core_schema__"}
)
_PLAIN = (str, bytes, int, float, complex, bool, type(None))


def code_hashes(core: Any, comparisons: Iterable[Callable[..., Any]]) -> dict[str, str]:
    """Hashes by the name of a function; of several with one name, the hash of all.

    A function's hash covers the functions of its own package that it calls by name, at any depth, and the plain values
    (strings, numbers, containers of them) that it reads. Comments and blank lines do not count.
    """
    sources: dict[str, set[str]] = {}
    for function in (*_functions(core), *comparisons):
        plain = _plain(function)
        if plain is not None and (plain.__module__ or "").partition(".")[0] not in _LIBRARIES:
            name = f"{plain.__module__}.{plain.__qualname__}"
            sources.setdefault(name, set()).add(_digest(list(_sources(plain, {}))))
    return {name: hashes.pop() if len(hashes) == 1 else _digest(sorted(hashes)) for name, hashes in sources.items()}


def _functions(core: Any) -> Iterator[Any]:
    """The functions that a core schema calls, and the methods of its classes by which values are made and compared."""
    if isinstance(core, list | tuple):
        for item in core:
            yield from _functions(item)
    elif isinstance(core, dict):
        for name, value in core.items():
            if name == "function" and isinstance(value, dict) and "function" in value:
                yield value["function"]
            elif name == "cls" and isinstance(value, type):
                yield from (method for key, method in vars(value).items() if key in _METHODS)
            elif name not in ("metadata", "serialization", "config"):
                yield from _functions(value)


def _plain(function: Any) -> types.FunctionType | None:
    """The function behind a method, a partial or a decorated one; None for what has no Python code."""
    for _ in range(20):
        if isinstance(function, types.FunctionType):
            wrapped = getattr(function, "__wrapped__", None)
            if wrapped is None:
                return function
            function = wrapped
            continue
        inner = next((getattr(function, name) for name in ("__func__", "func") if hasattr(function, name)), None)
        if inner is None:
            inner = type(function).__call__ if callable(function) else None
        if inner is None or inner is function:
            return None
        function = inner
    return None


def _sources(function: types.FunctionType, seen: dict[int, None]) -> Iterator[str]:
    """The source of a function, its defaults, and the same of what it calls by name."""
    if id(function) in seen:
        return
    seen[id(function)] = None
    yield _source(function)
    yield repr([_value(value) for value in (function.__defaults__ or ())])
    cells = [_cell(cell) for cell in function.__closure__ or ()]
    for value in (*cells, *_globals(function.__code__, function.__globals__)):
        if isinstance(value, types.FunctionType):
            if value.__module__.partition(".")[0] == function.__module__.partition(".")[0]:
                yield from _sources(value, seen)
        elif (plain := _value(value)) is not None:
            yield plain


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that has no value yet
        return None


def _globals(code: types.CodeType, known: Mapping[str, Any]) -> Iterator[Any]:
    for name in sorted(code.co_names):
        if name in known:
            yield known[name]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _globals(constant, known)


def _source(function: types.FunctionType) -> str:
    try:
        lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    except (OSError, TypeError, SyntaxError):  # typed at a prompt, or built
        return function.__code__.co_code.hex()
    kept = [line.rstrip() for line in lines]
    return "\n".join(line for line in kept if line and not line.lstrip().startswith("#"))


def _value(value: Any, depth: int = 4) -> str | None:
    """A plain value as a string that is the same in every process; None for any other."""
    if type(value) in _PLAIN:
        return repr(value)
    if depth == 0 or type(value) not in (list, tuple, set, frozenset, dict):
        return None
    items = value.items() if isinstance(value, dict) else value
    parts = [_value(item, depth - 1) or "?" for item in items]
    return f"{type(value).__name__}{sorted(parts) if isinstance(value, set | frozenset) else parts}"


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
