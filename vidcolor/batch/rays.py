"""Workers on a Ray cluster: an actor each. The only module that knows Ray, which is an optional extra."""

import logging
import socket
from typing import Any

from vidcolor.batch.tasks import Outcome, Settings, Task
from vidcolor.errors import VidcolorError

_log = logging.getLogger(__name__)

_PATIENCE = 10.0
"""Seconds in which a cluster's address must answer."""
_HINT = "start one with `ray start --head`, or use --ray local for one of this program"


class RayCrew:
    """Ray actors. Films, stills, jobs and outputs must lie under the same absolute paths on every machine.

    Args:
        settings: Of the batch.
        address: `HOST:PORT` of the cluster, `auto` for the one that runs on this machine, or `local` for a new one of
            this program.
        workers: How many actors, at most; None for as many as the cluster has room for.
        gpus: Share of a GPU that each actor takes; 0 where none is needed.

    Raises:
        VidcolorError: Ray is not installed, or there is no cluster.
    """

    def __init__(self, settings: Settings, *, address: str, workers: int | None, gpus: float = 0.0) -> None:
        try:
            import ray
        except ImportError as error:
            raise VidcolorError("Ray is not installed", hint="pip install 'vidcolor[ray]'") from error
        _check_address(address)
        self._ray = ray
        self._settings = settings
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        except Exception as error:  # Ray raises bare exceptions where a node does not start
            raise VidcolorError(f"no Ray cluster at {address}: {error}".replace("\n", " "), hint=_HINT) from error
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Task]] = {}
        try:
            self._most = self._room(workers, gpus)
        except VidcolorError:
            self.close()
            raise
        self._actor_class = ray.remote(num_cpus=settings.threads, num_gpus=gpus)(_Actor)

    def free(self) -> bool:
        """Tell whether a task can be started."""
        return len(self._busy) < self._most

    def start(self, task: Task) -> None:
        """Give a task to an actor that has none."""
        actor = self._idle.pop() if self._idle else self._actor_class.remote(self._settings)
        self._busy[actor.do.remote(task)] = (actor, task)

    def wait(self) -> Outcome:
        """Wait until a task has ended, or has been lost with its actor."""
        (reference, *_), _ = self._ray.wait(list(self._busy), num_returns=1)
        actor, task = self._busy.pop(reference)
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayActorError:
            return Outcome(task, error="its worker died", hint="is there enough memory?", again=True)
        except self._ray.exceptions.RayError as error:
            self._ray.kill(actor)  # what failed outside of the task, such as an import, may do so in it for ever
            return Outcome(task, error=str(error).strip().splitlines()[-1], again=True)
        self._idle.append(actor)
        return Outcome(task, outcome.value, outcome.error, outcome.hint, outcome.again)

    def close(self) -> None:
        """Let the actors go; what they are at is given up."""
        for actor in [*self._idle, *(actor for actor, _ in self._busy.values())]:
            self._ray.kill(actor)
        self._ray.shutdown()

    def _room(self, workers: int | None, gpus: float) -> int:
        """Return how many actors there will be: one without room would wait for ever, and its task with it."""
        there = self._ray.cluster_resources()
        room = int(there.get("CPU", 0) // self._settings.threads)
        if gpus:
            room = min(room, int(there.get("GPU", 0) // gpus))
        if room == 0:
            needed = f"{self._settings.threads} processor cores" + (f" and {gpus:g} of a GPU" if gpus else "")
            raise VidcolorError(
                f"the Ray cluster has no room for a worker that takes {needed}",
                hint="choose a smaller --threads-per-worker or --gpus, or another cluster",
            )
        if workers is not None and workers > room:
            _log.warning("the Ray cluster has room for %d workers, not for %d", room, workers)
        return room if workers is None else min(workers, room)


def _check_address(address: str) -> None:
    """Refuse an address at which nobody listens: there Ray itself would wait for minutes."""
    if address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise VidcolorError(f"{address!r} is no address of a Ray cluster", hint="give HOST:PORT, auto or local")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:  # the latter of a port beyond 65535
        reason = getattr(error, "strerror", None) or error
        raise VidcolorError(f"no Ray cluster at {address}: {reason}", hint=_HINT) from error


class _Actor:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._worker: Any = None

    def do(self, task: Task) -> Outcome:
        try:
            if self._worker is None:
                from vidcolor.batch.worker import Worker

                self._worker = Worker(self._settings)
        except VidcolorError as error:
            return Outcome(task, error=error.message, hint=error.hint)
        outcome: Outcome = self._worker.do(task)
        return outcome
