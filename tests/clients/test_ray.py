"""Ray Data: the recipe of docs/scale.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from engines import run_recipe

pytest.importorskip("ray", reason="ray is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytestmark = pytest.mark.slow


def test_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions of a join, scored by workers of Ray."""
    import ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": str(tmp_path)}},
    )
    try:
        run_recipe("ray.data", tmp_path, monkeypatch)
    finally:
        ray.shutdown()
