"""The frames of one shot on their way: what propagation sees of each, linked by tracks, and flashes looked across."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma
from vidcolor.flow import Preset
from vidcolor.propagation.fusion import holes
from vidcolor.propagation.motion import Sight, Track, explained, extend, link, part_of
from vidcolor.reports import Clock

Floats = npt.NDArray[np.float32]

FLASH_SHARE = 0.1
"""A frame is looked across when this much more of it is unexplained than of the frame before: a white frame among
textures gains 0.18, a slow pan 0.01 to 0.04 a frame."""
_LONGEST_FLASH = 2

# Behind a flash the picture differs from what was before it by half (one frame) or 0.71 to 0.8 (two frames) of what the
# flash does, at a glance of so many cells. Where things move it goes on to differ: after 110 sudden changes in 14 films
# by 0.89 once and else by 1.01 to 1.97. Flow, which costs two hundred times as much, need not look at those.
_GLANCE = (24, 14)
_GONE_BACK = 0.85


class Painting(NamedTuple):
    """A painted picture at the working size.

    Attributes:
        luma: float32 (h, w) in [0, 1].
        colors: What was painted on it.
    """

    luma: Floats
    colors: Chroma


@dataclass(frozen=True, eq=False)
class WorkingFrame:
    """One frame as propagation and the networks see it.

    Args:
        index: Number of the frame in the film.
        luma: float32 (h, w) in [0, 1] at the working size.
        still: Colours of a still bound to this very frame, at the same size, or None.
        anew: Other references count from here on: a keyframe to which no colours are brought.
        until: Number of the next frame, as far as is known, that is painted or begins anew.
    """

    index: int
    luma: Floats
    still: Chroma | None = None
    anew: bool = False
    until: int | None = None

    def __post_init__(self) -> None:
        if self.luma.ndim != 2 or self.luma.dtype != np.float32:
            raise ValueError(f"luma is {self.luma.dtype} {self.luma.shape}; expected float32 (h, w)")
        if self.still is not None and self.still.confidence.shape != self.luma.shape:
            raise ValueError(f"still is {self.still.confidence.shape}, its frame {self.luma.shape}; expected one size")

    @property
    def painting(self) -> Painting | None:
        """The frame with its still, where that has some colour to give."""
        return None if self.still is None or not self.still.confidence.any() else Painting(self.luma, self.still)

    def __repr__(self) -> str:
        return f"WorkingFrame(index={self.index}, luma={self.luma.dtype}{self.luma.shape}, still={self.still})"


Colorize = Callable[[WorkingFrame, Chroma | None], Chroma]
"""Runs the networks on a frame, given what flow brought to it, its validity as confidence, or None."""


@dataclass(eq=False)
class Step:
    """A frame on its way: its tracks to the frames before and after it and to the keyframe before it."""

    frame: WorkingFrame
    sight: Sight
    back: Track | None = None
    ahead: Track | None = None
    to_key: Track | None = None
    flash: bool = False
    unexplained: float = 0.0

    def aim(self, track: Track, key: "Step") -> None:
        """Set the track to the keyframe before, and the share of this frame that the keyframe does not explain."""
        self.to_key = track
        self.unexplained = float(holes(self.explained_by(key, track)).mean())

    def explained_by(self, key: "Step", track: Track) -> Floats:
        """Return how far a keyframe explains this frame, float32 (h / 2, w / 2); a flash is judged by its tracks."""
        return track.validity if self.flash else explained(track, self.sight, key.sight)


def linked(frames: Iterable[WorkingFrame], preset: Preset, clock: Clock) -> Iterator[Step]:
    """Make the steps of a shot, each with the tracks between it and the frame before it."""
    previous: Step | None = None
    for frame in frames:
        with clock("flow"):
            step = Step(frame, Sight.of(frame.luma, preset))
            if previous is not None:
                previous.ahead, step.back = link(previous.sight, step.sight)
        yield step
        previous = step


class Steps:
    """The steps of a shot, one at a time; what was looked at too early can be given back."""

    def __init__(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._returned: deque[Step] = deque()

    def pull(self) -> Step | None:
        """Take the next step, None at the end of the shot."""
        return self._returned.popleft() if self._returned else next(self._steps, None)

    def peek(self, number: int) -> Step | None:
        """Return the step that the pull after `number` more will return, None beyond the end of the shot."""
        while len(self._returned) <= number:
            if (step := next(self._steps, None)) is None:
                return None
            self._returned.append(step)
        return self._returned[number]

    def give_back(self, step: Step) -> None:
        """Let the next pull return this step, it and those after it without their tracks."""
        self._returned = deque(Step(other.frame, other.sight) for other in (step, *self._returned))


def bridge(previous: Step, step: Step, steps: Steps, key: Step, *, most: float) -> int:
    """Lay the tracks across a flash: a frame or two behind which the picture resembles what was before it more than it.

    A flash's own luma says nothing; its frames are taken to lie at even distances between their neighbours.

    Args:
        previous: The step before it.
        step: Its first step.
        steps: Those that follow.
        key: The keyframe before.
        most: Largest share of what lies beyond that the keyframe may leave unexplained.

    Returns:
        The number of its frames; 0 where it is none, and nothing is laid.
    """
    flash = [step]
    while len(flash) <= _LONGEST_FLASH and (beyond := steps.peek(len(flash) - 1)) is not None:
        if _difference(previous, beyond) < _GONE_BACK * _difference(previous, step):
            over, under = link(previous.sight, beyond.sight)
            across = extend(under, known(previous.to_key))
            share = float(holes(explained(across, beyond.sight, key.sight)).mean())
            if share <= min(most, 0.5 * (previous.unexplained + step.unexplained)):
                _lay(previous, flash, beyond, over, under, key)
                beyond.aim(across, key)
                return len(flash)
        if is_fixed(beyond.frame):
            return 0
        flash.append(beyond)
    return 0


def _difference(a: Step, b: Step) -> float:
    """Return how far two frames differ at a glance."""
    first, second = (cv2.resize(step.sight.luma, _GLANCE, interpolation=cv2.INTER_AREA) for step in (a, b))
    return float(cv2.norm(first, second, cv2.NORM_L1))


def _lay(previous: Step, flash: list[Step], beyond: Step, over: Track, under: Track, key: Step) -> None:
    hops = len(flash) + 1
    for before, after in pairwise([previous, *flash, beyond]):
        before.ahead, after.back = part_of(over, 1 / hops), part_of(under, 1 / hops)
    for number, step in enumerate(flash, start=1):
        step.flash = True
        step.aim(extend(part_of(under, number / hops), known(previous.to_key)), key)


def is_fixed(frame: WorkingFrame) -> bool:
    """Tell whether a frame is a keyframe whatever it shows."""
    return frame.anew or frame.painting is not None


def known(track: Track | None) -> Track:
    """Return a track that has been laid."""
    assert track is not None, "a step's tracks are laid before they are read"
    return track
