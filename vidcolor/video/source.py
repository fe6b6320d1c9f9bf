"""Opening films: literal local paths, a list of known containers, and one clear line when it fails."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from math import atan2, degrees
from pathlib import Path
from typing import cast

import av
import av.error
from av import VideoFrame
from av.container import InputContainer
from av.filter import Graph
from av.sidedata.sidedata import SideData
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from vidcolor.errors import VideoError
from vidcolor.video.claims import claimed_duration, claimed_end, claimed_rate
from vidcolor.video.color_tags import PRIMARIES, TRANSFERS, resolve_matrix, resolve_siting
from vidcolor.video.demuxing import packets_of
from vidcolor.video.formats import pixel_layout
from vidcolor.video.hdr import static_hdr
from vidcolor.video.info import ColorTags, StreamInfo, VideoInfo
from vidcolor.video.labels import stream_title

MAX_PIXELS = 8192 * 8192
"""The largest picture that is decoded: a forged header of a few bytes could otherwise ask for gigabytes."""

COUNTED_BYTES = 2 << 30
"""Films up to this size are read through at opening to count their frames (about a second per gigabyte)."""

_PROGRAM_STREAM = b"\0\0\1\xba"
_LOOKED_AT = {"probesize": str(64 << 20), "analyzeduration": "600000000"}
"""How far to look for the streams of an MPEG program stream, in bytes and microseconds: it does not list them, and the
subtitles of a DVD may begin a minute into it. Each opening takes up to 0.1 s and the bytes of memory."""

_FORMATS = (
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mpegts,mpeg,mpegvideo,mxf,nut,ogg,flv,asf,gif,dv,h264,hevc,m4v,"
    "ivf,obu,av1,yuv4mpegpipe,rm,wtv,gxf,vc1,apng"
)


@contextmanager
def open_film(path: Path) -> Iterator[InputContainer]:
    """Open `path` as a local file in a known container format.

    Raises:
        VideoError: There is no such film, or it cannot be read as one.
    """
    check_readable(path)
    options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
    try:
        with path.open("rb") as file:
            options |= _LOOKED_AT if file.read(4) == _PROGRAM_STREAM else {}
        container = av.open(str(path.absolute()), "r", container_options=options, metadata_errors="surrogateescape")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _cannot_open(path, error) from error
    with container:
        yield container


def check_readable(path: Path) -> None:
    """Refuse what is not a regular, non-empty file.

    Raises:
        VideoError: With the reason.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise VideoError(f"{path}: {error.strerror or error}", hint="check the film's path") from error
    except ValueError as error:
        raise VideoError(f"{path!r} is not a path: {error}", hint="check the film's path") from error
    if stat.S_ISDIR(status.st_mode):
        raise VideoError(
            f"{path} is a folder, not a film", hint="name one film file; `vidcolor wrap` makes one of scans"
        )
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(f"{path} is a pipe or a device, not a film", hint="save the film to a file first")
    if status.st_size == 0:
        raise VideoError(f"{path} is empty", hint="copy or download the film again")


def choose_stream(container: InputContainer, path: Path, stream: int | None) -> VideoStream:
    """Return the video stream to colour: number `stream`, else the default one; never cover art.

    Raises:
        VideoError: There is none, or it cannot be decoded.
    """
    films = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
    held = ", ".join(str(describe_stream(each)) for each in container.streams) or "nothing"
    if not films:
        raise VideoError(f"{path} has no video stream; it holds {held}", hint="name a file with a moving picture")
    if stream is None:
        chosen = max(films, key=lambda each: (bool(each.disposition & Disposition.default), -each.index))
    else:
        numbered = [each for each in films if each.index == stream]
        if not numbered:
            numbers = ", ".join(str(each.index) for each in films)
            raise VideoError(f"{path} has no video stream {stream}", hint=f"video streams here: {numbers}")
        chosen = numbered[0]
    if chosen.codec_context is None:
        raise VideoError(
            f"{path}: its video codec has no decoder here", hint="convert the film to a common codec first"
        )
    check_pixels(path, chosen.codec_context.width, chosen.codec_context.height)
    chosen.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return chosen


