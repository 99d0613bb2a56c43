"""pytest's own configuration: which file of it holds, and the settings that decide what runs and how it is judged."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.git import Revision
from pytest_llm_extract.results.judge import JudgeNote

# pytest takes the first of these that has a section for it; of its own files, also one without.
_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_OWN = _FILES[:4]
_SETTINGS = frozenset(
    {"addopts", "testpaths", "norecursedirs", "python_files", "python_classes", "python_functions", "xfail_strict"}
    | {"usefixtures", "pythonpath", "required_plugins", "collect_imported_tests", "strict", "confcutdir"}
)
_LONGEST = 60
_Read = Callable[[str], str | None]


class Configuration(NamedTuple):
    """The file that holds, None where there is none, and its settings."""

    file: str | None
    values: dict[str, Any]


def ini_changes(revision: Revision) -> list[JudgeNote]:
    """Notes on settings that another value decides than in the revision."""
    before, after = configuration(_of_revision(revision)), configuration(_of_folder(revision.folder))
    notes = []
    if before.file != after.file:
        what = f"pytest reads {after.file or 'no file'} for its settings, not {before.file or 'none'} as before"
        notes.append(JudgeNote("ini", what))
    for name in dict.fromkeys([*before.values, *after.values]):
        old, new = before.values.get(name), after.values.get(name)
        if old != new and (name in _SETTINGS or name.startswith("llm_extract")):
            notes.append(JudgeNote("ini", f"ini {name}: {_shown(old)} → {_shown(new)}"))
    return notes


def test_paths(revision: Revision) -> list[str]:
    """Where pytest looks for tests under the settings of a revision."""
    given = configuration(_of_revision(revision)).values.get("testpaths", "")
    return list(map(str, given)) if isinstance(given, list) else given.split() or ["."]


def configuration(read: _Read) -> Configuration:
    """pytest's configuration, from files that `read` gives the text of, None where there is none."""
    for name in _FILES:
        text = read(name)
        values = None if text is None else _values(name, text)
        if values is not None:
            return Configuration(name, values)
    return Configuration(None, {})


def _values(name: str, text: str) -> dict[str, Any] | None:
    """The settings in a file; None where it has no section for pytest."""
    try:
        options = _of_toml(name, text) if name.endswith(".toml") else _of_ini(name, text)
    except (tomllib.TOMLDecodeError, configparser.Error):
        options = None  # pytest itself says so, at its start
    return {} if options is None and name in _OWN else options


def _of_toml(name: str, text: str) -> dict[str, Any] | None:
    data = tomllib.loads(text)
    if name in _OWN:
        return dict(data.get("pytest", {}))
    tool = data.get("tool", {}).get("pytest")
    if tool is None:
        return None
    options = tool.get("ini_options", {})
    return {**{k: v for k, v in tool.items() if k != "ini_options"}, **(options if isinstance(options, dict) else {})}


def _of_ini(name: str, text: str) -> dict[str, Any] | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    parser.read_string(text)
    section = "tool:pytest" if name == "setup.cfg" else "pytest"
    return {key: value or "" for key, value in parser[section].items()} if section in parser else None


def _of_revision(revision: Revision) -> _Read:
    return lambda name: revision.read(Path(name))


def _of_folder(folder: Path) -> _Read:
    def read(name: str) -> str | None:
        path = folder / name
        return path.read_text("utf-8", "replace") if path.is_file() else None

    return read


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = visible(str(value).strip())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def ci_changes(changed: Iterable[Path]) -> list[JudgeNote]:
    """One note on the files by which CI runs the tests, if any of them changed."""
    names = sorted(path.as_posix() for path in changed if is_of_ci(path))
    return [JudgeNote("ci", f"files of CI: {', '.join(map(visible, names))}")] if names else []


_CI_FILES = (".gitlab-ci.yml", "azure-pipelines.yml", "Jenkinsfile", "noxfile.py", "tox.ini", "Makefile", "justfile")


def is_of_ci(path: Path) -> bool:
    """Whether a file, named from the rootdir, decides how CI runs."""
    return path.parts[0] in (".github", ".gitlab", ".circleci", ".ci") or path.as_posix() in _CI_FILES
