"""A plain transcode, the baseline of every measurement, and the encoding of preview pictures."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from vidcolor.errors import VideoError
from vidcolor.video.info import ChromaFormat, ChromaPlanes, Frame, Plane
from vidcolor.video.output import PartFile, check_output, container_of
from vidcolor.video.reader import VideoReader
from vidcolor.video.writer import VideoWriter


def plain_transcode(
    source: str | Path,
    output: str | Path,
    *,
    codec: str = "x264",
    crf: float | None = None,
    preset: str | None = None,
    lossless: bool = False,
    overwrite: bool = False,
    start: Fraction | None = None,
    end: Fraction | None = None,
    threads: int | None = None,
    stream: int | None = None,
) -> list[str]:
    """Decode a film and encode the very same frames, everything else copied.

    Arguments are those of VideoWriter, and `stream` that of VideoReader.

    Returns:
        The writer's notes and the reader's warnings.
    """
    with (
        VideoReader(source, start=start, end=end, stream=stream) as reader,
        VideoWriter(
            output,
            source=reader.info,
            codec=codec,
            crf=crf,
            preset=preset,
            lossless=lossless,
            overwrite=overwrite,
            start=start,
            end=end,
            threads=threads,
        ) as writer,
    ):
        for frame in reader:
            writer.write(frame, own_chroma(frame, reader.info.bit_depth, writer.chroma_format))
    return [*writer.notes, *reader.warnings]


def own_chroma(frame: Frame, bit_depth: int, form: ChromaFormat) -> ChromaPlanes:
    """Return the chroma that a frame carries in `form`, neutral where it has none.

    Planes of the same size and depth are passed on as they are.

    Args:
        frame: A frame of the film.
        bit_depth: The film's bit depth.
        form: The format to deliver.
    """
    dtype = np.uint8 if form.bit_depth <= 8 else np.uint16
    own = frame.source_chroma
    if own is None:
        neutral = np.full((form.height, form.width), 1 << (form.bit_depth - 1), dtype)
        return ChromaPlanes(neutral, neutral)
    widen = form.bit_depth - bit_depth

    def fit(plane: Plane) -> Plane:
        if plane.shape != (form.height, form.width):
            smaller = form.height < plane.shape[0] or form.width < plane.shape[1]
            plane = cv2.resize(
                np.ascontiguousarray(plane),
                (form.width, form.height),
                interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR,
            )
        return np.left_shift(plane, widen, dtype=dtype) if widen else plane

    return ChromaPlanes(fit(own.cb), fit(own.cr))


def write_rgb_video(
    path: str | Path, frames: Iterable[npt.NDArray[np.uint8]], *, rate: Fraction, overwrite: bool = False
) -> None:
    """Write RGB pictures as a small film to look at: x264, 4:2:0, bt709; odd sizes lose no row, they gain one.

    Args:
        path: The output: .mp4, .mkv or .mov.
        frames: Pictures (h, w, 3), uint8, all of one size.
        rate: Frames per second.
        overwrite: An existing file may be replaced.

    Raises:
        VideoError: There are no frames, they differ in size, or the file cannot be written.
    """
    path = Path(path)
    container = container_of(path)
    check_output(path, source=None, overwrite=overwrite)
    part = PartFile(path, overwrite=overwrite)
    try:
        with av.open(str(part.path), "w", format=container) as output:
            video: VideoStream | None = None
            for index, rgb in enumerate(frames):
                even = np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), mode="edge")
                if video is None:
                    video = _add_preview(output, even.shape[1], even.shape[0], rate)
                elif (video.width, video.height) != (even.shape[1], even.shape[0]):
                    raise VideoError(f"{path}: picture {index} has another size", hint="give pictures of one size")
                picture = VideoFrame.from_ndarray(np.ascontiguousarray(even), "rgb24").reformat(
                    format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                )
                picture.pts, picture.time_base = index, 1 / rate
                picture.color_primaries = picture.color_trc = 1
                output.mux(video.encode(picture))
            if video is None:
                raise VideoError(f"{path}: there are no pictures to write", hint="check the segment")
            output.mux(video.encode(None))
        part.publish()
    except av.error.FFmpegError as error:
        raise VideoError(f"{path}: {error.strerror}", hint="check the disk and its free space") from error
    finally:
        part.discard()


def _add_preview(output: av.container.OutputContainer, width: int, height: int, rate: Fraction) -> VideoStream:
    video = output.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "veryfast"})
    assert isinstance(video, VideoStream)
    video.width, video.height, video.pix_fmt = width, height, "yuv420p"
    video.codec_context.time_base = 1 / rate
    video.color_range, video.colorspace = 1, 1
    video.color_primaries = video.color_trc = 1
    return video
