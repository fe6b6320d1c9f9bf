"""What a preview shows of each frame: the film, its colours and, if asked, where they come from."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.coloring import ColoredFrame, Still
from vidcolor.framing import show, show_provenance
from vidcolor.grading import grade
from vidcolor.plan import ColorPlan
from vidcolor.sheets import SheetRow, cell, place_side_by_side
from vidcolor.video import VideoInfo

Bytes = NDArray[np.uint8]


class PreviewPictures:
    """Lays out the frames of a segment one after another, and keeps a row for the sheet from each of its shots.

    Args:
        info: The film.
        plan: The shots of the segment.
        stills: Their stills by key, as the plan writes it.
        saturation: Multiplies the chroma, after that of the plan.
        provenance: Show where colours come from, too; the frames must have been coloured with it traced.

    Attributes:
        rows: Of the sheet so far.
    """

    def __init__(
        self, info: VideoInfo, plan: ColorPlan, stills: Mapping[str, Still], *, saturation: float, provenance: bool
    ) -> None:
        self._info, self._plan, self._stills = info, plan, stills
        self._saturation, self._provenance = saturation, provenance
        self._shots = {shot.representative: shot for shot in plan.shots}
        self.rows: list[SheetRow] = []

    def side_by_side(self, item: ColoredFrame) -> Bytes:
        """Return a frame's pictures beside each other as RGB (h, w, 3)."""
        number = item.frame.index
        graded = item.chroma and grade(item.chroma, item.luma, self._plan.grading_at(number, self._saturation))
        film, colored = show(item.frame, graded, self._info)
        results = [colored, *([self._sources(item, like=colored)] if self._provenance else [])]
        if shot := self._shots.get(number):
            painted = [cell(self._stills[planned.path].reference.rgb) for planned in shot.references]
            shown = "film, stills, result, sources" if self._provenance else "film, stills, result"
            caption = f"shot {len(self.rows) + 1}, frames {shot.start} to {shot.stop - 1}: {shown}"
            self.rows.append(SheetRow(caption, (cell(film), *painted, *map(cell, results))))
        return place_side_by_side(film, *results)

    def _sources(self, item: ColoredFrame, *, like: Bytes) -> Bytes:
        painted = show_provenance(item.chroma, item.luma, self._info)
        return np.asarray(cv2.resize(painted, like.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
