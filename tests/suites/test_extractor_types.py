"""The schema that an extractor's annotation says."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Self

import pydantic
import pytest

from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.suites.extractors import name_of, returned_type


class Item(pydantic.BaseModel):
    """What the extractors below give."""

    name: str

    @classmethod
    def of(cls, text: str) -> Self:
        raise NotImplementedError

    def __call__(self, text: str) -> list[Item]:
        raise NotImplementedError


def _read(text: str) -> Item:
    raise NotImplementedError


def _read_soon(text: str) -> Awaitable[Item]:
    raise NotImplementedError


def _read_all(text: str) -> Iterator[Item]:
    raise NotImplementedError


def _read_all_soon(text: str) -> AsyncIterator[Item]:
    raise NotImplementedError


@functools.wraps(_read)
def _decorated(*args: Any) -> Any:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("extractor", "name", "type_"),
    [
        (_read, "_read", Item),
        (_decorated, "_read", Item),
        (functools.partial(functools.partial(_read)), "_read", Item),
        (_read_soon, "_read_soon", Item),
        (_read_all, "_read_all", list[Item]),
        (_read_all_soon, "_read_all_soon", list[Item]),
        (Item, "Item", Item),
        (Item.of, "of", Item),
        (Item(name="x"), "Item", list[Item]),
    ],
)
def test_schema_is_what_comes_out_at_the_end(extractor: Callable[..., Any], name: str, type_: Any) -> None:
    """Awaited, read to the end, through decorators and partials, of classes and of objects that can be called."""
    assert (name_of(extractor), returned_type(extractor, "t")) == (name, type_)


def test_no_annotation_says_what_to_do() -> None:
    """A lambda cannot have one."""
    with pytest.raises(UsageError, match=r"^t: lambda has no return annotation: give schema=$"):
        returned_type(lambda text: text, "t")
    with pytest.raises(UsageError, match=r"annotate it .* or give schema="):
        returned_type(_bare, "t")


def _bare(text):  # type: ignore[no-untyped-def]
    return text
