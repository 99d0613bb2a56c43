"""conftest.py files: which hooks, fixtures and other definitions differ, read as source and never run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.git import Revision
from pytest_llm_extract.results.judge import JudgeNote

_TOP = "code at its top level"
_Definitions = dict[str, str]


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
