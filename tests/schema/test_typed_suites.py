"""Schemas with less usual types, as a suite meets them: recorded, accepted, replayed and compared."""

from __future__ import annotations

import json
from typing import Any

import pytest
from plain_http import ASK
from recorded import record
from standin import StandIn

MODULE = """
from typing import Annotated, Literal
import pytest
{ask}
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, Json, RootModel

{schema}

def read(text: str) -> Answer:
    return Answer.model_validate_json(ask(("user", text)))

@pytest.mark.llm_extract(cases="gold.jsonl", {how})
def test_items(extraction):
    assert isinstance(extraction.output, Answer)
"""
HOW = pytest.mark.parametrize(
    "how", ["extractor=read", "schema=Answer, prompt='read.md', model='m', response_format='json_object'"]
)


def suite_of(project: pytest.Pytester, how: str, schema: str, pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """A suite of pairs of gold and answer as results.json has it, once it was accepted and nothing moved since."""
    rows = [{"id": f"c{i}", "input": json.dumps(answer), "expected": gold} for i, (gold, answer) in enumerate(pairs)]
    project.path.joinpath("gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    project.path.joinpath("read.md").write_text("Read.")
    project.makepyfile(test_items=MODULE.format(ask=ASK, schema=schema, how=how))
    with StandIn(lambda body: str(body["messages"][-1]["content"])) as provider:
        run = record(project, provider, "--llm-extract-accept")
    run.assert_outcomes(passed=len(pairs) + 1)
    run = project.runpytest_subprocess("--llm-extract-json=out.json")
    run.assert_outcomes(passed=len(pairs) + 1)
    run.stdout.fnmatch_lines([f"against the baseline *{len(pairs)} cases paired: no case lost, none gained"])
    found: dict[str, Any] = json.loads((project.path / "out.json").read_text())["suites"][0]
    return found


def right(suite: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """How many leaves of each field are right, and how many there are."""
    return {path: (f["correct"] + f["absent_ok"], f["n"]) for path, f in suite["fields"].items()}


HELD = """
class Line(BaseModel):
    sku: str
    price: int | None = None

class Answer(BaseModel):
    head: Json[Line]
    lines: Json[list[Line]] = []
"""


@HOW
def test_json_text_is_scored_by_what_it_holds(bare: pytest.Pytester, how: str) -> None:
    """Field by field, rows aligned; gold gives the text or what it stands for, and labels a part."""
    lines = [{"sku": "x", "price": 1}, {"sku": "y", "price": 2}]
    answer = {"head": json.dumps({"sku": "h", "price": 7}), "lines": json.dumps(lines)}
    suite = suite_of(
        bare,
        how,
        HELD,
        [
            ({"head": {"sku": "h"}, "lines": [{"sku": "y", "price": 2}, {"sku": "x", "price": 9}]}, answer),
            ({"head": '{"sku": "h", "price": 8}', "lines": json.dumps(lines)}, answer),
        ],
    )
    assert right(suite) == {
        "head.sku": (2, 2), "head.price": (0, 1), "lines[]": (4, 4), "lines[].sku": (4, 4), "lines[].price": (3, 4),
    }  # fmt: skip


CHOICES = """
class Card(BaseModel):
    way: Literal["paid"]
    by: Literal["card"]
    digits: str

class Cash(BaseModel):
    way: Literal["paid"]
    by: Literal["cash"]
    amount: int

class Open(BaseModel):
    way: Literal["open"]
    due: str

class Several(RootModel[list[Open]]):
    pass

Payment = Annotated[Annotated[Card | Cash, Field(discriminator="by")] | Open, Field(discriminator="way")]

class Answer(BaseModel):
    payments: list[Payment]
    planned: Open | Several
"""


@HOW
def test_unions_of_unions_and_root_models_are_scored_by_field(bare: pytest.Pytester, how: str) -> None:
    """Each field of each member has a rate of its own."""
    card, cash = {"way": "paid", "by": "card", "digits": "12"}, {"way": "paid", "by": "cash", "amount": 3}
    due = {"way": "open", "due": "May"}
    gold = {"payments": [card, cash, due], "planned": [due]}
    suite = suite_of(
        bare,
        how,
        CHOICES,
        [
            (gold, {"payments": [due, cash, {**card, "digits": "13"}], "planned": [due]}),
            (gold, {"payments": [cash, card, {**due, "due": "June"}], "planned": due}),
        ],
    )
    found = right(suite)
    assert (found["payments[].<type>"], found["payments[].digits"], found["payments[].due"]) == ((6, 6), (1, 2), (1, 2))
    assert (found["payments[].amount"], found["planned.<type>"], found["planned[].due"]) == ((2, 2), (1, 2), (1, 2))


BLOBS = """
class Page(BaseModel):
    model_config = ConfigDict(val_json_bytes="base64")
    scan: bytes

class Answer(BaseModel):
    seal: Base64Bytes
    pages: list[Page] = []
"""


@HOW
def test_bytes_that_are_no_text(bare: pytest.Pytester, how: str) -> None:
    """Scored, shown and accepted in the form in which the answer has them; a strict case says them as well."""
    gold = {"seal": "gP8=", "pages": [{"scan": "gP8="}, {"scan": "aGk="}]}
    found = {"seal": "gP4=", "pages": [{"scan": "aGk="}, {"scan": "_-8="}]}
    suite = suite_of(bare, how, BLOBS, [(gold, gold), (gold, found)])
    assert right(suite) == {"seal": (1, 2), "pages[]": (4, 4), "pages[].scan": (3, 4)}
    seal, *_ = suite["cases"][1]["fields"]["seal"]
    assert (seal["expected"], seal["actual"]) == ("gP8=", "gP4=")
    baseline = bare.path / "cassettes/test_items/test_items/baseline.jsonl"
    assert '"seal": "gP4="' in baseline.read_text()
    module = bare.path / "test_items.py"
    module.write_text(module.read_text().replace("llm_extract(", "llm_extract(strict=True, "))
    run = bare.runpytest_subprocess()
    run.stdout.fnmatch_lines(['*  seal: expected "gP8=", got "gP4="', '*  pages*.scan: expected "gP8=", got *'])


PYTHON = (
    ASK
    + """
import pytest
from pydantic import BaseModel

class Answer(BaseModel):
    data: bytes
    count: int = 0

def read(text: str) -> Answer:
    ask(("user", text))
    return ANSWER

CASES = [{"id": "c0", "input": "x", "expected": {"data": b"\\xff"}}]

@pytest.mark.llm_extract(extractor=read, cases=CASES)
def test_items(extraction):
    assert extraction.output.data == b"\\xff"
"""
)


@pytest.mark.parametrize("answer", ['Answer(data=b"\\xff")', '{"data": b"\\xff", "count": "many"}'])
def test_bytes_of_python(bare: pytest.Pytester, answer: str) -> None:
    """Gold and answers from Python may hold bytes that no JSON says: scored, shown, and not accepted."""
    bare.makepyfile(test_items=PYTHON.replace("ANSWER", answer))
    with StandIn(lambda body: "{}") as provider:
        run = record(bare, provider, "--llm-extract-accept", "--llm-extract-json=out.json")
    run.stdout.fnmatch_lines(["not accepted: data is another value once the answer was written as JSON *"])
    (found,) = json.loads((bare.path / "out.json").read_text())["suites"][0]["cases"]
    assert found["fields"]["data"] == [{"outcome": "correct", "expected": "_w==", "actual": "_w==", "hint": None}]
