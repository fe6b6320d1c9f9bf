"""The trivial answers that a method has to beat."""

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from vidcolor.color import Chroma, Floats, rgb_to_ab
from vidcolor.evaluation.pictures import Bytes, picture, shrink, working_luma
from vidcolor.propagation import WorkingFrame, flow_only
from vidcolor.upsample import ChromaUpsampler
from vidcolor.video import ChromaFormat, Frame, VideoInfo


class Baselines:
    """Grey, and what the latest reference gives by a global colour transfer and by flow alone.

    Args:
        info: The film in its true colours; the baselines are shown through its own chroma planes.
    """

    def __init__(self, info: VideoInfo) -> None:
        self._info = info
        target = ChromaFormat(
            width=-(-info.width // (1 << info.log2_x)),
            height=-(-info.height // (1 << info.log2_y)),
            bit_depth=info.bit_depth,
            full_range=info.full_range,
            matrix=info.matrix,
            siting=info.siting,
            log2_x=info.log2_x,
            log2_y=info.log2_y,
            interlaced=info.interlaced,
        )
        self._upsampler = ChromaUpsampler(target, bit_depth=info.bit_depth, full_range=info.full_range)
        self._transfer: Callable[[Floats], Floats] = _no_colour
        self._carried: Iterator[Chroma] | None = None
        self._frames: deque[WorkingFrame] = deque()

    def step(self, frame: Frame, rgb: Bytes, *, is_reference: bool) -> dict[str, Bytes]:
        """Return the three pictures of the next frame, 8-bit RGB.

        Args:
            frame: The next frame of the truth.
            rgb: The same as 8-bit RGB, looked at only if it is a reference.
            is_reference: Its colours are given, from here on.
        """
        luma = working_luma(frame, self._info)
        if is_reference:
            ab = rgb_to_ab(shrink(rgb, (luma.shape[1], luma.shape[0])))
            self._transfer = _global_transfer(luma, ab)
            self._frames.clear()
            self._carried = flow_only(iter(self._frames.popleft, None), _sure(ab))
        carried = _sure(_no_colour(luma))
        if self._carried is not None:
            self._frames.append(WorkingFrame(frame.index, luma))
            carried = next(self._carried)
        return {
            "grey": self._show(frame, luma, _sure(_no_colour(luma))),
            "transfer": self._show(frame, luma, _sure(self._transfer(luma))),
            "flow": self._show(frame, luma, carried),
        }

    def _show(self, frame: Frame, luma: Floats, chroma: Chroma) -> Bytes:
        """Return the picture that the film would show with these colours, through its own chroma planes."""
        planes = self._upsampler(chroma, frame.luma, luma)
        return picture(Frame(frame.index, frame.pts, frame.luma, planes), self._info)


def _global_transfer(luma: Floats, ab: Floats, *, levels: int = 32) -> Callable[[Floats], Floats]:
    """Return what gives each pixel the mean ab of the reference's pixels of the same luma rank."""
    order = np.argsort(luma, axis=None)
    means = np.stack([part.mean(axis=0) for part in np.array_split(ab.reshape(-1, 2)[order], levels)])

    def transfer(other: Floats) -> Floats:
        codes = np.rint(other * 255).astype(np.int64)
        counts = np.bincount(codes.ravel(), minlength=256)
        rank = (np.cumsum(counts) - 0.5 * counts) / codes.size
        return means[np.minimum((rank * levels).astype(np.int64), levels - 1)][codes].astype(np.float32)

    return transfer


def _no_colour(luma: Floats) -> Floats:
    return np.zeros((*luma.shape, 2), dtype=np.float32)


def _sure(ab: Floats) -> Chroma:
    return Chroma(ab, np.ones(ab.shape[:2], dtype=np.float32))
