"""Import this package's modules and their libraries without pytest's import hook.

pytest takes the modules of plugins for its own loader, which rewrites their asserts. That takes several times as long:
it compiles each of them anew after an installation, and reads what it kept of them piece by piece. Of every other
module it finds out anew that it is none of those.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_FOUND = ("pytest_llm_extract.", "rich.", "vcr.", "wrapt.", "yaml.")


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, path, target) if fullname.startswith(_FOUND) else None


def find_before_pytest() -> Callable[[], None]:
    """Let Python itself find these modules. Return the function that ends this."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)

    def end() -> None:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)

    return end
