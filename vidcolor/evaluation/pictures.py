"""A film's frames as the scores see them: 8-bit RGB as stored, and small planes."""

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.color import Array, Floats, chroma_to_rgb, normalize_chroma, normalize_luma
from vidcolor.video import Frame, VideoInfo
from vidcolor.video.info import chroma_inset

Bytes = npt.NDArray[np.uint8]


def picture(frame: Frame, info: VideoInfo, *, luma: Floats | None = None) -> Bytes:
    """Return a frame as 8-bit RGB (h, w, 3), as stored (not turned), chroma brought up bilinearly by its siting.

    Args:
        frame: The frame.
        info: Its film.
        luma: Another Y' (h, w) in [0, 1] to show its chroma with.
    """
    if luma is None and info.rgb and info.bit_depth == 8 and frame.picture is not None:
        return np.asarray(frame.picture.to_ndarray(format="rgb24"))  # Y'CbCr of 8 bit would move values by up to 2
    luma = luma_of(frame, info) if luma is None else luma
    if frame.source_chroma is None:
        cb = cr = np.zeros_like(luma)
    else:
        cb, cr = (_to_full(plane, info) for plane in (frame.source_chroma.cb, frame.source_chroma.cr))
    rgb = chroma_to_rgb(luma, cb, cr, matrix=info.matrix)
    return (rgb * np.float32(255.0) + np.float32(0.5)).astype(np.uint8)


def luma_of(frame: Frame, info: VideoInfo) -> Floats:
    """Return a frame's Y' (h, w) in [0, 1]."""
    return normalize_luma(frame.luma, bit_depth=info.bit_depth, full_range=info.full_range)


def shrink(rgb: Bytes, size: tuple[int, int]) -> Floats:
    """Return 8-bit RGB at another (width, height), float32 in [0, 1]."""
    return np.asarray(cv2.resize(rgb.astype(np.float32) / 255.0, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _to_full(plane: Array, info: VideoInfo) -> Floats:
    values = normalize_chroma(plane, bit_depth=info.bit_depth, full_range=info.full_range)
    across, down = 1 << info.log2_x, 1 << info.log2_y
    inset_x, inset_y = chroma_inset(info)
    to_plane = np.array([[1 / across, 0, (0.5 - inset_x) / across], [0, 1 / down, (0.5 - inset_y) / down]])
    size, flags = (info.width, info.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    full = cv2.warpAffine(values, to_plane, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(full, dtype=np.float32)
