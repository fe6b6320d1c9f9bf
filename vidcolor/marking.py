"""The networks at work for one shot, and where another run may go on with it."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vidcolor.color import Chroma
from vidcolor.exemplar import Remembered, Views
from vidcolor.marks import Mark
from vidcolor.propagation import WorkingFrame
from vidcolor.reports import Clock

Floats = NDArray[np.float32]


class MarkingColorizer:
    """Asks the networks for the colours of a shot's frames, and marks the keyframes that a later run may go on from.

    Args:
        views: Holding the shot's references.
        see: Shows a frame, given its number, to a view of a long side.
        exposures: States of the shot's `Exposure` after each frame that has been read.
        clock: Charged with `networks`.
        begin: The frame that colours begin with, from which the distance to the first mark counts; where a run goes on,
            that of `going_on` takes its place. The keyframes before it are asked for first, backwards, then those after
            it, of which the first is matched with it again, not with the last one before.
        marks_every: As of `color_shot`.
        going_on: The mark from which an earlier run is gone on with, or None.

    Attributes:
        marks: By frame, those that nobody took out yet. They are put in by the thread that colours keyframes.
    """

    def __init__(
        self,
        views: Views,
        see: Callable[[int, int], Floats],
        exposures: Mapping[int, NDArray[np.float64]],
        *,
        clock: Clock,
        begin: int,
        marks_every: int | None,
        going_on: Mark | None,
    ) -> None:
        self._views, self._see, self._exposures, self._clock = views, see, exposures, clock
        self._begin = self._marked = begin if going_on is None else going_on.frame
        self._at_begin: Remembered | None = views.remembered if going_on is None else None
        self._marks_every, self._going_on = marks_every, going_on
        self.marks: dict[int, Mark] = {}

    def keyframe(self, frame: WorkingFrame, propagated: Chroma | None) -> Chroma:
        """Colour a keyframe, which the networks remember, and mark it if it is time."""
        before = self._going_on
        if before is not None and frame.index == before.frame:  # an earlier run has coloured this one
            self._views.recall(partial(self._see, frame.index), before.memory, frame=frame.index)
            return before.chroma
        if frame.index > self._begin and self._at_begin is not None:
            self._views.remembered, self._at_begin = self._at_begin, None
        chroma = self._colors(frame, propagated, remember=True)
        if frame.index == self._begin:
            self._at_begin = self._views.remembered
        if self._marks_every and frame.index >= self._marked + self._marks_every:
            self.marks[frame.index] = Mark(frame.index, chroma, self._views.memory(), self._exposures[frame.index])
            self._marked = frame.index
        return chroma

    def between(self, frame: WorkingFrame, propagated: Chroma | None) -> Chroma:
        """Colour a frame between keyframes."""
        return self._colors(frame, propagated, remember=False)

    def _colors(self, frame: WorkingFrame, propagated: Chroma | None, *, remember: bool) -> Chroma:
        with self._clock("networks"):
            return self._views.colorize(
                partial(self._see, frame.index),
                propagated,
                size=(frame.luma.shape[1], frame.luma.shape[0]),
                frame=frame.index,
                remember=remember,
            )
