"""Sixty-five recordings that other projects made with real providers: read out, and kept as cassettes of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cassette_mutations import save
from vcr.serialize import deserialize
from vcr.serializers import yamlserializer

from pytest_llm_extract.cassette import foreign
from pytest_llm_extract.cassette.file.answer_summary import summarize_answers
from pytest_llm_extract.cassette.file.load import load
from pytest_llm_extract.results.case_result import Usage

REAL = Path(__file__).parents[3] / "shared" / "data" / "cassettes"
# Where each path ends; how its last answer ended; the model; tokens of all answers; some of the last answer.
TABLE = Path(__file__).with_name("real_recordings.tsv").read_text("utf-8")
FACTS = [line.split("\t") for line in TABLE.splitlines()[1:]]
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the real recordings are not beside this checkout")


def real(ending: str) -> Path:
    """The recording whose path ends so."""
    wanted = f"__{ending.replace('/', '__')}.yaml"
    found = [path for path in REAL.rglob("*.yaml") if f"__{path.name}".endswith(wanted)]
    assert len(found) == 1, found
    return found[0]


def holds(value: Any, part: Any) -> bool:
    """Whether a value has this part in it; a text may end in `…`."""
    if isinstance(part, dict):
        return all(holds(value[key], member) for key, member in part.items())
    if isinstance(part, str) and part.endswith("…"):
        return str(value).startswith(part[:-1])
    return bool(value == part)


@pytest.mark.parametrize(("name", "finish", "model", "n_input", "n_output", "answer"), FACTS)
def test_recording_is_read_out(
    name: str, finish: str, model: str, n_input: str, n_output: str, answer: str, tmp_path: Path
) -> None:
    """Answer, usage, model, finish reason and refusal; kept as our own, it says the same, and stock vcrpy reads it."""
    found = load(real(name))
    assert found is not None
    said = summarize_answers(found)
    assert (said.finish_reason, str(said.model)) == (finish, model)
    assert sum(said.by_model.values(), Usage()) == Usage(int(n_input), int(n_output))
    if answer.startswith("refused: "):
        assert (said.refusal, said.content) == (answer.removeprefix("refused: "), None)
    else:
        assert holds(json.loads(said.content or ""), json.loads(answer))
    kept = foreign.as_kept(found, "c0")
    save(tmp_path / "kept.yaml", kept, foreign.head_of(kept, found, None, None))
    again = load(tmp_path / "kept.yaml")
    assert again is not None
    assert summarize_answers(again) == said
    assert again.fingerprints == found.fingerprints
    requests, responses = deserialize((tmp_path / "kept.yaml").read_text("utf-8"), yamlserializer)
    assert [request.body for request in requests] == [exchange.request_body for exchange in again.exchanges]
    assert [reply["body"]["string"] for reply in responses] == [exchange.response_body for exchange in again.exchanges]


def test_every_real_recording_has_its_facts() -> None:
    """The facts are of all recordings, each of which has as many exchanges as its index says."""
    index = json.loads((REAL / "INDEX.json").read_text("utf-8"))
    n_exchanges = {
        f"{entry['repo'].replace('/', '+')}/{entry['path'].replace('/', '__')}": entry["interactions"]
        for entry in index
    }
    assert {path.relative_to(REAL).as_posix() for path in (real(name) for name, *_ in FACTS)} == n_exchanges.keys()
    for name, n in n_exchanges.items():
        found = load(REAL / name)
        assert found is not None
        assert len(found.exchanges) == n
