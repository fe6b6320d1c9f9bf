"""A worker: does one task after another, with the networks loaded once."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from vidcolor.batch.tasks import Film, Outcome, Settings, Task, Unit, divide
from vidcolor.coloring import load_stills
from vidcolor.errors import VidcolorError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.filmwork import begin, shot_colors
from vidcolor.jobs import Job, ShotKey
from vidcolor.pipeline import Colorizer
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.reports import Clock
from vidcolor.video import Frame, VideoReader
from vidcolor.video.packets import frame_times


class Worker:
    """Does tasks.

    Args:
        settings: Of the batch.

    Raises:
        VidcolorError: The weights or the device cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._networks = ExemplarColorizer.load(settings.weights, device=settings.device)
        # Workers share the cores. One thread each, whatever their number, so that it does not change a frame.
        torch.set_num_threads(1)

    def do(self, task: Task) -> Outcome:
        """Do a task.

        Returns:
            With, as value, of `plan` the number of shots and the units to be coloured, of `shots` how many shots were
            coloured, and of `film` the values of its report.
        """
        try:
            if task.kind == "plan":
                return Outcome(task, self._plan(task.film, fresh=task.fresh))
            if task.unit is not None:
                return Outcome(task, self._shots(task.film, task.unit))
            return Outcome(task, self._film(task.film))
        except VidcolorError as error:
            return Outcome(task, error=error.message, hint=error.hint)
        except Exception as error:  # a batch goes on with its other films, whatever one of them brings about
            return Outcome(task, error=f"{type(error).__name__}: {error}", again=True)

    def _plan(self, film: Film, *, fresh: bool) -> tuple[int, list[Unit]]:
        plan = None if film.plan is None else ColorPlan.load(film.plan)
        with VideoReader(film.video) as reader, Job(film.job, fresh=fresh) as job:
            stills = load_stills([*film.references, *(plan.stills() if plan else ())], self._networks, reader.info)
            plan = begin(
                job,
                self._networks,
                film.video,
                stills,
                start=None,
                end=None,
                quality=self._settings.quality,
                plan=plan,
                progress=None,
            )
            missing = [number for number, key in enumerate(job.shots) if not _is_kept(job, key)]
            shots = [shot.model_dump(mode="json") for shot in plan.shots]
            return len(shots), divide(shots, job.shots, missing, frame_times(film.video))

    def _shots(self, film: Film, unit: Unit) -> int:
        shots = [PlannedShot.model_validate(values) for values in unit.shots]
        with VideoReader(film.video, start=unit.start, end=unit.end) as reader, Job(film.job) as job:
            paths = dict.fromkeys(Path(each.path) for shot in shots for each in shot.references)
            stills = load_stills(paths, self._networks, reader.info)
            frames = _numbered(iter(reader), unit.keys[0].start)
            for shot, key in zip(shots, unit.keys, strict=True):
                own = islice(frames, key.stop - key.start)
                colors = shot_colors(
                    own,
                    reader.info,
                    shot,
                    stills,
                    self._networks,
                    quality=self._settings.quality,
                    clock=Clock(),
                    keeping=(job, key),
                )
                with closing(colors):
                    for colored in colors:
                        frame = colored.frame
                        if frame.index == unit.keys[0].start and reader.info.time(frame.pts) != unit.start:
                            return 0  # another frame than was meant: the film's own task decodes from the beginning
            return job.colored

    def _film(self, film: Film) -> dict[str, Any]:
        settings = self._settings
        report = Colorizer(self._networks).colorize(
            film.video,
            references=film.references,
            plan=None if film.plan is None else ColorPlan.load(film.plan),
            output=film.output,
            saturation=settings.saturation,
            quality=settings.quality,
            codec=settings.codec,
            crf=settings.crf,
            preset=settings.preset,
            lossless=settings.lossless,
            overwrite=settings.overwrite,
            job=film.job,
        )
        return report.to_dict()


def _is_kept(job: Job, key: ShotKey) -> bool:
    if (kept := job.find(key)) is not None:
        kept.close()
    return kept is not None


def _numbered(frames: Iterator[Frame], first: int) -> Iterator[Frame]:
    """Give the frames of a segment their numbers in the film."""
    return (replace(frame, index=frame.index + first) for frame in frames)
