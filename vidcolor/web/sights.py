"""Single frames of a film in the colours that a plan gives them, kept while nothing that they depend on changes."""

from collections.abc import Collection
from contextlib import closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from vidcolor.coloring import Still, load_stills
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.grading import Grading
from vidcolor.overview import Glance, look_at
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.entries import Looks, PlannedReference, Treatment
from vidcolor.plan.painted import Settled, settle
from vidcolor.references import Reference
from vidcolor.sheets import cell
from vidcolor.video import Frame, VideoInfo
from vidcolor.video.numbering import frame_times
from vidcolor.video.single_frames import read_frames
from vidcolor.web.knownstills import KnownStills

Bytes = NDArray[np.uint8]

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


class Sights:
    """Colours frames by themselves.

    Args:
        info: The film.
        networks: Colour the frames.
        known: Reads the stills.
        frames: Of the film, as a decode counts them.
    """

    def __init__(self, info: VideoInfo, networks: ExemplarColorizer, known: KnownStills, *, frames: int) -> None:
        self._info, self._networks, self._known, self._frames = info, networks, known, frames
        self._stills: dict[str, Still] = {}
        self._frame = lru_cache(maxsize=1)(self._read)
        self._seen = lru_cache(maxsize=_GLANCES_KEPT)(self._color)
        self._small = lru_cache(maxsize=_THUMBNAILS_KEPT)(lambda sight: cell(self._seen(sight).colored))

    @cached_property
    def times(self) -> list[Fraction]:
        """When each frame is shown, in seconds."""
        return frame_times(self._info.path, stream=self._info.stream, frames=self._frames)

    def see(self, frame: int, plan: ColorPlan) -> tuple[Glance, list[str]]:
        """Colour a frame as a plan has it, and say what of its shot is not used, one line each.

        Raises:
            VideoError: The film cannot be read.
            ReferenceImageError: A still of the shot is missing, or cannot be read.
        """
        sight, remarks = self._sight(frame, plan)
        return self._seen(sight), remarks

    def thumbnail(self, frame: int, plan: ColorPlan) -> Bytes:
        """Return a frame in its colours, RGB uint8 (180, w, 3); raises as `see`."""
        return self._small(self._sight(frame, plan)[0])

    def _sight(self, frame: int, plan: ColorPlan) -> tuple[_Sight, list[str]]:
        settled = _settled_alone(plan.shot_at(frame), plan, self._known)
        assert settled.plan is not None, "a plan was given"
        self._load(settled.references)
        shot = settled.plan.shot_at(frame)
        identities = tuple(self._stills[each.path].reference.identity for each in shot.references)
        sight = _Sight(frame, shot.looks, shot.treatment, shot.grading, tuple(shot.references), identities)
        return sight, settled.notes

    def _load(self, references: Collection[Reference]) -> None:
        for reference in references:
            known = self._stills.get(reference.key)
            if known is None or known.reference.identity != reference.identity:
                self._stills.update(load_stills([reference], self._networks, self._info))

    def _color(self, sight: _Sight) -> Glance:
        shot = PlannedShot(
            start=0,
            stop=self._frames,
            looks=sight.looks,
            treatment=sight.treatment,
            **asdict(sight.grading),
            references=list(sight.references),
        )
        return look_at(self._frame(sight.frame), shot, self._info, self._stills, self._networks)

    def _read(self, frame: int) -> Frame:
        with closing(read_frames(self._info, [frame], of=self._frames, times=self.times)) as frames:
            return next(frames)


def _settled_alone(shot: PlannedShot, plan: ColorPlan, known: KnownStills) -> Settled:
    """Settle one shot of a plan, without the stills that it does not use: those need not be read for it."""
    needed = {shot.start, *(plan.shot_at(frame).start for frame in shot.borrow)}
    return settle(
        plan.with_shots(
            each if each.start in needed else each.model_copy(update={"references": [], "borrow": []})
            for each in plan.shots
        ),
        load=known.load,
    )
