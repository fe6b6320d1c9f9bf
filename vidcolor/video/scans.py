"""Scans: a film as one picture file per frame, as film scanners write it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av
import av.error
import av.logging
from av import VideoFrame
from av.packet import Packet
from PIL import ExifTags, Image

from vidcolor.errors import VideoError
from vidcolor.video import dpx, tiff
from vidcolor.video.source import MAX_PIXELS

_DECODERS = {
    ".dpx": "dpx", ".tif": "tiff", ".tiff": "tiff", ".png": "png", ".bmp": "bmp", ".tga": "targa", ".jp2": "jpeg2000",
    ".j2k": "jpeg2000", ".jpg": "mjpeg", ".jpeg": "mjpeg", ".pgm": "pgm", ".ppm": "ppm",
}  # fmt: skip
SUFFIXES = frozenset(_DECODERS)
"""Of the picture files that are read as frames, in small letters."""

# What a file lacks is filled in without a word unless decoders are told to fail. That of TIFF would then fail at each
# tag that it does not know, of which good files have some: it is listened to instead.
_AS_IT_IS = "crccheck+bitstream+buffer"
_WHOLE = f"{_AS_IT_IS}+explode"

_NO_END = "EOI missing"
"""What the decoder of JPEG merely warns of: the file is cut."""
_UNREAD_HINT = "save it in strips, as grey or RGB TIFF without compression, or as PNG, each in a file of its own"
_BROKEN_HINT = "scan or copy it again; if other programs open it, save it as TIFF without compression, or as PNG"

_LOGARITHMIC = (
    "the scans hold densities, not light (logarithmic DPX): they look pale; grade them before they are coloured"
)
_AS_THEY_LIE = (
    "the scans say that they are to be turned or mirrored, as viewers show them: the film shows them as they are stored"
)
_TURNED = range(2, 9)
"""EXIF's names of all but the upright one."""
_NUMBER = re.compile(r"\d+", re.ASCII)
_MOST_NAMED = 3


@dataclass(frozen=True)
class Scans:
    """The frames of a film, one file each.

    Attributes:
        files: In the order of the numbers in which their names differ.
        missing: In one line, the numbers that have no file; empty where there are none.
    """

    files: tuple[Path, ...]
    missing: str


def find_scans(paths: Sequence[Path]) -> Scans:
    """Return the scans of one film.

    Args:
        paths: Folders, of which all picture files count, and picture files.

    Raises:
        VideoError: There are none, or they are not those of one film.
    """
    for path in paths:
        if not path.exists():
            raise VideoError(f"{path}: no such file or folder", hint="check the path of the scans")
    files = [file for path in paths for file in (_pictures_in(path) if path.is_dir() else [path])]
    if not files:
        raise VideoError("there are no scans", hint=f"name a folder of {', '.join(sorted(SUFFIXES))} files")
    for file in files:
        if file.suffix.lower() not in SUFFIXES:
            raise VideoError(f"{file} is no scan", hint=f"scans end in {', '.join(sorted(SUFFIXES))}")
    numbered: dict[int, Path] = {}
    for file, number in zip(files, _numbers(files), strict=True):
        if (other := numbered.setdefault(number, file)) != file:
            raise VideoError(f"{other} and {file} have the same number", hint="remove one of them")
    return Scans(tuple(numbered[number] for number in sorted(numbered)), _missing(sorted(numbered)))


def _numbers(files: Sequence[Path]) -> list[int]:
    """Return the number of each scan: the one in which their names differ, the last one of a single scan.

    Raises:
        VideoError: A name has none, or the names differ in more than that.
    """
    names = sorted({str(file.parent / ("*".join(_NUMBER.split(file.stem)) + file.suffix)) for file in files})
    if len(names) > 1:
        raise VideoError(f"there are {len(names)} sequences: {_list(names)}", hint="name the scans of one of them")
    columns = list(zip(*([int(digits) for digits in _NUMBER.findall(file.stem)] for file in files), strict=True))
    if not columns:
        raise VideoError(f"{files[0]}: its name has no number", hint="number the scans: scan_000001.tif")
    varied = [column for column in columns if len(set(column)) > 1] or columns[-1:]
    if len(varied) > 1:
        raise VideoError(
            f"{files[0]} and {files[-1]} differ in more than one number", hint="name the scans of one sequence"
        )
    return list(varied[0])


