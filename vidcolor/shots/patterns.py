"""Frames reduced to tiny patterns, and how well two of them match when what they show has moved."""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

PATTERN_SIZE = (64, 36)
"""Size (w, h) of the frames that are compared."""
_BLOCK, _STEP, _REACH = 12, 8, 8
"""Side and spacing of blocks and radius of their search, in pixels at `PATTERN_SIZE`: motion up to 12 % of the width
per frame is followed."""
_PLAIN, _BUSY = 0.1, 0.5
"""Standard deviations up to which a block says nothing, and from which none says more than others."""
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
    """How well two frames show one scene, in [-1, 1], 1 where neither has a pattern: the mean of both ways."""
    return (_found(a, b) + _found(b, a)) / 2


def _found(a: Pattern, b: Pattern) -> float:
    """How like blocks of `a` are to the best places nearby in `b`, in the mean, busy blocks counting more.

    Likeness is 2 cov / (var + var): correlation, less where one is busier than the other (Lin's concordance, 1989,
    without its term for brightness, which flickers). A block and its neighbours agree on the place: each by itself
    finds something of its like in most pictures.
    """
    padded = np.pad(b.values, _REACH, mode="edge")
    spread = _variances(padded)
    tops, lefts = (range(0, side - _BLOCK + 1, _STEP) for side in a.values.shape)
    window, places = _BLOCK + 2 * _REACH, 2 * _REACH + 1
    weights = np.zeros((len(tops) + 2, len(lefts) + 2), np.float32)
    scores = np.zeros((*weights.shape, places, places), np.float32)
    for (row, y), (column, x) in product(enumerate(tops, start=1), enumerate(lefts, start=1)):
        block = a.values[y : y + _BLOCK, x : x + _BLOCK]
        variance = float(block.var())
        weight = min(variance**0.5, _BUSY)
        if weight > _PLAIN:
            both = variance + spread[y : y + places, x : x + places]
            shared = cv2.matchTemplate(padded[y : y + window, x : x + window], block, cv2.TM_CCOEFF) / block.size
            scores[row, column] = 2 * weight * shared / (both + _PLAIN**2)
            weights[row, column] = weight
    if not weights.any():
        return 1.0
    own = weights[1:-1, 1:-1]
    agreed = _with_neighbours(scores).max(axis=(2, 3)) / np.maximum(_with_neighbours(weights), _PLAIN)
    return float((agreed * own).sum() / own.sum())


def _variances(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the variance of the block that begins at each place."""
    mean, of_squares = (
        cv2.boxFilter(each, -1, (_BLOCK, _BLOCK), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
        for each in (values, values * values)
    )
    return np.asarray(of_squares - mean * mean, np.float32)


def _with_neighbours(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sums over 3x3 blocks, of all but those at the border."""
    rows, columns = blocks.shape[0] - 2, blocks.shape[1] - 2
    shifts = product(range(3), range(3))
    return np.sum([blocks[y : y + rows, x : x + columns] for y, x in shifts], axis=0, dtype=np.float32)
