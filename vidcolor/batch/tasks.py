"""What is handed to workers and what comes back: plain values, fit to cross to other processes and machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from vidcolor.jobs.recipe import ShotKey
from vidcolor.video.encoders import EncoderSettings

_UNIT_FRAMES = 96
"""Shots are put together until they have so many frames: opening a film and seeking cost more than a short shot."""


@dataclass(frozen=True)
class Film:
    """A film to be coloured.

    Args:
        video: The film.
        output: The result.
        job: Folder of its job.
        references: Its stills.
        plan: Its plan, or None.
    """

    video: Path
    output: Path
    job: Path
    references: tuple[Path, ...] = ()
    plan: Path | None = None


@dataclass(frozen=True)
class Settings:
    """What all films of a batch have in common; the meanings are those of `Colorizer.colorize`.

    `threads` are those of each worker: of torch, OpenCV, the decoder and the encoder, each. With one, which is the
    default, a worker takes about a core, and the cores are best used by as many workers.
    """

    weights: Path | None = None
    device: str = "auto"
    quality: str = "balanced"
    saturation: float = 1.0
    keep_color: bool = False
    temperature: float | None = None
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    overwrite: bool = False
    threads: int = 1
    stream: int | None = None


@dataclass(frozen=True, eq=False)
class Unit:
    """Neighbouring shots, coloured by one task.

    Args:
        shots: As the plan has them, plain values.
        keys: Under which they are kept.
        start: Time of their first frame, in seconds.
        end: Time of the frame after their last one, None at the film's end.
    """

    shots: tuple[Mapping[str, Any], ...]
    keys: tuple[ShotKey, ...]
    start: Fraction
    end: Fraction | None


@dataclass(frozen=True, eq=False)
class Task:
    """A piece of work on one film.

    Args:
        kind: `plan`, `shots` or `film`.
        film: The film.
        fresh: Of a plan: forget what the job holds.
        unit: Of `shots`: which.
    """

    kind: str
    film: Film
    fresh: bool = False
    unit: Unit | None = None

    def __str__(self) -> str:
        if self.unit is None:
            return self.kind
        return f"frames {self.unit.keys[0].start} to {self.unit.keys[-1].stop - 1}"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a task.

    Args:
        task: The task.
        value: Its result.
        error: What went wrong, or None.
        hint: What to try, or None.
        again: Another worker may fare better.
    """

    task: Task
    value: Any = None
    error: str | None = None
    hint: str | None = None
    again: bool = False


class Crew(Protocol):
    """Workers, here or elsewhere."""

    def free(self) -> bool:
        """Tell whether a task can be started."""
        ...

    def start(self, task: Task) -> None:
        """Give a task to a worker that has none."""
        ...

    def wait(self) -> Outcome:
        """Wait until a task has ended, or has been lost with its worker."""
        ...

    def close(self) -> None:
        """Send the workers home; what they are at is given up."""
        ...


def divide(
    shots: Sequence[Mapping[str, Any]],
    keys: Sequence[ShotKey],
    missing: Sequence[int],
    times: Sequence[Fraction],
) -> list[Unit]:
    """Put neighbouring shots that are missing into units.

    Args:
        shots: Of the plan, plain values.
        keys: Of the shots.
        missing: Numbers of the shots to colour, rising.
        times: At which the film's frames are shown, rising; none where the packets do not say.

    Returns:
        The units; none where frames cannot be found by their times, or where the work is less than a unit: the task
        that writes the film then colours what is missing.
    """
    frames = sum(keys[number].stop - keys[number].start for number in missing)
    if frames < _UNIT_FRAMES or len(times) != keys[-1].stop:
        return []
    runs: list[list[int]] = []
    for number in missing:
        joins = runs and runs[-1][-1] == number - 1
        if joins and keys[number].start - keys[runs[-1][0]].start < _UNIT_FRAMES:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [
        Unit(
            tuple(shots[number] for number in run),
            tuple(keys[number] for number in run),
            times[keys[run[0]].start],
            times[keys[run[-1]].stop] if keys[run[-1]].stop < len(times) else None,
        )
        for run in runs
    ]
