"""Keyframes of one shot, and the colour of every frame between them."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma
from vidcolor.propagation.effort import EFFORTS, Effort
from vidcolor.propagation.fusion import Carried, carry, key_planes, lay_over
from vidcolor.propagation.inside import Inside, Side, color_inside, with_landmarks
from vidcolor.propagation.landmarks import Kindred, Landmark, ShotLandmarks
from vidcolor.propagation.motion import Sight, Track, anchor, extend, link, rest
from vidcolor.propagation.steps import (
    FLASH_SHARE,
    Colorize,
    Painting,
    Step,
    Steps,
    WorkingFrame,
    bridge,
    is_fixed,
    known,
    linked,
)
from vidcolor.readahead import read_ahead
from vidcolor.reports import Clock

Floats = npt.NDArray[np.float32]

# Drift corrected every 2, 4, 8 frames or never: errors of 1.64, 1.67, 1.71, 1.75. Each correction is one more flow.
_ANCHOR_EVERY = 2

# While the networks look at a keyframe, flow has the time for some ten frames.
_LINKED_AHEAD = 9

# Landmarks are looked for in frames between keyframes that have more holes than this, in a span at whose end they
# explain more than this: the camera may have left them.
_SEARCH_SHARE = 0.02
_IN_VIEW = 0.05


@dataclass(frozen=True, eq=False)
class Span:
    """A keyframe, the frames up to the next one, and that one; at the end of a shot those after its last keyframe.

    Args:
        steps: At least the keyframe's.
        before: The keyframe's colours.
        after: Those of the last step, the next keyframe; None at the end of the shot.
        landmarks: Those of which the span may show something.
    """

    steps: list[Step]
    before: Chroma
    after: Chroma | None
    landmarks: Sequence[Landmark]


def propagate(
    frames: Iterable[WorkingFrame],
    colorize: Colorize,
    *,
    between: Colorize | None = None,
    effort: Effort = EFFORTS["balanced"],
    begin: int = 0,
    landmarks: Sequence[Painting] = (),
    kindred: Sequence[Kindred] = (),
    clock: Clock | None = None,
) -> Generator[Chroma, None, None]:
    """Colour every frame of one shot from keyframes, in order, one Chroma per frame.

    Keyframes are the frame to begin with, every frame that a still is bound to or that begins anew, and further ones,
    at most `max_gap` later than the one before, evenly on the way to one that is known to come, and earlier where its
    colours no longer explain the picture. A thread reads `frames` and their flow, another one colours the next
    keyframe; they run ahead of the frame delivered, or of `begin`, by at most 2 `max_gap` + 12.

    Args:
        frames: Consecutive frames of one shot, all of one size.
        colorize: Runs the networks on a keyframe, in order. Gets what flow brought to the frame, with its validity as
            confidence, or None where nothing can have come.
        between: Runs them on a frame between keyframes, beside `colorize`, which it must not depend on; None for the
            same.
        effort: How many keyframes there are and how finely flow is searched.
        begin: Which of the frames to begin with; those before it are coloured backwards from it. The first one where
            there are fewer.
        landmarks: Painted frames of the shot before `frames`, where those are not all of it, the latest one last.
        kindred: Painted pictures that are none of its frames, and may show the same from the same place, each with
            the frames for which it counts, None for all. The first `KEPT` that count for a keyframe are looked for.
        clock: Charged with `flow`, with `tracks` for what leads to a keyframe, and with `wait` for waiting for one.

    Yields:
        Colours at the working size. A bound still's own colours are delivered unchanged where its confidence is 1 and
        mixed with the networks' elsewhere; a still of no confidence is as none.
    """
    rest_of_shot, clock, between = iter(frames), clock or Clock(), between or colorize
    others = [(Landmark.of(each, Sight.of(each.luma, effort.flow)), span) for each, span in kindred]
    passed = (Landmark.of(each, Sight.of(each.luma, effort.flow)) for each in landmarks)
    head, first, early = list(islice(rest_of_shot, begin + 1)), None, deque[Chroma]()
    if len(head) == begin + 1 > 1:
        backwards_first = (replace(each, until=None) for each in reversed(head))
        with closing(_spans(backwards_first, colorize, effort, clock, ShotLandmarks(others))) as spans:
            first, *backwards = _delivered(spans, between, effort, clock)
        early.extendleft(backwards)
        del backwards, head[:-1]
    onwards = chain(head, rest_of_shot)
    # They are coloured while those before are delivered.
    with closing(_spans(onwards, colorize, effort, clock, ShotLandmarks(others, passed), first=first)) as spans:
        while early:
            yield early.popleft()
        yield from _delivered(spans, between, effort, clock)


def _delivered(spans: Iterator[Span], between: Colorize, effort: Effort, clock: Clock) -> Iterator[Chroma]:
    """Colour the frames of spans."""
    while True:
        with clock("wait"):
            span = next(spans, None)
        if span is None:
            return
        yield span.before
        yield from color_inside(_beyond(span) if span.after is None else _between(span), between, effort)


def _spans(
    frames: Iterable[WorkingFrame],
    colorize: Colorize,
    effort: Effort,
    clock: Clock,
    landmarks: ShotLandmarks,
    *,
    first: Chroma | None = None,
) -> Generator[Span, None, None]:
    """Find and colour keyframes in a thread, from the first frame on, whose colours may be known."""
    found = _found(frames, colorize, effort, clock, landmarks, first=first)
    return read_ahead(found, 1, name="vidcolor-keyframes")


def _found(
    frames: Iterable[WorkingFrame],
    colorize: Colorize,
    effort: Effort,
    clock: Clock,
    landmarks: ShotLandmarks,
    *,
    first: Chroma | None,
) -> Iterator[Span]:
    """Find and colour keyframes, each from what flow brings of the one before, and of landmarks."""
    with closing(read_ahead(linked(frames, effort.flow, clock), _LINKED_AHEAD, name="vidcolor-flow")) as running:
        steps = Steps(running)
        key = steps.pull()
        chroma = first if first is not None or key is None else _color_first(key, landmarks.kindred(key), colorize)
        while key is not None and chroma is not None:
            in_view = landmarks.reach(key)
            with clock("tracks"):
                gathered, closed = _gather(key, steps, effort)
            end, after = gathered[-1], None
            if closed and end.frame.anew:
                after = _color_first(end, landmarks.kindred(end), colorize)
            elif closed:
                with clock("tracks"):
                    seen = _seen(end, in_view)
                    brought = with_landmarks(_brought(chroma, key, end), list(seen.values())).evidence()
                after, in_view = _color_key(end, brought, colorize), list(seen)
            yield Span(gathered, chroma, after, in_view)
            key, chroma = end, after


def flow_only(frames: Iterable[WorkingFrame], still: Chroma) -> Iterator[Chroma]:
    """Carry the first frame's colours through a shot by composed flow alone: the baseline of every evaluation.

    Args:
        frames: Consecutive frames of one shot; stills bound to them are not looked at.
        still: Colours of the first frame.

    Yields:
        One Chroma per frame; where the flow leaves the first frame its outermost colours continue.
    """
    previous: Step | None = None
    planes = np.empty((0, 0, 4), dtype=np.float32)
    for frame in frames:
        step = Step(frame, Sight.of(frame.luma, "half"))
        if previous is None or previous.to_key is None:
            step.to_key = rest(step.sight)
            planes = key_planes(still)
        else:
            step.to_key = extend(link(step.sight, previous.sight)[0], previous.to_key)
        yield carry(planes, step.to_key, step.to_key.validity).chroma()
        previous = step


def _gather(key: Step, steps: Steps, effort: Effort) -> tuple[list[Step], bool]:
    """Return the steps from a keyframe to the next one or, with False, to the end of the shot."""
    key.aim(rest(key.sight), key)
    span, most = [key], _room(key.frame, effort.max_gap)
    while (step := steps.pull()) is not None:
        previous, gap = span[-1], len(span)
        if previous.ahead is None or step.back is None:  # given back, and with them their tracks
            previous.ahead, step.back = link(previous.sight, step.sight)
        if step.to_key is None:  # else a flash lies before it, and its track leads across
            step.aim(_follow(step.back, known(previous.to_key), step, key, gap), key)
        sudden = step.unexplained > min(effort.key_share, previous.unexplained + FLASH_SHARE) and not previous.flash
        fixed = is_fixed(step.frame)
        flash = 0
        if sudden and effort.max_gap > 1 and not fixed:
            flash = bridge(previous, step, steps, key, most=effort.key_share)
        if flash:
            if gap > 1 and gap + flash > most:  # no keyframe: close before it, and meet it in the next span
                steps.give_back(step)
                return span, True
        elif step.unexplained > effort.key_share or fixed or gap == most:
            return [*span, step], True
        span.append(step)
    return span, len(span) > 1 and span[-1].unexplained > effort.ask_share


def _room(key: WorkingFrame, most: int) -> int:
    """Return how far the next keyframe may be.

    Spans on the way to a frame that will be one are of one length. A short one before a still leaves that no frames to
    blend into, and colours jump.
    """
    if key.until is None:
        return most
    ahead = key.until - key.index
    return -(-ahead // -(-ahead // most))


def _between(span: Span) -> list[Inside]:
    """Return the steps inside a span, with what leads to the keyframes at its two ends."""
    assert span.after is not None, "a span without an end is for _beyond"
    key, *inside, end = span.steps
    planes_before, planes_after = key_planes(span.before), key_planes(span.after)
    tracks = _tracks_to_end(span.steps)
    last = len(span.steps) - 1
    found = []
    for position, step in enumerate(inside, start=1):
        back, ahead = known(step.to_key), tracks[position]
        sides = (
            Side(planes_before, span.before.provenance, back, step.explained_by(key, back)),
            Side(planes_after, span.after.provenance, ahead, step.explained_by(end, ahead)),
        )
        between = Inside(step, min(position, last - position), sides, position / last)
        found.append(_looked_around(between, span.landmarks))
    return found


def _beyond(span: Span) -> list[Inside]:
    """Return the steps after a shot's last keyframe, which that one alone explains."""
    key, *rest_of_shot = span.steps
    planes = key_planes(span.before)
    found = []
    for gap, step in enumerate(rest_of_shot, start=1):
        track = known(step.to_key)
        side = Side(planes, span.before.provenance, track, step.explained_by(key, track))
        found.append(_looked_around(Inside(step, gap, (side,)), span.landmarks))
    return found


