"""The networks' views of a shot's frames, each at a size of its own, and what they say together.

A small thing is found again more surely in a large picture, where it fills more cells, a large plain one in a small
picture, where a cell sees more of what is around it. What is wrong differs, so the mean is better than either: on the
twelve validation clips `best` gives 35.24 dB with one view of 512 pixels, 35.38 with the mean of 384 and 640, 35.35
with that of 512 and 640, 35.36 with that of 384 and 576, 35.14 and 35.22 with one of 384 or 640. Runs of one kind
differ by up to 0.03, and a third view, a mirrored one or choosing by confidence where two disagree gain no more.
CIEDE2000 is that of one view of 512. All of it was measured before landmarks.
"""

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma
from vidcolor.exemplar.shot import Colored, Remembered, ShotColorizer
from vidcolor.provenance import mixed

Floats = npt.NDArray[np.float32]

See = Callable[[int], Floats]
"""Returns a frame's luma (h, w) in [0, 1], upright, its long side about so many pixels; h and w are multiples of 32."""


class Views:
    """Colours single frames of one shot from several views of each.

    Only the smallest view is matched against the shot's latest keyframes: that takes as long as a still, and in the
    others gains no more than runs differ by.

    Args:
        views: The long side of each view, the smallest one first, and the networks with the shot's references for it.

    Attributes:
        changes: First frames from which other references count than before.
        traces: Whether provenance was asked for.
    """

    def __init__(self, views: Iterable[tuple[int, ShotColorizer]]) -> None:
        (self._long_side, self._first), *self._others = views
        self.changes = self._first.changes
        self.traces = self._first.traces

    def colorize(
        self, see: See, propagated: Chroma | None, *, size: tuple[int, int], frame: int, remember: bool
    ) -> Chroma:
        """Colour one frame: the mean of its views.

        Where no still counts only the smallest view is asked: on the validation clips automatic colours err by 12.8 in
        ab at 384 pixels, by 13.5 at 640. A view in which no copy of a still could be as large as the frame needs it, a
        close-up, is left out.

        Args:
            see: Shows the frame.
            propagated: What flow brought to it, at any size, confidence meaning validity; None for nothing.
            size: Width and height of the result.
            frame: Its number, by which references count or not.
            remember: As of `ShotColorizer.colorize`.
        """

        def said(colorizer: ShotColorizer, long_side: int, *, remember: bool) -> Colored:
            luma = see(long_side)
            brought = None if propagated is None else _resized(propagated, luma.shape[::-1])
            return colorizer.colorize(luma, brought, frame=frame, remember=remember)

        first = said(self._first, self._long_side, remember=remember)
        others = [
            said(colorizer, long_side, remember=False)
            for long_side, colorizer in self._others
            if colorizer.nearest(frame) >= first.nearer
        ]
        return _mean([_resized(each.chroma, size) for each in (first, *others)])

    def likeness(self, see: See, frame: int) -> float:
        """Return how well a frame is found in its references, see `ShotColorizer.likeness`."""
        return self._first.likeness(see(self._long_side), frame)

    def counts(self, frame: int) -> bool:
        """Return whether a reference counts in a frame."""
        return self._first.counts(frame)

    @property
    def remembered(self) -> Remembered:
        """What is remembered now of keyframes; set it to go on from there another way."""
        return self._first.remembered

    @remembered.setter
    def remembered(self, then: Remembered) -> None:
        self._first.remembered = then

    def memory(self) -> Floats:
        """Return the latest keyframe's colours as later ones are matched against them, see `ShotColorizer.memory`."""
        return self._first.memory()

    def recall(self, see: See, memory: Floats, *, frame: int) -> None:
        """Remember a keyframe that another run's `Views` of this shot coloured, see `ShotColorizer.recall`.

        Args:
            see: Shows the keyframe.
            memory: What the other one's `memory` was after it.
            frame: Its number.
        """
        self._first.recall(see(self._long_side), memory, frame=frame)


def _mean(said: Sequence[Chroma]) -> Chroma:
    mean, *others = said
    for count, each in enumerate(others, start=2):
        share = np.asarray(1 / count, np.float32)
        ab = mean.ab + share * (each.ab - mean.ab)
        confidence = mean.confidence + share * (each.confidence - mean.confidence)
        mean = Chroma(ab, np.clip(confidence, 0, 1), mixed(mean.provenance, each.provenance, share))
    return mean


def _resized(chroma: Chroma, size: tuple[int, int]) -> Chroma:
    """Return colours at another (width, height), themselves where it is the same."""
    width, height = size
    if chroma.confidence.shape == (height, width):
        return chroma

    def sized(planes: Floats, width: int, height: int) -> Floats:
        way = cv2.INTER_LINEAR if width > planes.shape[1] else cv2.INTER_AREA
        return np.asarray(cv2.resize(planes, (width, height), interpolation=way), np.float32)

    traced = chroma.provenance
    provenance = None if traced is None else sized(traced, (width + 1) // 2, (height + 1) // 2)
    confidence = np.clip(sized(chroma.confidence, width, height), 0, 1)
    return Chroma(sized(chroma.ab, width, height), confidence, provenance)
