"""Imports go downward, or sideways on one floor without a circle; outside packages have one door each."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "pytest_llm_extract"
FLOORS = [
    {"errors", "stats", "git", "exact_json", "long_numbers", "hooks", "own_imports"},
    {
        "outcome",
        "limits",
        "case_result",
        "suite_result",
        "case_report",
        "prices",
        "config",
        "inis",
        "placeholder",
        "rules",
        "answers",
    }
    | {"files", "recording", "safe_yaml", "secrecy"},
    {"jsonable", "schema", "json_schema", "tree", "definitions", "readers", "writers", "cases", "extractors"},
    {"validate", "compare", "aggregate", "advice", "cassette", "provider", "golden", "gate_markers", "event_loop"},
    {"scoring", "gate", "call", "prompt", "corpus", "report", "explain", "endings", "failure"},
    {"baseline", "suite"},
    {"record"},
    {"runner"},
    {"stash", "controller", "recorder", "handover", "selection", "absent"},
    {"plugin", "collecting", "running", "sending", "cli", "commands"},
]
DOORS = {
    "vcr": {"cassette"},
    "openai": {"provider"},
    "rich": {"report"},
    "jinja2": {"prompt"},
    "click": {"cli", "commands"},
    "genai_prices": {"prices"},
    "json_schema_to_pydantic": {"json_schema"},
}


def rooms() -> dict[str, set[str]]:
    """Every room (module, or folder) with all that it imports, at any depth."""
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.setdefault(room, set()).update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module == "pytest_llm_extract":
                found.setdefault(room, set()).update(f"pytest_llm_extract.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                found.setdefault(room, set()).add(node.module or "")
    return {room: names for room, names in found.items() if room != "__init__"}


def inside() -> dict[str, set[str]]:
    """Which room imports which."""
    prefix = "pytest_llm_extract."
    return {
        room: {name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)} - {room}
        for room, names in rooms().items()
    }


def test_imports_go_downward() -> None:
    """No room imports from a floor above its own, and every room has a floor."""
    floor = {room: number for number, names in enumerate(FLOORS) for room in names}
    upward = [(room, other) for room, others in inside().items() for other in others if floor[other] > floor[room]]
    assert upward == []


def test_no_circles() -> None:
    """Rooms can be built one after the other."""
    TopologicalSorter(inside()).prepare()


def test_outside_packages_have_one_door() -> None:
    """Each outside package is known to one room (click to the command line)."""
    for package, doors in DOORS.items():
        users = {room for room, names in rooms().items() if any(name.split(".")[0] == package for name in names)}
        assert users == doors, package
