"""Colour: Lab ab for prediction, the film's own Y'CbCr for delivery, luma never touched.

Conventions of the whole package, stated here once:

- Pictures are RGB, shape (h, w, 3), gamma-encoded sRGB in [0, 1]; BGR exists only inside an OpenCV call.
- `luma` is Y' = kr R' + kg G' + kb B' of the gamma-encoded values, float32 (h, w) in [0, 1], with the coefficients of
  the film's matrix. It is not linear luminance.
- `ab` is CIE Lab a and b, D65, 2 degree observer, float32 (h, w, 2), unscaled (about -110 to 110).
- `cb`, `cr` are float32 (h, w) in [-0.5, 0.5].
- Geometry is align_corners=False: the pixel at index i covers [i, i + 1) and has its centre at i + 0.5.
- Ranges are half-open.

A film's primaries and transfer are read as sRGB's, as players show untagged film.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.errors import VidcolorError
from vidcolor.planes import planes_of

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

LONG_SIDE = 384
"""Of the working size, in pixels."""

_COEFFICIENTS = {  # (kr, kb): ITU-T H.273 table 4
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "smpte240m": (0.212, 0.087),
}
_XYZ_FROM_RGB = np.array(  # IEC 61966-2-1, as scikit-image has it
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])  # D65, 2 degrees
_RATIOS_FROM_RGB = _XYZ_FROM_RGB / _WHITE[:, None]
_RGB_FROM_RATIOS = np.linalg.inv(_RATIOS_FROM_RGB)


@dataclass(frozen=True, eq=False)
class Chroma:
    """Predicted colour of one frame at the working size.

    Args:
        ab: Lab ab, float32 (h, w, 2), unscaled.
        confidence: float32 (h, w) in [0, 1].
        provenance: float32 (h / 2, w / 2, 4), see `provenance`, or None where it is not traced.
    """

    ab: Floats
    confidence: Floats
    provenance: Floats | None = None

    def __post_init__(self) -> None:
        if self.ab.ndim != 3 or self.ab.shape[2] != 2 or self.ab.dtype != np.float32:
            raise ValueError(f"ab is {self.ab.dtype} {self.ab.shape}; expected float32 (h, w, 2)")
        if self.confidence.shape != self.ab.shape[:2] or self.confidence.dtype != np.float32:
            raise ValueError(
                f"confidence is {self.confidence.dtype} {self.confidence.shape}; expected float32 {self.ab.shape[:2]}"
            )
        if not np.isfinite(self.ab).all():
            raise ValueError("ab holds values that are not finite")
        if self.confidence.size and not (self.confidence.min() >= 0.0 and self.confidence.max() <= 1.0):
            raise ValueError("confidence leaves [0, 1]")
        half = ((self.ab.shape[0] + 1) // 2, (self.ab.shape[1] + 1) // 2, 4)
        if self.provenance is not None and self.provenance.shape != half:
            raise ValueError(f"provenance is {self.provenance.shape}; expected {half}")

    @classmethod
    def neutral(cls, luma: Floats) -> "Chroma":
        """No colour at all, for a frame whose luma is (h, w)."""
        return cls(np.zeros((*luma.shape, 2), np.float32), np.ones(luma.shape, np.float32))

    def __repr__(self) -> str:
        return f"Chroma(ab={self.ab.dtype}{self.ab.shape}, confidence={self.confidence.dtype}{self.confidence.shape})"


def luma_coefficients(matrix: str) -> tuple[float, float]:
    """Return (kr, kb) of a film's matrix; kg is what remains to 1."""
    if matrix not in _COEFFICIENTS:
        raise VidcolorError(
            f"matrix {matrix!r} is not supported; allowed: {', '.join(_COEFFICIENTS)}",
            hint="tag the film with one of these matrices, for example bt601 for standard definition",
        )
    return _COEFFICIENTS[matrix]


def halve_towards(plane: Array, size: tuple[int, int]) -> Array:
    """Halve a plane (h, w) as long as its sides are even and it is at least twice as large as `size` (width, height).

    Averaging whole pixels is 30 times faster than averaging fractions of them, which is what is left to do.
    """
    width, height = size
    while plane.shape[1] >= 2 * width and plane.shape[0] >= 2 * height and not (plane.shape[0] | plane.shape[1]) & 1:
        plane = cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return plane


def normalize_luma(luma: Array, *, bit_depth: int, full_range: bool) -> Floats:
    """Turn a luma plane's integer code values into float32 in [0, 1]; limited range keeps no head- or footroom."""
    black, white = luma_codes(bit_depth, full_range=full_range)
    values = luma.astype(np.float32)
    values -= np.float32(black)
    values *= np.float32(1.0 / (white - black))
    return np.clip(values, 0.0, 1.0, out=values)


def luma_codes(bit_depth: int, *, full_range: bool) -> tuple[int, int]:
    """Return the code values of black and white luma."""
    if full_range:
        return 0, (1 << bit_depth) - 1
    return 16 << (bit_depth - 8), 235 << (bit_depth - 8)


