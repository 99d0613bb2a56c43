"""How many extractions run at once."""

from __future__ import annotations

import threading

from pytest_llm_extract.recording.places import Places, threads_for


def test_an_extraction_that_ended_makes_room_while_its_cassette_is_written() -> None:
    """The next one begins at once; the one after that waits."""
    places, begun = Places(1), [threading.Event(), threading.Event()]
    end = threading.Event()

    def run(number: int) -> None:
        with places.taken():
            begun[number].set()
            end.wait(10)

    with places.taken() as leave:
        threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
        threads[0].start()
        assert not begun[0].wait(0.05)
        leave()
        assert begun[0].wait(10)  # though the cassette of the first one is still written
        threads[1].start()
    assert not begun[1].wait(0.05)
    end.set()
    for thread in threads:
        thread.join()
    assert begun[1].is_set()


def test_cassettes_are_written_one_after_the_other() -> None:
    """What was read from the provider does not wait for several of them, but for one."""
    places, ended, written = Places(2), threading.Event(), threading.Event()

    def run() -> None:
        with places.taken() as leave:
            ended.set()
            leave()
            written.set()

    with places.taken() as leave:
        leave()
        thread = threading.Thread(target=run)
        thread.start()
        assert ended.wait(10)
        assert not written.wait(0.05)
    assert written.wait(10)
    thread.join()


def test_what_is_to_run_alone_stays_in_one_thread() -> None:
    """Code for `concurrency=1` may keep things for its thread."""
    assert [threads_for(n) for n in (1, 2, 3, 4, 40)] == [1, 2, 3, 5, 50]
