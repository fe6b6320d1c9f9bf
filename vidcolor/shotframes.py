"""The frames of one shot on their way: read, shown to propagation and to the networks, waiting for their colours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from vidcolor.color import Chroma
from vidcolor.exemplar import Views
from vidcolor.exposure import Exposure, dimmest, dip_beneath, dips_before, first_lit, fully_exposed, is_black
from vidcolor.framing import upright_size, working_luma
from vidcolor.marks import Mark
from vidcolor.propagation import Effort, Kindred, PaintedStill, Painting, WorkingFrame
from vidcolor.provenance import STILL, everywhere
from vidcolor.reports import Clock
from vidcolor.video import Frame, VideoInfo

Floats = NDArray[np.float32]

_LOOK_AHEAD = 128
_WAITING_BYTES = 256 << 20
_SAMPLE_BYTES = 3  # of a waiting frame, per pixel: its luma, and the decoded picture behind it

# So many frames of a shot are compared with its references, at least so far apart, and the first is taken that is
# as like as the likest one: in one that stands still no frame is better.
_GLANCES, _APART = 5, 8
_ALIKE = 0.005


@dataclass(frozen=True, eq=False)
class ColoredFrame:
    """A frame of the film with its luma and its colours at the working size, all as stored.

    Attributes:
        frame: The film's frame.
        luma: Y' float32 (h, w) in [0, 1].
        chroma: Its colours, or None where the film's own are kept.
        mark: Where it is a keyframe from which another run can go on, None elsewhere.
    """

    frame: Frame
    luma: Floats
    chroma: Chroma | None
    mark: Mark | None = None


@dataclass(frozen=True, eq=False)
class ShotOutset:
    """What is known of a shot before its first frame is read.

    Attributes:
        start: Number of the shot's first frame.
        stop: Number of the frame after its last.
        painted: Stills by the number of the frame that they were painted on.
        emerging: How many of the shot's first frames show the shot before, too, which dissolves into it.
        going_on: The mark of the first frame that is read, where an earlier run coloured those before it. Colours are
            those with which it would have gone on.
        passed: Numbers and luma, as stored, of painted frames before that one, at least the latest `LANDMARKS`.
        kindred: Stills that were painted on none of its frames, each with those for which it counts, None for all.
    """

    start: int
    stop: int
    painted: Mapping[int, PaintedStill]
    emerging: int = 0
    going_on: Mark | None = None
    passed: Sequence[tuple[int, Floats]] = ()
    kindred: Sequence[tuple[PaintedStill, range | None]] = ()


class ShotFrames:
    """Reads a shot's frames, and keeps those whose colours are not delivered.

    Colours begin with the frame of the shot's first still where the frames before it fit into memory: up to 128 of them
    at 480p, about 40 at 1080p. Without a still in reach they begin with the frame there that resembles one of the
    shot's references most: with a clip's middle frame as a still of no frame the twelve validation clips come out at
    33.7 instead of 33.4 dB. Frames that are still dark, as in a fade, or show the shot before, too, do not count. The
    frames before are coloured backwards from there.

    Args:
        frames: The shot's frames; from that of the mark on where there is one to go on from.
        info: Their film.
        views: Of the networks, whose references may change within the shot.
        outset: What is known of the shot.
        effort: Of propagation.
        clock: Charged with `decode` and `shrink`, and `glance` for choosing where colours begin.

    Attributes:
        first: Number of the first frame; once the `leader` is read, of the first after it.
        begin: How many frames later colours begin, once the `leader` is read.
        exposures: States of the shot's `Exposure` after each frame read.
    """

    def __init__(
        self,
        frames: Iterator[Frame],
        info: VideoInfo,
        views: Views,
        outset: ShotOutset,
        *,
        effort: Effort,
        clock: Clock,
    ) -> None:
        self._info, self._views, self._outset = info, views, outset
        self._long_side, self._max_gap, self._flow = effort.long_side, effort.max_gap, effort.flow
        self._clock = clock
        self._painted, mark = outset.painted, outset.going_on
        self._followed = outset.start - 1 if mark is None else mark.frame
        self._exposure = Exposure(None if mark is None else mark.exposure)
        self._waiting: dict[int, tuple[Frame, Floats]] = {}
        self._dips: dict[int, float] = {}
        self._beneath = 0.0
        # A shot begins with its first frame anyhow: coloured backwards, that is no frame to begin anew with. Nor does a
        # shot come to the frame after its last.
        self._changes = views.changes.intersection(range(outset.start + 1, outset.stop))
        self.exposures: dict[int, NDArray[np.float64]] = {}
        self.first = outset.start if mark is None else mark.frame
        self._shown = shrunk(frames, info, clock, long_side=effort.long_side)
        self.begin = 0

    def leader(self) -> Iterator[tuple[Frame, Floats]]:
        """Give the black frames that a shot begins with, which need no colours, and see where those begin.

        They are read before all others, and none of them waits: a leader may be longer than memory is large.
        """
        if self._outset.going_on is not None:
            return
        for frame, luma in self._shown:
            if frame.index in self._painted or frame.index in self._changes or not is_black(luma):
                self._shown = chain([(frame, luma)], self._shown)
                break
            self.first = frame.index + 1
            yield frame, luma
        self.begin = self._beginning()

    def working(self) -> Iterator[WorkingFrame]:
        """Read the frames, and show them to propagation."""
        for frame, luma in self._shown:
            number = frame.index
            self._waiting[number] = frame, luma
            working = self._working(number, luma)
            if number > self._followed:  # else the marked state of an earlier run has followed it already
                self._follow(working, luma)
            self._dips[number], self.exposures[number] = self._exposure.dip, self._exposure.state
            yield _in_full_light(working, self._exposure.dip)

    def landmarks(self) -> list[Painting]:
        """Show the painted frames before the first one that is read, as far as the same references count for them."""
        anew = max((change for change in self._changes if change <= self.first), default=0)
        known = self._exposure.painted
        dips = known[:-1] if self.first in self._painted else known  # the marked frame's own is the latest
        frames = [
            _in_full_light(self._working(number, luma), dip)
            for (number, luma), dip in zip(reversed(self._outset.passed), reversed(dips), strict=False)
            if number >= anew
        ]
        paintings = (frame.painting for frame in reversed(frames))
        return [painting for painting in paintings if painting is not None]

    def kindred(self) -> list[Kindred]:
        """Show stills of none of the shot's frames to propagation."""
        size = upright_size(self._info, long_side=self._long_side)
        paintings = ((still.by_itself(size), span) for still, span in self._outset.kindred)
        return [(each._replace(colors=self._traced(each.colors)), span) for each, span in paintings]

    def see(self, number: int, long_side: int) -> Floats:
        """Show a frame that waits to the networks, upright."""
        return self._shown_at(*self._waiting[number], long_side)

    def take(self, number: int) -> tuple[Frame, Floats, float]:
        """Return a frame whose colours are there, its luma as stored and its dip, see `Exposure`, and forget it."""
        del self.exposures[number]
        return *self._waiting.pop(number), self._dips.pop(number)

    def _follow(self, frame: WorkingFrame, luma: Floats) -> None:
        """Follow the light to a frame, and back from where colours begin, for they travel back from there."""
        lowest = None if frame.still is None else dimmest(frame.still)
        if frame.index != self.first + self.begin:
            self._exposure.follow(luma, dimmest=lowest)
            return
        frames = range(self.first, frame.index + 1)
        lumas = [self._waiting[each][1] for each in frames]
        dip = 0.0 if lowest is None else max(min(self._beneath, dip_beneath(lumas)), lowest)
        self._exposure.begin(luma, dip)
        self._dips.update(zip(frames, dips_before(lumas, dip), strict=True))

    def _beginning(self) -> int:
        """Return how many frames after `first` colours begin.

        With the first still, where it is near. Else with the frame that a reference resembles most among those that may
        wait, show the same references, are lit, and show the shot before no more; without references with the first.
        """
        reach = max(self._max_gap, min(_LOOK_AHEAD, frames_that_may_wait(self._info)))
        alike = min((change - self.first for change in self._changes if change > self.first), default=reach + 1)
        still = min(self._painted, default=self.first + reach + 1) - self.first
        most, read = min(reach + 1, alike), list[tuple[Frame, Floats]]()

        def lumas() -> Iterator[Floats]:
            for each in islice(self._shown, most):
                read.append(each)
                yield each[1]

        if still <= min(reach, alike):
            lit = first_lit(lumas())
            if lit > still:
                self._beneath = dip_beneath([luma for _, luma in read[still:][::-1]])
            self._shown = chain(read, self._shown)
            return still
        begin = max(first_lit(lumas()), min(self._outset.emerging, reach, alike - 1))
        # Without references no frame is better than another, and none need wait.
        if self._views.counts(self.first):
            read += islice(self._shown, most - len(read))
            with self._clock("glance"):
                begin = self._likest(read, begin)
        self._shown = chain(read, self._shown)
        return begin

    def _likest(self, read: list[tuple[Frame, Floats]], begin: int) -> int:
        """Return the frame, from `begin` on, that a reference resembles most: its colours are the surest."""
        apart = max(_APART, -(-(len(read) - begin) // _GLANCES))
        glances = {number: read[number] for number in range(begin, len(read), apart)}
        if len(glances) < 2:
            return begin
        fits = {
            number: self._views.likeness(partial(self._shown_at, frame, luma), frame.index)
            for number, (frame, luma) in glances.items()
        }
        return next(number for number, fit in fits.items() if fit > max(fits.values()) - _ALIKE)

    def _shown_at(self, frame: Frame, luma: Floats, long_side: int) -> Floats:
        same = long_side == self._long_side
        return self._info.upright(luma if same else working_luma(frame, self._info, long_side=long_side))

    def _working(self, number: int, luma: Floats) -> WorkingFrame:
        # The networks see the picture upright: they learned from photographs.
        upright = self._info.upright(luma)
        painted = self._painted.get(number)
        still = None if painted is None else self._traced(painted.laid_on(upright, preset=self._flow))
        until = min((each for each in (*self._painted, *self._changes) if each > number), default=None)
        return WorkingFrame(number, upright, still, number in self._changes, until)

    def _traced(self, still: Chroma) -> Chroma:
        """Return a still's colours, which say where they come from if that is asked."""
        return replace(still, provenance=everywhere(STILL, still.confidence)) if self._views.traces else still


def _in_full_light(frame: WorkingFrame, dip: float) -> WorkingFrame:
    return frame if frame.still is None else replace(frame, still=fully_exposed(frame.still, dip))


def frames_that_may_wait(info: VideoInfo) -> int:
    """Return how many frames of a film that are read fit into the memory that is for them."""
    return _WAITING_BYTES // (info.width * info.height * _SAMPLE_BYTES)


def shrunk(frames: Iterator[Frame], info: VideoInfo, clock: Clock, *, long_side: int) -> Iterator[tuple[Frame, Floats]]:
    """Give each frame with its luma at the working size, as stored; charge the clock with `decode` and `shrink`."""
    while True:
        with clock("decode"):
            frame = next(frames, None)
        if frame is None:
            return
        with clock("shrink"):
            luma = working_luma(frame, info, long_side=long_side)
        yield frame, luma
