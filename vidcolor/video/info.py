"""The types that describe a film, its frames and the chroma to be written into it.

Times are `pts * time_base`, a Fraction in seconds. Planes are integer code values, uint8 up to 8 bit, uint16 above,
shape (h, w). `unspecified` colour tags stay unspecified on output; `matrix` and `full_range` are what they mean here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from vidcolor.video.hdr import StaticHdr

if TYPE_CHECKING:
    from av import VideoFrame

Plane = npt.NDArray[Any]
Scalar = TypeVar("Scalar", bound=np.generic)

MATRICES = ("bt601", "bt709", "bt2020", "smpte240m")
SITINGS = ("left", "center", "topleft")


@dataclass(frozen=True)
class ChromaFormat:
    """The chroma planes that a writer takes.

    Args:
        width: Samples per row of one chroma plane.
        height: Rows of one chroma plane.
        bit_depth: Bits of one code value, 8 to 16.
        full_range: True: neutral at 2**(depth-1), swing 2**depth - 1; False: swing 224 * 2**(depth-8).
        matrix: One of bt601, bt709, bt2020, smpte240m: what Cb and Cr must be computed with.
        siting: left, center or topleft: where a subsampled chroma sample lies among its luma samples.
        log2_x: Horizontal subsampling, as a power of two.
        log2_y: Vertical subsampling, as a power of two.
        interlaced: The rows belong to two fields, in chroma as in luma.
    """

    width: int
    height: int
    bit_depth: int
    full_range: bool
    matrix: str
    siting: str
    log2_x: int
    log2_y: int
    interlaced: bool

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a chroma plane has at least one sample, not {self.width}x{self.height}")
        if not 8 <= self.bit_depth <= 16:
            raise ValueError(f"bit_depth is 8 to 16, not {self.bit_depth}")
        if self.matrix not in MATRICES:
            raise ValueError(f"matrix is one of {', '.join(MATRICES)}, not {self.matrix!r}")
        if self.siting not in SITINGS:
            raise ValueError(f"siting is one of {', '.join(SITINGS)}, not {self.siting!r}")


@dataclass(frozen=True, eq=False)
class ChromaPlanes:
    """Cb and Cr of one frame, integer code values, each (h, w)."""

    cb: Plane
    cr: Plane

    def __post_init__(self) -> None:
        if self.cb.ndim != 2 or self.cb.shape != self.cr.shape or self.cb.dtype != self.cr.dtype:
            raise ValueError(
                f"cb and cr must be two planes of one shape and type, not {self.cb.shape} {self.cb.dtype} "
                f"and {self.cr.shape} {self.cr.dtype}"
            )
        if self.cb.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"chroma planes are uint8 or uint16, not {self.cb.dtype}")

    def __repr__(self) -> str:
        return f"ChromaPlanes({self.cb.shape[0]}x{self.cb.shape[1]} {self.cb.dtype})"


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a film.

    Args:
        index: Position among the frames read, from 0.
        pts: Presentation time in the film's time base.
        luma: The Y' plane (h, w), read-only.
        source_chroma: The chroma that the film carries already, at the film's own subsampling, or None.
        corrupt: The decoder or the container marked the frame as damaged.
        picture: The decoded picture behind the planes; the writer takes flags and side data from it.
    """

    index: int
    pts: int
    luma: Plane
    source_chroma: ChromaPlanes | None = None
    corrupt: bool = False
    picture: VideoFrame | None = None

    def __post_init__(self) -> None:
        if self.luma.ndim != 2 or self.luma.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"luma is a uint8 or uint16 plane, not {self.luma.shape} {self.luma.dtype}")

    @property
    def captioned(self) -> bool:
        """Closed captions (CEA-608, CEA-708) lie in the stream of the picture itself."""
        return self.picture is not None and "A53_CC" in self.picture.side_data

    def __repr__(self) -> str:
        height, width = self.luma.shape
        return f"Frame({self.index}, pts={self.pts}, luma={height}x{width} {self.luma.dtype}, corrupt={self.corrupt})"


@dataclass(frozen=True)
class ColorTags:
    """The film's own colour tags as ISO/IEC 23091 numbers (range: 0 unspecified, 1 limited, 2 full)."""

    range: int = 0
    matrix: int = 2
    primaries: int = 2
    transfer: int = 2


@dataclass(frozen=True)
class StreamInfo:
    """A stream that is not the film's picture.

    Args:
        index: Its number in the container.
        kind: audio, video, subtitle, attachment or data.
        codec: The codec's name, "unknown" where there is none.
        language: The language tag, or None.
        title: The title or the attached file's name, or None.
        cover: It is cover art.
    """

    index: int
    kind: str
    codec: str
    language: str | None = None
    title: str | None = None
    cover: bool = False

    def __str__(self) -> str:
        details = [text for text in (self.codec, self.language, self.title) if text]
        return f"{'cover art' if self.cover else self.kind} #{self.index} ({', '.join(details)})"


