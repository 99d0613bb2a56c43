"""Record and replay what fixtures ask a model: an index, a summary, whatever is made once for many cases."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from pytest_llm_extract.cassette.http.shared_exchanges import FOLDER, asked
from pytest_llm_extract.config.settings import Settings
from pytest_llm_extract.config.suite_folders import file_name
from pytest_llm_extract.errors import UsageError
from pytest_llm_extract.extraction.call import Call
from pytest_llm_extract.extraction.slot import Slot
from pytest_llm_extract.formats.visible import visible_text
from pytest_llm_extract.recording.run import RecordingRun


class Recorded:
    """The value of the fixture `llm_recorded`: calls a function whose requests are recorded, and replayed from then on.

    Each recording is a file of its own in `cassettes/shared/`, which any test may use.
    """

    def __init__(self, settings: Settings, run: RecordingRun, ignore: tuple[str, ...] = ()) -> None:
        self._settings, self._run, self._ignore = settings, run, ignore

    def __call__(self, name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call a sync or async function, and give what it returns.

        Args:
            name: that of the recording, unique in the project.
            function: sends at least one request.
            args: its arguments, and `kwargs` those by name.

        Raises:
            pytest.fail.Exception: the recording is missing or stale, or cannot be made or read.
            Exception: the function's own.
        """
        __tracebackhide__ = True
        if not isinstance(name, str) or not name.strip():
            raise UsageError("llm_recorded", f"needs a name, as in llm_recorded('glossary', ask, text), got {name!r}")
        call = self._run.ask(name, self._slot(name), partial(function, *args, **kwargs))
        if call.problem is not None:
            pytest.fail(visible_text("\n".join(_why(name, call, self._settings))), pytrace=False)
        if call.error is not None:
            raise call.error
        return call.value

    def ignoring(self, *paths: str) -> Recorded:
        """Give the same for requests with volatile values, as `ignore=` does for a suite.

        Args:
            paths: of the request's body that are neither stored nor compared, such as `metadata.request_id`.
        """
        if not all(isinstance(path, str) and path for path in paths):
            raise UsageError("llm_recorded.ignoring", f"takes paths, such as 'metadata.request_id', got {paths!r}")
        return Recorded(self._settings, self._run, paths)

    def _slot(self, name: str) -> Slot:
        root = self._settings.cassettes
        path = root / FOLDER / file_name(name)
        asked.add(path)
        return Slot(path, name, None, self._ignore, root, self._settings.storage, self._settings.sends)


def _why(name: str, call: Call, settings: Settings) -> list[str]:
    """Why there is no value: what changed, and how it is recorded."""
    lines = call.change.lines if call.change is not None else ()
    more = [f"    {line}" for line in lines]
    if call.status.value in ("stale", "missing"):
        more.append(f"    to record: pytest {settings.record_flag}; other requests need a name of their own")
    return [f"{call.status.value}: recording {name!r} of a fixture: {call.problem}", *more]
