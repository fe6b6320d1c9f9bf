"""Workers on a Ray cluster: an actor each. The only module that knows Ray, which is an optional extra."""

import logging
from typing import Any

from vidcolor.batch.tasks import Outcome, Settings, Task
from vidcolor.errors import VidcolorError


class RayCrew:
    """Ray actors. Films, stills, jobs and outputs must lie under the same absolute paths on every machine.

    Args:
        settings: Of the batch.
        address: Of the cluster, `auto` for the one that runs on this machine, or `local` for a new one of this program.
        workers: How many actors, at most.
        gpus: Share of a GPU that each actor takes; 0 where none is needed.

    Raises:
        VidcolorError: Ray is not installed, or there is no cluster.
    """

    def __init__(self, settings: Settings, *, address: str, workers: int, gpus: float = 0.0) -> None:
        try:
            import ray
        except ImportError as error:
            raise VidcolorError("Ray is not installed", hint="pip install 'vidcolor[ray]'") from error
        self._ray = ray
        self._settings = settings
        self._most = workers
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        except Exception as error:  # Ray raises bare exceptions where a node does not start
            raise VidcolorError(
                f"no Ray cluster at {address}: {error}".replace("\n", " "),
                hint="start one with `ray start --head`, or use --ray local for one of this program",
            ) from error
        self._actor_class = ray.remote(num_cpus=1, num_gpus=gpus)(_Actor)
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Task]] = {}

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
            return Outcome(task, error=str(error).strip().splitlines()[-1], again=True)
        self._idle.append(actor)
        return Outcome(task, outcome.value, outcome.error, outcome.hint, outcome.again)

    def close(self) -> None:
        """Let the actors go; what they are at is given up."""
        for actor in [*self._idle, *(actor for actor, _ in self._busy.values())]:
            self._ray.kill(actor)
        self._ray.shutdown()


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
