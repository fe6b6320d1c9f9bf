"""Keyframes of one shot, and the colour of every frame between them."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma
from vidcolor.flow import Preset
from vidcolor.propagation.effort import EFFORTS, Effort
from vidcolor.propagation.fusion import Carried, carry, fill, fuse, holes, key_planes, lay_over, mend
from vidcolor.propagation.motion import Sight, Track, anchor, explained, extend, halfway, link, rest
from vidcolor.readahead import read_ahead
from vidcolor.reports import Clock

Floats = npt.NDArray[np.float32]

# A frame is looked across when this much more of it is unexplained than of the frame before: a white frame among
# textures gains 0.18, a slow pan 0.01 to 0.04 a frame.
_FLASH_SHARE = 0.1

# Drift corrected every 2, 4, 8 frames or never: errors of 1.64, 1.67, 1.71, 1.75. Each correction is one more flow.
_ANCHOR_EVERY = 2

# Smaller holes are specks of grain: mending them gains nothing, 33.76 dB either way, and took 18 % of a steady clip.
_FILL_SHARE = 0.005

# While the networks look at a keyframe, flow has the time for some ten frames.
_LINKED_AHEAD = 8


@dataclass(frozen=True, eq=False)
class WorkingFrame:
    """One frame as propagation and the networks see it.

    Args:
        index: Number of the frame in the film.
        luma: float32 (h, w) in [0, 1] at the working size.
        still: Colours of a still bound to this very frame, at the same size, or None.
        anew: Other references count from here on: a keyframe to which no colours are brought.
    """

    index: int
    luma: Floats
    still: Chroma | None = None
    anew: bool = False

    def __post_init__(self) -> None:
        if self.luma.ndim != 2 or self.luma.dtype != np.float32:
            raise ValueError(f"luma is {self.luma.dtype} {self.luma.shape}; expected float32 (h, w)")
        if self.still is not None and self.still.confidence.shape != self.luma.shape:
            raise ValueError(f"still is {self.still.confidence.shape}, its frame {self.luma.shape}; expected one size")

    def __repr__(self) -> str:
        return f"WorkingFrame(index={self.index}, luma={self.luma.dtype}{self.luma.shape}, still={self.still})"


Colorize = Callable[[WorkingFrame, Chroma | None], Chroma]


@dataclass(eq=False)
class _Step:
    """A frame on its way: its tracks to the frames before and after it and to the keyframe before it."""

    frame: WorkingFrame
    sight: Sight
    back: Track | None = None
    ahead: Track | None = None
    to_key: Track | None = None
    flash: bool = False
    unexplained: float = 0.0

    def aim(self, track: Track, key: "_Step") -> None:
        """Set the track to the keyframe before, and the share of this frame that the keyframe does not explain."""
        self.to_key = track
        self.unexplained = float(holes(self.explained_by(key, track)).mean())

    def explained_by(self, key: "_Step", track: Track) -> Floats:
        """Return how far a keyframe explains this frame, float32 (h / 2, w / 2); a flash is judged by its tracks."""
        return track.validity if self.flash else explained(track, self.sight, key.sight)


def _linked(frames: Iterable[WorkingFrame], preset: Preset, clock: Clock) -> Iterator[_Step]:
    """Make the steps of a shot, each with the tracks between it and the frame before it."""
    previous: _Step | None = None
    for frame in frames:
        with clock("flow"):
            step = _Step(frame, Sight.of(frame.luma, preset))
            if previous is not None:
                previous.ahead, step.back = link(previous.sight, step.sight)
        yield step
        previous = step


class _Steps:
    """The steps of a shot, one at a time; what was looked at too early can be given back."""

    def __init__(self, steps: Iterator[_Step]) -> None:
        self._steps = steps
        self._returned: deque[_Step] = deque()

    def pull(self) -> _Step | None:
        return self._returned.popleft() if self._returned else next(self._steps, None)

    def peek(self) -> _Step | None:
        step = self.pull()
        if step is not None:
            self._returned.appendleft(step)
        return step

    def give_back(self, step: _Step) -> None:
        """Let the next pull return this step, it and those after it without their tracks."""
        self._returned = deque(_Step(other.frame, other.sight) for other in (step, *self._returned))


def propagate(
    frames: Iterable[WorkingFrame],
    colorize: Colorize,
    *,
    effort: Effort = EFFORTS["balanced"],
    look_ahead: int = 0,
    clock: Clock | None = None,
) -> Generator[Chroma, None, None]:
    """Colour every frame of one shot from keyframes, in order, one Chroma per frame.

    Keyframes are the first frame, every frame that a still is bound to or that begins anew, and further ones, at most
    `max_gap` later than the one before, earlier where its colours no longer explain the picture. Where the shot's first
    still lies in reach, the frames before it are coloured backwards from it: it is obeyed on both sides. A thread reads
    `frames` and their flow, up to the larger of `max_gap` + 11 and `look_ahead` frames beyond the one delivered.

    Args:
        frames: Consecutive frames of one shot, all of one size.
        colorize: Runs the networks on a frame. Gets what flow brought to the frame, with its validity as confidence,
            or None where nothing can have come.
        effort: How many keyframes there are and how finely flow is searched.
        look_ahead: How far into the shot its first still is looked for, in frames.
        clock: Charged with `flow`.

    Yields:
        Colours at the working size. A bound still's own colours are delivered unchanged where its confidence is 1 and
        mixed with the networks' elsewhere; a still of no confidence is as none.
    """
    rest_of_shot, clock = iter(frames), clock or Clock()
    head: list[WorkingFrame] = []
    for frame in islice(rest_of_shot, max(look_ahead, effort.max_gap) + 1):
        head.append(frame)
        if _is_painted(frame) or (frame.anew and len(head) > 1):
            break
    if len(head) > 1 and _is_painted(head[-1]):
        backwards = list(_forwards(reversed(head), colorize, effort, clock))
        while len(backwards) > 1:
            yield backwards.pop()
        head = head[-1:]
    yield from _forwards(chain(head, rest_of_shot), colorize, effort, clock)


def _forwards(frames: Iterable[WorkingFrame], colorize: Colorize, effort: Effort, clock: Clock) -> Iterator[Chroma]:
    """Colour frames from their first one on."""
    with closing(read_ahead(_linked(frames, effort.flow, clock), _LINKED_AHEAD, name="vidcolor-flow")) as linked:
        steps = _Steps(linked)
        key = steps.pull()
        chroma = None if key is None else _color_key(key, None, colorize)
        while key is not None and chroma is not None:
            span, closed = _gather(key, steps, effort)
            yield chroma
            if closed:
                brought = None if span[-1].frame.anew else _evidence(chroma, key, span[-1])
                end_chroma = _color_key(span[-1], brought, colorize)
                yield from _between(span, chroma, end_chroma, colorize, effort)
                key, chroma = span[-1], end_chroma
            else:
                yield from _beyond(span, chroma, colorize, effort)
                key = None


def flow_only(frames: Iterable[WorkingFrame], still: Chroma) -> Iterator[Chroma]:
    """Carry the first frame's colours through a shot by composed flow alone: the baseline of every evaluation.

    Args:
        frames: Consecutive frames of one shot; stills bound to them are not looked at.
        still: Colours of the first frame.

    Yields:
        One Chroma per frame; where the flow leaves the first frame its outermost colours continue.
    """
    previous: _Step | None = None
    planes = np.empty((0, 0, 4), dtype=np.float32)
    for frame in frames:
        step = _Step(frame, Sight.of(frame.luma, "half"))
        if previous is None or previous.to_key is None:
            step.to_key = rest(step.sight)
            planes = key_planes(still)
        else:
            step.to_key = extend(link(step.sight, previous.sight)[0], previous.to_key)
        yield carry(planes, step.to_key, step.to_key.validity).chroma()
        previous = step


def _gather(key: _Step, steps: _Steps, effort: Effort) -> tuple[list[_Step], bool]:
    """Return the steps from a keyframe to the next one or, with False, to the end of the shot."""
    key.aim(rest(key.sight), key)
    span = [key]
    while (step := steps.pull()) is not None:
        previous, gap = span[-1], len(span)
        if previous.ahead is None or step.back is None:  # given back, and with them their tracks
            previous.ahead, step.back = link(previous.sight, step.sight)
        if step.to_key is None:  # else a flash lies before it, and its track leads across
            step.aim(_follow(step.back, _known(previous.to_key), step, key, gap), key)
        sudden = step.unexplained > min(effort.key_share, previous.unexplained + _FLASH_SHARE) and not previous.flash
        fixed = _is_fixed(step.frame)
        if sudden and effort.max_gap > 1 and not fixed and _bridge(previous, step, steps.peek(), key, effort):
            if gap == effort.max_gap:  # a flash is no keyframe: close before it, and meet it again in the next span
                steps.give_back(step)
                return span, True
        elif step.unexplained > effort.key_share or fixed or gap == effort.max_gap:
            return [*span, step], True
        span.append(step)
    return span, len(span) > 1 and span[-1].unexplained > effort.ask_share


def _bridge(previous: _Step, step: _Step, beyond: _Step | None, key: _Step, effort: Effort) -> bool:
    """Lay the tracks across a step that is a flash: what lies beyond resembles what was before more than it does."""
    if beyond is None:
        return False
    over, under = link(previous.sight, beyond.sight)
    across = extend(under, _known(previous.to_key))
    share = float(holes(explained(across, beyond.sight, key.sight)).mean())
    if share > min(effort.key_share, 0.5 * (previous.unexplained + step.unexplained)):
        return False
    # A flash's own luma says nothing: it is taken to lie midway between its neighbours.
    previous.ahead, step.ahead = halfway(over), halfway(over)
    step.back, beyond.back = halfway(under), halfway(under)
    step.flash = True
    step.aim(extend(step.back, _known(previous.to_key)), key)
    beyond.aim(across, key)
    return True


def _between(span: list[_Step], before: Chroma, after: Chroma, colorize: Colorize, effort: Effort) -> Iterator[Chroma]:
    """Colour the steps that lie inside a span from the keyframes at its two ends."""
    key, end = span[0], span[-1]
    planes_before, planes_after = key_planes(before), key_planes(after)
    tracks = _tracks_to_end(span)
    for position, step in enumerate(span[1:-1], start=1):
        back, ahead = _known(step.to_key), tracks[position]
        from_before = carry(planes_before, back, step.explained_by(key, back), before.provenance)
        from_after = carry(planes_after, ahead, step.explained_by(end, ahead), after.provenance)
        yield _complete(fuse(from_before, from_after, position / (len(span) - 1)), step, colorize, effort)


def _beyond(span: list[_Step], before: Chroma, colorize: Colorize, effort: Effort) -> Iterator[Chroma]:
    """Colour the steps after a shot's last keyframe from that one alone."""
    planes = key_planes(before)
    for step in span[1:]:
        track = _known(step.to_key)
        carried = carry(planes, track, step.explained_by(span[0], track), before.provenance)
        yield _complete(carried, step, colorize, effort)


