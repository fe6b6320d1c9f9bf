"""A film and its plan while a person works on them: every change is saved at once, and can be taken back."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.errors import PlanError, ReferenceImageError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.overview import Glance
from vidcolor.pipeline import Colorizer
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.entries import PlannedReference
from vidcolor.plan.renewal import recut
from vidcolor.plan.segment import check_length
from vidcolor.references import is_grey, load_reference
from vidcolor.reports import PreviewReport, Report
from vidcolor.sheets import write_picture
from vidcolor.stills import still_path
from vidcolor.video import VideoInfo, default_output
from vidcolor.web.knownstills import KnownStill, KnownStills
from vidcolor.web.painting import paint_over
from vidcolor.web.sights import Seen, Sights
from vidcolor.web.stillfolder import StillFolder
from vidcolor.web.wholeshots import ShotReport, WholeShots, Work

Bytes = NDArray[np.uint8]
Progress = Callable[[str, int, int | None], None]


class Session:
    """A plan that is worked on.

    Args:
        info: The film.
        plan: Its shots and their stills, as a person left them or newly made.
        networks: Colour the frames.
        path: Where the plan is saved with every change.
        folder: Where stills go that are painted or uploaded; made with the first of them.
        replaces: What the plan's file held when the person's wish was read, None where it was not there.

    Attributes:
        plan: As it is now.
        path: Of the plan.
        info: The film.
        work: The coloured film that is meant, beside which its work is kept.

    Raises:
        PlanError: The plan is of another length.
    """

    def __init__(
        self,
        info: VideoInfo,
        plan: ColorPlan,
        networks: ExemplarColorizer,
        *,
        path: Path,
        folder: Path,
        replaces: bytes | None = None,
    ) -> None:
        check_length(plan, info)
        self.info, self.plan, self.path = info, plan, path
        self._networks, self._folder = networks, StillFolder(folder)
        self._before: list[ColorPlan] = []
        self._known = KnownStills()
        self._shots = WholeShots(info, networks, self._known)
        self._sights = Sights(info, networks, self._known, self._shots, frames=plan.frames)
        self.work = Work(default_output(info), "balanced")
        self._saved = replaces
        self._latest: tuple[int, tuple[str, ...]] | None = None
        self._coloring = False

    def save(self) -> None:
        """Write the plan as it is.

        Raises:
            PlanError: Somebody else wrote its file meanwhile, or it cannot be written.
        """
        self._check_untouched()
        self._save(self.plan)

    @property
    def times(self) -> list[Fraction]:
        """When each frame is shown, in seconds."""
        return self._sights.times

    def look(self, frame: int) -> Glance:
        """Show a frame in colours, as the plan has it now; see `Sights.see`."""
        return self.see(frame).glance

    def see(self, frame: int) -> Seen:
        """Show a frame as `look` does, and say what its colours are."""
        return self._sights.see(frame, self.plan, self.work)

    def thumbnail(self, number: int) -> Bytes:
        """Return the representative frame of a shot, given by its number from 1, in its colours, 180 lines high."""
        return self._sights.thumbnail(self.plan.shots[number - 1].representative, self.plan, self.work)

    def number_of(self, frame: int) -> int:
        """Return the number, from 1, of the shot that holds a frame."""
        return self.plan.shots.index(self.plan.shot_at(frame)) + 1

    def stills(self, frame: int) -> list[tuple[PlannedReference, KnownStill | None]]:
        """Return the stills of a frame's shot, with None for those that cannot be read."""
        return [(each, self._known.find(each.path)) for each in self.plan.shot_at(frame).references]

    def paint(self, frame: int, layers: Sequence[Bytes], *, reach: float = 0.0, ground: Bytes | None = None) -> Path:
        """Save a frame in colours and with strokes over it as the still of that frame.

        Args:
            frame: Its number.
            layers: RGBA uint8 (h, w, 4), the lowest first.
            reach: How far strokes grow, as in `paint_over`.
            ground: What the strokes were painted on, RGB uint8 (h, w, 3), which `look` may show no longer; None for the
                frame as it is shown before grading.

        Returns:
            The still; an earlier one of the frame stays as a file.

        Raises:
            ReferenceImageError: There is no colour in it.
            VideoError: The still cannot be written.
        """
        self._check_untouched()
        ground = self.look(frame).ungraded if ground is None else ground
        picture = paint_over(ground, layers, matrix=self.info.matrix, reach=reach)
        if is_grey(picture):
            raise ReferenceImageError("the painting is grey: no colour can come of it", hint="set the saturation to 0")
        still = self._folder.free(still_path(self.info.path, frame, Path()).name, frame=frame)
        write_picture(still, picture)
        self._bind(still, frame, frame)
        return still

    def add_still(self, path: Path, frame: int, *, own: bool) -> tuple[Path, int | None]:
        """Copy a still to the others, and use it in the shot that holds a frame.

        Args:
            path: The picture.
            frame: Its shot gets the still, unless the still's name has the number of another frame of the film.
            own: It was painted on this very frame.

        Returns:
            The copy, and the frame that it is bound to.

        Raises:
            ReferenceImageError: It is no picture, or a damaged one.
            VideoError: The copy cannot be written.
        """
        self._check_untouched()
        reference = load_reference(path)
        named = reference.frame if reference.frame is not None and reference.frame < self.plan.frames else None
        bound = frame if own else named
        still = self._folder.take_in(path, frame=bound)
        self._bind(still, frame if bound is None else bound, bound)
        return still, bound

    def remove_still(self, frame: int, path: str) -> bool:
        """Take a still out of a frame's shot, if it is there; its file stays."""
        references = self.plan.shot_at(frame).references
        if (place := next((number for number, each in enumerate(references) if each.path == path), None)) is None:
            return False
        self.adjust(frame, references=[*references[:place], *references[place + 1 :]])
        return True

    def adjust(self, frame: int, **settings: Any) -> None:
        """Change settings of a frame's shot, by their names in the plan; the same again is one change with the last.

        Raises:
            ValueError: A value is not allowed.
        """
        shot = self.plan.shot_at(frame)
        values = {name: getattr(shot, name) for name in PlannedShot.model_fields}
        changed = PlannedShot.model_validate(values | settings)
        if changed != shot:
            what = (shot.start, tuple(settings))
            again = what == self._latest and "references" not in settings
            self._replace(self.plan.with_shots(changed if each is shot else each for each in self.plan.shots))
            if again:
                self._before.pop()
            self._latest = what

    def cut(self, frame: int) -> None:
        """Let a shot begin at a frame.

        Raises:
            PlanError: It is no frame to cut at.
        """
        self._replace(recut(self.plan, cut=frame))

    def join(self, frame: int) -> None:
        """Join a frame's shot to the one before it.

        Raises:
            PlanError: There is none.
        """
        self._replace(recut(self.plan, join=self.plan.shot_at(frame).start))

    def undo(self) -> None:
        """Take the last change back; stills that it wrote stay as files.

        Raises:
            PlanError: There is none.
        """
        if not self._before:
            raise PlanError("nothing was changed yet", hint="each change can be taken back, the last one first")
        self._check_untouched()
        self._save(self._before[-1])
        self._before.pop()
        self._latest = None

    def preview(self, frame: int, seconds: float, folder: Path, *, progress: Progress | None = None) -> PreviewReport:
        """Colour some seconds from a frame on, and write them beside the film into a folder."""
        return Colorizer(self._networks).preview(
            self.info.path,
            plan=self.plan,
            side_by_side=folder / "preview.mp4",
            contact_sheet=folder / "contact.png",
            start=self.times[frame],
            duration=Fraction(seconds),
            overwrite=True,
            stream=self.info.stream,
            progress=progress,
        )

    def color_shot(self, frame: int, *, work: Work | None = None, progress: Progress | None = None) -> ShotReport:
        """Colour a frame's shot as the film will have it; it is kept beside the output, for the film and for `look`.

        Another thread may work on the plan meanwhile: what is coloured is the shot as it was.

        Args:
            frame: Its number.
            work: On the film, for which the shot is coloured; by default that of `work`, where `look` looks.
            progress: Called with stage, frames done and frames in all.

        Raises:
            VidcolorError: As `WholeShots.color`.
        """
        return self._shots.color(frame, self.plan, work or self.work, times=self.times, progress=progress)

    def colorize(self, output: Path, *, quality: str, overwrite: bool, progress: Progress | None = None) -> Report:
        """Colour the film, as `vidcolor colorize --plan` does; work is kept beside the output and used again.

        Another thread may look at frames meanwhile, but change nothing.

        Raises:
            VideoError: The output has no name, or there is no such folder; else as `Colorizer.colorize`.
        """
        self.work = Work(output, quality)
        self.work.check_place()
        self._coloring = True
        try:
            return Colorizer(self._networks).colorize(
                self.info.path,
                plan=self.plan,
                output=output,
                quality=quality,
                overwrite=overwrite,
                stream=self.info.stream,
                job=self.work.job,
                progress=progress,
            )
        finally:
            self._coloring = False

    def _replace(self, plan: ColorPlan) -> None:
        self._check_untouched()
        before = self.plan
        self._save(plan)
        self._before.append(before)
        self._latest = None

    def _save(self, plan: ColorPlan) -> None:
        plan.save(self.path)
        self._saved = self.path.read_bytes()
        self.plan = plan

    def _check_untouched(self) -> None:
        """Refuse to replace a plan that somebody edited in the meantime, or by which the film is being coloured."""
        if self._coloring:
            raise PlanError("the film is being coloured by this plan", hint="stop that or wait, then change the plan")
        if self.path.exists() and self.path.read_bytes() != self._saved:
            raise PlanError(
                f"{self.path} was changed by another program: nothing is saved over it",
                hint=f"end the page and go on with `vidcolor web {self.info.path} --plan {self.path}`",
            )

    def _bind(self, still: Path, frame: int, bound: int | None) -> None:
        """Add a still to the shot that holds a frame, in place of another that is bound to the same one."""
        others, frames = list[PlannedReference](), None
        for each in self.plan.shot_at(frame).references:
            if bound is not None and each.frame == bound:
                frames = each.frames
            else:
                others.append(each)
        self.adjust(frame, references=[*others, PlannedReference(path=str(still), frame=bound, frames=frames)])
