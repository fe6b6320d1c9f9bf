"""A film and its plan while a person works on them: every change is saved at once, and can be taken back."""

from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.coloring import Still, load_stills
from vidcolor.errors import PlanError, ReferenceImageError, VideoError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.grading import Grading
from vidcolor.overview import Glance, look_at
from vidcolor.pipeline import Colorizer
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.entries import Looks, PlannedReference, Treatment
from vidcolor.plan.painted import settle
from vidcolor.plan.renewal import recut
from vidcolor.plan.segment import check_length
from vidcolor.references import Reference, load_reference
from vidcolor.reports import PreviewReport, Report
from vidcolor.sheets import cell, write_picture
from vidcolor.stills import still_path
from vidcolor.video import Frame, VideoInfo
from vidcolor.video.numbering import frame_times
from vidcolor.video.single_frames import read_frames
from vidcolor.web.painting import paint_over
from vidcolor.web.stillfolder import StillFolder

Bytes = NDArray[np.uint8]
Progress = Callable[[str, int, int | None], None]

_GLANCES_KEPT = 32
"""Coloured frames of 480 lines, some 3 MB each."""
_THUMBNAILS_KEPT = 2048
"""Some 0.15 MB each."""


@dataclass(frozen=True)
class _Sight:
    """All that a frame's colours depend on, where it is coloured by itself."""

    frame: int
    looks: Looks | None
    treatment: Treatment
    grading: Grading
    references: tuple[PlannedReference, ...]
    identities: tuple[str, ...]


