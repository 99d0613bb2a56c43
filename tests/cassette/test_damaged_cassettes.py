"""Damaged and edited cassettes: never code, never another recording, never a file outside of the folder."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cassette_mutations import (
    MUTATIONS,
    PLAIN,
    SSE,
    Watch,
    answers_of,
    as_written,
    bombs,
    cassette,
    interaction,
    outcome,
    own,
    refused,
    save,
    seeds,
    write,
)
from hypothesis import given
from hypothesis import strategies as st

from pytest_llm_extract.cassette.file.checksum import seal
from pytest_llm_extract.cassette.file.exchange import Exchange, Recording
from pytest_llm_extract.cassette.file.fast_load import LARGE, read_as_written
from pytest_llm_extract.cassette.file.fingerprint import ORIGIN
from pytest_llm_extract.cassette.file.layout import LayoutError
from pytest_llm_extract.cassette.file.load import load, parse
from pytest_llm_extract.config import suite_folders
from pytest_llm_extract.errors import CassetteError


@pytest.mark.slow
def test_bombs_are_refused(tmp_path: Path) -> None:
    """A small file that would grow without end is one line; JSON that is only nested deeply is a body like others."""
    read = {name for name, text in bombs().items() if isinstance(outcome(text, tmp_path), Recording)}
    assert read == {"deep JSON in a body"}


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """Sees code that runs, and files that are written outside of its folder."""
    folder = tmp_path_factory.mktemp("damaged")
    for seed in seeds(folder):
        assert isinstance(outcome(seed, folder), Recording)  # what is imported late is imported now
    return Watch(folder).install()


def test_truncated_or_flipped_cassette_is_never_another_one(watch: Watch) -> None:
    """At every third byte: an error, or (the last line break is gone, a header changed) the same exchanges."""
    whole = own(watch.folder)
    expected = answers_of(known) if isinstance(known := outcome(whole, watch.folder), Recording) else []
    rng = random.Random(0)
    read = 0
    watch.armed = True
    for at in range(0, len(whole), 3):
        flipped = whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :]
        for text in (whole[:at], flipped):
            found = outcome(text, watch.folder)
            read += isinstance(found, Recording)
            assert isinstance(found, str) or answers_of(found) == expected, text
    watch.armed = False
    assert watch.seen is None
    assert 0 < read < len(whole) / 10


def test_foreign_cassette_cut_between_exchanges_is_an_error(tmp_path: Path) -> None:
    """Only vcrpy's last line tells that a file is whole."""
    text = yaml.dump(cassette(PLAIN, interaction({"string": SSE})))
    assert "may be cut off" in refused(tmp_path, text[: text.rindex("\n- request") + 1])
    assert "may be cut off" in refused(tmp_path, text[: text.index("version: 1")])


def test_damaged_cassettes(watch: Watch) -> None:
    """A few hundred mutations of every form: read or refused, no code, nothing outside, no other error."""
    rng, given = random.Random(7), seeds(watch.folder)
    found = {True: 0, False: 0}
    watch.armed = True
    for number in range(400):
        text = MUTATIONS[number % len(MUTATIONS)](rng, given[number % len(given)])
        found[isinstance(outcome(text, watch.folder), Recording)] += 1
    watch.armed = False
    assert watch.seen is None
    assert min(found.values()) > 40


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            '\\"bolt\\"',
            '\\"bold\\"',
            "x_llm_extract.run.answers: an answer was edited by hand: its digest no longer matches",
        ),
        ("code: 200", "code: 201", "x_llm_extract.run.answers: an answer was edited by hand"),
        ('"temperature": 0.0', '"temperature": 1.0', "x_llm_extract.run.fingerprints: a request was edited by hand"),
        ("format: 2", "format: 3", "x_llm_extract.format: is not 2: update pytest-llm-extract"),
        ('"fingerprints":', '"fingerprint":', "x_llm_extract.run: fingerprints is missing"),
        (
            '"attempt": 1',
            '"hashes": {schema: a}',
            "x_llm_extract.run.hashes: has not the members document, model, parameters",
        ),
        ('"attempt": 1', '"requests": [1]', "x_llm_extract.run.requests[0]: is a number, not a mapping"),
        ('"attempt": 1', '"attempt": one', "x_llm_extract.run.attempt: is a string, not a number"),
        (
            '      "a": 1',
            '      "a": 2',
            "x_llm_extract.answer: was edited by hand: it only shows what",
        ),
        ("case: c0", "case: [c0]", "x_llm_extract.case: is a list, not a string"),
    ],
)
def test_cassette_of_ours_that_was_edited(tmp_path: Path, before: str, after: str, words: str) -> None:
    """What it says of itself has to be true."""
    text = own(tmp_path).decode()
    assert before in text
    assert refused(tmp_path, text.replace(before, after, 1)).startswith(words)