@dataclass(frozen=True)
class VideoInfo:
    """A film as its container and its first frame describe it.

    Args:
        path: The film.
        width: Luma samples per row, as stored (before rotation).
        height: Luma rows, as stored.
        time_base: Seconds per pts tick.
        average_rate: Frames per second, or None when unknown.
        duration: Seconds that the container claims, or None.
        frames: Frames shown, counted by demuxing; None for files too large to read through at opening.
        pixel_format: The decoder's format, FFmpeg's name.
        bit_depth: Bits of one luma value.
        full_range: Luma spans all code values, not 16-235 (times 2**(depth-8)).
        matrix: The matrix meant: the tag where there is one, else bt709 from 1280x720 on and bt601 below.
        matrix_tagged: The film itself says so.
        primaries: Name of the primaries, "unspecified" where untagged.
        transfer: Name of the transfer characteristic, "unspecified" where untagged.
        siting: left, center or topleft.
        log2_x: Horizontal chroma subsampling as a power of two (0 for grey and RGB).
        log2_y: Vertical chroma subsampling as a power of two (0 for grey and RGB).
        grey: The pixel format has no chroma.
        rgb: The pixel format is RGB or XYZ: luma is G where R == G == B, else converted.
        alpha: The pixel format has alpha, which is not kept.
        rotation: Degrees counter-clockwise, from -180 to 180, by which a player turns the picture.
        mirrored: A player mirrors it, left to right, after that.
        display_matrix: The container's nine matrix entries, or None.
        sar: Sample aspect ratio.
        coded_sar: The one that the first picture's own bitstream holds; the container's wins over it.
        interlaced: The first frame, or the stream, is interlaced.
        top_field_first: The order of the fields of an interlaced film.
        codec: The decoder's name.
        container: FFmpeg's name of the container format.
        stream: The number of the video stream.
        start: Seconds on the film's own clock at which its first picture is shown, or None.
        end: Seconds on that clock at which the container claims that its picture ends, or None.
        tags: The colour tags as stored.
        streams: All other streams.
        side_data: Names of the frame side data on the first frame.
        hdr: Static HDR metadata of the first frame, or None.
    """

    path: Path
    width: int
    height: int
    time_base: Fraction
    average_rate: Fraction | None
    duration: Fraction | None
    frames: int | None
    pixel_format: str
    bit_depth: int
    full_range: bool
    matrix: str
    matrix_tagged: bool
    primaries: str
    transfer: str
    siting: str
    log2_x: int
    log2_y: int
    grey: bool
    rgb: bool = False
    alpha: bool = False
    rotation: int = 0
    mirrored: bool = False
    display_matrix: tuple[int, ...] | None = None
    sar: Fraction = Fraction(1)
    coded_sar: Fraction = Fraction(1)
    interlaced: bool = False
    top_field_first: bool = True
    codec: str = ""
    container: str = ""
    stream: int = 0
    start: Fraction | None = None
    end: Fraction | None = None
    tags: ColorTags = ColorTags()
    streams: tuple[StreamInfo, ...] = ()
    side_data: tuple[str, ...] = ()
    hdr: StaticHdr | None = None

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a film has at least one sample, not {self.width}x{self.height}")
        if self.time_base <= 0:
            raise ValueError(f"time_base is positive, not {self.time_base}")
        if self.matrix not in MATRICES:
            raise ValueError(f"matrix is one of {', '.join(MATRICES)}, not {self.matrix!r}")

    def time(self, pts: int) -> Fraction:
        """Return the time of `pts` in seconds."""
        return pts * self.time_base

    @property
    def quarter_turns(self) -> int:
        """Quarter turns counter-clockwise by which a player turns the picture, 0 to 3."""
        return round(self.rotation / 90) % 4

    def upright(self, picture: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """Return a picture (h, w, ...) that is as stored as a player shows it: turned, then mirrored."""
        turned = np.rot90(picture, self.quarter_turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.mirrored else turned)

    def as_stored(self, picture: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """Return a picture (h, w, ...) that is upright as it is stored: the way back of `upright`."""
        turned = picture[:, ::-1] if self.mirrored else picture
        return np.ascontiguousarray(np.rot90(turned, -self.quarter_turns))


def chroma_inset(layout: ChromaFormat | VideoInfo) -> tuple[float, float]:
    """Return where a chroma sample lies among the luma samples that it stands for, as the siting says.

    Returns:
        Its distance from the left edge and the upper edge of the first of them, in luma samples.
    """
    across = 1 if layout.siting in ("left", "topleft") else 1 << layout.log2_x
    down = 1 if layout.siting == "topleft" else 1 << layout.log2_y
    return across / 2, down / 2