class Session:
    """A plan that is worked on.

    Args:
        info: The film.
        plan: Its shots and their stills, as a person left them or newly made.
        networks: Colour the frames.
        path: Where the plan is saved with every change.
        folder: Where stills go that are painted or uploaded; made with the first of them.

    Attributes:
        plan: As it is now.
        path: Of the plan.
        info: The film.

    Raises:
        PlanError: The plan is of another length, or cannot be saved.
    """

    def __init__(
        self, info: VideoInfo, plan: ColorPlan, networks: ExemplarColorizer, *, path: Path, folder: Path
    ) -> None:
        check_length(plan, info)
        self.info, self.plan, self.path = info, plan, path
        self._networks, self._folder = networks, StillFolder(folder)
        self._before: list[ColorPlan] = []
        self._stills: dict[str, Still] = {}
        self._frame = lru_cache(maxsize=1)(self._read)
        self._seen = lru_cache(maxsize=_GLANCES_KEPT)(self._color)
        self._small = lru_cache(maxsize=_THUMBNAILS_KEPT)(lambda sight: cell(self._seen(sight).colored))
        self._save(plan)

    @cached_property
    def times(self) -> list[Fraction]:
        """When each frame is shown, in seconds."""
        return frame_times(self.info.path, stream=self.info.stream, frames=self.plan.frames)

    def number_of(self, frame: int) -> int:
        """Return the number, from 1, of the shot that holds a frame."""
        return self.plan.shots.index(self.plan.shot_at(frame)) + 1

    def look(self, frame: int) -> Glance:
        """Colour a frame by itself, as the plan has it now.

        Raises:
            VideoError: The film cannot be read.
            ReferenceImageError: A still of the shot is missing, or cannot be read.
        """
        return self._seen(self._sight(frame))

    def thumbnail(self, number: int) -> Bytes:
        """Return the representative frame of a shot, given by its number from 1, in its colours, 180 lines high.

        Raises:
            VideoError: The film cannot be read.
            ReferenceImageError: A still of the shot is missing, or cannot be read.
        """
        return self._small(self._sight(self.plan.shots[number - 1].representative))

    def remarks(self, frame: int) -> list[str]:
        """Say what of a frame's shot is not used, one line each."""
        return settle(self._alone(self.plan.shot_at(frame))).notes

    def stills(self, frame: int) -> list[tuple[PlannedReference, Reference | None]]:
        """Return the stills of a frame's shot, with None for those that cannot be read."""
        return [(each, _readable(each.path)) for each in self.plan.shot_at(frame).references]

    def paint(self, frame: int, layers: Sequence[Bytes], *, reach: float = 0.0) -> Path:
        """Save a frame, coloured as the plan has it and with strokes over it, as the still of that frame.

        Args:
            frame: Its number.
            layers: RGBA uint8 (h, w, 4), the lowest first.
            reach: How far strokes grow, as in `paint_over`.

        Returns:
            The still; an earlier one of the frame stays as a file.

        Raises:
            VideoError: The still cannot be written.
        """
        picture = paint_over(self.look(frame).ungraded, layers, matrix=self.info.matrix, reach=reach)
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
        reference = load_reference(path)
        named = reference.frame if reference.frame is not None and reference.frame < self.plan.frames else None
        bound = frame if own else named
        still = self._folder.take_in(path, frame=bound)
        self._bind(still, frame if bound is None else bound, bound)
        return still, bound

    def remove_still(self, frame: int, number: int) -> None:
        """Take a still, by its number from 0, out of a frame's shot; its file stays."""
        references = list(self.plan.shot_at(frame).references)
        del references[number]
        self.adjust(frame, references=references)

    def adjust(self, frame: int, **settings: Any) -> None:
        """Change settings of a frame's shot, by their names in the plan.

        Raises:
            ValueError: A value is not allowed.
        """
        shot = self.plan.shot_at(frame)
        values = {name: getattr(shot, name) for name in PlannedShot.model_fields}
        changed = PlannedShot.model_validate(values | settings)
        if changed != shot:
            self._replace(self.plan.with_shots(changed if each is shot else each for each in self.plan.shots))

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

    def preview(self, frame: int, seconds: int, folder: Path, *, progress: Progress | None = None) -> PreviewReport:
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

    def colorize(self, output: Path, *, quality: str, overwrite: bool, progress: Progress | None = None) -> Report:
        """Colour the film, as `vidcolor colorize --plan` does; work is kept beside the output and used again.

        Raises:
            VideoError: The output has no name, or there is no such folder; else as `Colorizer.colorize`.
        """
        if not output.name or "\0" in str(output):
            raise VideoError(f"the output {str(output)!r} names no file", hint="name one, such as film.color.mkv")
        if not output.parent.is_dir():
            raise VideoError(f"{output.parent} is not a folder", hint="make the folder first, or choose another")
        return Colorizer(self._networks).colorize(
            self.info.path,
            plan=self.plan,
            output=output,
            quality=quality,
            overwrite=overwrite,
            stream=self.info.stream,
            job=output.with_suffix(".job"),
            progress=progress,
        )

    def _replace(self, plan: ColorPlan) -> None:
        self._check_untouched()
        before = self.plan
        self._save(plan)
        self._before.append(before)

    def _save(self, plan: ColorPlan) -> None:
        plan.save(self.path)
        self._saved = self.path.read_bytes()
        self.plan = plan

    def _check_untouched(self) -> None:
        """Refuse to replace a plan that somebody edited in the meantime."""
        if self.path.exists() and self.path.read_bytes() != self._saved:
            raise PlanError(
                f"{self.path} was changed by another program: nothing is saved over it",
                hint=f"end the page and go on with `vidcolor web {self.info.path.name} --plan {self.path.name}`",
            )

    def _bind(self, still: Path, frame: int, bound: int | None) -> None:
        """Add a still to the shot that holds a frame, in place of another that is bound to the same one."""
        references = [each for each in self.plan.shot_at(frame).references if bound is None or each.frame != bound]
        self.adjust(frame, references=[*references, PlannedReference(path=str(still), frame=bound)])

    def _alone(self, shot: PlannedShot) -> ColorPlan:
        """Return the plan with no stills but those that one shot uses: the others need not be read for it."""
        needed = {shot.start, *(self.plan.shot_at(frame).start for frame in shot.borrow)}
        return self.plan.with_shots(
            each if each.start in needed else each.model_copy(update={"references": [], "borrow": []})
            for each in self.plan.shots
        )

    def _settled(self, frame: int) -> tuple[PlannedShot, dict[str, Still]]:
        """Return the shot of a frame with its painted and its borrowed stills, and these."""
        settled = settle(self._alone(self.plan.shot_at(frame)))
        assert settled.plan is not None, "a plan was given"
        self._load(settled.references)
        shot = settled.plan.shot_at(frame)
        return shot, {each.path: self._stills[each.path] for each in shot.references}

    def _load(self, references: Collection[Reference]) -> None:
        for reference in references:
            known = self._stills.get(reference.key)
            if known is None or known.reference.identity != reference.identity:
                self._stills.update(load_stills([reference], self._networks, self.info))

    def _sight(self, frame: int) -> "_Sight":
        shot, stills = self._settled(frame)
        identities = tuple(still.reference.identity for still in stills.values())
        return _Sight(frame, shot.looks, shot.treatment, shot.grading, tuple(shot.references), identities)

    def _color(self, sight: "_Sight") -> Glance:
        shot = PlannedShot(
            start=0,
            stop=self.plan.frames,
            looks=sight.looks,
            treatment=sight.treatment,
            **asdict(sight.grading),
            references=list(sight.references),
        )
        return look_at(self._frame(sight.frame), shot, self.info, self._stills, self._networks)

    def _read(self, frame: int) -> Frame:
        with closing(read_frames(self.info, [frame], of=self.plan.frames, times=self.times)) as frames:
            return next(frames)


def _readable(path: str) -> Reference | None:
    try:
        return load_reference(path)
    except ReferenceImageError:
        return None
