"""Frames between keyframes: what the keyframes bring to them, and the few among them that the networks see as well.

Something that flow loses, a dancer or a passing car, is unexplained by the keyframes around long before so much of the
picture is that a keyframe is due. More keyframes would not do: colours fade each time that they pass through the
networks. So the networks colour single frames, waypoints, whose colours go to the frames around them where the
keyframes do not explain those, and no further.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma
from vidcolor.propagation.effort import Effort
from vidcolor.propagation.fusion import Carried, carry, fill, fuse, holes, key_planes, mend, over, prefer
from vidcolor.propagation.motion import Track, extend, rest
from vidcolor.propagation.steps import Colorize, Step, known

Floats = npt.NDArray[np.float32]

# Smaller holes are specks of grain: mending them gains nothing, 33.76 dB either way, and took 18 % of a steady clip.
_FILL_SHARE = 0.005


@dataclass(frozen=True, eq=False)
class Side:
    """A coloured frame, and the way there from a step.

    Args:
        planes: Its colours, as `key_planes` returns them.
        provenance: Theirs, where it is traced.
        track: From the step to it.
        validity: float32 (h / 2, w / 2), how far it explains the step.
    """

    planes: Floats
    provenance: Floats | None
    track: Track
    validity: Floats

    def carried(self) -> Carried:
        """Return its colours on the step's grid."""
        return carry(self.planes, self.track, self.validity, self.provenance)


@dataclass(frozen=True, eq=False)
class Inside:
    """A step between keyframes, or after the last one.

    Args:
        step: It.
        gap: Frames to the nearer keyframe.
        sides: The keyframe before, and the one after if there is one.
        position: 0 at the keyframe before, 1 at the one after.
        landmarks: Painted frames whose colours count before those of the keyframes, the latest one last.
    """

    step: Step
    gap: int
    sides: Sequence[Side]
    position: float = 0.0
    landmarks: Sequence[Side] = ()

    def share_of_holes(self) -> float:
        """Return how much of it is unexplained."""
        return float(holes(reduce(np.maximum, (side.validity for side in (*self.sides, *self.landmarks)))).mean())

    def carried(self) -> Carried:
        """Return what the keyframes and the landmarks bring."""
        return with_landmarks(_joined(self.sides, self.position), self.landmarks)


class _Waypoint(NamedTuple):
    """What the networks said of a frame, and that as `key_planes` returns it."""

    colours: Chroma
    planes: Floats


def color_inside(span: Sequence[Inside], colorize: Colorize, effort: Effort) -> Iterator[Chroma]:
    """Colour consecutive steps between two keyframes, in order."""
    shares = [inside.share_of_holes() for inside in span]
    lost = [share > effort.ask_share and not inside.step.flash for share, inside in zip(shares, span, strict=True)]
    asked: dict[int, _Waypoint] = {}
    for at in waypoints(lost, effort.reach):
        colours = colorize(span[at].step.frame, span[at].carried().evidence())
        asked[at] = _Waypoint(colours, key_planes(colours))
    for at, (inside, share) in enumerate(zip(span, shares, strict=True)):
        if at in asked:
            yield asked[at].colours
            continue
        carried = inside.carried()
        if share > _FILL_SHARE and (around := _around(span, at, asked, effort.reach)):
            carried = prefer(carried, around)
            share = float(holes(carried.validity).mean())
        if share > _FILL_SHARE:
            yield mend(carried, fill(carried, inside.step.frame.luma, gap=inside.gap))
        else:
            yield carried.chroma()


def waypoints(lost: Sequence[bool], reach: int) -> list[int]:
    """Return the fewest lost positions from which every lost one is at most `reach` away."""
    found: list[int] = []
    served = -1
    for first in (at for at, is_lost in enumerate(lost) if is_lost):
        if first > served:
            found.append(max(at for at in range(first, min(first + reach + 1, len(lost))) if lost[at]))
            served = found[-1] + reach
    return found


def _around(span: Sequence[Inside], at: int, asked: dict[int, _Waypoint], reach: int) -> Carried | None:
    """Return what the nearest waypoints before and after a step bring to it, None where none is in reach."""
    found = []
    for way in (-1, 1):
        track = rest(span[at].step.sight)
        for there in range(at + way, at + way * (reach + 1), way):
            if not 0 <= there < len(span):
                break
            nearer = span[there - way].step
            track = extend(track, known(nearer.ahead if way > 0 else nearer.back))
            if there in asked:
                validity = span[at].step.explained_by(span[there].step, track)
                colours, planes = asked[there]
                found.append((abs(there - at), Side(planes, colours.provenance, track, validity)))
                break
    if not found:
        return None
    distances = [distance for distance, _ in found]
    return _joined([side for _, side in found], distances[0] / sum(distances))


def with_landmarks(carried: Carried, landmarks: Sequence[Side]) -> Carried:
    """Return what was carried with what landmarks bring over it."""
    return reduce(over, (side.carried() for side in landmarks), carried)


def _joined(sides: Sequence[Side], position: float) -> Carried:
    first, *second = (side.carried() for side in sides)
    return fuse(first, second[0], position) if second else first
