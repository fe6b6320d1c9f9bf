"""The chroma that a film carries already, delivered as a writer takes it: unchanged wherever the formats agree.

Equal planes are passed on bit for bit, and a greater depth is filled by shifting, exactly. Where the encoder takes
another subsampling, Cb and Cr are resampled (bilinear where they grow, averaged where they shrink) with the siting of
both sides respected. Grey frames get neutral planes.
"""

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.errors import VideoError
from vidcolor.video.info import ChromaFormat, ChromaPlanes, Frame, Plane, VideoInfo, chroma_inset

_NAMES = {(1, 1): "4:2:0", (1, 0): "4:2:2", (0, 0): "4:4:4", (0, 1): "4:4:0", (2, 0): "4:1:1", (2, 2): "4:1:0"}


class OwnChroma:
    """Delivers a film's own chroma in a writer's format.

    Args:
        film: The film.
        chroma_format: The planes to deliver.
        mix_fields: Where the rows of an interlaced film have to be resampled, do it as if they were of one picture.

    Attributes:
        note: How the chroma is changed, or None where it is passed on bit for bit.

    Raises:
        VideoError: The rows of its two fields would have to be mixed, and may not be.
    """

    def __init__(self, film: VideoInfo, chroma_format: ChromaFormat, *, mix_fields: bool = False) -> None:
        self._film = film
        self._format = chroma_format
        self._widen = chroma_format.bit_depth - film.bit_depth
        before, after = (_NAMES.get((each.log2_x, each.log2_y), "its own") for each in (film, chroma_format))
        self._resample = not film.grey and before != after
        if self._resample and film.interlaced and film.log2_y != chroma_format.log2_y and not mix_fields:
            raise VideoError(
                f"the chroma of an interlaced film in {before} cannot be kept in {after}",
                hint="choose x264 or ffv1, which take it as it is",
            )
        self.note = f"chroma that is kept is resampled from {before} to {after}" if self._resample else None
        dtype = np.uint8 if chroma_format.bit_depth == 8 else np.uint16
        neutral = np.full((chroma_format.height, chroma_format.width), 1 << (chroma_format.bit_depth - 1), dtype=dtype)
        self._neutral = ChromaPlanes(neutral, neutral)

    def __call__(self, frame: Frame) -> ChromaPlanes:
        """Return the planes of one frame; of a film stored as RGB, those of its Y'CbCr form."""
        if frame.source_chroma is None:
            return self._neutral
        return ChromaPlanes(*(self._delivered(plane) for plane in (frame.source_chroma.cb, frame.source_chroma.cr)))

    def _delivered(self, plane: Plane) -> Plane:
        if self._resample:
            plane = self._resampled(plane)
        return np.left_shift(plane, self._widen, dtype=self._neutral.cb.dtype) if self._widen else plane

    def _resampled(self, plane: Plane) -> Plane:
        film, target = self._film, self._format
        # Steps and offsets from sample to sample of the target, in samples of the film.
        across, down = 2.0 ** (target.log2_x - film.log2_x), 2.0 ** (target.log2_y - film.log2_y)
        (film_x, film_y), (target_x, target_y) = chroma_inset(film), chroma_inset(target)
        right, below = (target_x - film_x) / (1 << film.log2_x), (target_y - film_y) / (1 << film.log2_y)
        # Where samples grow fewer, neighbours are averaged first, so that none is skipped.
        weights_x, weights_y = (_triangle(max(1, round(step))) for step in (across, down))
        values = cv2.sepFilter2D(plane.astype(np.float32), -1, weights_x, weights_y, borderType=cv2.BORDER_REPLICATE)
        matrix = np.array([[across, 0.0, right], [0.0, down, below]])
        size = (target.width, target.height)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        sampled = cv2.warpAffine(values, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.rint(sampled).astype(plane.dtype)


def _triangle(step: int) -> npt.NDArray[np.float32]:
    """Return the weights 1, 2 ... step ... 2, 1 over their sum: no sample is moved by them."""
    rise = np.arange(1, step + 1, dtype=np.float32)
    return np.asarray(np.concatenate([rise, rise[-2::-1]]) / np.float32(step * step), np.float32)
