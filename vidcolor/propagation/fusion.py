"""The colour of one frame from the keyframes around it: carry, fuse, and mend what neither explains."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma
from vidcolor.flow import warp
from vidcolor.propagation.motion import Track, enlarge, full_flow, support

Floats = npt.NDArray[np.float32]

# Colours that differ by 20 (in ab) are not one colour seen twice: between them the better supported side is chosen
# rather than mixed. Without this the error on fast clips is 5 to 9 % higher (lucia, cups, rollerblade).
_DISAGREEMENT = np.float32(20.0)

# Validity below 0.05 is a hole, above 0.3 none. Holes begin late because a warped colour of doubtful validity is still
# nearer to the truth than its neighbours' mean: (0.2, 0.5) errs alike but has twice as many holes.
_HOLE = 0.05
_SOUND = 0.3

# The bilateral grid that mends holes: cells of 8 px by 8 levels of luma, gathered over 12 px and, where that finds
# nothing, 48 px, the frame's mean at that level, any level.
_CELL = 8
_LEVELS = 8
_NEAR, _FAR = 1.5, 6.0
_FAR_WEIGHT, _FRAME_WEIGHT, _ANY_LEVEL_WEIGHT = np.float32(1e-2), np.float32(1e-4), np.float32(1e-3)


@dataclass(frozen=True, eq=False)
class Carried:
    """A keyframe's colours on another frame's grid.

    Args:
        a: float32 (h, w), like all four.
        b: The other half of ab.
        confidence: What the keyframe's colours were worth, in [0, 1].
        validity: How surely these are the right pixels' colours, in [0, 1].
    """

    a: Floats
    b: Floats
    confidence: Floats
    validity: Floats

    def chroma(self) -> Chroma:
        """Return the colours as they are; what is not valid is not to be trusted."""
        return Chroma(_merge(self.a, self.b), self.confidence * self.validity)

    def evidence(self) -> Chroma:
        """Return the colours for the networks: confidence is the validity, holes are empty."""
        seen = self.validity > _HOLE
        return Chroma(_merge(self.a * seen, self.b * seen), self.validity * seen)


def key_planes(chroma: Chroma, matching: Floats) -> Floats:
    """Return what is carried from a keyframe, (h, w, 4): a, b, confidence, matching luma."""
    return np.dstack([chroma.ab, chroma.confidence, matching])


def carry(planes: Floats, track: Track, matching: Floats, *, photometric: bool = True) -> Carried:
    """Warp a keyframe's planes once onto the frame whose track leads to it.

    Args:
        planes: Of the keyframe, as `key_planes` returns them.
        track: From the frame to the keyframe.
        matching: The frame's matching luma (h, w).
        photometric: False for a frame whose luma says nothing, such as a flash.
    """
    a, b, confidence, key = cv2.split(warp(planes, full_flow(track, matching)))
    validity = enlarge(track.validity, matching)
    if photometric:
        validity = validity * support(matching, _floats(key))
    return Carried(_floats(a), _floats(b), np.clip(confidence, 0, 1, dtype=np.float32), np.clip(validity, 0, 1))


def fuse(before: Carried, after: Carried, position: float) -> Carried:
    """Blend two sides by time, validity and agreement; `position` is 0 at the keyframe before, 1 at the one after."""
    a, b = after.a - before.a, after.b - before.b
    choose = np.minimum((a * a + b * b) / (_DISAGREEMENT * _DISAGREEMENT), 1)
    from_before = np.float32(1 - position) * _sharpen(before.validity, choose)
    from_after = np.float32(position) * _sharpen(after.validity, choose)
    share = from_after / (from_before + from_after)
    return Carried(
        before.a + share * a,
        before.b + share * b,
        before.confidence + share * (after.confidence - before.confidence),
        np.maximum(before.validity, after.validity),
    )


def holes(validity: Floats) -> Floats:
    """Return the share of each pixel that no keyframe explains, float32 in [0, 1]."""
    return np.clip((_SOUND - validity) * (1 / (_SOUND - _HOLE)), 0, 1, dtype=np.float32)


def mend(carried: Carried, colours: Chroma) -> Chroma:
    """Return the carried colours with `colours` in their holes, the seam three pixels wide."""
    hole = np.asarray(cv2.blur(holes(carried.validity), (3, 3)), dtype=np.float32)
    hole = np.maximum(hole, holes(carried.validity))
    a, b = cv2.split(colours.ab)
    return Chroma(
        _merge(carried.a + hole * (a - carried.a), carried.b + hole * (b - carried.b)),
        np.clip(_mix(carried.confidence * carried.validity, colours.confidence, hole), 0, 1),
    )


def fill(carried: Carried, luma: Floats) -> Chroma:
    """Return for every pixel the mean of valid colours near it in place and luma: normalised convolution on a grid.

    Args:
        carried: Colours and validity.
        luma: The frame's luma (h, w) in [0, 1]; colour does not run across its edges.

    Returns:
        The colours, with confidence 0: they are a guess.
    """
    height, width = luma.shape
    rows, columns = max(1, height // _CELL), max(1, width // _CELL)
    weight = carried.validity * (1 - holes(carried.validity))
    seeds = np.dstack([carried.a * weight, carried.b * weight, weight, luma])
    seeds = _floats(cv2.resize(seeds, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA))
    near_level = np.abs(seeds[..., 3:] * (_LEVELS - 1) - np.arange(_LEVELS, dtype=np.float32))
    splat = np.maximum(1 - near_level, 0)[..., None] * seeds[:, :, None, :3]
    grid = _shrink(_floats(splat.reshape(*splat.shape[:2], -1)), columns, rows)
    gathered = cv2.GaussianBlur(grid, (0, 0), _NEAR) + _FAR_WEIGHT * cv2.GaussianBlur(grid, (0, 0), _FAR)
    gathered = (gathered + _FRAME_WEIGHT * grid.mean(axis=(0, 1))).reshape(rows, columns, _LEVELS, 3)
    gathered += _ANY_LEVEL_WEIGHT * gathered.mean(axis=2, keepdims=True)
    half_luma = cv2.resize(luma, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    return Chroma(enlarge(_slice(gathered, _floats(half_luma)), luma), np.zeros_like(luma))


def _slice(grid: Floats, luma: Floats) -> Floats:
    """Return ab (h, w, 2) read from a grid (rows, columns, levels, 3) of weighted ab and weight, trilinearly."""
    rows, columns, levels, _ = grid.shape
    height, width = luma.shape
    table = np.ascontiguousarray(grid.transpose(2, 0, 1, 3)).reshape(levels * rows, columns, 3)
    x = np.clip((np.arange(width, dtype=np.float32) + 0.5) * columns / width - 0.5, 0, columns - 1)
    y = np.clip((np.arange(height, dtype=np.float32) + 0.5) * rows / height - 0.5, 0, rows - 1)
    level = luma * np.float32(levels - 1)
    lower = np.minimum(np.floor(level), levels - 2)
    at_x = np.ascontiguousarray(np.broadcast_to(_floats(x), luma.shape))
    at_y = _floats(y[:, None] + lower * rows)
    low = cv2.remap(table, at_x, at_y, cv2.INTER_LINEAR)
    high = cv2.remap(table, at_x, at_y + np.float32(rows), cv2.INTER_LINEAR)
    read = low + (level - lower)[..., None] * (high - low)
    return _floats(read[..., :2] / (read[..., 2:] + np.float32(1e-9)))


def _shrink(planes: Floats, columns: int, rows: int) -> Floats:
    """Return planes (h, w, c) of any number at (rows, columns), area-averaged."""
    parts = [planes[..., first : first + 4] for first in range(0, planes.shape[2], 4)]
    return np.dstack(
        [cv2.resize(np.ascontiguousarray(part), (columns, rows), interpolation=cv2.INTER_AREA) for part in parts]
    )


def _sharpen(validity: Floats, choose: Floats) -> Floats:
    """Return validity where colours agree, its fourth power where they do not, never 0."""
    squared = validity * validity
    return _floats(validity + choose * (squared * squared - validity) + np.float32(1e-4))


def _mix(first: Floats, second: Floats, share: Floats) -> Floats:
    return _floats(first + share * (second - first))


def _merge(a: Floats, b: Floats) -> Floats:
    return np.asarray(cv2.merge([a, b]), dtype=np.float32)


def _floats(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float32)
