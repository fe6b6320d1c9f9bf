"""A look ahead at each shot before it is scored, so that the baselines can carry colour backwards, too."""

from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vidcolor.color import Floats, rgb_to_ab
from vidcolor.errors import VideoError
from vidcolor.evaluation.pictures import picture, shrink
from vidcolor.framing import working_luma
from vidcolor.shots import Shot, ShotDetector, small_luma
from vidcolor.video import Frame, VideoReader

ONE_LENGTH = "score the whole film, or cut both to the same frames"
"""What to try with films of two lengths."""
Halves = npt.NDArray[np.float16]
"""Half precision keeps 11 bits: a shot of 1,000 frames takes 0.2 GB instead of 0.4, 8-bit luma loses nothing."""


@dataclass(frozen=True, eq=False)
class Survey:
    """One shot at the working size.

    Args:
        shot: Its frames.
        lumas: The film's Y' of each frame, float16 (h, w) in [0, 1].
        given: The true colours of the frames that served as references, Lab ab float32 (h, w, 2) by frame.
    """

    shot: Shot
    lumas: Sequence[Halves] = field(repr=False)
    given: dict[int, Floats] = field(repr=False)

    def luma(self, frame: int) -> Floats:
        """Return the film's Y' in a frame, float32 (h, w)."""
        return self.lumas[frame - self.shot.start].astype(np.float32)


def survey(
    result: Path, truth: Path, *, references: Collection[int], shots: Sequence[Shot] | None, warnings: list[str]
) -> Generator[Survey, None, None]:
    """Read both films once and yield one shot after the other.

    Args:
        result: The coloured film, whose luma the baselines colour.
        truth: Its true colours.
        references: The frames whose colours are given.
        shots: Shots that cover every frame; none for a film of one shot; None to find them in the truth's luma.
        warnings: Gets what reading the two films met, once both are read.

    Raises:
        VideoError: One film is shorter than the other, or the shots do not end with them.
    """
    lumas: list[Halves] = []
    given: dict[int, Floats] = {}
    detector, count = ShotDetector(), 0
    stops = {shot.stop: shot for shot in shots or ()}

    def take(shot: Shot) -> Survey:
        ahead = Survey(shot, lumas[: len(shot)], {frame: given.pop(frame) for frame in list(given) if frame in shot})
        del lumas[: len(shot)]
        return ahead

    with VideoReader(result) as coloured, VideoReader(truth) as true:
        for count, (ours, theirs) in enumerate(pairs(coloured, true), start=1):
            luma = working_luma(ours, coloured.info)
            lumas.append(luma.astype(np.float16))
            if count - 1 in references:
                given[count - 1] = rgb_to_ab(shrink(picture(theirs, true.info), luma.shape[::-1]))
            if shots is None:
                small = small_luma(theirs.luma, bit_depth=true.info.bit_depth)
                yield from map(take, detector.push(small))
            elif count in stops:
                yield take(stops[count])
        warnings += [f"{film.info.path.name}: {line}" for film in (coloured, true) for line in film.warnings]
    if shots is None:
        yield from map(take, detector.finish())
    elif not shots and count:
        yield take(Shot(0, count))
    elif shots and shots[-1].stop != count:
        raise VideoError(
            f"the last shot stops at frame {shots[-1].stop}, the film at {count}",
            hint="give shots that cover the film, or leave them to be found",
        )


def pairs(result: VideoReader, truth: VideoReader) -> Iterator[tuple[Frame, Frame]]:
    """Yield the frames of two films side by side.

    Raises:
        VideoError: One of them ends before the other.
    """
    for count, (ours, theirs) in enumerate(zip_longest(result, truth)):
        if ours is None or theirs is None:
            shorter, longer = ("result", "truth") if ours is None else ("truth", "result")
            raise VideoError(
                f"the {shorter} ends after {count} frames, the {longer} goes on",
                hint=ONE_LENGTH,
            )
        yield ours, theirs


def require_cover(shots: Sequence[Shot]) -> None:
    """Refuse shots that leave frames out or share some."""
    if shots and shots[0].start != 0:
        raise ValueError(f"the first shot starts at {shots[0].start}; expected 0")
    for before, after in pairwise(shots):
        if before.stop != after.start:
            raise ValueError(f"a shot starts at {after.start}, the one before it stops at {before.stop}")
