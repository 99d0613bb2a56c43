"""Hashes of the project's own code: they change with what the code does, and with nothing else."""

from __future__ import annotations

import sys
import types

import pytest

from pytest_llm_extract.schema.schema import Schema

CODE = """
from typing import Annotated
from pydantic import AfterValidator, BaseModel, field_validator

NAMES = {"acme": 1}
LEAST = 3

def short(text):
    return text[:LEAST]

def clean(text: str) -> str:
    # a comment
    return short(text) if text not in NAMES else text

class Item(BaseModel):
    vendor: Annotated[str, AfterValidator(clean)]
    town: str = ""

    @field_validator("town")
    @classmethod
    def town_is_upper(cls, value):
        return value.upper()

def same(gold, predicted):
    return short(gold) == short(predicted)
"""


@pytest.fixture
def hashes(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> object:
    """The hashes of that code after a change."""

    def of(old: str = "", new: str = "") -> dict[str, str]:
        path = getattr(tmp_path, "joinpath")("shop.py")  # noqa: B009
        path.write_text(CODE.replace(old, new) if old else CODE)
        module = types.ModuleType("shop")
        module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, "shop", module)
        import linecache

        linecache.checkcache()
        exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
        return Schema.of(module.Item, "test", {"vendor": module.same}).code

    return of


def test_validators_and_comparisons_have_hashes(hashes: object) -> None:
    """By their names, the same each time; comments do not count."""
    assert callable(hashes)
    assert sorted(hashes()) == ["shop.Item.town_is_upper", "shop.clean", "shop.same"]
    assert hashes() == hashes() == hashes("    # a comment\n", "")


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("value.upper()", "value.lower()", {"shop.Item.town_is_upper"}),
        ("LEAST = 3", "LEAST = 1", {"shop.clean", "shop.same"}),
        ("text[:LEAST]", "text[:0]", {"shop.clean", "shop.same"}),
        ('{"acme": 1}', '{"acme": 1, "globex": 2}', {"shop.clean"}),
        ("short(gold) == short(predicted)", "True", {"shop.same"}),
    ],
)
def test_what_a_function_calls_and_reads_counts(hashes: object, old: str, new: str, changed: set[str]) -> None:
    """Helpers at any depth, and the plain values that they read."""
    assert callable(hashes)
    before, after = hashes(), hashes(old, new)
    assert {name for name in before if before[name] != after[name]} == changed
