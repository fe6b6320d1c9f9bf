"""What a preview shows of each frame: the film, its colours and, if asked, where they come from."""

from bisect import bisect_left
from collections.abc import Mapping
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.coloring import Still
from vidcolor.framing import show_colored, show_grey, show_own, show_provenance
from vidcolor.grading import grade
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.sheets import SheetRow, cell, place_side_by_side
from vidcolor.shotframes import ColoredFrame
from vidcolor.video import Frame, VideoInfo
from vidcolor.video.numbering import decoded_times, packet_times

Bytes = NDArray[np.uint8]


class PreviewPictures:
    """Lays out the frames of a segment one after another, and keeps a row for the sheet from each of its shots.

    Args:
        info: The film.
        plan: The shots of the segment.
        stills: Their stills by key, as the plan writes it.
        saturation: Multiplies the chroma, after that of the plan.
        provenance: Show where colours come from, too; the frames must have been coloured with it traced.
        first: The film's own number of the segment's first frame, None where it is not known.
        shot: The film's own number, from 1, of the segment's first shot, None where it is not known.

    Attributes:
        rows: Of the sheet so far.
    """

    def __init__(
        self,
        info: VideoInfo,
        plan: ColorPlan,
        stills: Mapping[str, Still],
        *,
        saturation: float,
        provenance: bool,
        first: int | None,
        shot: int | None,
    ) -> None:
        self._info, self._plan, self._stills = info, plan, stills
        self._first, self._shot = first, shot
        self._saturation, self._provenance = saturation, provenance
        self._shots = {shot.representative: shot for shot in plan.shots}
        self.rows: list[SheetRow] = []

    def side_by_side(self, item: ColoredFrame) -> Bytes:
        """Return a frame's pictures beside each other as RGB (h, w, 3)."""
        number = item.frame.index
        graded = item.chroma and grade(item.chroma, item.luma, self._plan.grading_at(number, self._saturation))
        if graded is None:
            film = colored = show_own(item.frame, self._info)
        else:
            film, colored = show_grey(item.frame, self._info), show_colored(item.frame, graded, self._info)
        results = [colored, *([self._sources(item, like=colored)] if self._provenance else [])]
        if shot := self._shots.get(number):
            painted = [self._stills[planned.path].reference for planned in shot.references]
            labels = ("film", *(still.name for still in painted), "result", *(["sources"] if self._provenance else []))
            pictures = (cell(film), *(cell(still.rgb) for still in painted), *map(cell, results))
            self.rows.append(SheetRow(self._caption(shot, item.frame), pictures, labels))
        return place_side_by_side(film, *results)

    def _caption(self, shot: PlannedShot, frame: Frame) -> str:
        """Say which shot and frame a row shows, as far as the film's own numbers are known, and when."""
        words = [] if self._shot is None else [f"shot {self._shot + len(self.rows)}"]
        at = f"{float(frame.pts * self._info.time_base):.3f} s"
        if self._first is None:
            return ", ".join([*words, f"at {at}"])
        words.append(f"frames {self._first + shot.start} to {self._first + shot.stop - 1}")
        return f"{', '.join(words)}: frame {self._first + frame.index} at {at}"

    def _sources(self, item: ColoredFrame, *, like: Bytes) -> Bytes:
        painted = show_provenance(item.chroma, item.luma, self._info)
        return np.asarray(cv2.resize(painted, like.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def beginning(whole: ColorPlan | None, info: VideoInfo, *, start: Fraction | None) -> tuple[int | None, int | None]:
    """Return the film's own numbers of a segment's first frame and first shot, None for what is not known.

    Without a plan of the whole film no shot has a number, and a film whose packets do not say when frames are shown is
    not decoded for the sake of captions.

    Args:
        whole: The plan of the whole film, or None.
        info: The film.
        start: Seconds at which the segment starts, or None.

    Raises:
        VideoError: The film cannot be read.
    """
    if start is None:
        return 0, 1 if whole is not None else None
    times = packet_times(info.path, stream=info.stream)
    if whole is not None and (times is None or len(times) != whole.frames):
        times = decoded_times(info.path, stream=info.stream)
    first = None if times is None else bisect_left(times, start)
    return first, None if whole is None or first is None else whole.shots.index(whole.shot_at(first)) + 1
