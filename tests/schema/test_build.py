"""Validators of our own copies of a schema, also where pydantic-core cannot be told to build them anew."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from pytest_llm_extract.schema import build
from pytest_llm_extract.schema.core_schema import rebuild


class Inner(BaseModel):
    metadata: int


class Outer(BaseModel):
    metadata: Inner


@pytest.mark.parametrize("can_be_told", [True, False])
def test_a_changed_part_of_a_schema_is_in_force(monkeypatch: pytest.MonkeyPatch, can_be_told: bool) -> None:
    """A model within a model is built from the schema, and the user's classes stay as they were."""
    monkeypatch.setattr(build, "_CAN_BE_TOLD", can_be_told and build._CAN_BE_TOLD)
    core = rebuild(Outer.__pydantic_core_schema__, _as_strings)
    assert build.build_validator(core).validate_python({"metadata": {"metadata": "x"}}).metadata.metadata == "x"
    assert Outer.__pydantic_complete__
    assert Inner.__pydantic_complete__
    with pytest.raises(ValidationError):
        Outer.model_validate({"metadata": {"metadata": "x"}})


def _as_strings(core: object, copy: dict[str, object]) -> object:
    return {"type": "str"} if copy["type"] == "int" else copy
