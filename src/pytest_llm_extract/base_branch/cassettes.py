"""Cassettes of the base branch against those here, and against the answers that its baselines accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from pytest_llm_extract.baseline.entry import Entry
from pytest_llm_extract.baseline.file import Baseline
from pytest_llm_extract.cassette.file.checksum import HEAD, is_sealed
from pytest_llm_extract.cassette.file.exchange import Recording
from pytest_llm_extract.cassette.file.fast_load import read_as_written
from pytest_llm_extract.cassette.file.layout import LayoutError
from pytest_llm_extract.cassette.file.load import MAX_BYTES, parse
from pytest_llm_extract.config.suite_folders import file_name, folder_name, split_key
from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.git import Revision, blob_id
from pytest_llm_extract.results.judge import JudgeNote
from pytest_llm_extract.wording import count_cassettes, some_names

_HEAD = HEAD.encode()


class CassetteChange(NamedTuple):
    """What differs in one cassette: `case` is the id in its head."""

    kind: str
    case: str
    detail: str = ""


def cassette_changes(revision: Revision, folder: Path) -> list[JudgeNote]:
    """Notes on the cassettes below a folder of the work tree, which is named relative to the revision's."""
    before = {path: one for path, one in revision.blobs(folder.as_posix()).items() if path.suffix == ".yaml"}
    here = dict(_files(revision.folder, folder))
    changed = [path for path, one in before.items() if path in here and blob_id(here[path], one) != one]
    contents = zip(changed, revision.read_blobs([before[path] for path in changed]), strict=True)
    changes = [one for path, old in contents if old is not None for one in compare(old, here[path])]
    unsealed = [path.stem for path, data in here.items() if data.startswith(_HEAD) and not is_sealed(data)]
    changes += [CassetteChange("seal", name) for name in unsealed]
    grouped: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        grouped.setdefault((change.kind, change.detail), []).append(change.case)
    said = {key: f"{_WORDS[key[0]].format(count_cassettes(len(cases)))}{key[1]}" for key, cases in grouped.items()}
    return [
        JudgeNote("cassette", f"{said[key]}: {some_names(map(visible, cases))}", tuple(cases))
        for key, cases in grouped.items()
    ]


_WORDS = {
    "answer": "the answer to an unchanged request was recorded again or edited in {}",
    "host": "another host answered in {}",
    "seal": "{} edited by hand: the checksum does not fit",
}


def compare(before: bytes, after: bytes) -> Iterator[CassetteChange]:
    """What differs between two cassettes with the same requests; nothing where the requests differ too."""
    old, new = read_cassette(before), read_cassette(after)
    if old is None or new is None or old.fingerprints != new.fingerprints:
        return
    pairs = list(zip(old.exchanges, new.exchanges, strict=True))
    if any((a.status, a.response_body) != (b.status, b.response_body) for a, b in pairs):
        yield CassetteChange("answer", new.case)
    hosts = {(_host(a.url), _host(b.url)) for a, b in pairs if _host(a.url) != _host(b.url)}
    for one, other in sorted(hosts):
        yield CassetteChange("host", new.case, f" ({visible(one)} → {visible(other)})")


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def read_cassette(data: bytes) -> Recording | None:
    """The recording in a file of these bytes; None if it is not a whole cassette."""
    try:
        return read_as_written(data) or parse(data.decode("utf-8-sig"))
    except (LayoutError, UnicodeDecodeError):
        return None


def _files(root: Path, folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The cassettes below a folder with their bytes, by their path below `root`; links and devices are left out."""
    for path in sorted((root / folder).rglob("*.yaml")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_BYTES:
            yield path.relative_to(root), path.read_bytes()


def not_accepted(revision: Revision, baseline: Baseline, path: Path) -> list[str]:
    """The cases with a cassette in this revision that was recorded later than its baseline was accepted.

    A case without a cassette is left out: then the accepted answer is the only one. `path` is that of the baseline,
    relative to the revision's folder.
    """
    is_of_variant = split_key(baseline.suite)[1] is not None
    folder = path.parent if is_of_variant else path.parent / folder_name(baseline.variant)
    expected = {
        folder / file_name(case, number): (case, sample)
        for case, entry in baseline.entries.items()
        for number, sample in enumerate(entry.samples, 1)
    }
    ids = {file: blob for file, blob in revision.blobs(folder.as_posix()).items() if file in expected}
    contents = zip(ids, revision.read_blobs(list(ids.values())), strict=True)
    others = [expected[file][0] for file, data in contents if data and not _is_of(data, expected[file][1])]
    return list(dict.fromkeys(others))


def _is_of(data: bytes, accepted: Entry) -> bool:
    """Whether a cassette is the recording whose answer was accepted; one that cannot be read is not."""
    recording = read_cassette(data)
    if recording is None:
        return False
    recorded = tuple(recording.fingerprints), int(recording.meta.get("attempt", 1))
    return recorded == (accepted.fingerprints, accepted.attempt)
