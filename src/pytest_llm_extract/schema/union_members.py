"""Whether what gold labels tells the members of a union apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator

from pytest_llm_extract.rules.comparators import AnyOf
from pytest_llm_extract.schema.build import build_validator
from pytest_llm_extract.schema.core_schema import Definitions
from pytest_llm_extract.schema.validators import LACKING, MISSING


def labels_tell(gold: BaseModel, own: type[BaseModel], members: Iterable[type[BaseModel]]) -> bool:
    """Whether gold, which was read as its `own` member, can be of no other one.

    Gold that has all that its own member requires is not of a member that requires more.
    """
    rivals = [member for member in members if member is not own and _fit(gold, member)]
    return not any(_is_complete(gold, member) or not _is_complete(gold, own) for member in rivals)


def _is_complete(gold: BaseModel, member: type[BaseModel]) -> bool:
    return all(name in gold.model_fields_set for name, info in member.model_fields.items() if info.is_required())


def _fit(gold: BaseModel, member: type[BaseModel]) -> bool:
    """Whether a member has every field that gold labels, and each can hold gold's value."""
    if not gold.model_fields_set <= member.model_fields.keys():
        return False
    readers = _field_validators(member)
    return all(name in readers and _fits(getattr(gold, name), readers[name]) for name in gold.model_fields_set)


def _fits(value: Any, reader: SchemaValidator) -> bool:
    if value is None or value is MISSING:
        return True
    if isinstance(value, AnyOf):
        return any(_fits(one, reader) for one in value.values)
    try:
        reader.validate_python(value)
    except ValidationError:
        return False
    except LACKING:  # of a validator that needs the other fields
        return True
    return True


@lru_cache(maxsize=256)
def _field_validators(cls: type[BaseModel]) -> dict[str, SchemaValidator]:
    core = cls.__pydantic_core_schema__
    if not isinstance(core, Mapping):  # of a class that pydantic has not finished
        return {}
    definitions = Definitions(core)
    model = definitions.resolve(core)
    if model.get("root_model"):
        fields = {"root": model["schema"]}
    else:
        fields = {name: found["schema"] for name, found in definitions.resolve(model["schema"])["fields"].items()}
    return {name: build_validator(definitions.complete(schema)) for name, schema in fields.items()}