def normalize_chroma(plane: Array, *, bit_depth: int, full_range: bool) -> Floats:
    """Turn the code values of Cb or Cr, whole or averaged, into float32, -0.5 to 0.5 but for head- and footroom."""
    neutral, swing = chroma_codes(bit_depth, full_range=full_range)
    values = plane.astype(np.float32)
    values -= np.float32(neutral)
    values /= np.float32(swing)
    return values


def chroma_codes(bit_depth: int, *, full_range: bool) -> tuple[int, int]:
    """Return the code value of neutral chroma, and how many code values lie between -0.5 and 0.5."""
    return 1 << (bit_depth - 1), (1 << bit_depth) - 1 if full_range else 224 << (bit_depth - 8)


def rgb_to_luma(rgb: Array, matrix: str = "bt709") -> Floats:
    """Return Y' float32 (h, w) in [0, 1] of gamma-encoded RGB (h, w, 3) in [0, 1]."""
    kr, kb = luma_coefficients(matrix)
    weights = np.array([kr, 1.0 - kr - kb, kb], dtype=np.float32)
    return np.clip(np.asarray(rgb, dtype=np.float32) @ weights, 0.0, 1.0)


def rgb_to_lab(rgb: Array) -> Array:
    """Return Lab D65 (..., 3) of gamma-encoded sRGB (..., 3) in [0, 1]; float64 in gives float64 out, else float32."""
    values = _as_floats(rgb)
    linear = np.where(values > 0.04045, ((np.maximum(values, 0.0) + 0.055) / 1.055) ** 2.4, values / 12.92)
    ratios = linear.astype(values.dtype) @ _RATIOS_FROM_RGB.T.astype(values.dtype)
    f = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16.0 / 116.0)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1).astype(values.dtype)


