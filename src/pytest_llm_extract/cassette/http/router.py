"""Route every HTTP request of an extraction to that extraction's take: a replay or a recording.

vcrpy patches the whole process, so its patches are entered once, with one cassette that forwards each request to
the take held in a context variable. Requests outside an extraction go where they would have gone.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from typing import Any

from vcr.cassette import Cassette
from vcr.request import Request

from pytest_llm_extract.cassette import ownership
from pytest_llm_extract.cassette.file.exchange import Recording, address_of
from pytest_llm_extract.cassette.http import network_guard, surroundings
from pytest_llm_extract.cassette.http.network_guard import Judging, NetworkBlocked
from pytest_llm_extract.cassette.http.replay import Record, Replay
from pytest_llm_extract.cassette.http.shared_exchanges import SharedExchanges
from pytest_llm_extract.cassette.http.vcr_patches import patched
from pytest_llm_extract.cassette.ownership import Stopped, Take
from pytest_llm_extract.cassette.scrub.scrubber import body_of


class Unowned(Exception):
    """A request came from a thread that no extraction owns while extractions are running."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        return (
            f"a thread that was not started by this extraction sent a request to {self.address}; "
            "start it inside, or use a ThreadPoolExecutor"
        )


class OutsideExtraction(Exception):
    """A request outside of extractions, in a run with `llm_extract_strict_network`."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        return (
            f"a request to {self.address} was sent outside of an extraction, so it is neither recorded nor replayed: "
            "send it in the extractor or with `llm_recorded`, or unset llm_extract_strict_network"
        )


class Outlived(Stopped):
    """A thread or task that sent requests outlives its extraction, so its requests could be another case's."""

    def __str__(self) -> str:
        return (
            "a thread or task that the extraction started sends its requests and goes on after it, so that they cannot "
            "be told from another case's; end it with the extraction, or use a ThreadPoolExecutor"
        )


def _take_of(request: Request) -> Take | None:
    """The take of the extraction that sends a request; None outside extractions.

    Raises:
        Unowned: the thread belongs to no extraction that is under way, though others are, or to one that has ended.
    """
    take, active = ownership.owner.get(), list(ownership.active)
    if take is None and not active:
        _note_outside(request)
        return None
    if isinstance(take, Judging) and take in active:
        raise ownership.stopping(NetworkBlocked(address_of(request.uri), take.who))
    if take not in active:
        address = address_of(request.uri)
        for other in active:
            other.strays.append(address)
        if take is not None:
            ownership.warn_late(address)
        raise Unowned(address)
    if (sender := ownership.worker()) is not None:
        take.senders.add(sender)
    return take


def _note_outside(request: Request) -> None:
    """Note a request of a fixture or of a test's own body, which is neither recorded nor replayed.

    Raises:
        OutsideExtraction: the project wants such requests refused.
        HostRefused: it is sent to another host while a suite replays.
    """
    address = address_of(request.uri)
    if (around := surroundings.here()) is not None:
        around.check(request.host, address)
    if _Router.refuses_outside:
        raise OutsideExtraction(address)
    ownership.outside[address] += 1


class _Router(Cassette):  # type: ignore[misc]  # vcrpy has no types
    """The object that vcrpy's stubs use as their cassette."""

    refuses_outside = False
    outside: Replay | None = None  # of requests that belong to no extraction, for those whose answers all cases share

    def _load(self) -> None:
        self.rewound = True

    def _save(self, force: bool = False) -> None:
        """Do nothing: each case writes its own take."""

    @property
    def write_protected(self) -> bool:
        return False

    def filter_request(self, request: Request) -> Request:
        return request

    def can_play_response_for(self, request: Request) -> bool:
        if (shared := _Router.shared_outside(request)) is not None:
            return not shared.sends(request)
        take = _take_of(request)
        if isinstance(take, Record):
            take.send(request, body_of(request))
        return isinstance(take, Replay) and not take.sends(request)

    @classmethod
    def shared_outside(cls, request: Request) -> Replay | None:
        """What answers a request of a fixture whose answer all cases share, or keeps it; None for any other."""
        if cls.outside is None or ownership.owner.get() is not None or ownership.active:
            return None
        return cls.outside if cls.outside.has_shared(request) else None

    def play_response(self, request: Request) -> dict[str, Any]:
        take = ownership.owner.get() or _Router.outside
        assert isinstance(take, Replay)  # can_play_response_for said so in this very context
        return take.response(request)

    def append(self, request: Request, response: dict[str, Any]) -> None:
        take = ownership.owner.get() or _Router.shared_outside(request)
        if isinstance(take, Record | Replay):
            take.append(request, response)


def plain_answer(url: str, body: bytes) -> bytes | None:
    """The body that the replay under way has for a POST of JSON; None where there is none, or the request must be sent.

    It is compared as any other request is.
    """
    take = ownership.owner.get()
    if not isinstance(take, Replay):
        return None
    return take.plain_answer(Request("POST", url, body, {"content-type": "application/json"}))


@contextlib.contextmanager
def routed(*, refuses_outside: bool = False, shared: SharedExchanges | None = None) -> Iterator[None]:
    """Enter vcrpy's patches once for many extractions.

    Args:
        refuses_outside: whether requests that belong to no extraction are stopped.
        shared: what answers those of them whose answers all cases share.
    """
    network_guard.install()
    before = _Router.refuses_outside, _Router.outside
    _Router.refuses_outside = refuses_outside or _Router.refuses_outside
    if shared is not None:
        _Router.outside = Replay(Recording(()), storage=shared.storage, shared=shared)
    try:
        with patched(_Router):
            yield
    finally:
        _Router.refuses_outside, _Router.outside = before


def is_on_top() -> bool:
    """Whether no other cassette was entered after ours."""
    return isinstance(getattr(http.client.HTTPConnection, "cassette", None), _Router)


class _Uncovered:
    """While extractions are under way, no cassette of a fixture (pytest-recording's, say) lies over ours."""

    def __init__(self) -> None:
        self._lock, self._inside, self._again = threading.Lock(), 0, contextlib.ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1 and not is_on_top():
                self._again.enter_context(routed())

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._again.close()


_uncovered = _Uncovered()


@contextlib.contextmanager
def taking(take: Take) -> Iterator[None]:
    """Route the requests of this context, and of what it starts, to one take.

    What stops the extraction ends here, and is the take's `stopped`; so is a thread or task that sent some of them and
    does not end with the extraction.
    """
    token, caller = ownership.owner.set(take), ownership.worker()
    ownership.active.add(take)
    try:
        with _uncovered:
            ownership.hand_down()
            network_guard.guard_uvloop()
            yield
    except (Stopped, BaseExceptionGroup):  # which a task group makes of it
        if take.stopped is None:
            raise
    except Exception:
        _refuse_outliving(take, caller)
        raise
    else:
        _refuse_outliving(take, caller)
    finally:
        ownership.active.discard(take)
        ownership.owner.reset(token)


def _refuse_outliving(take: Take, caller: ownership.Worker | None) -> None:
    if ownership.outlive(take.senders - {caller}):
        take.stopped = Outlived()
        if isinstance(take, Replay):
            take.miss = None  # it may be another case's request that was not found