def check_pixels(path: Path, width: int, height: int) -> None:
    """Refuse pictures over MAX_PIXELS.

    Raises:
        VideoError: The picture is larger.
    """
    if width * height > MAX_PIXELS:
        raise VideoError(
            f"{path}: {width}x{height} is over the limit of {MAX_PIXELS} pixels: it would take about "
            f"{memory_needed(width * height, 8) / 1e9:.0f} GB of memory",
            hint="scale the film down first",
        )


def memory_needed(pixels: int, bit_depth: int) -> int:
    """Estimate the bytes of memory that colouring a film takes at most, with the default encoder.

    Measured over 1,000 frames and more: 1.13 GB at 320x176, 1.20 at 848x480 in 8 bit; what a pixel adds, over 60 frames
    of 640x480, 1920x1080 and 3840x2160.
    """
    return 1_100_000_000 + 240 * pixels * (1 if bit_depth <= 8 else 2)


def describe_stream(stream: Stream) -> StreamInfo:
    """Return what the user sees of a stream."""
    context = stream.codec_context
    tags = stream.metadata
    time_code = f"time code {tags['timecode']}" if stream.type == "data" and "timecode" in tags else None
    return StreamInfo(
        index=stream.index,
        kind=str(stream.type),
        codec=context.name if context is not None else (stream.name if stream.type == "data" else None) or "unknown",
        language=tags.get("language"),
        title=stream_title(stream) or tags.get("filename") or time_code,
        cover=bool(stream.disposition & Disposition.attached_pic),
    )


def probe(path: str | Path, *, stream: int | None = None) -> VideoInfo:
    """Describe a film from its container and its first frame.

    Raises:
        VideoError: It cannot be read, or no frame of it can be decoded.
    """
    path = Path(path)
    with open_film(path) as container:
        video = choose_stream(container, path, stream)
        # A slice-threaded decoder gives its first frame at once, where frame threads would first fill their pipeline.
        video.thread_type = "SLICE"
        picture = _first_picture(container, video, path)
        info = _describe(container, video, picture, path)
    if path.stat().st_size > COUNTED_BYTES:
        return info
    return VideoInfo(**{**vars(info), "frames": count_frames(path, stream=info.stream)})


def count_frames(path: str | Path, *, stream: int | None = None) -> int:
    """Count the frames that a film shows by demuxing its packets, without decoding; damage is not seen.

    Raises:
        VideoError: The film cannot be read.
    """
    path = Path(path)
    with open_film(path) as container:
        video = choose_stream(container, path, stream)
        for other in container.streams:
            if other.index != video.index:
                other.discard = Discard.all
        return sum(packet.size > 0 and not packet.is_discard for packet in packets_of(container, video))


def _first_picture(container: InputContainer, video: VideoStream, path: Path) -> VideoFrame:
    for _ in range(64):
        try:
            return next(iter(container.decode(video)))
        except (StopIteration, av.error.EOFError):
            break
        except (av.error.InvalidDataError, av.error.ArgumentError):
            continue
        except av.error.FFmpegError as error:
            raise VideoError(f"{path}: {error.strerror}", hint="check that the film plays") from error
    raise VideoError(f"{path}: no frame can be decoded", hint="the film is empty, damaged, or its pictures are too big")


