"""What a picture looks like, small enough to keep for thousands: content, and a grid of keys, tones and colours."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.exemplar import ExemplarColorizer

Halves = NDArray[np.float16]
Floats = NDArray[np.float32]

LONG_SIDE = 192
"""Size at which pictures are described: half of the working size, a quarter of the work."""
GRID = 8


@dataclass(frozen=True, eq=False)
class Looks:
    """A picture, described. All arrays are float16; a picture takes 14 kB.

    Attributes:
        content: (C,) pooled encoder features of the whole picture, unit length.
        keys: (64, K) unit features of the cells of an 8 x 8 grid over the picture.
        tones: (64, 2) mean and standard deviation of luma, [0, 1], per cell.
        colors: (64, 2) mean Lab ab per cell; 0 for a frame of a film.
    """

    content: Halves
    keys: Halves
    tones: Halves
    colors: Halves

    FIELDS: ClassVar[tuple[str, ...]] = ("content", "keys", "tones", "colors")

    def __repr__(self) -> str:
        return f"Looks(content={self.content.shape}, keys={self.keys.shape})"


def describe(networks: ExemplarColorizer, luma: Floats, ab: Floats | None = None) -> Looks:
    """Describe a picture.

    Args:
        networks: Their encoder looks at it.
        luma: (h, w) in [0, 1], h and w multiples of 32, the long side about `LONG_SIDE`.
        ab: (h, w, 2) its colours, None for a frame of a film.
    """
    content, keys = networks.describe(luma, grid=GRID)
    mean = _cells(luma)
    spread = np.sqrt(np.maximum(_cells(luma * luma) - mean * mean, 0))
    colors = np.zeros((GRID * GRID, 2)) if ab is None else _cells(ab)
    tones = np.hstack([mean, spread])
    return Looks(*(np.asarray(each, np.float16) for each in (content, keys, tones, colors)))


def _cells(plane: Floats) -> Floats:
    """Mean of each cell of the grid: (h, w) or (h, w, C) to (cells, C)."""
    small = cv2.resize(plane, (GRID, GRID), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(GRID * GRID, -1)