def test_answer_may_be_edited_on_purpose(tmp_path: Path) -> None:
    """Without its digests, which a pull request shows, an edited answer is replayed."""
    data = yaml.safe_load(own(tmp_path))
    del data["x_llm_extract"]["run"]["answers"]
    data["interactions"][0]["response"]["body"]["string"] = "{}"
    found = load(write(tmp_path, data))
    assert found is not None
    assert found.exchanges[0].response_body == b"{}"


def test_exchange_that_was_cut_out_of_a_cassette_of_ours(tmp_path: Path) -> None:
    """Its fingerprint is still in the list."""
    data = yaml.safe_load(own(tmp_path))
    del data["interactions"][1]
    assert refused(tmp_path, data).startswith("x_llm_extract.run.fingerprints: are 2, and the exchanges 1")


def test_unusual_files(tmp_path: Path) -> None:
    """A folder, a pipe, a file of a gigabyte (which is not read), one that may not be read, one that is not there."""
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    with (tmp_path / "big.yaml").open("wb") as file:
        file.truncate(2**30)
    for name, words in {
        "folder": "is not a regular file",
        "pipe": "is not a regular file",
        "big": "has 1,073,741,824 bytes, more than a cassette may have",
    }.items():
        with pytest.raises(CassetteError, match=f"{name}.yaml: {words}"):
            load(tmp_path / f"{name}.yaml")
    assert load(tmp_path / "none.yaml") is None
    assert load(tmp_path / "none" / "none.yaml") is None


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    """A file or a folder that is a link to the outside is refused, read or missing; inside, links are fine."""
    root, outside = tmp_path / "cassettes", tmp_path / "outside"
    for folder in (root / "suite", outside):
        folder.mkdir(parents=True)
        write(folder, cassette(PLAIN))
    (root / "link.yaml").symlink_to(outside / "c.yaml")
    (root / "folder").symlink_to(outside, target_is_directory=True)
    (root / "round.yaml").symlink_to(root / "round.yaml")
    (root / "inside.yaml").symlink_to(root / "suite" / "c.yaml")
    for name in ("link.yaml", "folder/c.yaml", "folder/missing.yaml"):
        with pytest.raises(CassetteError, match="a symbolic link leads it out of"):
            load(root / name, root)
    with pytest.raises(CassetteError, match=r"round\.yaml: cannot be read"):
        load(root / "round.yaml", root)
    assert load(root / "inside.yaml", root) is not None
    (tmp_path / "other").symlink_to(root, target_is_directory=True)
    assert load(tmp_path / "other" / "suite" / "c.yaml", tmp_path / "other") is not None


def test_recording_through_a_link_writes_nothing_outside(recorded: pytest.Pytester) -> None:
    """A suite's folder that leads elsewhere is an error of its cases, also when recording."""
    folder = next((recorded.path / "cassettes").rglob("c0*.yaml")).parent
    outside = recorded.path / "outside"
    folder.rename(outside)
    folder.symlink_to(outside, target_is_directory=True)
    next(outside.glob("c0*.yaml")).unlink()
    before = sorted(outside.iterdir())
    run = recorded.runpytest_subprocess("--llm-record")
    run.stdout.fnmatch_lines(["*a symbolic link leads it out of*"])
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert sorted(outside.iterdir()) == before


STRANGE_IDS = [
    "../../x",
    "/etc/passwd",
    "CON",
    "nul.txt",
    "x" * 300,
    "🙂",
    "a\x00b",
    "..",
    ".",
    "",
    "a/../../b",
    "C:\\x",
    "~",
]


@given(st.sampled_from(STRANGE_IDS) | st.text(), st.sampled_from(["prompt", *STRANGE_IDS]) | st.text())
def test_cassettes_lie_below_their_folder(case_id: str, variant: str) -> None:
    """Whatever the id of a case or the name of a variant; and every part is a name that all file systems take."""
    root = Path("/somewhere/cassettes")
    suite = suite_folders.suite_folder(root, f"../other/test_x.py::{variant}")
    path = suite / suite_folders.folder_name(variant) / suite_folders.file_name(case_id)
    parts = path.relative_to(root).parts
    assert ".." not in parts
    assert len(parts) == 6
    for part in parts:
        assert part.isascii()
        assert 0 < len(part) <= 100
        assert not set(part) & set('<>:"/\\|?*\0')
        assert not part.endswith((".", " "))
        assert part.split(".")[0].lower() not in ("con", "prn", "aux", "nul", "com1", "lpt9")


NUMBER_LIKE = st.from_regex(r"[-+]?[0-9]{1,4}([.][0-9]{0,3})?([eE][-+]?[0-9]{1,3})?", fullmatch=True)