def _complete(carried: Carried, step: _Step, colorize: Colorize, effort: Effort) -> Chroma:
    """Fill the holes: by the networks where they are large, else from their neighbours."""
    share = float(holes(carried.validity).mean())
    if share > effort.ask_share:
        return mend(carried, colorize(step.frame, carried.evidence()))
    return mend(carried, fill(carried, step.frame.luma)) if share > _FILL_SHARE else carried.chroma()


def _color_key(step: _Step, evidence: Chroma | None, colorize: Colorize) -> Chroma:
    still = _still(step)
    if still is None:
        return colorize(step.frame, evidence)
    if still.confidence.min() >= 1:
        return still
    return lay_over(colorize(step.frame, evidence), still)


def _evidence(chroma: Chroma, key: _Step, end: _Step) -> Chroma:
    """Return what flow carries from one keyframe to the next."""
    track = _known(end.to_key)
    return carry(key_planes(chroma), track, end.explained_by(key, track), chroma.provenance).evidence()


def _tracks_to_end(span: list[_Step]) -> list[Track]:
    """Return the track of every step to the last one."""
    end = span[-1]
    tracks = [rest(end.sight)]
    for distance, step in enumerate(reversed(span[:-1]), start=1):
        tracks.append(_follow(_known(step.ahead), tracks[-1], step, end, distance))
    return tracks[::-1]


def _follow(link_to_next: Track, onward: Track, step: _Step, key: _Step, distance: int) -> Track:
    track = extend(link_to_next, onward)
    if distance % _ANCHOR_EVERY == 0 and not step.flash:
        track = anchor(track, step.sight, key.sight)
    return track


def _still(step: _Step) -> Chroma | None:
    return step.frame.still if _is_painted(step.frame) else None


def _is_fixed(frame: WorkingFrame) -> bool:
    return frame.anew or _is_painted(frame)


def _is_painted(frame: WorkingFrame) -> bool:
    return frame.still is not None and bool(frame.still.confidence.any())


def _known(track: Track | None) -> Track:
    assert track is not None, "a step's tracks are laid before they are read"
    return track
