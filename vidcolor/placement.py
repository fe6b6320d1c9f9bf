"""Where a frame's picture lies in a still of it that was cropped, framed, stretched, zoomed or turned."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]

# Features of Lowe 2004, paired by his test of the second best, and the affine map on which most pairs agree (RANSAC).
_FEATURES = 2000
_CONTRAST = 0.02
_RATIO = 0.8
_APART = 2.0
"""Pixels by which a pair may miss the map."""

# So many pairs must agree. Of frames of the twelve validation clips with 3 % of grain and stills of the same frame,
# cropped or stretched to a square, framed, zoomed by 0.7 to 1.3, turned by 5 degrees, bent by 0.6 % of the width with
# other tones, or bent so, cropped and toned, 22 or more do; of 132 pairs of frames of different clips up to 11.
_AGREEING = 18

_SCALES = 0.25, 4.0
"""Of pixels of the still to those of the frame, in any direction, where the two are about as large."""
_STRETCHED = 2.5
"""Times by which the still may be stretched one way more than the other."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a frame's picture lies in a still.

    Attributes:
        matrix: (3, 3), affine, from places in the frame to places in the still, as shares of width and height.
        agreement: Share of the places that look alike which agree on it, in (0, 1]: what moved since does not.
    """

    matrix: Matrix
    agreement: float = 1.0

    def still_size(self, size: tuple[int, int], still_size: tuple[int, int]) -> tuple[int, int]:
        """Return the (width, height) of the still at which its pixels are as large as those of a frame of this size."""
        scale = (size[0] * size[1] / (np.linalg.det(self.matrix) * still_size[0] * still_size[1])) ** 0.5
        return max(1, round(still_size[0] * scale)), max(1, round(still_size[1] * scale))

    def distance(self, size: tuple[int, int]) -> float:
        """Return how far a frame of (width, height) lies from the still stretched to it, in pixels at a corner."""
        corners = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]], np.float64).T
        return float(np.hypot(*((self.matrix @ corners - corners)[:2] * np.array([size]).T)).max())

    def seen(self, still: Floats, size: tuple[int, int]) -> Floats:
        """Bring planes of the still, float32 (h, w) or (h, w, c), onto the grid of a frame of (width, height).

        The outermost ones continue beyond its edge.
        """
        matrix = _to_pixels(still.shape[1::-1]) @ self.matrix @ np.linalg.inv(_to_pixels(size))
        way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(still, matrix[:2], size, flags=way, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    def covered(self, size: tuple[int, int]) -> Floats:
        """Return 1 where a frame of (width, height) lies within the still, 0 elsewhere: float32 (height, width)."""
        y, x = np.mgrid[: size[1], : size[0]]
        shares = np.stack([(x + 0.5) / size[0], (y + 0.5) / size[1], np.ones(x.shape)])
        places = np.einsum("ij,jyx->iyx", self.matrix[:2], shares)
        return np.asarray(((places > 0) & (places < 1)).all(0), np.float32)


def place(frame: Floats, still: Floats) -> Placement | None:
    """Find a frame's picture in a still, whose tones may be others.

    Args:
        frame: Luma (h, w) in [0, 1].
        still: The same of the still, in its own aspect and about as large.

    Returns:
        Where it lies; None where the two have too little in common to tell.
    """
    ours, theirs = _pairs(frame, still)
    if len(ours) < _AGREEING:
        return None
    found, agreeing = cv2.estimateAffine2D(ours, theirs, method=cv2.RANSAC, ransacReprojThreshold=_APART)
    if found is None or agreeing.sum() < _AGREEING or not _is_likely(np.asarray(found[:, :2], np.float64)):
        return None
    matrix = np.vstack([found, [0, 0, 1]])
    matrix = np.linalg.inv(_to_pixels(still.shape[::-1])) @ matrix @ _to_pixels(frame.shape[::-1])
    return Placement(matrix, float(agreeing.mean()))


def centred(frame: float, still: float) -> list[Placement]:
    """Return where a frame lies in a still that was cropped evenly on both sides, and in one that was framed so.

    A strip shows too little of a picture to be one of it.

    Args:
        frame: Its width to its height.
        still: The same of the still.
    """
    narrow, flat = min(1.0, still / frame), min(1.0, frame / still)
    if min(narrow, flat) < _SCALES[0]:
        return []
    return [_about_the_middle(1 / narrow, 1 / flat), _about_the_middle(flat, narrow)]


def _about_the_middle(across: float, down: float) -> Placement:
    return Placement(np.array([[across, 0, (1 - across) / 2], [0, down, (1 - down) / 2], [0, 0, 1]], np.float64))


def _pairs(frame: Floats, still: Floats) -> tuple[Floats, Floats]:
    """Return places in both, float32 (n, 2) in pixels, where they look alike."""
    finder, matcher = cv2.SIFT.create(_FEATURES, contrastThreshold=_CONTRAST), cv2.BFMatcher()
    (ours, kinds), (theirs, their_kinds) = (
        finder.detectAndCompute(np.rint(np.clip(luma, 0, 1) * 255).astype(np.uint8), None) for luma in (frame, still)
    )
    if len(ours) < _AGREEING or len(theirs) < _AGREEING:
        return np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    best = matcher.knnMatch(kinds, their_kinds, k=2)
    sure = [first for first, second in best if first.distance < _RATIO * second.distance]
    return (
        np.array([ours[pair.queryIdx].pt for pair in sure], np.float32).reshape(-1, 2),
        np.array([theirs[pair.trainIdx].pt for pair in sure], np.float32).reshape(-1, 2),
    )


def _is_likely(linear: Matrix) -> bool:
    """Tell whether somebody may have changed a picture so: (2, 2), pixels to pixels; nobody mirrors it."""
    most, least = np.linalg.svd(linear, compute_uv=False)
    return bool(np.linalg.det(linear) > 0 and least >= _SCALES[0] and most <= _SCALES[1] and most <= _STRETCHED * least)


def _to_pixels(size: tuple[int, ...]) -> Matrix:
    """Return the map (3, 3) from shares of a picture of (width, height) to its pixels, whose middles are whole."""
    return np.array([[size[0], 0, -0.5], [0, size[1], -0.5], [0, 0, 1]], np.float64)
