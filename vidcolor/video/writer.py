"""Writing a film: new chroma on the source's own luma, everything else copied, whole or not at all."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from math import ceil
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

import av
import av.error
from av.container import OutputContainer
from av.video.stream import VideoStream

from vidcolor.errors import VideoError, no_room
from vidcolor.partfile import part_name
from vidcolor.video.encoders import EncoderSettings, other_codec
from vidcolor.video.encoding import Encoding, choose_encoding
from vidcolor.video.info import ChromaFormat, ChromaPlanes, Frame, VideoInfo
from vidcolor.video.output import PartFile, announce_memory, check_writable, container_of
from vidcolor.video.picture import PictureBuilder
from vidcolor.video.picture_stream import add_picture_stream
from vidcolor.video.source import open_film
from vidcolor.video.stream_plan import plan_streams
from vidcolor.video.streams import CopiedStreams
from vidcolor.video.timeline import delay_note, muxer_options, time_zero

_WAITING = 6
_ROUNDED = Fraction(1, 2000)
"""By how much Matroska may move a picture, to count it in milliseconds."""
_MOST_TICKS = (1 << 31) - 1
"""From here on FFmpeg's muxer of mp4 and mov takes a picture's time for an error, and sets another without a word."""

_Picture = tuple[Frame, ChromaPlanes] | None


class VideoWriter:
    """An output film, encoded and muxed in a thread of its own.

    The file appears under its name when the `with` block ends without an exception; otherwise nothing remains. Times
    equal the source's; of a segment, `start` becomes time zero.

    Args:
        path: The output; its suffix chooses the container: .mkv, .mp4, .m4v or .mov.
        source: The film that the frames come from.
        codec: x264, x265, ffv1, prores or svtav1.
        crf: Rate factor; None takes the encoder's default (x264: 17).
        preset: Speed preset; None takes the encoder's default (x264: medium).
        lossless: Encode so that luma and chroma come back bit for bit.
        overwrite: An existing file may be replaced, at the end, by rename.
        start: Seconds at which the segment starts, as given to the reader.
        end: Seconds at which it ends.
        threads: Encoder threads; None lets the encoder choose.

    Attributes:
        part: The temporary name under which the film will be written.
        chroma_format: The planes that `write` takes.
        notes: What is converted or dropped and why; final when the writer has finished.
        warnings: What was lost to damage beside the picture; complete when the writer has finished.

    Raises:
        VideoError: The output must not or cannot be written so; before any work where that can be known.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        source: VideoInfo,
        codec: str = "x264",
        crf: float | None = None,
        preset: str | None = None,
        lossless: bool = False,
        overwrite: bool = False,
        start: Fraction | None = None,
        end: Fraction | None = None,
        threads: int | None = None,
    ) -> None:
        self.path = Path(path)
        self._film = source
        self._overwrite = overwrite
        # The picture moves by whole ticks, which may be as long as its frames are shown, and all else with it.
        self._start = None if start is None else ceil(start / source.time_base) * source.time_base
        self._end = end
        self._threads = threads
        self._container = container_of(self.path)
        check_writable(self.path, source=source.path, overwrite=overwrite)
        settings = EncoderSettings(codec=codec, crf=crf, preset=preset, lossless=lossless)
        self._encoding: Encoding = choose_encoding(source, settings, container=self._container)
        self._plan = plan_streams(source, self._container)
        self._zero = time_zero(source, self._container, self._start)
        self._shift = round(self._zero / source.time_base)
        self._try_header()
        self.part = part_name(self.path)
        self.chroma_format: ChromaFormat = self._encoding.chroma
        self._captions_lost = 0
        self.notes: list[str] = [*self._encoding.notes, *self._plan.notes, *self._remarks()]
        self.warnings: list[str] = []
        self._builder = PictureBuilder(source, self._encoding)
        announce_memory(source)
        self._pictures: Queue[_Picture] = Queue(_WAITING)
        self._abandoned = Event()
        # Held where the file is opened or removed: a thread that begins late must not make it again.
        self._opening = Lock()
        self._error: BaseException | None = None
        self._thread: Thread | None = None
        self._part: PartFile | None = None
        self._encoded = 0
        self._first_pts: int | None = None
        self._last_pts: int | None = None

    def __enter__(self) -> Self:
        self._part = part = PartFile(self.path, overwrite=self._overwrite, part=self.part)
        self._thread = thread = Thread(target=self._work, args=(part.path,), name="vidcolor-encode", daemon=True)
        try:
            thread.start()
        except BaseException:  # Ctrl-C while the thread starts: it may begin at any time from now on, or never
            self._abandoned.set()
            if thread.ident is not None:
                thread.join()
            with self._opening:
                part.discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread is not None
        assert self._part is not None
        try:
            if error is None:
                self.finish()
                self._part.publish()
        finally:
            self._abandoned.set()
            self._thread.join()
            self._part.discard()

    def finish(self) -> None:
        """Write what is left, so that notes and warnings are final; the end of the `with` block does it, too.

        Raises:
            VideoError: No frame was written, or encoding or writing failed.
        """
        assert self._thread is not None
        if self._last_pts is None:
            raise VideoError(f"{self.path}: no frame was written", hint="check the segment's start and end")
        if self._thread.is_alive():
            self._put(None)
        self._thread.join()
        self._raise_failure()

    def write(self, frame: Frame, chroma: ChromaPlanes) -> None:
        """Encode a frame's luma with new chroma. The planes must not change afterwards.

        Args:
            frame: The next frame of the source.
            chroma: Planes of `chroma_format`.

        Raises:
            VideoError: The planes do not fit, or encoding or writing failed.
        """
        if self._thread is None:
            raise VideoError("the writer is not open", hint="use it in a with statement")
        self._builder.check(frame, chroma)
        if self._last_pts is not None and frame.pts <= self._last_pts:
            raise VideoError(
                f"frame {frame.index} at pts {frame.pts} does not follow pts {self._last_pts}",
                hint="write each frame once, in the order of the film",
            )
        if self._last_pts is not None and frame.pts - self._last_pts >= _MOST_TICKS and self._container != "matroska":
            times = (f"{float(self._film.time(pts)):.3f}" for pts in (self._last_pts, frame.pts))
            raise VideoError(
                f"{self.path}: the film shows one picture from {' to '.join(times)} s: longer than {self._container} "
                f"holds in ticks of {self._film.time_base} s",
                hint="name an .mkv output",
            )
        self._last_pts = frame.pts
        if self._first_pts is None:
            self._first_pts = frame.pts
        self._put((frame, chroma))

    def _put(self, picture: _Picture) -> None:
        while True:
            self._raise_failure()
            try:
                self._pictures.put(picture, timeout=0.1)
                return
            except Full:
                continue

    def _raise_failure(self) -> None:
        if self._error is None:
            return
        if isinstance(self._error, (OSError, av.error.FFmpegError)) and not isinstance(self._error, VideoError):
            reason = no_room(self._error.errno)
            raise VideoError(
                f"{self.path}: {reason or self._error.strerror or self._error}",
                hint="free space, or name an output on another disk"
                if reason
                else "try another codec or an .mkv output",
            ) from self._error
        raise self._error

    def _work(self, part: Path) -> None:
        try:
            copied = self._copied()
            try:
                self._encode(part, copied)
            finally:
                copied.close()
            self.notes = [*self._encoding.notes, *self._remarks(), *copied.notes]
            self.warnings = copied.warnings
            begin = ((self._first_pts or 0) - self._shift) * self._film.time_base
            if self._container == "matroska" and min(copied.earliest, begin) < 0:
                self._note_delay(part, begin)
        except BaseException as error:
            self._error = error

    def _note_delay(self, part: Path, begin: Fraction) -> None:
        # Sound copied from mp4 begins before zero, with the encoder's priming, and the muxer moves it all. Where sound
        # comes from Matroska, which notes that priming, nothing moves: only the file itself tells.
        with open_film(part) as written:
            video = written.streams.video[0]
            late = (
                Fraction(0) if video.start_time is None else video.start_time * Fraction(video.time_base or 0) - begin
            )
        if late > _ROUNDED:
            self.notes.append(delay_note(self._container, late))

    def _encode(self, part: Path, copied: CopiedStreams) -> None:
        options = muxer_options(self._film, self._container)
        output = av.open(str(part), "w", format=self._container, metadata_errors="surrogateescape", options=options)
        try:
            video = add_picture_stream(output, self._film, self._encoding, threads=self._threads)
            copied.add_to(output, video)
            with self._opening:
                if self._abandoned.is_set():
                    return
                output.start_encoding()
            while (job := self._next_picture()) is not None:
                frame, chroma = job
                self._captions_lost += not self._encoding.captions and frame.captioned
                self._mux(output, video, copied, self._builder.build(frame, chroma, frame.pts - self._shift))
            if self._abandoned.is_set():
                return
            self._mux(output, video, copied, None)
            copied.advance(output, None)
        finally:
            output.close()

    def _next_picture(self) -> _Picture:
        while not self._abandoned.is_set():
            try:
                return self._pictures.get(timeout=0.1)
            except Empty:
                continue
        return None

    def _mux(
        self, output: OutputContainer, video: VideoStream, copied: CopiedStreams, picture: av.VideoFrame | None
    ) -> None:
        self._encoded += picture is not None
        for packet in video.encode(picture):
            if self._encoded < 3 and self._encoding.codec == "libx265":
                # x265 leaves the dts of a film of one or two frames uninitialised (measured); such films have no B.
                packet.dts = packet.pts
            stamp = packet.dts if packet.dts is not None else packet.pts
            if stamp is not None:
                copied.advance(output, stamp * Fraction(packet.time_base))
            output.mux_one(packet)

    def _copied(self) -> CopiedStreams:
        return CopiedStreams(
            self._film, self._plan, container=self._container, zero=self._zero, start=self._start, end=self._end
        )

    def _try_header(self) -> None:
        copied = self._copied()
        try:
            with av.open(BytesIO(), "w", format=self._container, metadata_errors="surrogateescape") as trial:
                copied.add_to(trial, add_picture_stream(trial, self._film, self._encoding, threads=self._threads))
                trial.start_encoding()
        except (av.error.FFmpegError, ValueError) as error:
            film = self._film
            raise VideoError(
                f"{self._encoding.codec} in {self._container} refuses a {film.width}x{film.height} "
                f"{self._encoding.pixel_format} film: {getattr(error, 'strerror', None) or error}",
                hint=other_codec(self._encoding.codec, film),
            ) from error
        finally:
            copied.close()

    def _remarks(self) -> list[str]:
        film = self._film
        remarks = []
        if self._container == "matroska" and (film.time_base * 1000).denominator != 1:
            remarks.append("Matroska rounds time stamps to 1 ms")
        if self._zero < 0:
            remarks.append(delay_note(self._container, -self._zero))
        if self._captions_lost:
            remarks.append(f"closed captions in {self._captions_lost} pictures are dropped: x264 and x265 keep them")
        lost = [name for name in film.side_data if name.startswith(("DOVI", "DYNAMIC_HDR"))]
        if "AFD" in film.side_data:
            remarks.append("the active format description (AFD), which says what of the picture to show, is dropped")
        if lost:
            remarks.append(f"dynamic HDR metadata is dropped: {', '.join(lost)}")
        return remarks
