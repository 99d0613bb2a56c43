"""Service agreements, and a retriever that finds the clauses which answer the questions of the schema."""

import datetime
import math
import re
from collections import Counter
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel

from pytest_llm_extract import Case


class Agreement(BaseModel):
    """What a service agreement says; None is what it does not say."""

    provider: str
    customer: str
    start: datetime.date
    notice_days: int
    monthly_fee: Decimal
    currency: Literal["CHF", "DKK", "EUR", "GBP", "NOK", "SEK", "USD"]
    liability_cap: Decimal | None
    governing_law: str


TOPICS = (
    "service begins takes effect commencement first day",
    "end the agreement notice of termination period days in writing",
    "customer pays monthly fee remuneration each month invoice",
    "liability of the provider is limited liable cap in total",
    "governed by the law of governing law courts jurisdiction",
)


def find_passages(case: Case) -> str:
    """The head of a document, and for each topic the clause that fits it best (BM25 over the clauses)."""
    head, *clauses = str(case.input).split("\n\n")
    found = [head]
    for topic in TOPICS:
        scores = _scores(topic, clauses)
        best = clauses[scores.index(max(scores))]
        if best not in found:
            found.append(best)
    return "\n\n".join(found)


def _scores(query: str, clauses: list[str]) -> list[float]:
    counted = [Counter(_words(clause)) for clause in clauses]
    mean = sum(words.total() for words in counted) / len(counted)
    scores = [0.0] * len(clauses)
    for word in set(_words(query)):
        having = sum(word in words for words in counted)
        rarity = math.log(1 + (len(clauses) - having + 0.5) / (having + 0.5))
        for at, words in enumerate(counted):
            often = words[word]
            scores[at] += rarity * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * words.total() / mean))
    return scores


def _words(text: str) -> list[str]:
    return [word[:6] for word in re.findall(r"[a-z]{2,}", text.lower())]
