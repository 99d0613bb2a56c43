"""Whether what gold labels tells the members of a union apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, cast

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import SchemaValidator

from pytest_llm_extract.schema.validators import Readers


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
    reader = _gold_reader(member)
    try:
        if reader is not None:
            reader.validate_python(_labels(gold), by_alias=True, by_name=True)
    except ValidationError:
        return False
    return reader is not None


def _labels(value: Any) -> Any:
    """What gold labels, as the data that it was read from."""
    if isinstance(value, RootModel):
        return _labels(value.root)
    if isinstance(value, BaseModel):
        return {name: _labels(getattr(value, name)) for name in value.model_fields_set}
    if isinstance(value, list | tuple):
        return [_labels(item) for item in value]
    return {key: _labels(item) for key, item in value.items()} if isinstance(value, dict) else value


@lru_cache(maxsize=256)
def _gold_reader(cls: type[BaseModel]) -> SchemaValidator | None:
    core = cls.__pydantic_core_schema__
    if not isinstance(core, Mapping):  # of a class that pydantic has not finished
        return None
    return Readers(core, cast(SchemaValidator, cls.__pydantic_validator__)).alternatives
