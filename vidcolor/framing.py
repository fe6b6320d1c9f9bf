"""The frame as a viewer sees it: upright, with square pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color import LONG_SIDE, Chroma, ab_to_chroma, chroma_to_rgb, working_size
from vidcolor.provenance import paint
from vidcolor.upsample import film_to_working
from vidcolor.video import Frame, VideoInfo

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


def upright_size(info: VideoInfo, *, long_side: int = LONG_SIDE) -> tuple[int, int]:
    """Working width and height of the picture as a viewer sees it: pixels square, turned."""
    size = max(1, round(info.width * info.sar)), info.height
    return working_size(*(size[::-1] if info.quarter_turns % 2 else size), long_side=long_side)


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
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def as_stored(chroma: Chroma, info: VideoInfo) -> Chroma:
    """Chroma of the upright picture as the film stores its pictures."""
    provenance = None if chroma.provenance is None else info.as_stored(chroma.provenance)
    return Chroma(info.as_stored(chroma.ab), info.as_stored(chroma.confidence), provenance)


def show_provenance(chroma: Chroma | None, luma: Floats, info: VideoInfo) -> Bytes:
    """Where a frame's colours came from as RGB uint8, upright, pixels square, at the working size."""
    shown = paint(None if chroma is None else chroma.provenance, luma)
    return info.upright(shown)


def show(frame: Frame, chroma: Chroma | None, info: VideoInfo) -> tuple[Bytes, Bytes]:
    """The film and its colours as RGB uint8, upright, pixels square, at most 480 lines.

    Without colours both show those that the film has.
    """
    width, height = max(1, round(info.width * info.sar)), info.height
    scale = min(1.0, 480 / height)
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    luma = film_to_working(frame.luma, size, bit_depth=info.bit_depth, full_range=info.full_range)
    pictures: list[Floats] = [np.repeat(luma[:, :, None], 3, 2)]
    if chroma is not None:
        ab = cv2.resize(chroma.ab, size, interpolation=cv2.INTER_LINEAR)
        cb, cr = ab_to_chroma(ab, luma, matrix=info.matrix)
        pictures.append(chroma_to_rgb(luma, cb, cr, matrix=info.matrix))
    elif frame.source_chroma is not None:
        neutral, swing = 1 << (info.bit_depth - 1), (255 if info.full_range else 224) << (info.bit_depth - 8)
        planes = (frame.source_chroma.cb.astype(np.float32), frame.source_chroma.cr.astype(np.float32))
        cb, cr = (
            np.asarray((cv2.resize(plane, size, interpolation=cv2.INTER_AREA) - neutral) / swing, np.float32)
            for plane in planes
        )
        pictures = [chroma_to_rgb(luma, cb, cr, matrix=info.matrix)]
    film, colored = (info.upright((picture * 255 + 0.5).astype(np.uint8)) for picture in (pictures[0], pictures[-1]))
    return film, colored
