"""Paths of cassettes: names that every file system takes, and that differ for every id."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path

_KEY = re.compile(r"(?P<suite>.*?\.py::[^\[]*)\[(?P<variant>.*)\]", re.DOTALL)
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


def slug(name: str) -> str:
    """A readable, portable part of a file name; not unique."""
    text = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.")[:60].rstrip("-.")
    return f"_{text}" if _RESERVED.match(text) else text or "case"


def folder_name(name: str) -> str:
    """The name itself if every file system takes it, else its slug and a hash."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", name) and not name.endswith(".") and not _RESERVED.match(name):
        return name
    return f"{slug(name)}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


@lru_cache(maxsize=64)  # a case asks for it a few times in a row
def file_name(case_id: str, sample: int = 1) -> str:
    """`<slug>-<hash>.yaml`: readable, and different for every id.

    The second sample of a case is in `<slug>-<hash>.2.yaml`, and so on.
    """
    stem = f"{slug(case_id)}-{hashlib.sha256(case_id.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"
    return f"{stem}.yaml" if sample == 1 else f"{stem}.{sample}.yaml"


def suite_folder(root: Path, suite_id: str) -> Path:
    """The folder of a suite's cassettes: `<path of the test module>/<Class.>test_function`."""
    module, _, name = suite_id.partition("::")
    return module_folder(root, module) / folder_name(name.replace("::", "."))


@lru_cache(maxsize=1024)
def variant_folder(root: Path, suite_id: str, variant: str) -> Path:
    """The folder of a variant's cassettes, within the folder of its suite."""
    return suite_folder(root, suite_id) / folder_name(variant)


def suite_key(suite_id: str, variant: str | None) -> str:
    """The unique name of a suite's variant: the suite's node id, and the variant in brackets; None is the primary."""
    return suite_id if variant is None else f"{suite_id}[{variant}]"


def split_key(key: str) -> tuple[str, str | None]:
    """The inverse of `suite_key`."""
    match = _KEY.fullmatch(key)
    return (match["suite"], match["variant"]) if match else (key, None)


def gate_id(key: str) -> str:
    """The node id of a gate: `test_x.py::test_x::gate`, for a variant `test_x.py::test_x::gate[name]`."""
    suite_id, variant = split_key(key)
    return f"{suite_id}::gate" if variant is None else f"{suite_id}::gate[{variant}]"


def baseline_folder(root: Path, key: str) -> Path:
    """The folder of a baseline: the suite's folder for the primary, the variant's folder for a gated variant."""
    suite_id, variant = split_key(key)
    return suite_folder(root, suite_id) if variant is None else variant_folder(root, suite_id, variant)


def module_folder(root: Path, module: str) -> Path:
    """The folder of a test module's suites. The module is named as in its node id."""
    pieces = Path(module).with_suffix("").parts
    return root.joinpath(
        *(folder_name("__" if piece == ".." else piece) for piece in pieces if piece not in ("/", "."))
    )
