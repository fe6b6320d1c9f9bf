"""Frames in which one picture dissolves into another: each is a weighted sum of the two."""

from typing import NamedTuple

import cv2
import numpy as np

from vidcolor.shots.patterns import PATTERN_SIZE, Pattern

_ZOOMS = (0.6, 0.75, 0.87, 1.0, 1.15, 1.33, 1.6)
"""Sizes at which the middle of a frame, three fifths of it, is looked for in another."""
_MOVED = 0.88
"""Share of the variance of a frame's middle that a movement explains at least: 0.93 to 1 wherever a pan, tilt or zoom
over a validation clip looked like a dissolve, less than 0.85 in 95 of 100 looks at dissolves between those clips."""
MOST_DISSOLVE = 96
"""Frames that a dissolve takes at most."""

# The bounds of `mixture`. With `_moved` they find 49 of 60 dissolves of 12 to 48 frames between validation clips, none
# within them at their own, double and triple speed, and none in 528 pans, tilts and zooms over their pictures.
_ALIKE = 0.6
"""Correlation of the ends, either way, above which they are too alike to be told apart in a mixture."""
_MIXED = 0.12, 0.88
"""Shares of the later end between which a frame counts as mixed."""
_LEAST_MIXED = 4
"""Mixed frames that there must be."""
_MIDDLE = 0.15
"""Distance from one half at which the share of the frame nearest to it may lie."""
_TOGETHER = 0.78
"""Share of the energy of mixed frames that both ends explain at least, in the mean."""
_MORE_THAN_ALONE = 0.05
"""By how much more of the middle's energy both ends explain than the better one."""
_SUM = 0.3
"""Distance from one at which the mean sum of the weights may lie."""
_UNEVEN = 0.06
"""Root mean square distance of shares from a line, clipped to [0, 1], at which they still rise evenly."""


class Mixture(NamedTuple):
    """One picture that becomes another.

    Attributes:
        middle: Number of the frame that is half of each.
        length: Frames in which the one becomes the other.
    """

    middle: int
    length: int


def mixture(a: Pattern, b: Pattern, middles: list[Pattern]) -> Mixture | None:
    """Tell whether the frames between two mix them, as in a dissolve.

    Each frame is regressed on both ends. In a dissolve the ends together explain what neither explains alone, their
    weights add up to one, and the later end's share rises evenly; what moves through a shot does one of that at most.

    Args:
        a: The frame before.
        b: The frame after.
        middles: Those between, in order.
    """
    ends = np.stack([a.smooth, b.smooth], axis=1)
    sizes = np.linalg.norm(ends, axis=0)
    if abs(float(ends[:, 0] @ ends[:, 1])) > _ALIKE * float(sizes.prod()):
        return None
    targets = np.stack([middle.smooth for middle in middles], axis=1)
    energy = np.maximum(np.square(targets).sum(axis=0), 1e-6)
    # The normal equations: of two columns so unlike they lose nothing, and take a hundredth of the time of lstsq.
    weights = np.linalg.solve(ends.T @ ends, ends.T @ targets)
    together = 1 - np.square(targets - ends @ weights).sum(axis=0) / energy
    alone = np.square(targets.T @ (ends / sizes)).max(axis=1) / energy
    sums = weights.sum(axis=0)
    shares = weights[1] / np.clip(sums, 0.2, None)
    best = int(np.argmin(np.abs(shares - 0.5)))
    mixed = (shares > _MIXED[0]) & (shares < _MIXED[1])
    if abs(shares[best] - 0.5) > _MIDDLE or mixed.sum() < _LEAST_MIXED:  # its middle lies elsewhere
        return None
    explained = together[mixed].mean() > _TOGETHER and together[best] - alone[best] > _MORE_THAN_ALONE
    if not explained or abs(sums[mixed].mean() - 1) > _SUM:
        return None
    if _moved(middles[best], a, b):
        return None
    numbers = np.array([middle.index for middle in middles])
    slope, at = np.polyfit(numbers[mixed], shares[mixed], 1)
    uneven = np.clip(slope * numbers + at, 0, 1) - np.clip(shares, -0.2, 1.2)
    if slope <= 0 or np.sqrt(np.square(uneven).mean()) > _UNEVEN:
        return None
    return Mixture(middles[best].index, round(float(np.clip(1 / slope, 2, MOST_DISSOLVE))))


def _moved(middle: Pattern, a: Pattern, b: Pattern) -> bool:
    """Tell whether one of two frames, moved or enlarged, shows what the middle of a third one between them does.

    Of what is smooth, two views a little apart mix into one between them: a slow pan looks like a dissolve.
    """
    width, height = PATTERN_SIZE
    across, down = width // 5, height // 5
    part = middle.smooth.reshape(height, width)[down : height - down, across : width - across]
    best = 0.0
    for scale in _ZOOMS:
        side = round(part.shape[1] * scale), round(part.shape[0] * scale)
        resized = cv2.resize(part, side, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        for end in (a.smooth, b.smooth):
            found = cv2.matchTemplate(end.reshape(height, width), resized, cv2.TM_CCOEFF_NORMED)
            best = max(best, float(found.max()))
    return best * best > _MOVED
