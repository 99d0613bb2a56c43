"""`llm-extract collect`: write what batches answered as cassettes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from pytest_llm_extract.cli.collected import run_desk
from pytest_llm_extract.cli.output import echo
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.report.recording_progress import Display

_WAITING = 3


@click.command(name="collect")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--wait", is_flag=True, help="Wait until every batch has ended.")
@click.option("--cancel", is_flag=True, help="End the batches that go on; what they have answered is kept.")
def command(paths: tuple[str, ...], wait: bool, cancel: bool) -> None:
    """Ask the provider for the batches that `pytest --llm-record --llm-extract-batch` sent, and write their answers.

    \b
    Example:
      pytest --llm-record --llm-extract-batch
      llm-extract collect --wait

    Batches that wait for room in the provider's queue are sent once there is some.

    PATHS are the tests to collect, as for pytest. The files batch-….json below the cassettes say what was sent. The
    key is the one that recording uses.

    Exit status: 0 every request is answered, 1 some requests have no answer, 2 wrong arguments, or pytest does not
    start, 3 a batch has not ended.
    """
    if wait and cancel:
        raise UsageError("--cancel", "does not go with --wait: cancel, and collect what was answered a while later")
    desk = run_desk(paths, "cancel" if cancel else "wait" if wait else "once", Screen())
    if not desk.collections:
        echo("no batch was sent, or all were collected")
    raise SystemExit(1 if desk.problem is not None else _WAITING if desk.waits else 0)


class Screen(Display):
    """Standard output as it is now, for lines that are to appear while something else takes what is printed."""

    def __init__(self) -> None:
        self._stream = sys.stdout

    def lines(self, lines: Sequence[str]) -> None:
        """Show these lines at once."""
        echo(*lines, file=self._stream)
