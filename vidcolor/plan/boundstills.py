"""Stills that a plan binds to frames: do they look like these?

A plan that is made binds no still to a frame that it does not look like. One that is given may: stills were saved under
each other's names, or the film was cut anew or replaced since. Each is therefore compared with its frame as that goes
by on its way into colour: a long film is not read for this alone.

A still is doubted where nothing speaks for it: neither what is asked of a still that names a frame, see `likeness` and
`placement`, nor its outlines. Measured on frames of the twelve validation clips, two of each, with grain, and blurred
with more grain at a fifth of their contrast. Of stills of the same frames in 31 forms (other tones, negatives, hues
turned, painted over in opaque colours, cropped, framed, turned) 7 of 1,488 are doubted, all of them among 144 that had
a tone by chance for each patch, or for each of few kinds and were cropped or framed, too; without outlines 596 would
be. Of stills of other clips, as they are, negative, painted over or cropped, 2,595 of 2,640 are; of 48 of the same clip
half of it or more away, 4. It takes 3 ms of one core, and where there is doubt 80 more.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vidcolor.color import working_size
from vidcolor.errors import ReferenceImageError, VideoError
from vidcolor.framing import seen_size, upright_luma
from vidcolor.placement import Placement, place
from vidcolor.plan.entries import PlannedShot
from vidcolor.plan.likeness import PLAUSIBLE, FrameFinder
from vidcolor.plan.outlines import agreement
from vidcolor.references import Reference
from vidcolor.shots import small_luma
from vidcolor.video import Frame, VideoInfo
from vidcolor.video.single_frames import read_frames

Floats = NDArray[np.float32]

_LONG_SIDE = 480
"""Of stills where their greys are compared, at most."""
_OUTLINED = 0.25
"""Agreement of outlines from which a still may show a frame; with 0.22 3 of the 1,488, and 2,489 of the 2,640, are
doubted: a false doubt lets a strict run fail, and of stills that were exchanged there are two."""
_NAMED = 3


class BoundStills:
    """Compares stills with the frames that they are bound to, once each, when these go by.

    Args:
        info: The film.
        shots: With painted stills alone, see `settle`.
        references: At least their stills.
        first: The film's own number of the frame that the shots call 0; None where it is not known.
        doubt: Called with the warnings so far where a still does not look like its frame.
    """

    def __init__(
        self,
        info: VideoInfo,
        shots: Iterable[PlannedShot],
        references: Iterable[Reference],
        *,
        first: int | None = 0,
        doubt: Callable[[list[str]], None] = lambda warnings: None,
    ) -> None:
        self._info, self._first, self._doubt = info, first, doubt
        known = {each.key: each for each in references}
        self._waiting = {
            still.frame: known[still.path]
            for shot in shots
            if shot.colored
            for still in shot.references
            if still.frame is not None
        }
        self._doubted: list[tuple[str, str]] = []

    def look(self, frame: Frame) -> None:
        """Compare a frame with its still, if it has one."""
        if (still := self._waiting.pop(frame.index, None)) is None:
            return
        with suppress(ReferenceImageError):  # it changes meanwhile: where its colours are needed, that is said
            if not _shows(still, frame, self._info):
                self._doubted.append((still.name, self._named(frame)))
                self._doubt(self.warnings)

    @property
    def warnings(self) -> list[str]:
        """Which stills do not look like their frames, in one line."""
        if not self._doubted:
            return []
        if len(self._doubted) == 1:
            return ["{} does not look like {}, which it is bound to".format(*self._doubted[0])]
        named = ", ".join(f"{still} ({frame})" for still, frame in self._doubted[:_NAMED])
        more = f" and {len(self._doubted) - _NAMED} more" if len(self._doubted) > _NAMED else ""
        return [f"{len(self._doubted)} stills do not look like the frames that they are bound to: {named}{more}"]

    def _named(self, frame: Frame) -> str:
        if self._first is None:
            return f"the frame at {float(self._info.time(frame.pts)):.3f} s"
        return f"frame {self._first + frame.index}"


def reduced(still: Reference, matrix: str) -> Floats:
    """Return a still's luma with a long side of at most `_LONG_SIDE`: a large one would take a gigabyte."""
    scale = min(1.0, _LONG_SIDE / max(still.size))
    width, height = (max(1, round(side * scale)) for side in still.size)
    return still.luma((width, height), matrix=matrix)


def placed(luma: Floats, still: Reference, matrix: str) -> Placement | None:
    """Find a frame, given its luma (h, w) at the working size, in a still; the matrix is the film's."""
    return place(luma, still.luma(working_size(*still.size), matrix=matrix))


def shows_its_frame(still: Reference, *, info: VideoInfo, times: Sequence[Fraction]) -> bool:
    """Tell whether a still may show the frame of a film that its name names; a frame that cannot be read it does not.

    Args:
        still: Its name names a frame of the film.
        info: The film.
        times: When each frame is shown, in seconds, see `frame_times`.
    """
    assert still.frame is not None, "it names a frame"
    with suppress(VideoError), closing(read_frames(info, [still.frame], of=len(times), times=times)) as frames:
        return _shows(still, next(frames), info)
    return False


def _shows(still: Reference, frame: Frame, info: VideoInfo) -> bool:
    """Tell whether a still may show a frame."""
    width, height = seen_size(info)
    finder = FrameFinder([greys := reduced(still, info.matrix)], aspect=width / height, named={0: frame.index})
    finder.push(frame.index, info.upright(small_luma(frame.luma, bit_depth=info.bit_depth)))
    score = finder.named[0].score
    if score >= PLAUSIBLE or score == 0.0:  # of exactly 0 one of them is blank: nothing speaks against it
        return True
    luma = upright_luma(frame, info)
    return placed(luma, still, info.matrix) is not None or agreement(luma, greys) >= _OUTLINED
