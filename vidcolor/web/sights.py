"""Single frames of a film in the colours that a plan gives them, held while nothing that they depend on changes.

Those that the film will have are shown where its job keeps them, else what the networks make of a frame by itself.
"""

from collections.abc import Collection
from contextlib import closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vidcolor.color import Chroma
from vidcolor.coloring import Still, StillEncoder
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.framing import working_luma
from vidcolor.grading import Grading
from vidcolor.overview import Glance, in_colors, look_at
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.boundstills import BoundStills
from vidcolor.plan.entries import Looks, PlannedReference, Treatment
from vidcolor.plan.painted import settle_shot
from vidcolor.references import Reference
from vidcolor.sheets import cell
from vidcolor.video import Frame, VideoInfo
from vidcolor.video.numbering import frame_times
from vidcolor.video.single_frames import read_frames
from vidcolor.web.knownstills import KnownStills
from vidcolor.web.wholeshots import FilmColors, WholeShots, Work

Bytes = NDArray[np.uint8]
Source = Literal["film", "alone", "own", "neutral"]
"""Whether colours are those that the film will have, those of the frame by itself, or those of a shot that is given
none."""

_GLANCES_KEPT = 32
"""Coloured frames of 480 lines, some 3 MB each."""
_THUMBNAILS_KEPT = 2048
"""Some 0.15 MB each."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame in colours, and what they are.

    Attributes:
        glance: The frame.
        source: Where its colours are from.
        missing: First frame of the shot that it dissolves into or out of, where that one's colours will be in it in the
            film, but are not kept; else None.
        remarks: What of its shot is not used, and whether its still does not look like it, one line each.
    """

    glance: Glance
    source: Source
    missing: int | None
    remarks: list[str]


@dataclass(frozen=True)
class _Sight:
    """All that a frame's colours depend on: the plan's where it is coloured by itself, and those that are kept."""

    frame: int
    looks: Looks | None
    treatment: Treatment
    grading: Grading
    references: tuple[PlannedReference, ...]
    identities: tuple[str, ...]
    kept: FilmColors | None


class Sights:
    """Colours frames by themselves, where nothing is kept of them.

    Args:
        info: The film.
        networks: Colour the frames.
        known: Reads the stills.
        shots: Finds what is kept.
        frames: Of the film, as a decode counts them.
    """

    def __init__(
        self,
        info: VideoInfo,
        networks: ExemplarColorizer,
        known: KnownStills,
        shots: WholeShots,
        *,
        frames: int,
    ) -> None:
        self._info, self._networks, self._known, self._shots, self._frames = info, networks, known, shots, frames
        self._encoder = StillEncoder(networks, info)
        self._stills: dict[str, Still] = {}
        self._frame = lru_cache(maxsize=1)(self._read)
        self._seen = lru_cache(maxsize=_GLANCES_KEPT)(self._color)
        self._small = lru_cache(maxsize=_THUMBNAILS_KEPT)(lambda sight: cell(self._seen(sight)[0].colored))

    @cached_property
    def times(self) -> list[Fraction]:
        """When each frame is shown, in seconds."""
        return frame_times(self._info.path, stream=self._info.stream, frames=self._frames)

    def see(self, frame: int, plan: ColorPlan, work: Work) -> Seen:
        """Show a frame in colours as a plan has it.

        Args:
            frame: Its number.
            plan: The plan.
            work: On the film.

        Raises:
            VideoError: The film cannot be read.
            ReferenceImageError: A still of the shot is missing, or cannot be read.
        """
        sight, remarks = self._sight(frame, plan, work)
        glance, is_film, doubts = self._seen(sight)
        source: Source = "film" if is_film else "alone"
        if not (shot := self._shot(sight)).colored:
            source = "neutral" if shot.neutral else "own"
        missing = sight.kept.missing if is_film and sight.kept is not None else None
        return Seen(glance, source, missing, [*remarks, *doubts])

    def thumbnail(self, frame: int, plan: ColorPlan, work: Work) -> Bytes:
        """Return a frame in its colours, RGB uint8 (180, w, 3); arguments and what is raised are as for `see`."""
        return self._small(self._sight(frame, plan, work)[0])

    def _sight(self, frame: int, plan: ColorPlan, work: Work) -> tuple[_Sight, list[str]]:
        settled = settle_shot(plan, plan.shot_at(frame), load=self._known.load)
        assert settled.plan is not None, "a plan was given"
        self._load(settled.references)
        shot = settled.plan.shot_at(frame)
        identities = tuple(self._stills[each.path].reference.identity for each in shot.references)
        kept = self._shots.find(frame, settled, plan, work)
        sight = _Sight(frame, shot.looks, shot.treatment, shot.grading, tuple(shot.references), identities, kept)
        return sight, settled.notes

    def _load(self, references: Collection[Reference]) -> None:
        """Have the stills of one shot ready, and those alone: of the copies that are encoded the latest are kept."""
        before, self._stills = self._stills, {}
        for reference in references:
            known = before.get(reference.key)
            if known is None or known.reference.identity != reference.identity:
                known = self._encoder.still(reference)
            self._stills[reference.key] = known

    def _color(self, sight: _Sight) -> tuple[Glance, bool, list[str]]:
        """Return a frame in colours, whether they are those that the film will have, and doubts about its still."""
        frame, kept, shot = self._frame(sight.frame), sight.kept, self._shot(sight)
        bound = BoundStills(self._info, [shot], (self._stills[each.path].reference for each in shot.references))
        bound.look(frame)
        if kept is not None and (ab := kept.read()) is not None:
            luma = working_luma(frame, self._info, long_side=kept.long_side)
            glance = in_colors(frame, Chroma(ab, np.ones_like(luma)), luma, self._info, kept.grading)
            return glance, True, bound.warnings
        return look_at(frame, shot, self._info, self._stills, self._networks), False, bound.warnings

    def _shot(self, sight: _Sight) -> PlannedShot:
        return PlannedShot(
            start=0,
            stop=self._frames,
            looks=sight.looks,
            treatment=sight.treatment,
            **asdict(sight.grading),
            references=list(sight.references),
        )

    def _read(self, frame: int) -> Frame:
        with closing(read_frames(self._info, [frame], of=self._frames, times=self.times)) as frames:
            return next(frames)
