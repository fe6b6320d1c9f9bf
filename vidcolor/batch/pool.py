"""Workers on this machine: a process each, started when there is work for it, replaced when it dies."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NoReturn

from vidcolor.batch.tasks import Outcome, Settings, Task
from vidcolor.errors import VidcolorError

_PATIENCE = 20.0
"""Seconds in which a worker that is sent home removes its temporary files."""


@dataclass(eq=False)
class _Hand:
    process: BaseProcess
    connection: Connection
    task: Task | None = None


class LocalCrew:
    """Worker processes of this program.

    Args:
        settings: Of the batch.
        workers: How many, at most.
    """

    def __init__(self, settings: Settings, *, workers: int) -> None:
        self._settings = settings
        self._most = workers
        self._hands: list[_Hand] = []
        # Spawned, not forked: a fork of a process with threads may hang, and CUDA does not survive one.
        self._context = multiprocessing.get_context("spawn")

    def free(self) -> bool:
        """Tell whether a task can be started."""
        return sum(hand.task is not None for hand in self._hands) < self._most

    def start(self, task: Task) -> None:
        """Give a task to a worker that has none."""
        idle = next((hand for hand in self._hands if hand.task is None), None) or self._hire()
        idle.task = task
        with suppress(OSError):  # it died while it was idle: `wait` finds out
            idle.connection.send(task)

    def wait(self) -> Outcome:
        """Wait until a task has ended, or has been lost with its worker."""
        busy = [hand for hand in self._hands if hand.task is not None]
        heard = wait([hand.connection for hand in busy])
        hand = next(hand for hand in busy if hand.connection in heard)
        task = hand.task
        assert task is not None
        try:
            outcome: Outcome = hand.connection.recv()
        except (EOFError, OSError):
            hand.process.join()
            hand.connection.close()
            self._hands.remove(hand)
            code = hand.process.exitcode or 0
            how = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
            return Outcome(task, error=f"its worker died ({how})", hint="is there enough memory?", again=True)
        hand.task = None
        return Outcome(task, outcome.value, outcome.error, outcome.hint, outcome.again)

    def close(self) -> None:
        """Send the workers home; what they are at is given up."""
        for hand in self._hands:
            if hand.task is not None:
                hand.process.terminate()
            hand.connection.close()  # one that is idle goes by itself
        for hand in self._hands:
            hand.process.join(_PATIENCE)
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()
        self._hands.clear()

    def _hire(self) -> _Hand:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._settings), name="vidcolor-worker")
        process.daemon = True
        with _without_interrupts():
            process.start()
        theirs.close()  # so that its end is the end of the connection
        hand = _Hand(process, ours)
        self._hands.append(hand)
        return hand


def _serve(connection: Connection, settings: Settings) -> None:
    """Do the tasks that come, until no more can come."""

    def go(number: int, _frame: object) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)  # once is enough: the second would cut short the end in order
        raise KeyboardInterrupt

    for name in ("SIGINT", "SIGHUP"):  # these reach every process of a terminal: the first one decides
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, go)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):  # nobody waits for us
        _work(connection, settings)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what comes now would only be a traceback


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Have a process that is started ignore Ctrl-C from its first moment; one in this moment is lost on us, too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(connection: Connection, settings: Settings) -> None:
    task = connection.recv()
    # Before torch is loaded, as Ray does it: `torch.set_num_threads` does not reach the convolutions of other threads.
    os.environ["OMP_NUM_THREADS"] = str(settings.threads)
    from vidcolor.batch.worker import Worker  # torch

    worker = None
    while True:
        try:
            worker = worker or Worker(settings)
            outcome = worker.do(task)
        except VidcolorError as error:
            outcome = Outcome(task, error=error.message, hint=error.hint)
        except Exception as error:  # such as a GPU that has no room for the networks at present
            outcome = Outcome(task, error=f"{type(error).__name__}: {error}", again=True)
        connection.send(outcome)
        task = connection.recv()