def lab_to_rgb(lab: Array) -> Array:
    """Return gamma-encoded sRGB (..., 3) of Lab D65 (..., 3), **not clipped** to [0, 1]; dtype as in `rgb_to_lab`."""
    values = _as_floats(lab)
    y = (values[..., 0] + 16.0) / 116.0
    f = np.stack([y + values[..., 1] / 500.0, y, y - values[..., 2] / 200.0], axis=-1)
    ratios = np.where(f > 0.2068966, f**3, (f - 16.0 / 116.0) / 7.787)
    linear = ratios @ _RGB_FROM_RATIOS.T.astype(values.dtype)
    rgb = np.where(linear > 0.0031308, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return rgb.astype(values.dtype)


def rgb_to_ab(rgb: Array) -> Floats:
    """Return Lab ab float32 (h, w, 2) of gamma-encoded sRGB (h, w, 3) in [0, 1]."""
    return np.ascontiguousarray(rgb_to_lab(np.asarray(rgb, dtype=np.float32))[..., 1:])


def rgb_to_chroma(rgb: Array, *, matrix: str) -> tuple[Floats, Floats]:
    """Return (cb, cr), float32 (h, w) in [-0.5, 0.5], of gamma-encoded RGB (h, w, 3) in [0, 1]."""
    kr, kb = luma_coefficients(matrix)
    values = np.asarray(rgb, dtype=np.float32)
    luma = rgb_to_luma(values, matrix)
    return (values[..., 2] - luma) / np.float32(2 - 2 * kb), (values[..., 0] - luma) / np.float32(2 - 2 * kr)


def chroma_to_rgb(luma: Array, cb: Array, cr: Array, *, matrix: str) -> Floats:
    """Return the RGB float32 (h, w, 3) that a player shows for Y', Cb, Cr, clipped to [0, 1] as a player clips."""
    kr, kb = luma_coefficients(matrix)
    red = 2 * (1 - kr) * cr
    blue = 2 * (1 - kb) * cb
    green = -(kr * red + kb * blue) / (1 - kr - kb)
    rgb = np.stack([luma + red, luma + green, luma + blue], axis=-1).astype(np.float32)
    return np.clip(rgb, 0.0, 1.0, out=rgb)


def working_size(width: int, height: int, *, long_side: int = LONG_SIDE, multiple: int = 32) -> tuple[int, int]:
    """Return the (width, height) at which colour is predicted.

    The long side is `long_side`, both sides are multiples of `multiple` (at least one of them), and the aspect is kept
    as nearly as that allows. A small picture is enlarged to it, so that objects keep the scale the networks know.
    """
    if min(width, height) < 1:
        raise ValueError(f"a picture of {width}x{height} has no pixels")
    scale = long_side / max(width, height)
    return (
        max(1, round(width * scale / multiple)) * multiple,
        max(1, round(height * scale / multiple)) * multiple,
    )


def ab_to_chroma(ab: Array, luma: Array, *, matrix: str) -> tuple[Floats, Floats]:
    """Return the Cb and Cr of the colour whose luma is `luma` and whose Lab hue and chroma are those of `ab`.

    Where no such colour exists in the RGB gamut, chroma is reduced at constant Lab hue until one does. ab = 0, luma = 0
    and luma = 1 give exactly 0. Tables over (Y', hue, share of the largest chroma) are interpolated linearly; they are
    built on the first call for a matrix (about 0.5 s) and kept.

    Args:
        ab: Lab ab, (h, w, 2), unscaled, any magnitude.
        luma: Y' (h, w) in [0, 1] by the same matrix.
        matrix: The film's matrix, as `luma_coefficients` knows it.

    Returns:
        cb and cr, float32 (h, w) in [-0.5, 0.5].
    """
    limits, chroma = _chroma_tables(matrix)
    values = np.asarray(ab, dtype=np.float32)
    a, b = planes_of(values)
    radius, angle = cv2.cartToPolar(a, b)
    hue: Floats = np.asarray(angle, dtype=np.float32) * np.float32(_HUES / (2 * np.pi))
    level: Floats = np.sqrt(np.asarray(luma, dtype=np.float32)) * np.float32(_LEVELS - 1)
    limit = cv2.remap(limits, hue, level, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share: Floats = np.minimum(radius / limit, np.float32(1.0)) * np.float32(_SHARES - 1)
    node: Floats = np.minimum(np.floor(level), np.float32(_LEVELS - 2))
    row: Floats = hue + node * np.float32(_HUES + 1)
    low_high: Array = cv2.remap(chroma, share, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cb, cr, cb_above, cr_above = planes_of(low_high)
    fraction = level - node
    return cb + fraction * (cb_above - cb), cr + fraction * (cr_above - cr)


_LEVELS = 97  # nodes over the square root of Y': the gamut's tip at black is narrow
_HUES = 240  # steps over a turn of Lab hue
_SHARES = 9  # nodes from neutral to the gamut's edge


@lru_cache(maxsize=4)
def _chroma_tables(matrix: str) -> tuple[Floats, Floats]:
    """Return the tables that `ab_to_chroma` reads.

    The largest chroma: (levels, hues + 1), Lab units. Its colours: (levels * (hues + 1), shares, 4), cb and cr at a
    level and at the next one.
    """
    kr, kb = luma_coefficients(matrix)
    luma = np.linspace(0.0, 1.0, _LEVELS) ** 2
    hue = np.linspace(0.0, 2 * np.pi, _HUES + 1)
    limits = np.zeros((_LEVELS, _HUES + 1))
    limits[1:-1] = [_largest_chroma(level, hue, matrix) for level in luma[1:-1]]
    radius = limits[..., None] * np.linspace(0.0, 1.0, _SHARES)
    ab = np.stack([radius * np.cos(hue)[:, None], radius * np.sin(hue)[:, None]], axis=-1)
    rgb = np.clip(_rgb_of_luma(ab, np.broadcast_to(luma[:, None, None], radius.shape), matrix), 0.0, 1.0)
    level = luma[:, None, None]
    here = np.stack([(rgb[..., 2] - level) / (2 - 2 * kb), (rgb[..., 0] - level) / (2 - 2 * kr)], axis=-1)
    here[:, :, 0] = here[0] = here[-1] = 0.0
    table = np.concatenate([here, np.concatenate([here[1:], here[-1:]])], axis=-1)
    floor = np.maximum(limits, 1e-3)  # black and white divide by it
    return floor.astype(np.float32), table.reshape(-1, _SHARES, 4).astype(np.float32)


def _largest_chroma(luma: float, hue: Array, matrix: str) -> Array:
    """Return the largest Lab chroma in the RGB gamut at one Y' for each Lab hue (radians).

    Walks round the edge of the plane of this Y' through the RGB cube, where each direction of (Cb, Cr) leaves the cube
    at a scale known in closed form.
    """
    kr, kb = luma_coefficients(matrix)
    angle = np.linspace(0.0, 2 * np.pi, 6 * _HUES, endpoint=False)
    red, blue = np.cos(angle), np.sin(angle)
    away = np.stack([red, -(kr * red + kb * blue) / (1 - kr - kb), blue], axis=-1)
    scale = (np.where(away > 0, 1.0 - luma, luma) / np.maximum(np.abs(away), 1e-9)).min(axis=-1)
    a, b = rgb_to_lab(luma + scale[:, None] * away)[:, 1:].T
    return np.interp(hue, np.arctan2(b, a), np.hypot(a, b), period=2 * np.pi)


def _rgb_of_luma(ab: Array, luma: Array, matrix: str) -> Array:
    """Return the RGB (..., 3) of the colours with this ab (..., 2) and this Y' (...): secant steps on L."""
    kr, kb = luma_coefficients(matrix)
    weights = np.array([kr, 1 - kr - kb, kb])
    before, lightness = 90.0 * luma, 100.0 * luma
    error_before = lab_to_rgb(np.concatenate([before[..., None], ab], axis=-1)) @ weights - luma
    for _ in range(8):
        rgb = lab_to_rgb(np.concatenate([lightness[..., None], ab], axis=-1))
        error = rgb @ weights - luma
        if np.abs(error).max() < 1e-6:
            break
        change = error - error_before
        step = np.where(np.abs(change) > 1e-12, (lightness - before) / np.where(change == 0, 1.0, change), 0.0)
        before, error_before = lightness, error
        lightness = lightness - error * step
    return rgb


def _as_floats(values: Array) -> Array:
    array = np.asarray(values)
    return array if array.dtype == np.float64 else array.astype(np.float32, copy=False)
