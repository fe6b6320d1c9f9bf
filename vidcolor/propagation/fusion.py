"""The colour of one frame from the keyframes around it: carry, fuse, and mend what neither explains."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma
from vidcolor.flow import CERTAIN, DOUBTFUL, warp
from vidcolor.planes import planes_of
from vidcolor.propagation.motion import Track, enlarge, full_flow
from vidcolor.provenance import FILLED, everywhere, mixed

Floats = npt.NDArray[np.float32]

# Colours that differ by 10 (in ab) are not one colour seen twice: between them the better supported side is chosen
# rather than mixed. Mixing throughout errs by 5 to 9 % more on fast clips (lucia, cups, rollerblade).
_DISAGREEMENT = np.float32(10.0)

# Validity below 0.02 is a hole, above 0.2 none. Holes begin late because a warped colour of doubtful validity is still
# nearer to the truth than its neighbours' mean: (0.05, 0.3) errs alike, 1.67, but has 4.4 instead of 3.6 % holes;
# (0.005, 0.1) errs by 1.68.
_HOLE = 0.02
_SOUND = 0.2

# The bilateral grid that mends holes: cells of 8 px by 8 levels of luma, gathered over 12 px and, where that finds
# nothing, 48 px, the frame's mean at that level, any level.
_CELL = 8
_LEVELS = 8
_NEAR, _FAR = 1.5, 6.0
_FAR_WEIGHT, _FRAME_WEIGHT, _ANY_LEVEL_WEIGHT = np.float32(1e-2), np.float32(1e-4), np.float32(1e-3)


# Share of what was carried into a hole, against its neighbours' mean: PSNR on seven validation clips is 34.57 dB at 0,
# 34.63 at 0.3, 34.64 at 0.6 and 34.38 at 1. Next to a keyframe holes are mostly grain, and what was carried is right:
# with 1 less an eighth for each frame between, the sample's last shot errs by CIEDE2000 0.552 instead of 0.556.
_CARRIED = 0.6
_CARRIED_FAR = 8


@dataclass(frozen=True, eq=False)
class Carried:
    """A keyframe's colours on another frame's grid.

    What to trust is decided at half of the working size: it costs a quarter, and flow knows no finer.

    Args:
        planes: float32 (h, w, 4): a, b, the keyframe's own confidence in them, and nothing.
        validity: float32 (h / 2, w / 2) in [0, 1]: how surely these are the right pixels' colours.
        provenance: float32 (h / 2, w / 2, 4), where they come from; None where it is not traced.
    """

    planes: Floats
    validity: Floats
    provenance: Floats | None = None

    def chroma(self) -> Chroma:
        """Return the colours as they are, less confident where they are less valid."""
        own = _floats(cv2.extractChannel(self.planes, 2))
        trust = own * enlarge(self.validity, own)
        return Chroma(_ab(self.planes), np.clip(trust, 0, 1, out=trust), self.provenance)

    def evidence(self) -> Chroma:
        """Return the colours for the networks: confidence is the validity, holes are empty."""
        validity = np.clip(enlarge(self.validity, self.planes[..., 0]), 0, 1)
        found = (validity > _HOLE).view(np.uint8)
        ab, confidence = (_floats(cv2.copyTo(planes, found)) for planes in (_ab(self.planes), validity))
        return Chroma(ab, confidence, self.provenance)


def key_planes(chroma: Chroma) -> Floats:
    """Return what is carried from a keyframe, (h, w, 4): a, b, confidence and, for the speed of a warp, 0."""
    planes = np.zeros((*chroma.confidence.shape, 4), dtype=np.float32)
    cv2.mixChannels([chroma.ab, chroma.confidence], [planes], [0, 0, 1, 1, 2, 2])  # five times as fast as np.dstack
    return planes


def carry(planes: Floats, track: Track, validity: Floats, provenance: Floats | None = None) -> Carried:
    """Warp a keyframe's planes once onto the frame whose track leads to it; its outermost colours continue beyond it.

    Args:
        planes: Of the keyframe, as `key_planes` returns them.
        track: From the frame to the keyframe.
        validity: float32 (h / 2, w / 2), how far the keyframe explains the frame.
        provenance: Of the keyframe's colours, where it is traced.
    """
    carried = None if provenance is None else warp(provenance, track.flow, beyond=True)
    return Carried(warp(planes, full_flow(track, planes[..., 0]), beyond=True), validity, carried)


def fuse(before: Carried, after: Carried, position: float) -> Carried:
    """Blend two sides by time, validity and agreement; `position` is 0 at the keyframe before, 1 at the one after."""
    shape = before.validity.shape
    a, b, *_ = planes_of(cv2.subtract(_resized(after.planes, shape), _resized(before.planes, shape)))
    distance = a * a + b * b
    choose = np.minimum(distance / (_DISAGREEMENT * _DISAGREEMENT), 1)
    from_before = np.float32(1 - position) * _sharpen(before.validity, choose)
    from_after = np.float32(position) * _sharpen(after.validity, choose)
    share = _floats(from_after / (from_before + from_after))
    return _combined(before, after, share)


def prefer(carried: Carried, around: Carried) -> Carried:
    """Return what was carried from afar, with what a frame nearby brings where the former is doubtful.

    Doubtful is what the networks look at anew at a keyframe, too.
    """
    share = np.clip((CERTAIN - carried.validity) / (CERTAIN - DOUBTFUL), 0, 1) * around.validity
    return _combined(carried, around, _floats(share))


def over(carried: Carried, still: Carried) -> Carried:
    """Return what was carried with a still's own colours over it, as far as these are valid."""
    return _combined(carried, still, still.validity)


