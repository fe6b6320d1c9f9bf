"""A plain transcode, the baseline of every measurement, and the encoding of preview pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from vidcolor.errors import VideoError
from vidcolor.video.output import PartFile, check_writable, container_of
from vidcolor.video.own_chroma import OwnChroma
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
        The writer's notes, and the warnings of both.
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
        # The baseline is there for its luma: it has to be made of an interlaced film that changes its layout, too.
        own = OwnChroma(reader.info, writer.chroma_format, mix_fields=True)
        for frame in reader:
            writer.write(frame, own(frame))
    return [*writer.notes, *reader.warnings, *writer.warnings]


class RgbVideoWriter:
    """Writes RGB pictures as a small film to look at: x264, 4:2:0, bt709; odd sizes lose no row, they gain one.

    The file appears under its name when the `with` block ends without an exception; otherwise nothing remains.

    Args:
        path: The output: .mp4, .mkv or .mov.
        rate: Frames per second.
        overwrite: An existing file may be replaced.

    Raises:
        VideoError: The file cannot be written, or there were no pictures.
    """

    def __init__(self, path: str | Path, *, rate: Fraction, overwrite: bool = False) -> None:
        self._path, self._rate = Path(path), rate
        container = container_of(self._path)
        check_writable(self._path, source=None, overwrite=overwrite)
        self._part = PartFile(self._path, overwrite=overwrite)
        with self._disk():
            self._output = av.open(str(self._part.path), "w", format=container)
        self._video: VideoStream | None = None
        self._count = 0

    def __enter__(self) -> RgbVideoWriter:
        return self

    def write(self, rgb: npt.NDArray[np.uint8]) -> None:
        """Append a picture (h, w, 3), uint8, of the size of those before it.

        Raises:
            VideoError: It has another size, or the disk is full.
        """
        even = np.pad(rgb, ((0, rgb.shape[0] % 2), (0, rgb.shape[1] % 2), (0, 0)), mode="edge")
        with self._disk():
            if self._video is None:
                self._video = _add_preview(self._output, even.shape[1], even.shape[0], self._rate)
            elif (self._video.width, self._video.height) != (even.shape[1], even.shape[0]):
                raise VideoError(
                    f"{self._path}: picture {self._count} has another size", hint="give pictures of one size"
                )
            picture = VideoFrame.from_ndarray(np.ascontiguousarray(even), "rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            picture.pts, picture.time_base = self._count, 1 / self._rate
            picture.color_primaries = picture.color_trc = 1
            self._output.mux(self._video.encode(picture))
        self._count += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._disk():
                if kind is None:
                    if self._video is None:
                        raise VideoError(f"{self._path}: there are no pictures to write", hint="check the segment")
                    self._output.mux(self._video.encode(None))
                self._output.close()
            if kind is None:
                self._part.publish()
        finally:
            self._part.discard()

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except av.error.FFmpegError as error:
            self._part.discard()
            raise VideoError(f"{self._path}: {error.strerror}", hint="check the disk and its free space") from error


def _add_preview(output: av.container.OutputContainer, width: int, height: int, rate: Fraction) -> VideoStream:
    video = output.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "veryfast"})
    assert isinstance(video, VideoStream)
    video.width, video.height, video.pix_fmt = width, height, "yuv420p"
    video.codec_context.time_base = 1 / rate
    video.color_range, video.colorspace = 1, 1
    video.color_primaries = video.color_trc = 1
    return video
