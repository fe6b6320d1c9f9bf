"""Optical flow on luma: estimate, warp, compose, check.

Conventions of the whole package, stated here once:

- A flow from A to B lives on A's grid: `field[y, x] = (dx, dy)` in pixels says that A's pixel (x, y) is found in B at
  (x + dx, y + dy).
- So a picture of B comes onto A's grid by the flow from A to B: `warp(picture_of_b, a_to_b)`.
- (x, y) are pixel indices; a flow holds only at the size at which it was estimated.
"""

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

Preset = Literal["fast", "half", "half fine"]

# The pyramid's finest level to solve on, the distance of patches in pixels, steps of descent per patch and steps of
# refinement per level. `fast` is OpenCV's own of that name. On frames reduced to half the last level is worth more than
# descent: with few steps a patch stays near its coarser level's answer, which is the calmer one. The twelve validation
# clips, coloured at 384 px with keyframes where 25 % are unexplained, give 34.90 dB (4, 4, 1), 34.89 (4, 8, 2), 34.89
# (4, 6, 3), 34.77 (4, 4, 5); a level coarser, with OpenCV's fast (4, 16, 5) and at 20 %, 34.38.
_PRESETS: dict[Preset, tuple[int, int, int, int]] = {
    "fast": (2, 4, 16, 5),
    "half": (0, 4, 4, 1),
    "half fine": (0, 3, 6, 3),
}

DOUBTFUL, CERTAIN = 0.3, 0.9
"""Validity below which what flow brought counts for nothing beside a fresh look, and above which it stays as it is."""
# Every keyframe that the networks repaint is a chance to drift: on eight validation clips this raised PSNR from 34.7 to
# 35.8 dB; ramps of 0 to 0.5 and 0.6 to 1 gave 35.4 and 35.7.

_PATCH = 8
_NONE: Any = None  # the second of two maps, which OpenCV's types demand and x and y in one array do without
_DIFFERENCE = np.array([[-0.5, 0.0, 0.5]], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Flow:
    """Displacements from one frame to another.

    Args:
        field: float32 (h, w, 2), (dx, dy) in pixels.
    """

    field: Floats

    def __post_init__(self) -> None:
        if self.field.ndim != 3 or self.field.shape[2] != 2 or self.field.dtype != np.float32:
            raise ValueError(f"flow field is {self.field.dtype} {self.field.shape}; expected float32 (h, w, 2)")

    def __repr__(self) -> str:
        return f"Flow(field={self.field.dtype}{self.field.shape})"

    @classmethod
    def identity(cls, height: int, width: int) -> "Flow":
        """Return the flow of a frame to itself."""
        return cls(np.zeros((height, width, 2), dtype=np.float32))


def estimate_flow(a: Array, b: Array, *, preset: Preset = "fast") -> Flow:
    """Estimate the flow from A to B: dense inverse search (Kroeger et al. 2016).

    Args:
        a: Luma of A, float32 (h, w) in [0, 1], at least 12 pixels a side.
        b: Luma of B, the same shape.
        preset: Speed against detail; those named half are for frames that were reduced to half.
    """
    if a.shape != b.shape:
        raise ValueError(f"frames of {a.shape} and {b.shape}; flow needs two of one size")
    search = _search(preset, min(a.shape), threading.get_ident())
    return Flow(np.asarray(search.calc(_to_bytes(a), _to_bytes(b), np.empty(0)), dtype=np.float32))


@lru_cache(maxsize=8)
def _search(preset: Preset, short_side: int, thread: int) -> cv2.DISOpticalFlow:
    """Return a search of a thread's own: it holds buffers, which it would cost a quarter of a call to make anew."""
    finest, stride, descent, refinement = _PRESETS[preset]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    # OpenCV crashes where the finest level is smaller than a patch.
    search.setFinestScale(max(0, min(finest, int(np.log2(short_side / _PATCH)))))
    search.setPatchStride(stride)
    search.setGradientDescentIterations(descent)
    search.setVariationalRefinementIterations(refinement)
    return search


def warp(picture: Array, flow: Flow, *, beyond: bool = False) -> Floats:
    """Bring a picture of B onto A's grid, bilinearly.

    Args:
        picture: Planes of B, (h, w) or (h, w, c), c at most 4; four are warped in half the time of three.
        flow: The flow from A to B.
        beyond: B's outermost pixels continue outside it.

    Returns:
        float32, the shape of `picture`; without `beyond` 0 where A's pixel lies outside B, as confidence must be.
    """
    return _sample(picture, flow, cv2.BORDER_REPLICATE if beyond else cv2.BORDER_CONSTANT)


def compose(a_to_b: Flow, b_to_c: Flow) -> Flow:
    """Return the flow from A to C by way of B. Beyond B's edge its outermost flow continues."""
    return Flow(a_to_b.field + _sample(b_to_c.field, a_to_b, cv2.BORDER_REPLICATE))


def consistency(a_to_b: Flow, b_to_a: Flow) -> Floats:
    """Say where a flow may be trusted: forth and back agree, no motion boundary, B's frame not left.

    The criteria and constants are those of Sundaram, Brox and Keutzer 2010 as used by Ruder et al. 2016 and
    Lai et al. 2018: with g the opposite flow brought onto the grid of f, occluded where
    |f + g|^2 > 0.01 (|f|^2 + |g|^2) + 0.5, boundary where |grad f_x|^2 + |grad f_y|^2 > 0.01 |f|^2 + 0.002.

    Returns:
        float32 (h, w) on A's grid: 1 trusted, 0 not.
    """
    f = a_to_b.field
    g = _sample(b_to_a.field, a_to_b, cv2.BORDER_REPLICATE)
    strength = _square(f)
    occluded = _square(f + g) > 0.01 * (strength + _square(g)) + 0.5
    across = cv2.filter2D(f, -1, _DIFFERENCE, borderType=cv2.BORDER_REPLICATE)
    down = cv2.filter2D(f, -1, _DIFFERENCE.T, borderType=cv2.BORDER_REPLICATE)
    boundary = _square(down) + _square(across) > 0.01 * strength + 0.002
    return (~occluded & ~boundary & inside(a_to_b)).astype(np.float32)


def inside(flow: Flow) -> npt.NDArray[np.bool_]:
    """Return where A's pixels are found inside B's frame, bool (h, w)."""
    height, width = flow.field.shape[:2]
    return cv2.inRange(_positions(flow), (0, 0), (width - 1, height - 1)) != 0


def _sample(picture: Array, flow: Flow, border: int) -> Floats:
    if picture.shape[:2] != flow.field.shape[:2]:
        raise ValueError(f"picture of {picture.shape[:2]} and flow of {flow.field.shape[:2]} differ in size")
    source = np.asarray(picture, dtype=np.float32)
    sampled = cv2.remap(source, _positions(flow), _NONE, cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(sampled, dtype=np.float32)


def _positions(flow: Flow) -> Array:
    """Return where A's pixels lie in B, x and y."""
    return cv2.add(flow.field, _grid(*flow.field.shape[:2]))


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> Floats:
    """Return each pixel's own x and y, float32 (h, w, 2), not to be written to."""
    across, down = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    return np.stack(np.meshgrid(across, down), axis=-1)


def _square(vectors: Array) -> Floats:
    return np.asarray(vectors[..., 0] * vectors[..., 0] + vectors[..., 1] * vectors[..., 1], dtype=np.float32)


def _to_bytes(luma: Array) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.convertScaleAbs(luma, alpha=255.0), dtype=np.uint8)
