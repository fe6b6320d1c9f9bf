"""An iterator that works ahead in a thread of its own: what reads it need not wait for it."""

from collections.abc import Callable, Generator, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class _End(NamedTuple):
    error: BaseException | None


def read_ahead(items: Iterator[T], count: int, *, name: str) -> Generator[T, None, None]:
    """Yield the items, up to `count` of them made before they are asked for.

    The thread starts with the first item that is asked for. Close the generator (`contextlib.closing`) wherever it may
    be left early: that stops and joins the thread, and closes `items` in the thread that ran it.

    Args:
        items: Runs in the thread; what it raises is raised to the reader, after the items before it.
        count: How many items may wait, at least 1.
        name: Of the thread.
    """
    ahead: Queue[T | _End] = Queue(count)
    stopped = Event()
    thread = Thread(target=_fill, args=(items, ahead, stopped), name=name, daemon=True)
    thread.start()
    try:
        while not isinstance(item := ahead.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        while thread.is_alive():
            # The thread may be waiting for room: empty the queue until it has seen the stop.
            try:
                ahead.get(timeout=0.01)
            except Empty:
                continue
        thread.join()


def _fill(items: Iterator[T], ahead: Queue[T | _End], stopped: Event) -> None:
    def put(item: T | _End) -> bool:
        while not stopped.is_set():
            try:
                ahead.put(item, timeout=0.1)
                return True
            except Full:
                continue
        return False

    close: Callable[[], None] = getattr(items, "close", lambda: None)
    try:
        try:
            for item in items:
                if not put(item):
                    return
        finally:
            close()
        put(_End(None))
    except BaseException as error:
        put(_End(error))
