"""What decides how a run is judged outside of suites: pytest's configuration, conftest.py files, files of CI."""

from __future__ import annotations

import ast
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
_TOP = "code at its top level"
_Definitions = dict[str, str]


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


def conftest_changes(revision: Revision, changed: Iterable[Path]) -> list[JudgeNote]:
    """One note for each conftest.py among the changed files: what came, went or differs in it."""
    notes = []
    for path in sorted(path for path in changed if path.name == "conftest.py"):
        here = revision.folder / path
        before = definitions(revision.read(path) or "")
        after = definitions(here.read_text("utf-8", "replace") if here.is_file() else "")
        if said := differences(before, after):
            notes.append(JudgeNote("conftest", f"{visible(path.as_posix())}: {said}"))
    return notes


def differences(before: _Definitions, after: _Definitions) -> str:
    """`pytest_collection_modifyitems added, llm_client changed`; comments, docstrings and layout do not count."""
    words = [f"{name} added" for name in after if name not in before]
    words += [f"{name} removed" for name in before if name not in after]
    words += [f"{name} changed" for name in after if name in before and before[name] != after[name]]
    return ", ".join(map(visible, words))


def definitions(source: str) -> _Definitions:
    """The functions and classes of a module by name, and the rest of it, as comparable strings."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return {_TOP: source}
    defined: _Definitions = {}
    rest = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            _drop_docstring(node)
            defined[_name(node)] = ast.dump(node)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            rest.append(ast.dump(node))
    return {**defined, _TOP: "\n".join(rest)} if rest else defined


def _name(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    is_fixture = any("fixture" in ast.dump(decorator) for decorator in node.decorator_list)
    return f"fixture {node.name}" if is_fixture else node.name


def _drop_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1:
        del node.body[0]
