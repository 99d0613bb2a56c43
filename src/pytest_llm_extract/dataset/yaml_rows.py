"""Rows of `.yaml`: one list of cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_llm_extract.dataset.json_rows import not_cases
from pytest_llm_extract.errors import Place, Problems
from pytest_llm_extract.formats.exact_decimals import ReadNumber
from pytest_llm_extract.formats.safe_yaml import YamlMistakeError, YamlReader, describe, line_of
from pytest_llm_extract.formats.text_files import conflict_line


def yaml_rows(text: str, problems: Problems, number: ReadNumber = float) -> list[tuple[Place, Any]]:
    """A list of cases, each with the line where it starts; after a mistake nothing is read."""
    import yaml

    rows: list[tuple[Place, Any]] = []
    try:
        for row in _rows(YamlReader(text, number=number)):
            rows.append(row)
    except YamlMistakeError as error:
        problems.append(describe(text, error))
    except (yaml.YAMLError, ValueError) as error:
        conflict = conflict_line(text)
        problems.append((conflict, "merge conflict marker") if conflict else describe(text, error))
    return rows


def _rows(reader: YamlReader) -> Iterator[tuple[Place, Any]]:
    """Each item of the document's list."""
    from yaml import events

    event = reader.start()
    if event is None or (isinstance(event, events.ScalarEvent) and event.value == ""):
        return
    if not isinstance(event, events.SequenceStartEvent):
        raise YamlMistakeError(line_of(event), not_cases(""))
    while not isinstance(event := reader.next(), events.SequenceEndEvent):
        yield line_of(event), reader.value(event)
    reader.end("holds more than one document; the cases are one list")
