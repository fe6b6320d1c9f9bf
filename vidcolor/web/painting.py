"""Brush strokes over a coloured frame: colour from the brush, light from the film."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color import ab_to_chroma, chroma_to_rgb, rgb_to_ab, rgb_to_lab, rgb_to_luma
from vidcolor.grading import cube_root_of_luminance
from vidcolor.web.spreading import spread

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

_LEAST = 1e-3
"""Of a divisor."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What strokes are painted on, whatever the frame looks like by the time that they are kept.

    Args:
        frame: Number of the frame.
        picture: It before grading, RGB uint8 (h, w, 3).
    """

    frame: int
    picture: Bytes


def has_strokes(layers: Sequence[Bytes]) -> bool:
    """Tell whether anything is painted on any layer RGBA uint8 (h, w, 4)."""
    return any(layer[..., 3].any() for layer in layers)


def paint_over(picture: Bytes, layers: Sequence[Bytes], *, matrix: str, reach: float = 0.0) -> Bytes:
    """Return a picture in the colours of strokes over it; its luma stays, but for rounding to 8 bit.

    A brush's colour is that of a surface under the light that it was picked in. Where the film is darker than the
    brush, the surface is in less light: XYZ are scaled by one factor, and so ab by its cube root (Lab's definition), or
    shadows would glow. Where the film is lighter, ab stays: highlights are not more colourful than what they lie on.
    Strokes are mixed with what is under them in ab, so that half a stroke is neither darker nor lighter.

    Args:
        picture: The frame in its colours, RGB uint8 (h, w, 3).
        layers: Strokes, RGBA uint8 (h, w, 4) each, the lowest first; those of another size are scaled.
        matrix: Of the film.
        reach: How far strokes grow, up to the edges of what they lie on, see `spread`; 0 leaves them as they are.
    """
    values = picture.astype(np.float32) / np.float32(255)
    luma = rgb_to_luma(values, matrix)
    strokes = _flattened(layers, picture.shape[:2])
    if reach > 0:
        strokes = spread(strokes, luma, reach=reach)
    share = strokes[..., 3:]
    brush_light = strokes[..., 2:3] / np.maximum(share, _LEAST)
    less_light = np.minimum(cube_root_of_luminance(luma)[..., None] / np.maximum(brush_light, _LEAST), 1.0)
    ab = rgb_to_ab(values) * (1 - share) + strokes[..., :2] * less_light
    cb, cr = ab_to_chroma(ab, luma, matrix=matrix)
    painted = (chroma_to_rgb(luma, cb, cr, matrix=matrix) * 255 + 0.5).astype(np.uint8)
    return np.where(share > 0, painted, picture)  # what nobody painted is not rounded a second time


def _flattened(layers: Sequence[Bytes], shape: tuple[int, ...]) -> Floats:
    """Return layers as one, float32 (h, w, 4): Lab ab and cbrt(Y), times the share that is painted, and that share."""
    strokes = np.zeros((*shape, 4), np.float32)
    for layer in layers:
        brush = layer.astype(np.float32) / np.float32(255)
        lab, alpha = rgb_to_lab(brush[..., :3]), brush[..., 3:]
        one = np.concatenate([lab[..., 1:] * alpha, (lab[..., :1] + 16) / 116 * alpha, alpha], axis=2)
        if one.shape[:2] != shape:  # the colour of transparent pixels, often black, is out of it by now
            one = np.asarray(cv2.resize(one, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)
        strokes = one + (1 - one[..., 3:]) * strokes
    return strokes
