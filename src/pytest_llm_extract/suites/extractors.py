"""What people hand over as an extractor: its name, and the type of what comes out of it."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from pytest_llm_extract.errors import UsageError

_YIELDING = frozenset(
    {
        collections.abc.Iterator,
        collections.abc.Iterable,
        collections.abc.Generator,
        collections.abc.AsyncIterator,
        collections.abc.AsyncIterable,
        collections.abc.AsyncGenerator,
    }
)
_AWAITED = frozenset({collections.abc.Awaitable, collections.abc.Coroutine})


def name_of(extractor: Callable[..., Any]) -> str:
    """The name of a function, of a class, or of the class of an object that can be called."""
    if isinstance(extractor, functools.partial):
        return name_of(extractor.func)
    return getattr(extractor, "__name__", type(extractor).__name__).strip("<>")


def check_arguments(extractor: Callable[..., Any], source: str) -> None:
    """Check that an extractor can be called with a document alone.

    Raises:
        UsageError: it needs more arguments, or takes none.
    """
    try:
        signature = inspect.signature(extractor)
    except (TypeError, ValueError):  # of a function in C, or with annotations that only its call reads
        return
    try:
        signature.bind(None)
    except TypeError as error:
        named = f"{name_of(extractor)}({', '.join(signature.parameters)})"
        remedy = "bind the others with functools.partial, or call it in the test with extraction.run(…)"
        if isinstance(extractor, type):
            remedy = "give a function, or an object that can be called"
        elif not signature.parameters:
            remedy = "let it take the document"
        raise UsageError(source, f"{named} is called with the document alone: {error}; {remedy}") from None


def returned_type(extractor: Callable[..., Any], source: str) -> Any:
    """The type of the answer: what a function is annotated with, or a class itself; a list for a generator.

    Raises:
        UsageError: there is no annotation, or it cannot be read.
    """
    if isinstance(extractor, type):
        return extractor
    name = name_of(extractor)
    try:
        annotation = typing.get_type_hints(_function(extractor)).get("return")
    except (NameError, TypeError) as error:
        raise UsageError(source, f"{name}: unreadable return annotation: {error}") from None
    if annotation is None:
        how = "" if name == "lambda" else "annotate it (functools.wraps keeps it through a decorator) or "
        raise UsageError(source, f"{name} has no return annotation: {how}give schema=")
    return _at_the_end(annotation, getattr(extractor, "__self__", None))


def _function(extractor: Callable[..., Any]) -> Callable[..., Any]:
    """The function below partials, decorators that say what they wrap, and `__call__`."""
    while isinstance(extractor, functools.partial):
        extractor = extractor.func
    function = inspect.unwrap(extractor)
    return function if isinstance(function, types.FunctionType | types.MethodType) else type(function).__call__


def _at_the_end(annotation: Any, owner: object) -> Any:
    """The type once awaited and read to the end; `owner` is what a method belongs to, for `Self`."""
    if annotation is typing.Self and owner is not None:
        return owner if isinstance(owner, type) else type(owner)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in _AWAITED and arguments:
        return _at_the_end(arguments[-1], owner)
    return list[arguments[0]] if origin in _YIELDING and arguments else annotation  # type: ignore[valid-type]
