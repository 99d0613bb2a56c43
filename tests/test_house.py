"""Files stand in the rooms of ARCHITECTURE.md: imports go downward, without a circle, one door for each dependency."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = "pytest_llm_extract"
SOURCE = Path(__file__).parents[1] / "src" / PACKAGE
# From the top to the bottom: each imports only what stands below it.
ROOMS = [
    "plugin",
    "hookspecs",
    "cli",
    "session",
    "report",
    "batches",
    "recording",
    "extraction",
    "suites",
    "corpus",
    "base_branch",
    "baseline",
    "optimize",
    "training",
    "prompt",
    "decision",
    "comparison",
    "lints",
    "gate",
    "scoring",
    "dataset",
    "cassette",
    "wire_formats",
    "schema",
    "results",
    "config",
    "credentials",
    "rules",
    "formats",
    "stats",
    "git",
    "clock",
    "errors",
    "wording",
]
# The files that may import a dependency, as prefixes of their paths.
DOORS = {
    "vcr": ("cassette/",),
    "openai": ("prompt/client.py",),
    "rich": ("report/",),
    "jinja2": ("prompt/prompt_file.py",),
    "click": ("cli/",),
    "genai_prices": ("results/prices.py",),
    "json_schema_to_pydantic": ("schema/json_schema.py",),
    "deepdiff": ("cassette/file/staleness.py", "scoring/explain.py"),
    "babel": ("scoring/compare/", "schema/tree_builder.py"),
    "dspy": ("optimize.py",),
    "rapidfuzz": ("lints/", "scoring/compare/"),
    "dateutil": ("scoring/compare/",),
    "dask": ("corpus/dask_engine.py",),
    "distributed": ("corpus/dask_engine.py",),
    "fsspec": ("corpus/blocks.py",),
}


@cache
def files() -> dict[str, ast.Module]:
    """Every file of the package by its path below it, parsed."""
    return {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


def imported(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """Every import of a file, wherever it stands: a module, and the name that is taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def outside(tree: ast.Module) -> set[str]:
    """The packages that a file imports, by their first name."""
    return {module.split(".")[0] for module, _ in imported(tree)}


def path_of(module: str, name: str | None, known: dict[str, ast.Module]) -> str | None:
    """The file of the package that an import leads to; None for other packages."""
    if module.split(".")[0] != PACKAGE:
        return None
    folder = module.removeprefix(PACKAGE).removeprefix(".").replace(".", "/")
    inside = f"{folder}/{name}".removeprefix("/")
    paths = (f"{inside}.py", f"{inside}/__init__.py", f"{folder}.py", f"{folder}/__init__.py")
    return next((path for path in paths if path in known), None)


def graph() -> dict[str, set[str]]:
    """Which file imports which; the package's own `__init__` is left out, since everyone imports it."""
    known = files()
    arrows: dict[str, set[str]] = {}
    for path, tree in known.items():
        if path != "__init__.py":
            targets = {path_of(module, name, known) for module, name in imported(tree)}
            arrows[path] = {target for target in targets if target is not None} - {path, "__init__.py"}
    return arrows


def room(path: str) -> str:
    """The folder at the top of a path, or the file there."""
    return Path(path).parts[0].removesuffix(".py")


def test_every_file_stands_in_a_room() -> None:
    """A new folder gets its place in the list, and in ARCHITECTURE.md."""
    assert {room(path) for path in files()} - {"__init__"} == set(ROOMS)


def test_architecture_names_what_exists() -> None:
    """ARCHITECTURE.md has each room once in its table, from top to bottom, and names no file that is gone."""
    text = (SOURCE.parents[1] / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.split("## Where")[0].splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`(\w+)(?:\.py)?`", row) if name in ROOMS] == ROOMS
    paths = re.findall(r"`((?:\w+/)+\w+\.\w+)`", text)
    assert [path for path in paths if not path.startswith("tests/") and not (SOURCE / path).exists()] == []


def test_imports_go_downward() -> None:
    """No file imports one of a room above its own, not for types alone either."""
    place = {name: number for number, name in enumerate(ROOMS)}
    upward = [
        (one, other) for one, others in graph().items() for other in others if place[room(other)] < place[room(one)]
    ]
    assert upward == []


def test_no_circles() -> None:
    """Files can be read one after the other."""
    TopologicalSorter(graph()).prepare()


def test_outside_packages_have_one_door() -> None:
    """Each outside package is known to one place."""
    used = {path: outside(tree) for path, tree in files().items()}
    for package, doors in DOORS.items():
        users = [path for path, packages in used.items() if package in packages]
        assert users, package
        assert [path for path in users if not path.startswith(doors)] == [], package


def test_root_is_small() -> None:
    """Whoever opens the package sees rooms, not files."""
    assert len([path for path in SOURCE.iterdir() if path.is_file()]) <= 10


def test_no_module_is_called_like_its_neighbour() -> None:
    """Two files of one name stand in different rooms, and no file is called like a room that is not its own."""
    stems = [path for path in files() if not path.endswith("__init__.py")]
    rooms = {name for name in ROOMS if (SOURCE / name).is_dir()}
    clashes = [path for path in stems if Path(path).stem in rooms and Path(path).parts[0] != Path(path).stem]
    assert clashes == []


def test_classes_have_names_of_their_own() -> None:
    """One name, one meaning."""
    defined = Counter(
        node.name for tree in files().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in defined.items() if count > 1] == []


def test_time_is_read_from_our_own_clock() -> None:
    """A test may freeze every other one, and then waiting has no end."""
    frozen = {"monotonic", "perf_counter", "sleep", "time", "now", "utcnow"}
    found = {
        f"{path}:{node.lineno} {node.value.id}.{node.attr}"
        for path, module in files().items()
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.attr in frozen and node.value.id in ("time", "datetime") and path != "clock.py"
    }
    assert found == set()
