"""An iterator that works ahead in a thread of its own: what reads it need not wait for it."""

from collections.abc import Callable, Generator, Iterator
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _End(NamedTuple):
    error: BaseException | None


def read_ahead(items: Iterator[T], count: int, *, name: str) -> Generator[T, None, None]:
    """Return an iterator over the items, up to `count` of them made, or in the making, before they are asked for.

    The thread starts at once. Close what is returned (`contextlib.closing`) wherever it may be left early: that stops
    and joins the thread, and closes `items` in the thread that ran it.

    Args:
        items: Runs in the thread; what it raises is raised to the reader, after the items before it.
        count: How far ahead of the reader, at least 1.
        name: Of the thread.
    """
    made: SimpleQueue[T | _End] = SimpleQueue()
    room, stopped = Semaphore(count), Event()
    thread = Thread(target=_fill, args=(items, made, room, stopped), name=name, daemon=True)

    def read() -> Generator[Any, None, None]:
        try:
            thread.start()
            yield  # from here on closing it ends the thread
            while not isinstance(item := made.get(), _End):
                room.release()
                yield item
            if item.error is not None:
                raise item.error
        finally:
            stopped.set()
            room.release()  # the thread may be waiting for it
            thread.join()

    reading = read()
    next(reading)
    return reading


def _fill(items: Iterator[T], made: "SimpleQueue[T | _End]", room: Semaphore, stopped: Event) -> None:
    close: Callable[[], None] = getattr(items, "close", lambda: None)
    try:
        try:
            while room.acquire() and not stopped.is_set():
                made.put(next(items))
        except StopIteration:
            pass
        finally:
            close()
        made.put(_End(None))
    except BaseException as error:
        made.put(_End(error))