def holes(validity: Floats) -> Floats:
    """Return the share of each pixel that no keyframe explains, float32 in [0, 1]."""
    return np.clip((_SOUND - validity) * (1 / (_SOUND - _HOLE)), 0, 1, dtype=np.float32)


def mend(carried: Carried, colours: Chroma) -> Chroma:
    """Return the carried colours with `colours` in their holes, with a soft seam."""
    kept = carried.chroma()
    hole = holes(carried.validity)
    hole = np.maximum(hole, cv2.blur(hole, (3, 3)))
    provenance = mixed(kept.provenance, colours.provenance, hole)
    hole = enlarge(hole, kept.confidence)
    ab = _blended(kept.ab, colours.ab, hole)
    confidence = kept.confidence + hole * (colours.confidence - kept.confidence)
    return Chroma(ab, np.clip(confidence, 0, 1, out=confidence), provenance)


def fill(carried: Carried, luma: Floats, *, gap: int) -> Chroma:
    """Return colours for holes: what was carried there, mixed with the mean of valid colours near in place and luma.

    The mean is a normalised convolution on a bilateral grid.

    Args:
        carried: Colours and validity.
        luma: The frame's luma (h, w) in [0, 1]; colour does not run across its edges.
        gap: Frames from the keyframe that they were carried from.

    Returns:
        The colours, with confidence 0: they are a guess.
    """
    height, width = luma.shape
    rows, columns = max(1, height // _CELL), max(1, width // _CELL)
    small = max(1, height // 4), max(1, width // 4)
    weight = _resized(carried.validity * (1 - holes(carried.validity)), small)
    a, b, *_ = planes_of(_resized(carried.planes, small))
    level_of = _resized(luma, small) * (_LEVELS - 1)
    levels = [weight * np.maximum(1 - np.abs(level_of - level), 0) for level in range(_LEVELS)]
    seeds = [seed for near in levels for seed in (a * near, b * near, near)]
    cells = _floats(cv2.merge([_resized(seed, (rows, columns)) for seed in seeds]))
    close, wide = (_floats(cv2.GaussianBlur(cells, (0, 0), sigma)) for sigma in (_NEAR, _FAR))
    gathered = _floats(close + _FAR_WEIGHT * wide + _FRAME_WEIGHT * cells.mean((0, 1)))
    grid = np.ascontiguousarray(gathered.reshape(rows, columns, _LEVELS, 3).transpose(2, 0, 1, 3))
    grid += _ANY_LEVEL_WEIGHT * grid.mean(axis=0)
    mean = enlarge(_slice(grid, _resized(luma, carried.validity.shape)), luma)
    share = max(_CARRIED, 1 - gap / _CARRIED_FAR)
    ab = _floats(cv2.addWeighted(_ab(carried.planes), share, mean, 1 - share, 0))
    return Chroma(ab, np.zeros_like(luma), everywhere(FILLED, luma))


def lay_over(colours: Chroma, still: Chroma) -> Chroma:
    """Return a keyframe's colours with those of its own still over them, as far as the still is sure."""
    trust = still.confidence
    ab = colours.ab + trust[..., None] * (still.ab - colours.ab)
    half = None if colours.provenance is None else _resized(trust, colours.provenance.shape)
    provenance = None if half is None else mixed(colours.provenance, still.provenance, half)
    return Chroma(ab, np.maximum(trust, colours.confidence), provenance)


def _slice(grid: Floats, luma: Floats) -> Floats:
    """Return ab (h, w, 2) read from a grid (levels, rows, columns, 3) of weighted ab and weight, trilinearly."""
    levels, rows, columns, _ = grid.shape
    height, width = luma.shape
    table = grid.reshape(levels * rows, columns, 3)
    x = np.clip((np.arange(width, dtype=np.float32) + 0.5) * columns / width - 0.5, 0, columns - 1)
    y = np.clip((np.arange(height, dtype=np.float32) + 0.5) * rows / height - 0.5, 0, rows - 1)
    level = luma * np.float32(levels - 1)
    lower = np.minimum(np.floor(level), levels - 2)
    at_x = np.ascontiguousarray(np.broadcast_to(_floats(x), luma.shape))
    at_y = _floats(y[:, None] + lower * rows)
    low = cv2.remap(table, at_x, at_y, cv2.INTER_LINEAR)
    high = cv2.remap(table, at_x, at_y + np.float32(rows), cv2.INTER_LINEAR)
    a, b, weight = planes_of(_blended(_floats(low), _floats(high), level - lower))
    weight += np.float32(1e-9)
    return _floats(cv2.merge([a / weight, b / weight]))


def _combined(first: Carried, second: Carried, share: Floats) -> Carried:
    """Return two sides mixed, with a share (h / 2, w / 2) of the second one; each is as valid as the better one."""
    # Not by cv2.blendLinear, which would wear off a hundred-thousandth of what both sides agree on.
    planes = _floats(cv2.subtract(second.planes, first.planes))
    planes *= enlarge(_floats(cv2.merge([share] * 4)), planes[..., 0])
    planes += first.planes
    provenance = mixed(first.provenance, second.provenance, share)
    return Carried(planes, np.maximum(first.validity, second.validity), provenance)


def _sharpen(validity: Floats, choose: Floats) -> Floats:
    """Return validity where colours agree, its eighth power where they do not, never 0."""
    power = cv2.pow(validity, 8)
    return _floats(validity + choose * (power - validity) + np.float32(1e-4))


def _blended(here: Floats, there: Floats, share: Floats) -> Floats:
    """Return two pictures (h, w, c) mixed, with a share (h, w) of the second one."""
    return _floats(cv2.blendLinear(here, there, 1 - share, share))


def _ab(planes: Floats) -> Floats:
    ab = np.empty((*planes.shape[:2], 2), dtype=np.float32)
    cv2.mixChannels([planes], [ab], [0, 0, 1, 1])  # ten times as fast as copying planes[..., :2]
    return ab


def _resized(planes: Floats, shape: tuple[int, ...]) -> Floats:
    return _floats(cv2.resize(planes, (shape[1], shape[0]), interpolation=cv2.INTER_AREA))


def _floats(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float32)
