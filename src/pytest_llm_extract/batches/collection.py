"""What a collection of batches found: what was written, what goes on, and what failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_llm_extract.batches.api import Look
from pytest_llm_extract.cassette.sent_batch import SentBatch
from pytest_llm_extract.extraction.job import Job


class Waiting(NamedTuple):
    """A batch that goes on: how far it is; None where that could not be asked, and `problem` says why.

    `is_stuck` says that asking again would not help. `jobs` are those whose requests of today are in it.
    """

    batch: SentBatch
    look: Look | None
    problem: str | None = None
    is_stuck: bool = False
    jobs: tuple[Job, ...] = ()

    @property
    def may_be_sent(self) -> bool:
        """Whether it waits for nothing but room in the provider's queue."""
        return self.batch.is_queued and not self.is_stuck


@dataclass
class Collection:
    """What was collected of one suite's batches. Cases are named by their ids.

    `n_written` cassettes are whole now, those of `unfinished` cases have a further request. `waiting` are batches that
    go on. `failed` has the cases by the provider's words, `unwanted` the cassettes' files whose request is another one
    now, and `withdrawn` those whose request changed, or was cancelled, before it was sent. `not_kept` has cases whose
    answer could not be written. `odd` are lines of results that answer nothing, by what is odd about them.
    """

    suite: str
    n_written: int = 0
    n_ended: int = 0
    unfinished: list[str] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    failed: dict[str, list[str]] = field(default_factory=dict)
    unwanted: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    not_kept: dict[str, list[str]] = field(default_factory=dict)
    n_not_selected: int = 0
    odd: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
