"""Two films' pictures side by side: luma sample by sample, times tick by tick."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest
from math import log10
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.metrics import PSNR_CAP
from vidcolor.video import Frame, VideoInfo, VideoReader

Progress = Callable[[int, int | None], None]

STRETCH = Fraction(10)
"""Seconds of a lossy film that are transcoded plainly for comparison."""
_MOST_LATE = 20
_MILLISECOND = Fraction(1, 1000)

# Encoders coarsen detail but keep means: over 16 x 16 samples no frame was off by more than 4 codes at the default rate
# factors (x264 and x265 at veryfast: 16 films, SVT-AV1: 13, ProRes: 5), by 12 at 30 (x264), 48 at the last one, and the
# worst of a film by at most 4.4 times the median of its frames. A frame is astray that is off by 6 times the median,
# within these bounds. SVT-AV1 does put a wrong square into a frame at presets from 10 on (the sample: off by 70), which
# is named.
_SQUARE = 16
_TIMES_USUAL = 6.0
_ALWAYS_ALLOWED, _NEVER_ALLOWED = 20.0, 64.0


@dataclass
class Squares:
    """Squared error of luma, summed in float64 over frames, full scale being 1."""

    total: float = 0.0
    samples: int = 0

    def add(self, off: NDArray[np.int32] | None, size: int, *, peak: int) -> None:
        """Add a frame of `size` samples with the differences `off`, None for none."""
        self.samples += size
        if off is not None:
            self.total += float(np.square(off, dtype=np.float64).sum()) / peak**2

    @property
    def psnr(self) -> float | None:
        """Decibels, at most those that equal pictures have in all scores; None for no pictures."""
        if not self.samples:
            return None
        return min(PSNR_CAP, -10 * log10(self.total / self.samples)) if self.total else PSNR_CAP


@dataclass(frozen=True)
class Departure:
    """The square of 16 x 16 samples of a frame whose mean luma differs most from the source's.

    Args:
        index: Number of the frame.
        time: Of the frame, in seconds.
        off: Mean of output minus source, in codes of 8 bits.
        x: Of the square.
        y: Of the square.
    """

    index: int
    time: Fraction
    off: float
    x: int
    y: int

    @classmethod
    def of(cls, index: int, time: Fraction, off: NDArray[np.int32], *, bit_depth: int) -> "Departure":
        """Find it in a frame's differences `off` (h, w), in codes of `bit_depth` bits."""
        height, width = off.shape
        squares = max(1, width // _SQUARE), max(1, height // _SQUARE)
        means = cv2.resize(off.astype(np.float32), squares, interpolation=cv2.INTER_AREA)
        row, column = np.unravel_index(int(np.abs(means).argmax()), means.shape)
        x, y = int(column) * width // squares[0], int(row) * height // squares[1]
        return cls(index, time, float(means[row, column]) / (1 << (bit_depth - 8)), x, y)


@dataclass
class Pictures:
    """What comparing the pictures gave.

    Args:
        frames: Frames compared.
        altered: Frames whose luma differs.
        beside_damage: How many of them belong to a group of pictures that holds a damaged one: they may be made of it.
        first_altered: The first of the others, described.
        damaged: Frames whose luma differs where the source is marked as damaged: what a decoder with several threads
            makes of damage can differ from one decode to the next.
        uncaptioned: Frames whose closed captions are not in the output.
        shift: Seconds by which the output's container had to move picture and sound alike.
        differences: Missing, added, shifted or reshaped frames.
        departures: Of the altered frames in groups of pictures that hold no damaged one.
        all: Error over all frames.
        stretch: Error over the first `STRETCH` seconds.
    """

    frames: int = 0
    altered: int = 0
    beside_damage: int = 0
    first_altered: str = ""
    damaged: int = 0
    uncaptioned: int = 0
    shift: Fraction = Fraction(0)
    differences: list[str] = field(default_factory=list)
    departures: list[Departure] = field(default_factory=list)
    all: Squares = field(default_factory=Squares)
    stretch: Squares = field(default_factory=Squares)

    def astray(self) -> str | None:
        """Return in a line which frames of a lossy output show something else than the source's; None for none."""
        if not self.departures:
            return None
        usual = float(np.median([abs(each.off) for each in self.departures]))
        most = min(max(_TIMES_USUAL * usual, _ALWAYS_ALLOWED), _NEVER_ALLOWED)
        astray = [each for each in self.departures if abs(each.off) > most]
        if not astray:
            return None
        first = astray[0]
        return (
            f"{len(astray)} of {self.frames} frames show something else, the first is frame {first.index} at "
            f"{float(first.time):.6f} s: luma of {_SQUARE}x{_SQUARE} samples from x={first.x} y={first.y} on is off by "
            f"{first.off:+.0f} of 255 in the mean"
        )


@dataclass
class _Group:
    """Frames from one key frame to the next: any of them may be made of any other."""

    first_altered: str = ""
    departures: list[Departure] = field(default_factory=list)
    damaged: bool = False

    def settle(self, found: Pictures) -> None:
        """Add what was found in the group."""
        found.altered += len(self.departures)
        if self.damaged:
            found.beside_damage += len(self.departures)
        else:
            found.departures += self.departures
            found.first_altered = found.first_altered or self.first_altered


def compare_pictures(
    reader: VideoReader, result: VideoReader, *, earliest: Fraction, progress: Progress | None
) -> Pictures:
    """Decode both films side by side.

    Args:
        reader: The source.
        result: The output.
        earliest: The first time of the source's other streams, in seconds.
        progress: Called with the frames done and in all.
    """
    film, made = reader.info, result.info
    found = Pictures()
    begin: Fraction | None = None
    group = _Group()
    for ours, theirs in _pairs(reader, result, found):
        time = film.time(ours.pts)
        late = made.time(theirs.pts) - time
        if begin is None:
            begin, found.shift = time, _forced_shift(late, min(earliest, time), time, made)
        _compare_time(ours.index, time, late - found.shift, film, made, found)
        if ours.luma.shape != theirs.luma.shape:
            found.differences.append(f"frame {ours.index} has luma of {theirs.luma.shape}, not {ours.luma.shape}")
            break
        if ours.picture is not None and ours.picture.key_frame:
            group.settle(found)
            group = _Group()
        group.damaged |= ours.corrupt
        found.uncaptioned += ours.captioned and not theirs.captioned
        off = luma_difference(ours, theirs, widened=made.bit_depth - film.bit_depth)
        if off is not None and ours.corrupt:
            found.damaged, off = found.damaged + 1, None
        if off is not None:
            group.departures.append(Departure.of(ours.index, time, off, bit_depth=film.bit_depth))
            group.first_altered = group.first_altered or _describe(ours.index, time, off)
        found.frames += 1
        for squares in (found.all, found.stretch) if time < begin + STRETCH else (found.all,):
            squares.add(off, ours.luma.size, peak=(1 << film.bit_depth) - 1)
        if progress is not None:
            progress(found.frames, film.frames)
    group.settle(found)
    return found


def stretch_psnr(source: VideoReader, transcode: Callable[[Fraction], object], plain: Path) -> float | None:
    """Return the luma PSNR in dB of the source's first `STRETCH` seconds, transcoded into `plain`.

    Args:
        source: The film.
        transcode: Writes `plain`; called with the end of the stretch in seconds.
        plain: The transcode.
    """
    squares = Squares()
    film = source.info
    end = film.time(next(iter(source)).pts) + STRETCH
    transcode(end)
    # The writer puts the picture first; other pictures may be copied behind it.
    with VideoReader(film.path, end=end, stream=film.stream) as reader, VideoReader(plain, stream=0) as result:
        for ours, theirs in zip(reader, result, strict=False):
            off = luma_difference(ours, theirs, widened=result.info.bit_depth - film.bit_depth)
            squares.add(off, ours.luma.size, peak=(1 << film.bit_depth) - 1)
    return squares.psnr


def luma_difference(ours: Frame, theirs: Frame, *, widened: int) -> NDArray[np.int32] | None:
    """Return output minus source, int32 (h, w) at the source's depth, or None when every sample is equal.

    Args:
        ours: The source's frame.
        theirs: The output's frame.
        widened: Bits that the output has more than the source.
    """
    if widened == 0 and np.array_equal(ours.luma, theirs.luma):
        return None
    luma = theirs.luma.astype(np.int32)
    if widened > 0:
        luma = (luma + (1 << (widened - 1))) >> widened
    off: NDArray[np.int32] = np.left_shift(luma, max(-widened, 0)) - ours.luma
    return off if off.any() else None


def _pairs(reader: VideoReader, result: VideoReader, found: Pictures) -> Iterator[tuple[Frame, Frame]]:
    """Yield frames by their number, and note where one film ends before the other."""
    missing = added = 0
    for ours, theirs in zip_longest(reader, result):
        if ours is not None and theirs is not None:
            yield ours, theirs
        missing += theirs is None
        added += ours is None
    if missing:
        found.differences.append(f"{missing} of {found.frames + missing} frames are missing")
    if added:
        found.differences.append(f"{added} frames are not in the source")


def _compare_time(
    index: int, time: Fraction, late: Fraction, film: VideoInfo, made: VideoInfo, found: Pictures
) -> None:
    # Matroska counts milliseconds; the other containers take the source's own time base.
    exact = (film.time_base / made.time_base).denominator == 1
    if abs(late) > (0 if exact else made.time_base / 2) and len(found.differences) < _MOST_LATE:
        found.differences.append(f"frame {index} at {float(time):.6f} s comes {float(late) * 1000:+.3f} ms off")


def _forced_shift(late: Fraction, earliest: Fraction, begin: Fraction, made: VideoInfo) -> Fraction:
    """Return by how much a container had to move a film whose first time, or that of its first picture, is negative."""
    if "matroska" not in made.container:
        return late if begin < 0 and late == -begin else Fraction(0)
    shift = round(late / _MILLISECOND) * _MILLISECOND
    return shift if earliest < 0 and abs(shift + earliest) <= _MILLISECOND else Fraction(0)


def _describe(index: int, time: Fraction, off: NDArray[np.int32]) -> str:
    y, x = (int(each[0]) for each in np.nonzero(off))
    count = f"{np.count_nonzero(off)} of {off.size} luma samples differ"
    return f"frame {index} at {float(time):.6f} s: {count}, the first at x={x} y={y} by {int(off[y, x]):+d}"
