"""The room in a provider's queue of batches, which takes so many input tokens of a model at a time."""

from __future__ import annotations

from typing import NamedTuple

from pytest_llm_extract.batches.api import Target
from pytest_llm_extract.cassette.sent_batch import SentBatch, sent_batches
from pytest_llm_extract.config.settings import Settings

BYTES_A_TOKEN = 4


def tokens_of(data: bytes) -> int:
    """The input tokens of requests, by their length."""
    return len(data) // BYTES_A_TOKEN


class Queue(NamedTuple):
    """The queue of one model. `n_open` tokens in it are of this project's batches.

    `limit` is what the project says that the queue takes; None where it does not.
    """

    n_open: int
    limit: int | None

    @classmethod
    def of(cls, target: Target | SentBatch, settings: Settings) -> Queue:
        """The queue in which a batch is, or would be."""
        where = (target.provider, target.base, target.model)
        same = [one for one in sent_batches(settings.cassettes) if (one.provider, one.base, one.model) == where]
        n_open = sum(one.n_tokens for one in same if not one.is_queued)
        return cls(n_open, settings.most_batch_tokens(target.model))

    def takes(self, n_tokens: int, *, has_waited: bool = False) -> bool:
        """Whether there is room: in an empty queue always, since nothing will make more.

        Without a known limit everything is sent; what was refused then, and has waited, goes alone.
        """
        if not self.n_open:
            return True
        return not has_waited if self.limit is None else self.n_open + n_tokens <= self.limit

    def plus(self, n_tokens: int) -> Queue:
        """The queue with so many tokens more in it."""
        return self._replace(n_open=self.n_open + n_tokens)
