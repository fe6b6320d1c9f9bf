"""The frame as a viewer sees it: upright, with square pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color import LONG_SIDE, Chroma, ab_to_chroma, chroma_to_rgb, normalize_chroma, working_size
from vidcolor.provenance import paint
from vidcolor.upsample import film_to_working
from vidcolor.video import Frame, VideoInfo

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


def seen_size(info: VideoInfo) -> tuple[int, int]:
    """Width and height of the picture as a viewer sees it: pixels square, turned."""
    size = max(1, round(info.width * info.sar)), info.height
    return size[::-1] if info.quarter_turns % 2 else size


def upright_size(info: VideoInfo, *, long_side: int = LONG_SIDE) -> tuple[int, int]:
    """Working width and height of the picture as a viewer sees it."""
    return working_size(*seen_size(info), long_side=long_side)


def stored_size(info: VideoInfo, *, long_side: int = LONG_SIDE) -> tuple[int, int]:
    """Working width and height of the picture as stored, before a player turns it."""
    size = upright_size(info, long_side=long_side)
    return size[::-1] if info.quarter_turns % 2 else size


def working_luma(frame: Frame, info: VideoInfo, *, long_side: int = LONG_SIDE) -> Floats:
    """Luma float32 (h, w) in [0, 1] at the working size, as stored."""
    size = stored_size(info, long_side=long_side)
    return film_to_working(frame.luma, size, bit_depth=info.bit_depth, full_range=info.full_range)


def upright_luma(frame: Frame, info: VideoInfo) -> Floats:
    """Luma float32 (h, w) in [0, 1] at the working size, as a viewer sees it."""
    return info.upright(working_luma(frame, info))


def shrink(rgb: Bytes, size: tuple[int, int]) -> Floats:
    """RGB uint8 at another (width, height), as float32 in [0, 1]."""
    larger = size[0] > rgb.shape[1] or size[1] > rgb.shape[0]  # as a film's luma is made larger, see `film_to_working`
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def as_stored(chroma: Chroma, info: VideoInfo) -> Chroma:
    """Chroma of the upright picture as the film stores its pictures."""
    provenance = None if chroma.provenance is None else info.as_stored(chroma.provenance)
    return Chroma(info.as_stored(chroma.ab), info.as_stored(chroma.confidence), provenance)


def show_provenance(chroma: Chroma | None, luma: Floats, info: VideoInfo) -> Bytes:
    """Where a frame's colours came from as RGB uint8, upright, pixels square, at the working size."""
    shown = paint(None if chroma is None else chroma.provenance, luma)
    return info.upright(shown)


def show_grey(frame: Frame, info: VideoInfo) -> Bytes:
    """A frame in black and white as RGB uint8 (h, w, 3), upright, pixels square, at most 480 lines."""
    return _as_picture(np.repeat(_shown_luma(frame, info)[:, :, None], 3, 2), info)


def show_own(frame: Frame, info: VideoInfo) -> Bytes:
    """A frame in the colours that the film has, if any, as `show_grey` shows it."""
    if frame.source_chroma is None:
        return show_grey(frame, info)
    luma = _shown_luma(frame, info)
    small = (
        cv2.resize(plane.astype(np.float32), luma.shape[::-1], interpolation=cv2.INTER_AREA)
        for plane in (frame.source_chroma.cb, frame.source_chroma.cr)
    )
    cb, cr = (normalize_chroma(plane, bit_depth=info.bit_depth, full_range=info.full_range) for plane in small)
    return _as_picture(chroma_to_rgb(luma, cb, cr, matrix=info.matrix), info)


def show_colored(frame: Frame, chroma: Chroma, info: VideoInfo) -> Bytes:
    """A frame in colours, given at any size as stored, as `show_grey` shows it."""
    luma = _shown_luma(frame, info)
    ab = cv2.resize(chroma.ab, luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
    cb, cr = ab_to_chroma(ab, luma, matrix=info.matrix)
    return _as_picture(chroma_to_rgb(luma, cb, cr, matrix=info.matrix), info)


def _shown_luma(frame: Frame, info: VideoInfo) -> Floats:
    width, height = max(1, round(info.width * info.sar)), info.height
    scale = min(1.0, 480 / height)
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    return film_to_working(frame.luma, size, bit_depth=info.bit_depth, full_range=info.full_range)


def _as_picture(rgb: Floats, info: VideoInfo) -> Bytes:
    return info.upright((rgb * 255 + 0.5).astype(np.uint8))
