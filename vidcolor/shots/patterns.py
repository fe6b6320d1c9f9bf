"""Frames reduced to tiny patterns, and how well two of them match when what they show has moved."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

PATTERN_SIZE = (64, 36)
"""Size (w, h) of the frames that are compared."""
_BLOCK, _STEP, _REACH = 12, 8, 8
"""Side and spacing of blocks and radius of their search, in pixels at `PATTERN_SIZE`: motion up to 12 % of the width
per frame is followed."""
BLANK_STD = 1.2
"""Standard deviation (8-bit units at `PATTERN_SIZE`) under which a frame carries no pattern."""


@dataclass(frozen=True, eq=False)
class Pattern:
    """A frame reduced to what is compared.

    Args:
        index: Its number.
        values: (36, 64) float32 of mean 0 and standard deviation 1.
        smooth: (2304,) as bright as the frame is, smoothed, of mean 0.
    """

    index: int
    values: NDArray[np.float32]
    smooth: NDArray[np.float32]


def match(a: Pattern, b: Pattern) -> float:
    """Mean correlation in [-1, 1] of blocks of `a` with the best block nearby in `b`, busy blocks counting more."""
    padded = cv2.copyMakeBorder(b.values, _REACH, _REACH, _REACH, _REACH, cv2.BORDER_REPLICATE)
    width, height = PATTERN_SIZE
    window = _BLOCK + 2 * _REACH
    total = weights = 0.0
    for y in range(0, height - _BLOCK + 1, _STEP):
        for x in range(0, width - _BLOCK + 1, _STEP):
            block = a.values[y : y + _BLOCK, x : x + _BLOCK]
            weight = min(float(block.std()), 0.5)
            if weight > 0.1:
                scores = cv2.matchTemplate(padded[y : y + window, x : x + window], block, cv2.TM_CCOEFF_NORMED)
                total += weight * float(scores.max())
                weights += weight
    return total / weights if weights else 1.0
