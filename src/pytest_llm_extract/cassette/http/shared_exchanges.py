"""Exchanges that a process makes once for many cases, such as a token: each is recorded once, in a file of its own."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from pytest_llm_extract import clock
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording, Sent, path_of
from pytest_llm_extract.cassette.file.fingerprint import VERSION, Scheme
from pytest_llm_extract.cassette.file.load import check_inside, load
from pytest_llm_extract.cassette.file.save import cassette_text, write_cassette
from pytest_llm_extract.config.settings import Settings, Storage
from pytest_llm_extract.config.suite_folders import slug

FOLDER = "shared"
_SCHEME = Scheme(VERSION)
# Tokens (RFC 6749 names no path, but its form must have `grant_type`) and what is asked before them.
_PATH = re.compile(
    r"/(?:oauth2?|token|\.well-known|discovery/instance)(?:/|$)|:generate(?:Access|Id)Token$", re.IGNORECASE
)
_FORM = re.compile(rb"(?:[\w.+%-]+=[^&\s\"]*&)*(?:grant_type=|Action=AssumeRole)")
# What another process sends otherwise: botocore names a session by its time, and forms may have a nonce.
_VOLATILE = re.compile(rb"(?<=-)\d{9,}(?=&|\Z)|(?<=nonce=)[^&]+|(?<=timestamp=)[^&]+|(?<=request-id=)[^&]+")
# Where machines in clouds ask for their own credentials.
_HOSTS = frozenset({"169.254.169.254", "169.254.170.2", "169.254.170.23", "metadata.google.internal"})

# The files that this process asked for: of exchanges, and of what `llm_recorded` recorded.
asked: set[Path] = set()


class SharedExchanges:
    """The shared exchanges of a project, below the folder of its cassettes.

    Args:
        root: the folder of the cassettes.
        storage: how exchanges are stored; `storage.shared` has globs of further addresses, without scheme and query.
        sends: whether shared requests are sent, since the run records. Otherwise they are replayed, as often as asked.
    """

    def __init__(self, root: Path, storage: Storage, *, sends: bool) -> None:
        self._root, self.storage, self.sends = root, storage, sends
        self._lock = threading.Lock()

    def owns(self, url: str, body: bytes) -> bool:
        """Whether a request is shared by all cases."""
        split = urlsplit(url)
        if split.hostname in _HOSTS or _PATH.search(split.path) or _FORM.match(body):
            return True
        return any(fnmatchcase(f"{split.netloc}{split.path}", glob) for glob in self.storage.shared)

    def find(self, sent: Sent) -> Exchange | None:
        """The recorded exchange of a request; None where it was not recorded.

        Raises:
            CassetteError: its file is damaged.
        """
        sent = replace(sent, scheme=_SCHEME, body=_steady(sent.body))
        path = self._path(sent)
        asked.add(path)
        recording = load(path, self._root)
        exchanges = recording.exchanges if recording is not None else ()
        return next((exchange for exchange in exchanges if exchange.fingerprint == sent.fingerprint), None)

    def keep(self, exchange: Exchange) -> None:
        """Record an exchange, unless it is recorded: a new token in each run would change the file for nothing.

        Raises:
            CassetteError: the file cannot be written.
            SecretFoundError: it would hold a secret.
        """
        body = _steady(exchange.request_body)
        exchange = replace(exchange, scheme=_SCHEME, known_fingerprint="", request_body=body)
        path = self._path(exchange.sent)
        asked.add(path)
        with self._lock:
            check_inside(path, self._root)
            if not path.exists():
                made = {"recorded": clock.utc_now().isoformat(timespec="seconds")}
                recording = Recording((exchange,), path.stem)
                write_cassette(path, cassette_text(path, recording, made, self.storage))

    def _path(self, sent: Sent) -> Path:
        return self._root / FOLDER / f"{slug(path_of(sent.url))}-{sent.fingerprint[:10]}.yaml"


def _steady(body: bytes) -> bytes:
    """The body of a request as every process sends it."""
    return _VOLATILE.sub(b"0", body) if _FORM.match(body) else body


def shared_exchanges(settings: Settings) -> SharedExchanges:
    """The shared exchanges of a run."""
    return SharedExchanges(settings.cassettes, settings.storage, sends=settings.sends)
