"""Create batches so that a kill at any moment neither loses one nor sends it twice."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from pytest_llm_extract import clock
from pytest_llm_extract.batches.api import BatchApi
from pytest_llm_extract.batches.transport import Caller
from pytest_llm_extract.cassette.sent_batch import SentBatch, sent_batches

_SETTLED_S = 5.0  # after which a provider lists a batch whose creation was cut off, or will never have it


def create(api: BatchApi, caller: Caller, batch: SentBatch, data: bytes, cassettes: Path) -> SentBatch:
    """Send a batch. Its file says at each step what may have happened at the provider.

    Raises:
        Refused: the provider refuses it. Nothing was created; what becomes of the file is the caller's to say.
        NoReply: nobody knows whether it was created. The file stays, and `recover` looks for the batch.
        BatchFileError: its file cannot be written, so nothing was sent.
    """
    batch = batch.write(cassettes)
    batch = replace(batch, file=api.upload(caller, batch, data))
    batch = replace(batch, tried_s=clock.wall_s()).write(cassettes)
    created = api.create(caller, batch, data)
    return replace(batch, id=created.id, until=created.until).write(cassettes)


def find_sent(api: BatchApi, caller: Caller, batch: SentBatch, cassettes: Path) -> SentBatch | None:
    """Find a batch that waits for room here, and that another machine with the same file has sent.

    Returns:
        None where nobody did, or where the provider's batches have no names.

    Raises:
        Refused, NoReply: the provider cannot be asked.
    """
    if not api.has_names:
        return None
    since_s = datetime.datetime.fromisoformat(batch.created).timestamp()
    if (created := api.find(caller, replace(batch, tried_s=since_s))) is None:
        return None
    found = replace(batch, id=created.id, until=created.until, tried_s=since_s, is_found=True, is_queued=False)
    return found.write(cassettes)


def recover(api: BatchApi, caller: Caller, batch: SentBatch, cassettes: Path) -> SentBatch | None:
    """Find a batch whose sending was cut off.

    Returns:
        None where it was never created; then its file is gone, and its requests may be sent.

    Raises:
        Refused, NoReply: the provider cannot be asked. The file stays.
    """
    claimed = tuple(one.id for one in sent_batches(cassettes) if one.id is not None)
    sought = replace(batch, not_ours=(*batch.not_ours, *claimed))
    created = api.find(caller, sought) if batch.tried_s is not None else None
    if created is None and batch.tried_s is not None:
        clock.sleep(min(_SETTLED_S, max(0.0, _SETTLED_S - (clock.wall_s() - batch.tried_s))))
        created = api.find(caller, sought)
    if created is None:
        batch.settle(cassettes, set(batch.requests))
        return None
    return replace(batch, id=created.id, until=created.until, is_found=True).write(cassettes)
