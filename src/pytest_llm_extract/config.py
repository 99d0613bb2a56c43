"""Settings: every flag and ini name in one table."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

RECORD_MODES = ("none", "missing", "stale")
INIS = (
    ("llm_extract_cassettes", "folder of the cassettes, relative to the rootdir", "cassettes"),
    ("llm_extract_model", "model for prompts that name none", ""),
    ("llm_extract_json", "write the results to this file, as JSON (relative to the rootdir)", ""),
)
MARKERS = (
    "llm_extract(*, cases, extractor=None, prompt=None, schema=None, model=None, response_format='json_schema', "
    "compare={}): "
    "extract every golden case, from its cassette, and score each field",
    "llm_accuracy(default=None, fields=None, /, **fields): accuracy floors (0..1) of a suite that carries llm_extract",
)


@dataclass(frozen=True)
class Settings:
    """What the command line and the ini file say."""

    rootdir: Path
    cassettes: Path
    record: str  # one of RECORD_MODES; stale includes missing
    model: str | None
    json_path: Path | None

    @classmethod
    def of(cls, config: pytest.Config) -> Settings:
        """Read them from pytest's own configuration."""
        flag = config.getoption("llm_extract_json_flag")
        ini = config.getini("llm_extract_json")
        json_path = Path(config.invocation_params.dir, flag) if flag else (config.rootpath / ini if ini else None)
        return cls(
            rootdir=config.rootpath,
            cassettes=config.rootpath / config.getini("llm_extract_cassettes"),
            record=config.getoption("llm_extract_record_flag"),
            model=config.getini("llm_extract_model") or None,
            json_path=json_path,
        )


def short_flag_taken() -> bool:
    """Whether pytest-mockllm is installed, which has a `--llm-record` of its own."""
    return find_spec("pytest_mockllm") is not None


def add_options(parser: pytest.Parser) -> None:
    """Declare flags and ini names."""
    group = parser.getgroup("llm-extract", "LLM extraction")
    group.addoption(
        "--llm-extract-record",
        dest="llm_extract_record_flag",
        choices=RECORD_MODES,
        default="none",
        help="record cassettes of the selected cases: the missing ones, or the stale ones too",
    )
    if not short_flag_taken():
        group.addoption(
            "--llm-record",
            dest="llm_extract_record_flag",
            action="store_const",
            const="stale",
            help="record missing and stale cassettes of the selected cases; short for --llm-extract-record=stale",
        )
    group.addoption(
        "--llm-extract-json",
        dest="llm_extract_json_flag",
        metavar="PATH",
        default=None,
        help="write the results to this file, as JSON",
    )
    for name, text, default in INIS:
        parser.addini(name, text, default=default)