@given(text=st.one_of(NUMBER_LIKE, st.sampled_from(["no", "null", "~", "0x1f", "2026-11-24"]), st.text(max_size=8)))
def test_texts_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Also where they look like a number, as one in six hundred hashes does: `1234e5678`."""
    path = tmp_path_factory.getbasetemp() / "texts.yaml"
    text = text.encode("utf-8", "replace").decode()
    headers = {"content-type": [text]}
    exchange = Exchange("POST", "https://h/v1", headers, text.encode(), 200, text, headers, text.encode())
    hashes = dict.fromkeys(ORIGIN, text)
    save(path, Recording((exchange,), text), {"model": text, "hashes": hashes})
    found = load(path)
    assert found is not None
    assert (found.case, found.meta["model"], found.meta["hashes"]) == (text, text, hashes)
    assert found.exchanges == (exchange,)


def parsed(text: str) -> Recording | None:
    """What the parser makes of a text; None where it refuses it."""
    try:
        return parse(text)
    except LayoutError:
        return None


def test_example_cassettes_are_read_without_a_parser() -> None:
    """And give what the parser gives, their head included."""
    paths = [*(Path(__file__).parents[2] / "cassettes").rglob("*.yaml")]
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        found = read_as_written(text.encode())
        assert found is not None, path
        assert found == parsed(text)


SCALARS = [
    "", "a", "null", "~", "true", "No", "0", "007", "-1", "+1", "1.5", "1.", "1e5", "1.0e+5", "1_000", "0x1f", ".5",
    ".inf", "12:30", "2026-01-01", "'a'", "'a''b'", "''", "'a", '"a"', '"\\x41"', "a: b", "a:", "a #b", "a#b", "a  b",
    "a ", " a", "- a", "-", "[a]", "{a: 1}", "{}", "&a a", "*a", "!!str 1", "|-", "> a", "@a", "%a", "`a`", "?", "a\tb",
    "é", "\u2028", "\x07", "\x85", "=", "<<", "a\n", "a\n      b", "'a\n      b'", "---", "...", "x" * 20_000,
    "content-length",
]  # fmt: skip


def test_an_edit_breaks_the_seal(tmp_path: Path) -> None:
    """So that the parser has to look at all of it, and finds what is no longer true."""
    text = as_written(tmp_path)
    assert read_as_written(text.encode()) == parsed(text) is not None
    lines = text.splitlines(keepends=True)
    for at, line in enumerate(lines):
        for edit in ("", line + line, f"{line[:-1]} \n", line[:-2] + "\n", line.swapcase()):
            edited = "".join([*lines[:at], edit, *lines[at + 1 :]])
            assert edited == text or read_as_written(edited.encode()) is None, edited
    crlf = text.replace("\n", "\r\n")
    assert (read_as_written(crlf.encode()), load(write(tmp_path, crlf))) == (None, parsed(text))


@pytest.mark.slow
def test_an_edit_under_a_new_seal_is_read_as_the_parser_reads_it(tmp_path: Path) -> None:
    """Whatever stands in place of a value, a key, or a whole line, or comes before or after one.

    Where the parser refuses what is no longer true, a seal is believed.
    """
    text = as_written(tmp_path)
    top, _, *lines = text.splitlines(keepends=True)
    n_read, misread = 0, []
    for at, line in enumerate(lines):
        bare = line.lstrip(" -")
        head, key = line[: len(line) - len(bare)], bare.partition(":")[0]
        for scalar in SCALARS:
            edits = [f"{head}{scalar}\n", f"{head}{key}: {scalar}\n", f"{head}{scalar}:{bare.partition(':')[2]}"]
            edits += [f"{scalar}\n{line}", f"{line}{scalar}\n", line + line, "", f"{line.rstrip()}{scalar}\n"]
            for edit in edits:
                edited = seal("".join([top, *lines[:at], edit, *lines[at + 1 :]]))
                if (found := read_as_written(edited.encode())) is not None and (expected := parsed(edited)) is not None:
                    misread += [] if found == expected else [edit[:99]]
                    n_read += edited != text
    assert misread == []
    assert n_read > 300  # or this would say nothing


@given(st.randoms(use_true_random=False), st.sampled_from(MUTATIONS))
def test_damage_breaks_the_seal(
    tmp_path_factory: pytest.TempPathFactory, rng: random.Random, damage: Callable[[random.Random, bytes], bytes]
) -> None:
    """Under a new one it is read as the parser reads it, or left to that."""
    whole = as_written(tmp_path_factory.getbasetemp())
    text = damage(rng, whole.encode()).decode("utf-8", "replace")
    assert text == whole or read_as_written(text.encode()) is None
    resealed = seal("".join(line for line in text.splitlines(keepends=True) if not line.startswith("  seal:")))
    found, expected = read_as_written(resealed.encode()), parsed(resealed)
    assert found is None or expected is None or found == expected


def test_large_cassette_is_left_to_the_parser(tmp_path: Path) -> None:
    """It weighs what a file would become."""
    text = as_written(tmp_path).replace("bolt 4", "bolt" * LARGE)
    assert read_as_written(text.encode()) is None