def read_scan(path: Path) -> VideoFrame:
    """Decode one scan.

    Raises:
        VideoError: It cannot be read whole.
    """
    codec = _DECODERS[path.suffix.lower()]
    decoder = av.VideoCodecContext.create(codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.options = {"max_pixels": str(MAX_PIXELS), "err_detect": _AS_IT_IS if codec == "tiff" else _WHOLE}
    decoder.thread_count = 1
    try:
        data = path.read_bytes()
        _refuse_unread(path, codec, data)
        with _complaints() as complaints:
            (picture,) = [*decoder.decode(Packet(data)), *decoder.decode(None)]
    except VideoError:
        raise
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"{path} is not a whole picture of its kind", hint=_BROKEN_HINT) from error
    except OSError as error:
        raise VideoError(f"{path}: {error.strerror or error}", hint="check the scan's path") from error
    for level, _, words in complaints:
        if level <= av.logging.ERROR or _NO_END in words:
            raise VideoError(f"{path} is damaged: {words.strip()}", hint="scan or copy it again")
    if codec == "mjpeg" and any(component.is_alpha for component in picture.format.components):
        raise VideoError(f"{path} is CMYK", hint="save the scans as grey or RGB")
    if codec != "dpx":  # the decoders of the others make up some of these
        picture.color_primaries = picture.color_trc = 2
    return picture


def _refuse_unread(path: Path, codec: str, data: bytes) -> None:
    """Refuse a scan that its decoder would take for something else.

    Raises:
        VideoError: With the reason.
    """
    if codec == "tiff" and (reason := tiff.unread(data)):
        raise VideoError(f"{path} {reason}", hint=_UNREAD_HINT)
    if codec == "tiff" and tiff.is_damaged(data):
        raise VideoError(f"{path} is damaged: its checksum does not hold", hint="scan or copy it again")
    if codec == "dpx" and (reason := dpx.unread(data)):
        raise VideoError(f"{path} {reason}", hint=_BROKEN_HINT)


def remarks_on(path: Path) -> list[str]:
    """Return what to look at before scans like this one are coloured, one line each.

    Raises:
        VideoError: It cannot be read.
    """
    codec = _DECODERS[path.suffix.lower()]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VideoError(f"{path}: {error.strerror or error}", hint="check the scan's path") from error
    remarks = [_LOGARITHMIC] if codec == "dpx" and dpx.is_logarithmic(data) else []
    return [*remarks, *([_AS_THEY_LIE] if _is_turned(data, codec) else [])]


def _is_turned(data: bytes, codec: str) -> bool:
    """Tell whether a scan says that viewers are to show it turned or mirrored."""
    if codec == "dpx":
        return dpx.is_turned(data)
    if codec == "tiff":
        return tiff.orientation(data) in _TURNED
    try:
        with Image.open(BytesIO(data)) as picture:
            return picture.getexif().get(ExifTags.Base.Orientation) in _TURNED
    except (OSError, ValueError, SyntaxError):  # of a kind that only the decoder knows
        return False


@contextmanager
def _complaints() -> Iterator[list[tuple[int, str, str]]]:
    """Give the errors and warnings that decoders log in this thread in the block."""
    before = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.WARNING)
    av.logging.set_skip_repeated(False)  # a second scan with the damage of the first would pass for whole
    try:
        with av.logging.Capture() as complaints:
            yield complaints
    finally:
        av.logging.set_level(before[0])
        av.logging.set_skip_repeated(before[1])


def _pictures_in(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        # A link to nothing is a scan that is lost: it is refused when it is read.
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and not file.is_dir():
            yield file


def _missing(numbers: Sequence[int]) -> str:
    gaps = [(before + 1, after - 1) for before, after in pairwise(numbers) if after > before + 1]
    count = sum(last - first + 1 for first, last in gaps)
    named = [str(first) if first == last else f"{first} to {last}" for first, last in gaps]
    return f"{count} scans are missing: {_list(named)}" if gaps else ""


def _list(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:_MOST_NAMED])} and {more} more"
