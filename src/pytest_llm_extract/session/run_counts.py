"""What the main process counts in a run."""

from __future__ import annotations


class RunCounts:
    """How many tests a run has and leaves out, why modules were skipped (by node id), and where workers crashed."""

    def __init__(self) -> None:
        self.n_selected = 0
        self.n_deselected = 0
        self.n_uncollected = 0  # modules and folders that failed
        self.skipped: dict[str, str] = {}
        self.crashed: list[str] = []  # node ids
        self.asked_of_workers: list[tuple[list[str], int]] = []  # see session.unasked_recordings.Asked
