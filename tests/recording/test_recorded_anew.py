"""What recording again changes in a cassette, and what it costs where a provider reports no tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from recorded import record
from standin import StandIn

from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.same_answer import is_unchanged

HEADERS = {"content-type": ["application/json"]}


class Numbered:
    """A provider whose answers have an id and token counts of their own."""

    def __init__(self, **others: Any) -> None:
        self.n, self.others, self.size = 0, others, 4

    def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        self.n += 1
        content = json.dumps({"name": body["messages"][-1]["content"].split()[0], "size": self.size})
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": f"c-{self.n}", "created": self.n, "model": "gpt-4o-mini", "choices": [choice], **self.others}


def contents(project: pytest.Pytester) -> dict[Path, str]:
    """All cassettes."""
    return {path: path.read_text() for path in project.path.rglob("cassettes/**/*.yaml")}


def test_unchanged_answer_keeps_its_file(project: pytest.Pytester) -> None:
    """Not a line differs, also not the date; an answer that changed is the second attempt."""
    answer = Numbered(usage={"prompt_tokens": 9, "completion_tokens": 3})
    with StandIn(answer) as provider:
        record(project, provider)
        before = contents(project)
        again = record(project, provider, "--llm-extract-record=all")
        assert len(provider.requests) == 8
        again.stdout.fnmatch_lines(["*recorded 4 of 4*"])
        assert contents(project) == before
        answer.size = 5
        record(project, provider, "--llm-extract-record=all")
    after = contents(project)
    assert all(after[path] != before[path] for path in before)
    assert {yaml.safe_load(text)["x_llm_extract"]["run"]["attempt"] for text in after.values()} == {2}


def test_answer_without_usage_costs_unknown(project: pytest.Pytester) -> None:
    """Neither $0.0000 nor 0 tokens, in the summary and in the plan of the next recording."""
    with StandIn(Numbered()) as provider:
        run = record(project, provider)
        run.stdout.fnmatch_lines(["*recorded 4 of 4; 4 calls, tokens unknown, cost unknown, *"])
        plan = record(project, provider, "--llm-extract-record=all", "--llm-extract-plan")
    plan.stdout.fnmatch_lines(["*expected: tokens and cost unknown, since no earlier recording reports them"])
    assert "$0.0" not in run.stdout.str() + plan.stdout.str()


def recorded(answer: Any, request: bytes = b"{}", content_type: str = "application/json") -> Recording:
    """A recording with this answer."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    headers = {"content-type": [content_type]}
    return Recording((Exchange("POST", "http://h/v1", HEADERS, request, 200, "OK", headers, body),), "c")


def message(text: str = "a", number: int = 1, **others: Any) -> dict[str, Any]:
    """An answer of Anthropic that calls a tool."""
    call = {"type": "tool_use", "id": f"t{number}", "name": "f", "input": {"id": text}}
    usage = {"input_tokens": 3, "output_tokens": number}
    head = {"id": f"m{number}", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use"}
    return {**head, "content": [call], "usage": usage, **others}


@pytest.mark.parametrize(
    ("new", "same"),
    [
        (recorded(message(number=2)), True),
        (recorded(message("b", number=2)), False),  # the model's own member `id`
        (recorded(message(number=2, stop_reason="max_tokens")), False),
        (recorded(message(number=2, model="m2")), False),
        (recorded(message(number=2, account="new")), False),
        (recorded(message(), b'{"a": 1}'), False),
    ],
)
def test_same_answer_is_one_that_says_the_same(new: Recording, same: bool) -> None:
    """Ids, dates and counts are new each time; what the model said, its end, its name and the request count."""
    assert is_unchanged(recorded(message()), new, keeps_requests=True) is same


def test_same_stream_may_come_in_other_pieces() -> None:
    """What it says is compared; of an answer that is not read, every byte."""
    kind = "text/event-stream"
    chunks = [
        b"".join(
            b"data: " + json.dumps({"object": "chat.completion.chunk", "id": n, "choices": [choice]}).encode() + b"\n\n"
            for choice in (*({"delta": {"content": piece}} for piece in pieces), {"delta": {}, "finish_reason": "stop"})
        )
        for n, pieces in enumerate((["ab", "c"], ["a", "bc"], ["a", "bd"]))
    ]
    one, other, changed = (recorded(body, content_type=kind) for body in chunks)
    assert is_unchanged(one, other, keeps_requests=True)
    assert not is_unchanged(one, changed, keeps_requests=True)
    assert not is_unchanged(recorded(b"x 1"), recorded(b"x 2"), keeps_requests=True)
    assert not is_unchanged(one, one, keeps_requests=False)