def _describe(container: InputContainer, video: VideoStream, picture: VideoFrame, path: Path) -> VideoInfo:
    width, height = picture.width, picture.height
    check_pixels(path, width, height)
    layout = pixel_layout(picture.format.name)
    context = video.codec_context
    tags = color_tags(picture)
    matrix, tagged = resolve_matrix(tags.matrix, width, height, rgb=layout.rgb, path=path)
    interlaced = picture.interlaced_frame or context.field_order in (2, 3, 4, 5)
    side_data = {entry.type.name: bytes(entry) for entry in cast("list[SideData]", list(picture.side_data))}
    base = Fraction(video.time_base or Fraction(1, 90000))
    display = struct.unpack("=9i", side_data["DISPLAYMATRIX"][:36]) if "DISPLAYMATRIX" in side_data else None
    rotation, mirrored = (0, False) if display is None else _turn(display)
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        time_base=base,
        average_rate=claimed_rate(video, timed=picture.pts is not None),
        duration=claimed_duration(container, video),
        frames=None,
        pixel_format=picture.format.name,
        bit_depth=layout.bit_depth,
        full_range=layout.implied_full_range or tags.range == 2,
        matrix=matrix,
        matrix_tagged=tagged,
        primaries=PRIMARIES.get(tags.primaries, "unspecified"),
        transfer=TRANSFERS.get(tags.transfer, "unspecified"),
        siting=resolve_siting(context.name, layout.log2_y, tags.primaries),
        log2_x=layout.log2_x,
        log2_y=layout.log2_y,
        grey=layout.grey,
        rgb=layout.rgb,
        alpha=layout.alpha,
        rotation=rotation,
        mirrored=mirrored,
        display_matrix=display,
        sar=Fraction(video.sample_aspect_ratio or 1) or Fraction(1),
        coded_sar=Fraction(context.sample_aspect_ratio or 1) or Fraction(1),
        interlaced=interlaced,
        top_field_first=_top_field_first(picture) if picture.interlaced_frame else context.field_order not in (3, 4),
        codec=context.name,
        container=container.format.name,
        stream=video.index,
        start=None if picture.pts is None else picture.pts * base,
        end=claimed_end(container, video),
        tags=tags,
        streams=tuple(describe_stream(each) for each in container.streams if each.index != video.index),
        side_data=tuple(side_data),
        hdr=static_hdr(side_data),
    )


def color_tags(picture: VideoFrame) -> ColorTags:
    """Return the colour tags of a decoded picture."""
    numbers = picture.color_range, picture.colorspace, picture.color_primaries, picture.color_trc
    return ColorTags(*map(int, numbers))


def _turn(matrix: Sequence[int]) -> tuple[int, bool]:
    """Return a display matrix as degrees counter-clockwise, and whether a mirroring left to right follows.

    In it x' = a x + c y and y' = b x + d y, with y downwards (ISO/IEC 14496-12, 8.2.2).
    """
    a, b, c, d = (matrix[place] for place in (0, 1, 3, 4))
    mirrored = a * d < b * c
    return round(-degrees(atan2(b, -a if mirrored else a))), mirrored


def _top_field_first(picture: VideoFrame) -> bool:
    # PyAV shows only that a frame is interlaced; the select filter knows which field comes first.
    graph = Graph()
    size = f"{picture.width}x{picture.height}"
    buffer = graph.add("buffer", video_size=size, pix_fmt=picture.format.name, time_base="1/25", pixel_aspect="1/1")
    sink = graph.add("buffersink")
    graph.link_nodes(buffer, graph.add("select", r"eq(interlace_type\,TOPFIRST)"), sink).configure()
    buffer.push(picture)
    buffer.push(None)
    try:
        sink.pull()
    except (av.error.EOFError, av.error.BlockingIOError):
        return False
    return True


def _cannot_open(path: Path, error: Exception) -> VideoError:
    if isinstance(error, av.error.EOFError):
        return VideoError(f"{path} holds no frames", hint="the recording was cut off at once; use another copy")
    if not isinstance(error, (av.error.InvalidDataError, av.error.ArgumentError)):
        return VideoError(f"{path}: {getattr(error, 'strerror', None) or error}", hint="check the file and its rights")
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return VideoError(
            f"{path}: the file is incomplete, its index (moov) is missing",
            hint="copy it again from the source; a recording cut off in the middle needs a repair tool",
        )
    return VideoError(
        f"{path} is not a film that can be read",
        hint="playlists and text are refused; try mkv or mp4; `vidcolor wrap` makes a film of scanned frames",
    )
