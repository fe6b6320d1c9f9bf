"""Whole shots: coloured as the film will have them, kept in its job for it, and looked up there frame by frame."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcolor.coloring import load_stills
from vidcolor.dissolves import mixed_ab, mixing_at
from vidcolor.errors import PlanError, ReferenceImageError, VideoError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.filmwork import keep_shots
from vidcolor.grading import Grading
from vidcolor.jobs import Job, KeptFrame, Recipe, keeps_shots, kept_frame
from vidcolor.plan import ColorPlan, Dissolve, PlannedShot
from vidcolor.plan.boundstills import BoundStills
from vidcolor.plan.painted import Settled, settle_shot
from vidcolor.plan.segment import PLAN_ANEW
from vidcolor.propagation import EFFORTS
from vidcolor.runs import KnownRecipes, check_options, shot_key
from vidcolor.shotframes import frames_that_may_wait
from vidcolor.video import VideoInfo, VideoReader
from vidcolor.web.knownstills import KnownStills

Floats = NDArray[np.float32]
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Work:
    """The film that is meant: beside it its work is kept, as `vidcolor colorize` has it.

    Args:
        output: The film; it may name no file while a person types.
        quality: Effort of propagation.

    Raises:
        VidcolorError: The quality is unknown.
    """

    output: Path
    quality: str

    def __post_init__(self) -> None:
        check_options(self.quality, 1.0)

    @property
    def job(self) -> Path:
        """The folder that keeps the work; the output must name a file."""
        return self.output.with_suffix(".job")

    @property
    def begun(self) -> bool:
        """Whether there may be work that is kept."""
        return self.output.name != "" and keeps_shots(self.job)

    def check_place(self) -> None:
        """Refuse an output that names no file, or one in no folder.

        Raises:
            VideoError: It is such a one.
        """
        if not self.output.name or "\0" in str(self.output):
            raise VideoError(f"the output {str(self.output)!r} names no file", hint="name one, such as film.color.mkv")
        if not self.output.parent.is_dir():
            hint = "make the folder first, or choose another"
            raise VideoError(f"{self.output.parent} is not a folder", hint=hint)


@dataclass(frozen=True)
class FilmColors:
    """Where the colours are kept that the film will have in a frame.

    Args:
        own: Those of its shot.
        grading: What is done to them.
        long_side: Of their size, in pixels.
        dissolve: In which another shot's are mixed with them, None for none.
        other: That shot's; None where it is neutral.
        missing: First frame of the shot whose colours should be mixed with them, but are not kept; else None.
    """

    own: KeptFrame
    grading: Grading
    long_side: int
    dissolve: Dissolve | None = None
    other: KeptFrame | None = None
    missing: int | None = None

    def read(self) -> Floats | None:
        """Return ab (h, w, 2) before grading, as stored; None where it is not kept after all, see `KeptFrame.read`."""
        ab = self.own.read()
        if ab is None or self.dissolve is None:
            return ab
        other = np.zeros_like(ab) if self.other is None else self.other.read()
        if other is None:
            return None
        before, after = (ab, other) if self.own.frame < self.dissolve.cut else (other, ab)
        return mixed_ab(before, after, self.dissolve.share(self.own.frame))


@dataclass(frozen=True)
class ShotReport:
    """What came of colouring a shot.

    Attributes:
        shot: It.
        job: Keeps it.
        seconds: Wall time.
        reused: It was kept already.
        remarks: What the user should look at, one line each.
    """

    shot: PlannedShot
    job: Path
    seconds: float
    reused: bool
    remarks: tuple[str, ...]


class WholeShots:
    """Colours shots of one film, and finds those that are kept.

    What is found was made from the film, the stills and the settings as they are now: it is looked for by the very key
    that a run would keep it under.

    Args:
        info: The film.
        networks: Colour the shots.
        known: Reads the stills of shots that are looked for.
    """

    def __init__(self, info: VideoInfo, networks: ExemplarColorizer, known: KnownStills) -> None:
        self._info, self._networks, self._known = info, networks, known
        self._recipes = KnownRecipes(networks)

    def find(self, frame: int, settled: Settled, plan: ColorPlan, work: Work) -> FilmColors | None:
        """Return where the colours are kept that the film will have in a frame, or None.

        Args:
            frame: Its number.
            settled: Its shot, see `settle_shot`.
            plan: The plan.
            work: On the film.

        Raises:
            OSError: The film cannot be read.
        """
        if not work.begun:  # else the film is read to be known again, which takes a second
            return None
        shot, own = self._look_up(frame, settled, work)
        if not shot.colored or own is None:
            return None
        found = FilmColors(own, plan.grading_at(frame), EFFORTS[work.quality].long_side)
        dissolve = mixing_at(plan, frame, most=frames_that_may_wait(self._info))
        if dissolve is None:
            return found
        beside = dissolve.beside(frame)
        other = plan.shot_at(beside)
        try:
            shot, there = self._look_up(beside, settle_shot(plan, other, load=self._known.load), work)
        except ReferenceImageError:  # said where that shot is looked at
            return replace(found, missing=other.start)
        if shot.colored and there is None:
            return replace(found, missing=other.start)
        return replace(found, dissolve=dissolve, other=there if shot.colored else None)

    def color(
        self, frame: int, plan: ColorPlan, work: Work, *, times: Sequence[Fraction], progress: Progress | None = None
    ) -> ShotReport:
        """Colour the shot that holds a frame, unless it is kept already, and keep it.

        Another thread may look for shots meanwhile.

        Args:
            frame: Of the shot.
            plan: The plan.
            work: On the film.
            times: When each frame of the film is shown, in seconds.
            progress: Called with stage, frames done and frames in all.

        Raises:
            VideoError: The output has no name, there is no such folder, the film cannot be read, or the job not
                written.
            ReferenceImageError: A still of the shot cannot be used.
            PlanError: The shot is given no colours, or the film ends within it.
        """
        started = time.perf_counter()
        work.check_place()
        settled = settle_shot(plan, plan.shot_at(frame))  # `KnownStills` is for one thread
        shot = _shot_of(frame, settled)
        if not shot.colored:
            reason = "keeps the film's own colours" if shot.treatment == "keep" else "is a title and stays neutral"
            raise PlanError(f"there is nothing to colour: the shot {reason}", hint="its settings say so")
        stills = load_stills(settled.references, self._networks, self._info)
        key = shot_key(self.recipe(work.quality), shot, {each.key: each for each in settled.references})
        end, warnings = times[shot.stop] if shot.stop < len(times) else None, list[str]()
        bound = BoundStills(self._info, [shot], settled.references)

        def show(done: int) -> None:
            if progress is not None:
                progress("color", done, shot.stop - shot.start)

        with Job(work.job) as job:
            reused = done = job.holds(key)
            for span in ((times[shot.start], end), (None, None)):
                if not done:  # first from the film's times; where the segment then begins elsewhere, through the film
                    with VideoReader(self._info.path, start=span[0], end=span[1], stream=self._info.stream) as reader:
                        done = keep_shots(
                            reader,
                            [(shot, key)],
                            stills,
                            self._networks,
                            quality=work.quality,
                            job=job,
                            look=bound.look,
                            progress=show,
                        )
                        warnings = reader.warnings
            if not (reused or job.colored):
                raise PlanError("the film ends within the shot", hint=PLAN_ANEW)
        remarks = tuple(dict.fromkeys([*bound.warnings, *warnings, *job.remarks]))  # what is kept was looked at twice
        return ShotReport(shot, work.job, time.perf_counter() - started, reused, remarks)

    def recipe(self, quality: str) -> Recipe:
        """Return what a run would colour all shots by now; the film is read where it is another file than before.

        Raises:
            OSError: The film cannot be read.
        """
        return self._recipes.of(self._info, quality=quality)

    def _look_up(self, frame: int, settled: Settled, work: Work) -> tuple[PlannedShot, KeptFrame | None]:
        """Return a frame's shot as it is settled, and where the frame's colours are kept."""
        shot = _shot_of(frame, settled)
        references = {each.key: each for each in settled.references}
        return shot, kept_frame(work.job, shot_key(self.recipe(work.quality), shot, references), frame)


def _shot_of(frame: int, settled: Settled) -> PlannedShot:
    assert settled.plan is not None, "a plan was given"
    return settled.plan.shot_at(frame)
