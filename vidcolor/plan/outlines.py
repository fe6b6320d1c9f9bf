"""How well do the outlines of a still agree with those of a frame, whatever was done to its tones?

Who paints a still in opaque colours may make dark what is bright: neither its greys nor its features are the frame's
then, but edges lie where they lay and run as they ran. So the two are compared by the angles of their edges, taken
twice, for an edge and its negative are half a turn apart; and, since programs crop and frame pictures, wherever the
still may lie on the frame, at sizes of 0.65 to 1.35 times the frame's.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_AREA = 96 * 72
"""Pixels in which the frame is looked at."""
_SIZES = (0.65, 0.72, 0.8, 0.9, 1.0, 1.11, 1.23, 1.35)
_LEAST_SIDE = 16
_OVERLAP = 0.6
"""Share of the smaller of the two that has to lie on the other one."""
_FAINT = 0.12
"""Slope, in standard deviations of luma a pixel, under which an edge hardly counts."""
_AROUND = 8
"""Pixels over which edges are made equally strong."""


def agreement(frame: Floats, still: Floats) -> float:
    """Return how well two pictures' outlines agree where they do best, -1 to 1, given their luma (h, w)."""
    ours = _planes(frame, 1.0)
    found = [_best(ours, theirs) for size in _SIZES if min((theirs := _planes(still, size)).shape[:2]) >= _LEAST_SIDE]
    return max(found, default=0.0)


def _planes(luma: Floats, size: float) -> Floats:
    """Return how edges run (2 planes), how strong they are, and ones, (h, w, 4), with a side `size` times as long."""
    scale = size * (_AREA / luma.size) ** 0.5
    width, height = (max(1, round(side * scale)) for side in luma.shape[::-1])
    small = cv2.GaussianBlur(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), (0, 0), 1)
    small = np.asarray(small / max(float(small.std()), 1e-3), np.float32)
    across, down = cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)
    twice = np.dstack([across**2 - down**2, 2 * across * down]) / (cv2.magnitude(across, down) + _FAINT)[..., None]
    runs = cv2.GaussianBlur(twice, (0, 0), 1)
    around = np.sqrt(cv2.GaussianBlur((runs * runs).sum(2), (0, 0), _AROUND))
    even = runs / (around + _FAINT / 2)[..., None]
    even = even - even.mean((0, 1))
    return np.dstack([even, (even * even).sum(2), np.ones_like(small)]).astype(np.float32)


def _best(ours: Floats, theirs: Floats) -> float:
    """Return the largest correlation over all places of the one on the other, less where they share little.

    At all places at once, by Fourier transforms: that takes 5 ms.
    """
    grid = [cv2.getOptimalDFTSize(a + b) for a, b in zip(ours.shape[:2], theirs.shape[:2], strict=True)]
    f, g = (np.fft.rfft2(planes, grid, axes=(0, 1)) for planes in (ours, theirs))
    g = g.conj()
    products = [f[..., 0] * g[..., 0] + f[..., 1] * g[..., 1], f[..., 2] * g[..., 3], f[..., 3] * g[..., 2]]
    common, strength, their_strength, shared = (np.fft.irfft2(p, grid) for p in (*products, f[..., 3] * g[..., 3]))
    size, their_size = (planes.shape[0] * planes.shape[1] for planes in (ours, theirs))
    scale = np.sqrt(np.maximum(strength, 0) * np.maximum(their_strength, 0)) + 1e-3
    found = common / scale * np.sqrt(np.clip(shared / size, 0, 1))
    return float(found[shared >= _OVERLAP * min(size, their_size)].max(initial=-1.0))
