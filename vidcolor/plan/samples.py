"""The frame of a shot that is worth painting, chosen among a few while the film goes by once.

A still colours its whole shot, so the frame to paint should show what the shot shows, clearly, and lie where colour has
the shortest way to go. Each candidate gets the product of

- likeness: mean correlation of its thumbnail with those of the shot's other candidates, at least 0.1, so that the frame
  belongs to the scene and is no flash, no frame of a fade and no passer-by before the lens;
- content: the mean contrast of its parts (cells of 1/8 by 1/6 of the picture, each at most 32 of 255 grey levels),
  against the shot's best candidate, so that much is there to be painted and a nearly blank frame loses;
- sharpness: the strength of its fine detail (what a blur of 1 pixel at the working size takes away), against the best,
  so that colours can be painted up to edges that motion has not smeared;
- cleanness: 1 for a candidate with at most a tenth more spots than the shot's usual one, 1/3 for one with 1 % of its
  pixels more. A spot is what a median of 5 pixels takes away and stands out by the picture's standard deviation: dust,
  scratches, some texture. Detail alone sought damage out: in 84 trials on 14 shots with three frames in ten badly
  worn by program one of those was chosen 83 times, and 7 times with this; where they were lightly worn, 68 and 10
  times. On the clean shots what is chosen keeps 94 % of the best sharpness, as without.
- nearness: 1 in the middle of the shot and 0.8 at its ends. Among frames that look alike, as of a camera on a tripod,
  this decides: grain changes the other four by a few per cent.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color import halve_towards, normalize_luma
from vidcolor.plan.likeness import thumbnail
from vidcolor.plan.titles import is_title
from vidcolor.shots import Shot
from vidcolor.video import Frame, VideoInfo

Floats = NDArray[np.float32]

_LONG_SIDE = 384
_EVERY = 4
"""Every so many frames are kept as candidates."""
_KEPT = 24
"""Candidates kept at most: a shot is reported up to 30 frames late."""
_CELLS = 8, 6
_MOST_CONTRAST = 32 / 255
_LEAST_LIKENESS = 0.1
_SPOT_PENALTY = 200.0
_MORE_SPOTS = 1.1
_LEAST_DEVIATION = 0.02
_AT_THE_ENDS = 0.8


@dataclass(frozen=True, eq=False)
class Sample:
    """A frame that may represent its shot.

    Attributes:
        index: Its number.
        luma: float32 (h, w) in [0, 1] as a viewer sees it: pixels square, upright, long side at most 384.
        title: Whether the shot is a title.
    """

    index: int
    luma: Floats
    title: bool = False


class Samples:
    """A few small frames from which a shot's representative is taken, however long the shot."""

    def __init__(self) -> None:
        self._kept: list[Sample] = []
        self._last: tuple[Frame, VideoInfo] | None = None
        self._stride = _EVERY

    def push(self, frame: Frame, info: VideoInfo) -> None:
        """Look at the next frame."""
        self._last = frame, info
        if frame.index % _EVERY:
            return
        self._kept.append(Sample(frame.index, _upright_luma(frame, info)))
        if len(self._kept) <= _KEPT:
            return
        # The newest stay, for a shot of a few frames among them has not been reported yet; the others thin out evenly.
        while True:
            old, recent = self._kept[: -_KEPT // 2], self._kept[-_KEPT // 2 :]
            self._kept = [each for each in old if each.index % self._stride == 0] + recent
            if len(self._kept) <= _KEPT:
                return
            self._stride *= 2

    def take(self, shot: Shot) -> Sample:
        """Return the frame of a shot that is worth painting; forget all before the shot's end."""
        inside = [each for each in self._kept if each.index in shot]
        if not inside:
            # Shorter than the distance of candidates: a person's cuts may be anywhere, and a film may end so.
            assert self._last is not None
            middle = (shot.start + shot.stop - 1) // 2
            frame, info = self._last
            near = min(self._kept, key=lambda each: abs(each.index - middle), default=None)
            if near is None or abs(frame.index - middle) < abs(near.index - middle):
                near = Sample(frame.index, _upright_luma(frame, info))
            inside = [Sample(middle, near.luma)]
        self._kept = [each for each in self._kept if each.index >= shot.stop]
        self._stride = _EVERY
        best = inside[int(np.argmax(_worth(inside, shot)))]
        return replace(best, title=is_title([each.luma for each in inside]))


def _worth(samples: list[Sample], shot: Shot) -> Floats:
    """Return how much each candidate is worth painting, (n,), see the head of this module."""
    thumbnails = np.stack([thumbnail(each.luma, full_scale=1) for each in samples])
    alike = thumbnails @ thumbnails.T
    likeness = (alike.sum(1) - alike.diagonal()) / max(1, len(samples) - 1)
    details = zip(*(_detail(each.luma) for each in samples), strict=True)
    content, sharpness, spots = (np.array(values) for values in details)
    middle = (shot.start + shot.stop - 1) / 2
    away = np.array([abs(each.index - middle) for each in samples]) / max(1.0, len(shot) / 2)
    worth = np.maximum(likeness, _LEAST_LIKENESS) * (1 - (1 - _AT_THE_ENDS) * away)
    for share in (content, sharpness):
        worth = worth * share / max(float(share.max()), 1e-6)
    worth = worth / (1 + _SPOT_PENALTY * np.maximum(spots - _MORE_SPOTS * np.median(spots), 0))
    return np.asarray(worth, np.float32)


def _detail(luma: Floats) -> tuple[float, float, float]:
    """Return content and sharpness of a picture, and the share of its pixels that are spots."""
    cells = (1 / _CELLS[0], 1 / _CELLS[1])
    size = max(1, round(luma.shape[1] * cells[0])), max(1, round(luma.shape[0] * cells[1]))
    mean, square = (cv2.blur(x, size)[size[1] // 2 :: size[1], size[0] // 2 :: size[0]] for x in (luma, luma * luma))
    contrast = np.sqrt(np.maximum(square - mean * mean, 0.0))
    content = float(np.minimum(contrast, _MOST_CONTRAST).mean())
    sharpness = float(np.abs(luma - cv2.GaussianBlur(luma, (0, 0), 1.0)).mean())
    spots = np.abs(luma - cv2.medianBlur(luma, 5)) > max(_LEAST_DEVIATION, float(luma.std()))
    return content, sharpness, float(spots.mean())


def _upright_luma(frame: Frame, info: VideoInfo) -> Floats:
    width, height = info.width * float(info.sar), float(info.height)
    scale = min(1.0, _LONG_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(halve_towards(frame.luma, size), size, interpolation=cv2.INTER_AREA)
    luma = normalize_luma(small, bit_depth=info.bit_depth, full_range=info.full_range)
    return info.upright(luma)
