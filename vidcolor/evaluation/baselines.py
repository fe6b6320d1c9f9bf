"""The trivial answers that a method has to beat."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from vidcolor.color import Chroma, Floats
from vidcolor.evaluation.nearest import nearest_neighbour
from vidcolor.evaluation.pictures import Bytes, picture
from vidcolor.evaluation.survey import Halves, Survey
from vidcolor.propagation import WorkingFrame, flow_only
from vidcolor.upsample import ChromaUpsampler
from vidcolor.video import ChromaFormat, Frame, VideoInfo

BASELINES = ("grey", "transfer", "nearest", "flow")
Transfer = Callable[[Floats], Floats]


def trivial_colours(ahead: Survey) -> Iterator[dict[str, Floats]]:
    """Yield for each frame of a shot, in order, the Lab ab (h, w, 2) of every trivial answer by row name.

    All but grey take their colours from the reference of the shot that is nearest in time: a global colour transfer,
    the nearest neighbour in untrained features, and flow alone, forwards and backwards. Without a reference in the shot
    they are grey.
    """
    nearest = {frame: _nearest_reference(ahead.given, frame) for frame in range(ahead.shot.start, ahead.shot.stop)}
    transfers = {at: _global_transfer(ahead.luma(at), ab) for at, ab in ahead.given.items()}
    neighbours = {at: nearest_neighbour(ahead.luma(at), ab) for at, ab in ahead.given.items()}
    carried = _carried(ahead, nearest)
    for frame, at in nearest.items():
        luma = ahead.luma(frame)
        grey = np.zeros((*luma.shape, 2), dtype=np.float32)
        if at is None:
            yield dict.fromkeys(BASELINES, grey)
        else:
            flow = carried.pop(frame).astype(np.float32)
            colours = (grey, transfers[at](luma), neighbours[at](luma), flow)
            yield dict(zip(BASELINES, colours, strict=True))


class Canvas:
    """Shows colours on the film's own luma, through its own chroma planes.

    Args:
        film: The coloured film.
    """

    def __init__(self, film: VideoInfo) -> None:
        self._film = film
        target = ChromaFormat(
            width=-(-film.width // (1 << film.log2_x)),
            height=-(-film.height // (1 << film.log2_y)),
            bit_depth=film.bit_depth,
            full_range=film.full_range,
            matrix=film.matrix,
            siting=film.siting,
            log2_x=film.log2_x,
            log2_y=film.log2_y,
            interlaced=film.interlaced,
        )
        self._upsampler = ChromaUpsampler(target, bit_depth=film.bit_depth, full_range=film.full_range)

    def show(self, frame: Frame, luma: Floats, ab: Floats) -> Bytes:
        """Return the picture (h, w, 3) that a frame would show with these colours.

        Args:
            frame: A frame of the film; its own chroma is not looked at.
            luma: Its Y' at the working size.
            ab: Lab ab at the working size.
        """
        planes = self._upsampler(_sure(ab), frame.luma, luma)
        return picture(Frame(frame.index, frame.pts, frame.luma, planes), self._film)


def _nearest_reference(references: Iterable[int], frame: int) -> int | None:
    """Return the reference nearest to a frame, the earlier of two; None where there is none."""
    return min(references, key=lambda at: (abs(at - frame), at), default=None)


def _carried(ahead: Survey, nearest: dict[int, int | None]) -> dict[int, Halves]:
    """Return the ab that flow alone brings to each frame from its nearest reference."""
    colours: dict[int, Halves] = {}
    for at, ab in ahead.given.items():
        own = [frame for frame, reference in nearest.items() if reference == at]
        for run in (range(at, own[-1] + 1), range(at, own[0] - 1, -1)):
            frames = (WorkingFrame(frame, ahead.luma(frame)) for frame in run)
            for frame, chroma in zip(run, flow_only(frames, _sure(ab)), strict=True):
                colours[frame] = chroma.ab.astype(np.float16)
    return colours


def _global_transfer(luma: Floats, ab: Floats, *, levels: int = 32) -> Transfer:
    """Return what gives each pixel the mean ab of the reference's pixels of the same luma rank."""
    order = np.argsort(luma, axis=None)
    means = np.stack([part.mean(axis=0) for part in np.array_split(ab.reshape(-1, 2)[order], levels)])

    def transfer(other: Floats) -> Floats:
        codes = np.rint(other * 255).astype(np.int64)
        counts = np.bincount(codes.ravel(), minlength=256)
        rank = (np.cumsum(counts) - 0.5 * counts) / codes.size
        return means[np.minimum((rank * levels).astype(np.int64), levels - 1)][codes].astype(np.float32)

    return transfer


def _sure(ab: Floats) -> Chroma:
    return Chroma(ab, np.ones(ab.shape[:2], dtype=np.float32))
