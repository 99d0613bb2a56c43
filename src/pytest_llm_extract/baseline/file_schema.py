"""Check the form of a baseline's lines before they are read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, ValidationError

from pytest_llm_extract.results.outcome import Outcome, Status

_Text = InstanceOf[str]  # pydantic's own `str` refuses half a surrogate pair, which an answer may hold
_Part = Literal["prompt", "schema", "parameters", "model", "answered", "gold", "scoring", "document", "request", "via"]
_Origin = dict[_Part, _Text | None]
_Number = Annotated[int, Field(ge=1, strict=True)]


class _Sample(BaseModel):
    status: Status
    outcomes: dict[_Text, dict[Outcome, _Number]]
    rows: dict[_Text, dict[Outcome, _Number]] = {}
    attempt: _Number
    raw: _Text | None = None
    requests: list[_Text] = []
    origin: _Origin = {}


class _Case(_Sample):
    id: _Text
    requests: list[_Text]
    origin: _Origin
    group: _Text | None = None
    gold_text: _Text | None = None
    samples: list[_Sample] = []


class _Record(BaseModel):
    model_config = ConfigDict(strict=True)
    n_cases: int
    complete: bool
    n_rows: int | None = None


class _Header(BaseModel):
    suite: _Text
    variant: _Text
    fields: list[_Text]
    prompt: _Text | None
    history: list[_Record]
    judge: dict[_Text, Any] | None = None
    checksum: _Text | None = None


def wrong_in_header(row: dict[str, Any]) -> str | None:
    """What is wrong with a header, in words; None if it can be read."""
    return _wrong(_Header, row)


def wrong_in_case(row: dict[str, Any]) -> str | None:
    """What is wrong with the line of a case, in words; None if it can be read."""
    return _wrong(_Case, row)


def _wrong(form: type[BaseModel], row: dict[str, Any]) -> str | None:
    try:
        form.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return None
