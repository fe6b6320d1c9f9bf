"""Colours as the chroma planes that are written: predicted and graded, or the film's own where the plan keeps them."""

from vidcolor.grading import grade
from vidcolor.plan import ColorPlan
from vidcolor.shotframes import ColoredFrame
from vidcolor.upsample import ChromaUpsampler
from vidcolor.video import ChromaFormat, ChromaPlanes, VideoInfo
from vidcolor.video.own_chroma import OwnChroma


class ChromaDelivery:
    """Delivers the frames of a film in a writer's format.

    Args:
        info: The film.
        plan: Its shots, their grading, and which keep their own colours.
        chroma_format: The planes to deliver.
        saturation: Multiplies the predicted chroma, after that of the plan.

    Attributes:
        notes: How chroma that is kept is changed, if it is.

    Raises:
        VideoError: Chroma that is kept would have its two fields mixed.
    """

    def __init__(self, info: VideoInfo, plan: ColorPlan, chroma_format: ChromaFormat, *, saturation: float) -> None:
        self._plan, self._saturation = plan, saturation
        self._own = OwnChroma(info, chroma_format) if plan.keeps else None
        self._upsample = ChromaUpsampler(chroma_format, bit_depth=info.bit_depth, full_range=info.full_range)
        self.notes = (self._own.note,) if self._own is not None and self._own.note is not None else ()

    def __call__(self, item: ColoredFrame) -> ChromaPlanes:
        """Return the planes of one frame."""
        if item.chroma is None:
            assert self._own is not None, "shots without colours are those that keep their own"
            return self._own(item.frame)
        graded = grade(item.chroma, item.luma, self._plan.grading_at(item.frame.index, self._saturation))
        return self._upsample(graded, item.frame.luma, item.luma)
