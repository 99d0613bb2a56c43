"""Share results between workers while one of them records: a folder with a lock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_llm_extract import clock

_PATIENCE_S, _POLL_S = 3.0, 0.02


class Shared:
    """A folder that the main process makes and removes; the lock is free again when its holder dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lock = FileLock(folder / "lock")

    def begin(self) -> bool:
        """Whether this worker is to record: nobody has finished, and no two have died over it."""
        begun = self._folder / "begun"
        n_begun = begun.stat().st_size if begun.exists() else 0
        if (self._folder / "done").exists() or n_begun == 2:
            return False
        with begun.open("a", encoding="ascii") as file:
            file.write("x")
        return True

    def finish(self) -> None:
        """Everything was recorded, or there is a reason why it was not."""
        (self._folder / "done").touch()

    def add_result(self, wire: dict[str, Any]) -> None:
        """Share the result of a job with the other workers."""
        self._append("results", wire)

    def results(self) -> Iterator[dict[str, Any]]:
        """The results of all jobs."""
        return self._read("results", 0)

    def say(self, message: dict[str, Any]) -> None:
        """Send a message to the main process, which owns the terminal."""
        self._append("messages", message)

    def wait_until_shown(self) -> None:
        """Wait a short time until the main process has shown the messages. It may be gone."""
        self.say({"all": True})
        end = clock.monotonic_s() + _PATIENCE_S
        while not (self._folder / "shown").exists() and clock.monotonic_s() < end:
            clock.sleep(_POLL_S)

    def confirm(self) -> None:
        """Confirm that all messages were shown."""
        (self._folder / "shown").touch()

    def messages(self, skip: int) -> Iterator[dict[str, Any]]:
        """The messages after the first `skip`."""
        return self._read("messages", skip)

    @property
    def problem(self) -> str | None:
        """Why nothing is recorded; the main process turns it into a usage error."""
        path = self._folder / "problem"
        return path.read_text(encoding="utf-8") if path.exists() else None

    def refuse(self, problem: str) -> None:
        """Tell all workers that nothing will be recorded."""
        (self._folder / "problem").write_text(problem, encoding="utf-8")

    @property
    def spent_usd(self) -> float:
        """US dollars that all workers have spent, also those that died."""
        return sum((float(one["cost_usd"]) for one in self._read("spent", 0)), 0.0)

    def spend(self, cost_usd: float) -> None:
        """Add to the US dollars that all workers have spent."""
        self._append("spent", {"cost_usd": cost_usd})

    def _append(self, name: str, wire: dict[str, Any]) -> None:
        # One write of a whole line in append mode, so that threads do not cut each other's lines.
        with (self._folder / name).open("ab", buffering=0) as file:
            file.write(json.dumps(wire).encode() + b"\n")

    def _read(self, name: str, skip: int) -> Iterator[dict[str, Any]]:
        path = self._folder / name
        if not path.exists():
            return
        with path.open("rb") as file:
            for number, line in enumerate(file):
                # The last line may be on its way.
                if number >= skip and line.endswith(b"\n"):
                    yield json.loads(line)
