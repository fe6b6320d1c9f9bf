"""A worker: does one task after another, with the networks loaded once."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import torch

from vidcolor.batch.tasks import Film, Outcome, Settings, Task, Unit, divide
from vidcolor.coloring import load_stills
from vidcolor.errors import VidcolorError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.filmwork import keep_shots
from vidcolor.jobs import Job
from vidcolor.pipeline import Colorizer
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.runs import KnownRecipes, prepare_run, shot_key
from vidcolor.video import VideoInfo, VideoReader, VideoWriter
from vidcolor.video.numbering import packet_times


class Worker:
    """Does tasks, with so many threads as the settings give it: workers share the cores.

    Args:
        settings: Of the batch.

    Raises:
        VidcolorError: The weights or the device cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._networks = ExemplarColorizer.load(
            settings.weights, device=settings.device, temperature=settings.temperature
        )
        self._recipes = KnownRecipes(self._networks)
        torch.set_num_threads(settings.threads)
        cv2.setNumThreads(settings.threads)

    def do(self, task: Task) -> Outcome:
        """Do a task.

        Returns:
            With, as value, of `plan` the number of shots and the units to be coloured, of `shots` how many shots are
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
        with self._reader(film) as reader:
            self._check_output(film, reader.info)
            return self._planned(film, reader, fresh=fresh)

    def _planned(self, film: Film, reader: VideoReader, *, fresh: bool) -> tuple[int, list[Unit]]:
        with Job(film.job, fresh=fresh) as job:
            plan = prepare_run(
                reader,
                self._networks,
                quality=self._settings.quality,
                plan=None if film.plan is None else ColorPlan.load(film.plan),
                given=film.references,
                keep_color=self._settings.keep_color,
                job=job,
            ).plan
            missing = [
                number
                for number, (shot, key) in enumerate(zip(plan.shots, job.shots, strict=True))
                if shot.colored and not job.holds(key)
            ]
            shots = [shot.model_dump(mode="json") for shot in plan.shots]
            times = packet_times(film.video, stream=self._settings.stream) or []
            return len(shots), divide(shots, job.shots, missing, times)

    def _shots(self, film: Film, unit: Unit) -> int:
        shots = [PlannedShot.model_validate(values) for values in unit.shots]
        with self._reader(film, unit) as reader, Job(film.job) as job:
            paths = dict.fromkeys(Path(each.path) for shot in shots for each in shot.references)
            stills = load_stills(paths, self._networks, reader.info)
            keyed = [*zip(shots, unit.keys, strict=True)]
            references = {key: still.reference for key, still in stills.items()}
            recipe = self._recipes.of(reader.info, quality=self._settings.quality)
            # A still or the film may be another one than when the unit was made; the film's own task plans anew.
            if any(shot_key(recipe, shot, references) != key for shot, key in keyed):
                return 0
            done = keep_shots(reader, keyed, stills, self._networks, quality=self._settings.quality, job=job)
        return len(shots) if done else 0  # else the film's own task decodes from the beginning

    def _check_output(self, film: Film, info: VideoInfo) -> None:
        """Refuse what cannot be written so, before hours go into shots that are not needed then."""
        settings = self._settings
        VideoWriter(
            film.output,
            source=info,
            **asdict(settings.encoder),
            overwrite=settings.overwrite,
            threads=settings.threads,
        )

    def _film(self, film: Film) -> dict[str, Any]:
        settings = self._settings
        report = Colorizer(self._networks).colorize(
            film.video,
            references=film.references,
            plan=None if film.plan is None else ColorPlan.load(film.plan),
            output=film.output,
            saturation=settings.saturation,
            keep_color=settings.keep_color,
            quality=settings.quality,
            **asdict(settings.encoder),
            overwrite=settings.overwrite,
            job=film.job,
            threads=settings.threads,
            stream=settings.stream,
        )
        return report.to_dict()

    def _reader(self, film: Film, unit: Unit | None = None) -> VideoReader:
        start, end = (None, None) if unit is None else (unit.start, unit.end)
        settings = self._settings
        return VideoReader(film.video, start=start, end=end, threads=settings.threads, stream=settings.stream)
