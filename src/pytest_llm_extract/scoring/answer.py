"""A raw answer becomes typed values, or what can be salvaged of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, ValidationError

from pytest_llm_extract.formats.fences import FENCE, is_fenced, without_fence
from pytest_llm_extract.results.outcome import Status
from pytest_llm_extract.schema.field_tree import ListNode, ModelNode
from pytest_llm_extract.schema.schema import Schema
from pytest_llm_extract.schema.validators import LACKING
from pytest_llm_extract.wire_formats import RawAnswer

_MAX_DEPTH = 200  # pydantic reads no deeper JSON


class Answer(NamedTuple):
    """What an extraction gave.

    `valid`: it parsed and validated. `lost`: there is nothing to compare, so every gold value is missing. `text` is
    what was read instead of a Markdown fence; None where there was none.
    """

    status: Status
    value: Any = None
    valid: bool = False
    lost: bool = False
    error: str | None = None
    text: str | None = None


def lost_answer(status: Status, error: str | None) -> Answer:
    """An answer that was refused, truncated, unparseable or never came."""
    return Answer(status, lost=True, error=error)


def read_answer(schema: Schema, raw: str | bytes, strip: str | None = None) -> Answer:
    """Read the text of an answer; JSON that does not validate is salvaged field by field.

    `strip` may be `"fence"`: an answer that is one Markdown fence is its content.
    """
    inner = without_fence(raw) if strip == FENCE and isinstance(raw, str) else None
    return _read(schema, raw) if inner is None else _read(schema, inner)._replace(text=inner)


def read_raw_answer(schema: Schema, raw: RawAnswer, strip: str | None = None) -> Answer:
    """Read what a provider answered to a prompt; `strip` is as in `read_answer`."""
    if (lost := unusable(raw)) is not None:
        return lost
    if raw.content is None:
        return lost_answer(Status.INVALID, "the answer has no content")
    return read_answer(schema, raw.content, strip)


class AnswerEnd(Protocol):
    """What a provider says of the end of an answer."""

    @property
    def refusal(self) -> str | None:
        """The words of a refusal; None if there is none."""

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended, in the words of Chat Completions."""


def unusable(said: AnswerEnd) -> Answer | None:
    """The answer that the model refused, or that was cut off, in the provider's own words; None for any other."""
    if said.refusal:
        return lost_answer(Status.REFUSED, said.refusal)
    if said.finish_reason == "content_filter":
        return lost_answer(Status.REFUSED, "the provider's content filter stopped the answer")
    if said.finish_reason == "length":
        return lost_answer(Status.TRUNCATED, "the answer was cut off at the token limit")
    return None


def _read(schema: Schema, raw: str | bytes) -> Answer:
    try:
        return Answer(Status.OK, schema.read_json(raw), valid=True)
    except ValidationError as error:
        problem = _first(error)
        # Half a surrogate pair, say, which Python takes for JSON.
        refused = error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid"
    except LACKING as error:  # before 2.12, pydantic makes a default of fields that do not fit
        problem, refused = f"the schema's own code: {type(error).__name__}: {error}", False
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as broken:
        return lost_answer(Status.INVALID, _fence_hint(raw) or f"the answer is not JSON: {broken}")
    if _is_deeper(value, _MAX_DEPTH):
        return lost_answer(Status.INVALID, f"the answer is nested more than {_MAX_DEPTH} levels deep")
    salvage = partial(schema.salvage, value) if refused else partial(schema.salvage_json, raw)
    return _salvage(schema, value, problem, salvage)


def _fence_hint(raw: str | bytes) -> str | None:
    """Advice for the commonest answer that is not JSON."""
    text = raw if isinstance(raw, str) else raw.decode(errors="replace")
    return 'a Markdown fence, not JSON: strip="fence" reads it' if is_fenced(text) else None


def _is_deeper(value: Any, depth: int) -> bool:
    """Whether a JSON value is nested more than so many levels deep; it is not followed any further."""
    level = [value]
    for _ in range(depth + 1):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _items(one)]
        if not level:
            return False
    return True


def _items(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def take_output(schema: Schema, value: Any) -> Answer:
    """Take what an extractor returned: an instance as it is, plain data and dataclasses validated."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    try:
        return Answer(Status.OK, schema.adapter.validate_python(value, by_alias=True, by_name=True), valid=True)
    except ValidationError as error:
        problem = _first(error)
    if isinstance(value, BaseModel):
        value = value.model_dump()
    return _salvage(schema, value, problem, partial(schema.salvage, value))


def _salvage(schema: Schema, value: Any, problem: str, salvage: Callable[[], Any]) -> Answer:
    wanted = list if isinstance(schema.root, ListNode) and not schema.root.keyed else dict
    rooted = isinstance(schema.root, ModelNode) and "root" in schema.root.fields
    if not rooted and not isinstance(value, wanted):
        return lost_answer(Status.INVALID, f"the answer is {type(value).__name__}, not {wanted.__name__}: {problem}")
    try:
        return Answer(Status.INVALID, salvage(), error=problem)
    except Exception:  # of pydantic, or of a validator that needs what the answer does not have
        return lost_answer(Status.INVALID, problem)


def _first(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_input=False)
    place = ".".join(map(str, errors[0]["loc"]))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place + ': ' if place else ''}{errors[0]['msg']}{more}"
