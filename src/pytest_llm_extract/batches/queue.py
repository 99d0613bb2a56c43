"""The room in a provider's queue of batches, which takes so many input tokens of a model at a time."""

from __future__ import annotations

import math
from typing import NamedTuple

from pytest_llm_extract.batches.api import Target
from pytest_llm_extract.cassette.sent_batch import SentBatch, sent_batches
from pytest_llm_extract.config.settings import Settings

_BYTES_A_TOKEN = 4


def tokens_of(data: bytes) -> int:
    """The input tokens of requests, by their length."""
    return len(data) // _BYTES_A_TOKEN


class Queue(NamedTuple):
    """The queue of one model. `n_open` tokens in it are of this project's batches.

    `limit` is what the project says that the queue takes, `learned` what refusals say; None where nobody says it.
    """

    n_open: int
    limit: int | None
    learned: int | None

    @classmethod
    def of(cls, target: Target | SentBatch, settings: Settings) -> Queue:
        """The queue in which a batch is, or would be."""
        where = (target.provider, target.base, target.model)
        same = [one for one in sent_batches(settings.cassettes) if (one.provider, one.base, one.model) == where]
        learned = [one.most_tokens for one in same if one.most_tokens is not None]
        n_open = sum(one.n_tokens for one in same if not one.is_queued)
        return cls(n_open, settings.most_batch_tokens(target.model), min(learned, default=None))

    def takes(self, n_tokens: int) -> bool:
        """Whether there is room. An empty queue is offered whatever comes first, since nothing will make more room."""
        known = (most for most in (self.limit, self.learned) if most is not None)
        return not self.n_open or self.n_open + n_tokens <= min(known, default=math.inf)

    def plus(self, n_tokens: int) -> Queue:
        """The queue with so many tokens more in it."""
        return self._replace(n_open=self.n_open + n_tokens)

    def most_after_refusal(self, n_tokens: int) -> int:
        """What to take for its limit once it has refused so many: half of what it would have held."""
        return (self.n_open + n_tokens) // 2
