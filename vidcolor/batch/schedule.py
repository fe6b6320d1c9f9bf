"""Who does what next: the tasks of all films, given to a crew until each film is done or has failed."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from vidcolor.batch.tasks import Crew, Film, Outcome, Task

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int | None], None]

_RANKS = {"film": 0, "shots": 1, "plan": 2}
"""What can be finished is finished first; plans make work for others when there is none."""


@dataclass
class FilmResult:
    """What became of a film.

    Attributes:
        film: The film.
        done: It lies under its output's name.
        frames: Written.
        shots: In all.
        shots_colored: Of them, coloured by this batch; the others were kept from before.
        lost: Times that a worker was lost on it.
        errors: What failed, one line each.
        hint: What to try, or None.
        notes: What was converted, dropped or decided.
        warnings: What the user should look at.
    """

    film: Film
    done: bool = False
    frames: int = 0
    shots: int = 0
    shots_colored: int = 0
    lost: int = 0
    errors: list[str] = field(default_factory=list)
    hint: str | None = None
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        film = {"video": str(self.film.video), "output": str(self.film.output), "job": str(self.film.job)}
        return {**film, **{name: value for name, value in asdict(self).items() if name != "film"}}


def run_batch(
    films: Iterable[Film], crew: Crew, *, fresh: bool = False, retries: int = 2, progress: Progress | None = None
) -> list[FilmResult]:
    """Colour films.

    A film that fails keeps the shots that were finished, and does not appear under its output's name; the others go on.

    Args:
        films: The films, each with an output of its own.
        crew: Does the tasks.
        fresh: Forget what the films' jobs hold.
        retries: How often a task is given to another worker when its own was lost.
        progress: Called with `films` or `shots`, how many are done and how many there are.

    Returns:
        A result for each film, in their order.
    """
    schedule = _Schedule(list(films), fresh=fresh, retries=retries)
    busy = 0
    if progress is not None:
        progress("films", 0, len(schedule.results))
    while schedule.ready or busy:
        while schedule.ready and crew.free():
            crew.start(schedule.next())
            busy += 1
        schedule.settle(crew.wait())
        busy -= 1
        if progress is not None:
            progress("films", schedule.films_ended, len(schedule.results))
            if shots := sum(result.shots for result in schedule.results.values()):
                progress("shots", schedule.shots_ended, shots)
    return list(schedule.results.values())


class _Schedule:
    def __init__(self, films: list[Film], *, fresh: bool, retries: int) -> None:
        self.results = {film: FilmResult(film) for film in films}
        self.ready = [Task("plan", film, fresh=fresh) for film in films]
        self.films_ended = self.shots_ended = 0
        self._open: dict[Film, int] = dict.fromkeys(films, 0)  # units that are not settled
        self._tries: dict[Task, int] = {}
        self._retries = retries

    def next(self) -> Task:
        """Take the task that comes first."""
        task = min(self.ready, key=lambda each: _RANKS[each.kind])
        self.ready.remove(task)
        return task

    def settle(self, outcome: Outcome) -> None:
        """Take note of an outcome, and see what can be done now."""
        task, result = outcome.task, self.results[outcome.task.film]
        if outcome.error is not None:
            result.lost += outcome.again
            self._tries[task] = self._tries.get(task, 0) + 1
            if outcome.again and self._tries[task] <= self._retries:
                _log.warning("%s: %s: %s; it is tried again", task.film.video.name, task, outcome.error)
                self.ready.append(task)
                return
            tries = f" (tried {self._tries[task]} times)" if self._tries[task] > 1 else ""
            result.errors.append(f"{task}: {outcome.error}{tries}")
            result.hint = outcome.hint
        elif task.kind == "plan":
            result.shots, found = outcome.value
            self.shots_ended += result.shots - sum(len(unit.shots) for unit in found)
            self._open[task.film] = len(found)
            self.ready += [Task("shots", task.film, unit=unit) for unit in found]
        elif task.kind == "shots":
            result.shots_colored += outcome.value
        else:
            self._finish(result, outcome.value)
        if task.unit is not None:
            self.shots_ended += len(task.unit.shots)
            self._open[task.film] -= 1
        if self._open[task.film]:
            return
        if result.errors or result.done:
            self.films_ended += 1
            _log.info("%s: %s", task.film.video.name, "done" if result.done else "failed")
        else:
            self.ready.append(Task("film", task.film))

    def _finish(self, result: FilmResult, report: dict[str, Any]) -> None:
        result.done = True
        result.frames = report["frames"]
        result.shots_colored += report["shots_colored"]
        result.notes, result.warnings = list(report["notes"]), list(report["warnings"])
