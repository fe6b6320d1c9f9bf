"""Wrapping scans: one film of them, without loss, that every command takes.

FFV1 in Matroska, as archives keep film: its slices have checksums, and each frame stands by itself. Grey stays grey and
RGB stays RGB, at the depth of the scans. What was written is decoded again and compared with the scans before it gets
its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path

import av
import av.error
import numpy as np
from av import VideoFrame
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from vidcolor.errors import VideoError, no_room
from vidcolor.readahead import read_ahead
from vidcolor.video.encoders import ENCODERS
from vidcolor.video.encoding import ffv1_slices
from vidcolor.video.formats import pixel_layout, writable_plane
from vidcolor.video.output import PartFile, check_writable
from vidcolor.video.scans import find_scans, read_scan, remarks_on
from vidcolor.video.soundtrack import open_sound

Progress = Callable[[str, int, int | None], None]

FASTEST = 1000
"""Frames per second."""
_READ_AHEAD = 4


@dataclass(frozen=True)
class Wrapped:
    """Scans that were wrapped.

    Attributes:
        output: The film.
        frames: How many scans it holds.
        width: Of each, in pixels.
        height: Of each, in pixels.
        pixel_format: FFmpeg's name of the format that they are kept in.
        rate: Frames per second.
        warnings: What the user should look at, one line each.
    """

    output: Path
    frames: int
    width: int
    height: int
    pixel_format: str
    rate: Fraction
    warnings: tuple[str, ...]


def wrap_scans(
    paths: Sequence[Path],
    output: Path,
    *,
    rate: Fraction,
    sound: Path | None = None,
    overwrite: bool = False,
    strict: bool = False,
    progress: Progress | None = None,
) -> Wrapped:
    """Make a film of scans, every sample as it is decoded from them, and prove it.

    Args:
        paths: The scans of one film: folders of them, or files, see `find_scans`.
        output: The film: .mkv.
        rate: Frames per second, above 0, at most `FASTEST`.
        sound: A file with the film's sound, which is copied as it is.
        overwrite: An existing output may be replaced.
        strict: Fail where else something is warned of; nothing is then left under the output's name.
        progress: Called with the stage, `wrap` or `check`, frames done and frames in all.

    Raises:
        VideoError: Scans or sound cannot be read, the scans are not of one kind, the film cannot be written, or
            `strict` met a warning.
    """
    if not 0 < rate <= FASTEST:
        raise VideoError(f"a rate of {rate} frames/s is not in 0 to {FASTEST}", hint="most sound film runs at 24")
    if output.suffix.lower() != ".mkv":
        raise VideoError(f"{output}: scans are wrapped into .mkv", hint=f"try {output.with_suffix('.mkv')}")
    scans = find_scans(paths)
    warnings = [*([scans.missing] if scans.missing else []), *remarks_on(scans.files[0])]
    _refuse(warnings, strict=strict)
    check_writable(output, source=sound, overwrite=overwrite)
    first = read_scan(scans.files[0])
    form = _stored_format(first, scans.files[0])
    tell = progress or (lambda *_: None)
    part = PartFile(output, overwrite=overwrite)
    with _written(part, output), open_sound(sound) as track:
        with (
            av.open(str(part.path), "w", format="matroska") as film,
            closing(read_ahead(_like(first, scans.files), _READ_AHEAD, name="vidcolor-scans")) as pictures,
        ):
            video = _add_video(film, first, form, rate)
            track.begin(film)
            digests = []
            for number, picture in enumerate(pictures):
                stored = _repacked(picture, form)
                digests.append(_digest(stored))
                stored.pts, stored.time_base = number, 1 / rate
                film.mux(video.encode(stored))
                track.write(until=number / rate)
                tell("wrap", number + 1, len(scans.files))
            film.mux(video.encode(None))
            track.write(until=None)
        _check(part.path, scans.files, digests, tell)
        warnings += track.out_of_step(len(digests) / rate)
        _refuse(warnings, strict=strict)
        part.publish()
    return Wrapped(output, len(digests), first.width, first.height, form, rate, tuple(warnings))


def _refuse(warnings: Sequence[str], *, strict: bool) -> None:
    if strict and warnings:
        raise VideoError(warnings[0], hint="mend that, or leave --strict out")


@contextmanager
def _written(part: PartFile, output: Path) -> Iterator[None]:
    """Leave nothing of a film that fails, and say in one line why it did."""
    try:
        yield
    except av.error.FFmpegError as error:
        reason = no_room(error.errno) or error.strerror
        raise VideoError(f"{output}: {reason}", hint="check the disk and its free space") from error
    finally:
        part.discard()


def _add_video(film: OutputContainer, first: VideoFrame, form: str, rate: Fraction) -> VideoStream:
    options = {**ENCODERS["ffv1"].options, **ffv1_slices(first.width, first.height, form)}
    video = film.add_stream("ffv1", rate=rate, options=options)
    assert isinstance(video, VideoStream)
    video.width, video.height, video.pix_fmt = first.width, first.height, form
    video.codec_context.time_base, video.codec_context.gop_size = 1 / rate, 1
    video.color_range = ColorRange.JPEG
    if form.startswith("yuv"):
        video.colorspace = Colorspace.ITU601  # JFIF has no other
    video.color_primaries, video.color_trc = first.color_primaries, first.color_trc
    return video


def _like(first: VideoFrame, files: Sequence[Path]) -> Iterator[VideoFrame]:
    """Read scans, and refuse one that is not of the kind of the first."""
    kind = _kind(first)
    for file in files:
        picture = read_scan(file)
        if _kind(picture) != kind:
            raise VideoError(
                f"{file} is {_kind(picture)}, the scans before it are {kind}",
                hint="wrap scans of one size and format, as one run of the scanner writes them",
            )
        _stored_format(picture, file)
        yield picture


def _kind(picture: VideoFrame) -> str:
    return f"{picture.width}x{picture.height} {picture.format.name}"


def _stored_format(picture: VideoFrame, file: Path) -> str:
    """Return the format in which FFV1 keeps a scan's samples.

    Raises:
        VideoError: It has none.
    """
    layout = pixel_layout(picture.format.name)
    if layout.alpha and int(picture.reformat(format="rgba").to_ndarray()[..., 3].min()) < 255:
        raise VideoError(f"{file} is transparent in places", hint="save the scans without an alpha channel")
    if layout.grey:
        return "gray" if layout.bit_depth == 8 else f"gray{layout.bit_depth}le"
    if layout.rgb:
        return "bgr0" if layout.bit_depth == 8 else f"gbrp{layout.bit_depth}le"
    if picture.format.name.startswith("yuvj"):
        return picture.format.name.replace("j", "")
    raise VideoError(f"{file} is stored as {picture.format.name}", hint="save the scans as grey or RGB")


def _repacked(picture: VideoFrame, form: str) -> VideoFrame:
    """Return a scan in another format of the same samples."""
    # swscale would change the range of the first, and makes noise of the second.
    if not form.startswith("yuv") and picture.format.name != form.replace("gbrp", "gbrap"):
        return picture.reformat(format=form)
    same, dtype = VideoFrame(picture.width, picture.height, form), pixel_layout(form).dtype
    for number, plane in enumerate(same.planes):
        into, own = (writable_plane(each, number, plane.width, plane.height, dtype) for each in (same, picture))
        np.copyto(into, own)
    same.color_range = ColorRange.JPEG
    return same


def _digest(picture: VideoFrame) -> bytes:
    """Return what stands for all samples of a picture."""
    if picture.format.name == "bgr0":  # whose fourth byte means nothing
        picture = picture.reformat(format="rgb24")
    dtype = pixel_layout(picture.format.name).dtype
    total = blake2b(digest_size=16)
    for number, plane in enumerate(picture.planes):
        width = plane.width * (3 if picture.format.name == "rgb24" else 1)
        total.update(np.ascontiguousarray(writable_plane(picture, number, width, plane.height, dtype)).data)
    return total.digest()


def _check(film: Path, files: Sequence[Path], digests: Sequence[bytes], tell: Progress) -> None:
    """Decode what was written, and compare each frame with its scan.

    Raises:
        VideoError: One came back otherwise.
    """
    with av.open(str(film)) as written:
        video = written.streams.video[0]
        video.thread_type = "AUTO"
        count = 0
        for count, picture in enumerate(written.decode(video), start=1):
            if count > len(digests) or _digest(picture) != digests[count - 1]:
                raise VideoError(
                    f"{files[min(count, len(files)) - 1]} came back otherwise from the film", hint="check the disk"
                )
            tell("check", count, len(digests))
    if count != len(digests):
        raise VideoError(f"{count} of {len(digests)} scans came back from the film", hint="check the disk")
