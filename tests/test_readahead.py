"""Reading ahead: order, bound, errors and an end that leaves nothing running."""

import threading
from collections.abc import Iterator

import pytest

from vidcolor.readahead import read_ahead


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "counting"]


def test_items_come_in_order_from_another_thread() -> None:
    makers = set()

    def count() -> Iterator[int]:
        for number in range(50):
            makers.add(threading.current_thread().name)
            yield number

    assert list(read_ahead(count(), 3, name="counting")) == list(range(50))
    assert makers == {"counting"}
    assert not running()


def test_no_more_is_made_than_may_wait() -> None:
    made = 0

    def count() -> Iterator[int]:
        nonlocal made
        while made < 50:
            made += 1
            yield made

    for read in read_ahead(count(), 3, name="counting"):
        assert made <= read + 3 + 1


def test_an_error_comes_after_the_items_before_it() -> None:
    def fail() -> Iterator[int]:
        yield 1
        raise OSError("the film ends here")

    items = read_ahead(fail(), 3, name="counting")
    assert next(items) == 1
    with pytest.raises(OSError, match="the film ends here"):
        next(items)
    assert not running()


def test_closing_early_closes_the_source_in_its_thread() -> None:
    closed_by = []

    def count() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed_by.append(threading.current_thread().name)

    items = read_ahead(count(), 3, name="counting")
    assert next(items) == 0
    items.close()
    assert closed_by == ["counting"]
    assert not running()


def test_the_thread_starts_at_once_and_ends_with_what_was_never_read() -> None:
    begun = threading.Event()

    def count() -> Iterator[int]:
        begun.set()
        yield from range(10**9)

    items = read_ahead(count(), 3, name="counting")
    assert begun.wait(10)
    items.close()
    assert not running()