def _color_first(key: Step, landmarks: Sequence[Landmark], colorize: Colorize) -> Chroma:
    """Colour a keyframe that none leads to."""
    seen = list(_seen(key, landmarks).values()) if key.frame.painting is None else []
    return _color_key(key, with_landmarks(seen[0].carried(), seen[1:]).evidence() if seen else None, colorize)


def _color_key(step: Step, evidence: Chroma | None, colorize: Colorize) -> Chroma:
    if step.frame.painting is None:
        return colorize(step.frame, evidence)
    still = step.frame.painting.colors
    if still.confidence.min() >= 1:
        return still
    return lay_over(colorize(step.frame, evidence), still)


def _brought(chroma: Chroma, key: Step, end: Step) -> Carried:
    """Return what flow carries from one keyframe to the next."""
    track = known(end.to_key)
    return carry(key_planes(chroma), track, end.explained_by(key, track), chroma.provenance)


def _seen(step: Step, landmarks: Iterable[Landmark]) -> dict[Landmark, Side]:
    """Return the landmarks of which a frame shows something, and the ways there."""
    sides = {landmark: landmark.seen_from(step) for landmark in landmarks}
    return {landmark: side for landmark, side in sides.items() if float(side.validity.mean()) > _IN_VIEW}


def _looked_around(inside: Inside, landmarks: Sequence[Landmark]) -> Inside:
    """Return a step inside a span with what landmarks bring to it, where the keyframes leave holes."""
    if inside.step.flash or inside.share_of_holes() <= _SEARCH_SHARE:
        return inside
    return replace(inside, landmarks=[landmark.seen_from(inside.step) for landmark in landmarks])


def _tracks_to_end(span: list[Step]) -> list[Track]:
    """Return the track of every step to the last one."""
    end = span[-1]
    tracks = [rest(end.sight)]
    for distance, step in enumerate(reversed(span[:-1]), start=1):
        tracks.append(_follow(known(step.ahead), tracks[-1], step, end, distance))
    return tracks[::-1]


def _follow(link_to_next: Track, onward: Track, step: Step, key: Step, distance: int) -> Track:
    track = extend(link_to_next, onward)
    if distance % _ANCHOR_EVERY == 0 and not step.flash:
        track = anchor(track, step.sight, key.sight)
    return track
