"""Where the cassette of an extraction is, and how its requests are stored and compared."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pytest_llm_extract.cassette.http.shared_exchanges import SharedExchanges
from pytest_llm_extract.config.settings import Storage


class Slot(NamedTuple):
    """Where a case's cassette is; `document` is the case's own text, which diffs and hashes leave out.

    `ignore` are paths of volatile values in the request's body, which are neither stored nor compared. No symbolic link
    may lead the file out of `root`. `storage` says what else is not stored. `sends_shared`: whether requests whose
    answers all cases share, such as those for tokens, are sent in a replay too, since the run records. `as_json` is the
    text of a document that is JSON, for explanations.
    """

    path: Path
    case_id: str
    document: str | None
    ignore: tuple[str, ...] = ()
    root: Path | None = None
    storage: Storage = Storage()
    sends_shared: bool = False
    as_json: str | None = None

    @property
    def shared(self) -> SharedExchanges | None:
        """The exchanges that all cases share; None where there is no folder for them."""
        return None if self.root is None else SharedExchanges(self.root, self.storage, sends=self.sends_shared)
