"""The lines of a training file in the two formats that services read, each checked as it is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pydantic

from pytest_llm_extract.dataset.gold import GoldenCase
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.prompt.few_shot import answer_text
from pytest_llm_extract.prompt.prompt_call import PromptCall
from pytest_llm_extract.schema.schema import Schema

FORMATS = ("messages", "prompt-completion")
_CHARACTERS_A_TOKEN = 4.0
_encode = json.JSONEncoder(ensure_ascii=False).encode


class TrainingFile(NamedTuple):
    """The lines of one file; `left_out` has the ids of rows that cannot be trained on, with the reason."""

    lines: tuple[str, ...]
    left_out: dict[str, str]

    @property
    def text(self) -> str:
        """The file's text."""
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def n_tokens(self) -> int:
        """About how many tokens it has, at four characters a token."""
        return round(sum(map(len, self.lines)) / _CHARACTERS_A_TOKEN)


def training_file(call: PromptCall, schema: Schema, rows: Sequence[GoldenCase], format_name: str) -> TrainingFile:
    """One line for each row, in one of FORMATS: its request without few-shot examples, and its gold as the answer."""
    lines, left_out = [], {}
    plain = call._replace(examples=None)
    for row in rows:
        try:
            lines.append(_line(plain, schema, row, format_name))
        except _UnfitRow as error:
            left_out[row.case.id] = str(error)
    return TrainingFile(tuple(lines), left_out)


class _UnfitRow(Exception):
    """Why a row cannot be trained on."""


def _line(call: PromptCall, schema: Schema, row: GoldenCase, format_name: str) -> str:
    unlabelled = _unlabelled(row.gold)
    if unlabelled:
        raise _UnfitRow(f"has unlabelled fields: {', '.join(unlabelled)}")
    try:
        answer = answer_text(row.case.expected, schema, "expected")
        schema.read_json(answer)
    except (UsageError, pydantic.ValidationError) as error:
        raise _UnfitRow(f"has gold that is not one answer: {str(error).splitlines()[0]}") from None
    body = call.body(row.case)
    turns = [{"role": turn["role"], "content": turn["content"]} for turn in body.get("messages") or body["input"]]
    if not all(isinstance(turn["content"], str) for turn in turns):
        raise _UnfitRow("has a file as its document")
    if format_name == "messages":
        return _encode({"messages": [*turns, {"role": "assistant", "content": answer}]})
    return _encode({"prompt": "\n\n".join(turn["content"] for turn in turns), "completion": answer})


def _unlabelled(gold: Any) -> list[str]:
    """The fields at the top of a model that gold does not set: an answer without them would teach to leave them out."""
    if not isinstance(gold, pydantic.BaseModel):
        return []
    return [name for name in type(gold).model_fields if name not in gold.model_fields_set]


def check_lines(text: str, schema: Schema, format_name: str) -> list[str]:
    """What is wrong with a training file, a sentence for each line; empty where it is in order."""
    problems = []
    # split, not splitlines: U+2028 and its like are ordinary characters of a JSON text.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
        try:
            row = json.loads(line)
            problem = _wrong_in(row, schema, format_name)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            problem = f"is not a record of this format: {str(error).splitlines()[0]}"
        if problem:
            problems.append(f"line {number}: {problem}")
    return problems


def _wrong_in(row: dict[str, Any], schema: Schema, format_name: str) -> str | None:
    keys = {"messages"} if format_name == "messages" else {"prompt", "completion"}
    if set(row) != keys:
        return f"has the keys {', '.join(sorted(row))}, not {', '.join(sorted(keys))}"
    if format_name == "messages":
        roles = [turn["role"] for turn in row["messages"]]
        if roles[-1:] != ["assistant"] or roles.count("assistant") != 1 or "user" not in roles:
            return f"has turns of {', '.join(roles)}; one of the user and then one of the assistant are needed"
    answer = row["messages"][-1]["content"] if format_name == "messages" else row["completion"]
    schema.read_json(answer)
    return None
