"""Whether a run is one of CI, where nobody looks at what it says before it counts."""

from __future__ import annotations

import os

_VARIABLES = ("CI", "BUILD_NUMBER", "TF_BUILD")  # GitHub, GitLab and most others; Jenkins; Azure Pipelines


def is_github() -> bool:
    """Whether a job of GitHub Actions runs this, which reads annotations and a summary."""
    return bool(os.environ.get("GITHUB_ACTIONS"))


def is_ci() -> bool:
    """Whether a variable of a CI service is set to anything but a no."""
    return any(os.environ.get(name, "").lower() not in ("", "0", "false", "no") for name in _VARIABLES)
