"""Frames that stills were painted on, looked for in frames far away from them.

Steps of flow lose for good what something passes in front of, and when the wall behind it is back in view nothing leads
to its colours any more. But the still shows that wall, often at the very same place. So frames with holes are compared
with it directly, and where picture and place agree its own colours count, before any others.

On the twelve validation clips with their first frames as the stills, at the working size, this raises 34.93 dB to
35.21; rollerblade, where a skater crosses a painted wall before a resting camera, from 31.0 to 33.6. A search that
begins where the steps led, or a second one from where the first led, finds more of pictures that moved and errs more
often: 35.08 and 35.20 dB. Frames between keyframes with 4, 2, 1 % of holes: 35.16, 35.21, 35.22 dB with 211, 370, 523
searches. Landmarks where what was carried is in doubt, and nowhere else, are worth half as much: keyframes hand on
what the networks once guessed.

A still that was painted on a frame of another shot often shows the same view: film goes to and fro between two people
who talk. So stills that lie on none of a shot's frames are landmarks, too. Twelve validation clips from frame 24 on,
after 24 frames of another one, with the still of their first frame: 33.13 instead of 32.25 dB through the whole
program, portrait 40.9 instead of 38.9, rollerblade 32.6 instead of 28.2. Of stills of other clips nothing is found.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.flow import warp
from vidcolor.propagation.fusion import key_planes
from vidcolor.propagation.inside import Side
from vidcolor.propagation.motion import Sight, Track, explained, search
from vidcolor.propagation.steps import Painting, Step

Floats = npt.NDArray[np.float32]

KEPT = 2
"""The latest landmarks of a shot that count: each costs two flows where it is looked for."""

Kindred = tuple[Painting, range | None]
"""A painted picture that is none of a shot's frames, and the numbers of those for which it counts, None for all."""

# One plain grey looks like another to flow, which sees no brightness. A scale of 0.035, 0.05, 0.08 in luma makes 35.20,
# 35.21, 35.21 dB; skiing loses 0.1 dB at 0.08.
_AS_BRIGHT = np.float32(0.05)
_BRIGHTNESS_WINDOW = 5
_DARKEST = 0.01
_SURE = 0.5  # the exposures of two frames are compared where flow is so sure

# What was found counts where a square of so many half-size pixels was: arms and shadows that resemble something else
# come in specks. Skiing gains 0.4 dB by it, whether by 5 or 7.
_PIECE = np.ones((5, 5), np.uint8)


@dataclass(frozen=True, eq=False)
class Landmark:
    """A painted picture that frames are compared with: a frame that a still was painted on, or a still by itself.

    Args:
        sight: The picture as flow sees it.
        brightness: float32 (h / 2, w / 2), its luma, smoothed.
        planes: The still's colours, as `fusion.key_planes` returns them.
        trust: float32 (h / 2, w / 2), how far the still is sure of them.
        provenance: Of the colours, where it is traced.
    """

    sight: Sight
    brightness: Floats
    planes: Floats
    trust: Floats
    provenance: Floats | None

    @classmethod
    def of(cls, painting: Painting, sight: Sight) -> "Landmark":
        """Return a painted picture, and how flow sees it, as a landmark."""
        luma, colors = painting
        trust = _half(colors.confidence, sight)
        return cls(sight, _brightness(luma, sight), key_planes(colors), trust, colors.provenance)

    def seen_from(self, step: Step) -> Side:
        """Return the way from a frame anywhere in the shot to this one, valid where that shows the same."""
        return self.along(search(step.sight, self.sight), step.sight, step.frame.luma)

    def along(self, track: Track, sight: Sight, luma: Floats) -> Side:
        """Return the way from a frame with luma (h, w) to this one along a track, valid where both show the same."""
        found = explained(track, sight, self.sight) * self._as_bright(_brightness(luma, sight), track)
        validity = cv2.morphologyEx(found, cv2.MORPH_OPEN, _PIECE) * warp(self.trust, track.flow)
        return Side(self.planes, self.provenance, track, np.asarray(validity, np.float32))

    def _as_bright(self, here: Floats, track: Track) -> Floats:
        """Return how alike in luma two frames are where they were found alike, exposure apart, (h / 2, w / 2)."""
        there = warp(self.brightness, track.flow, beyond=True)
        sure = track.validity > _SURE
        gain = float(np.median(here[sure])) / max(float(np.median(there[sure])), _DARKEST) if sure.any() else 1.0
        difference = (here - there * np.float32(gain)) / _AS_BRIGHT
        return np.asarray(np.exp(-difference * difference), np.float32)


class ShotLandmarks:
    """The landmarks of a shot on its way from keyframe to keyframe.

    Args:
        kindred: Those that are none of its frames, each with the frames for which it counts, None for all.
        passed: Those of its painted frames that lie behind, the latest one last.
    """

    def __init__(self, kindred: Sequence[tuple[Landmark, range | None]], passed: Iterable[Landmark] = ()) -> None:
        self._kindred = kindred
        self._passed = deque(passed, KEPT)

    def kindred(self, step: Step) -> list[Landmark]:
        """Return the first ones that are none of the shot's frames and count for a frame."""
        number = step.frame.index
        return [landmark for landmark, span in self._kindred if span is None or number in span][:KEPT]

    def reach(self, key: Step) -> list[Landmark]:
        """Return all that count from a keyframe on, itself among them where it is painted."""
        if key.frame.anew:
            self._passed.clear()
        if key.frame.painting is not None:
            self._passed.append(Landmark.of(key.frame.painting, key.sight))
        return [*self.kindred(key), *self._passed]


def _brightness(luma: Floats, sight: Sight) -> Floats:
    return np.asarray(cv2.blur(_half(luma, sight), (_BRIGHTNESS_WINDOW, _BRIGHTNESS_WINDOW)), np.float32)


def _half(plane: Floats, sight: Sight) -> Floats:
    return np.asarray(cv2.resize(plane, sight.luma.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
