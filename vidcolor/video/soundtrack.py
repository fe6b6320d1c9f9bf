"""A film's sound from a file of its own, copied packet by packet beside the picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from vidcolor.errors import VideoError
from vidcolor.video.source import check_readable
from vidcolor.video.stream_plan import add_copy

_FORMATS = "wav,w64,aiff,caf,flac,mp3,aac,ac3,eac3,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mxf"
_OUT_OF_STEP = Fraction(1, 10)


class Soundtrack:
    """The sound that goes into a film, if any.

    Args:
        packets: Those of one sound stream, in order.
        stream: It; None for a silent film.
    """

    def __init__(self, packets: Iterator[Packet[AudioStream]], stream: AudioStream | None) -> None:
        self._packets, self._stream = packets, stream
        self._ahead: deque[Packet[AudioStream]] = deque(maxlen=1)
        self._film: OutputContainer | None = None
        self._copy: AudioStream | None = None
        self._begin: Fraction | None = None
        self._end = Fraction(0)

    def begin(self, film: OutputContainer) -> None:
        """Add a stream for the sound to a film, before anything is written to that.

        Raises:
            VideoError: The film's container does not hold it.
        """
        if self._stream is not None:
            try:
                copy = add_copy(film, self._stream)
            except ValueError as error:
                raise VideoError(
                    f"Matroska does not hold sound of {self._stream.codec_context.name}",
                    hint="convert the sound to .wav of 16 or 24 bit, or to .flac",
                ) from error
            assert isinstance(copy, AudioStream)
            self._film, self._copy = film, copy

    def write(self, *, until: Fraction | None) -> None:
        """Write the packets that begin up to a time in seconds, None for all that remain."""
        while self._film is not None and self._copy is not None and (packet := self._next()) is not None:
            assert packet.pts is not None
            begin = packet.pts * packet.time_base
            if until is not None and begin > until:
                self._ahead.append(packet)
                return
            self._begin = begin if self._begin is None else self._begin
            self._end = max(self._end, begin + (packet.duration or 0) * packet.time_base)
            packet.stream = self._copy
            self._film.mux_one(packet)

    def out_of_step(self, seconds: Fraction) -> list[str]:
        """Return a warning where the sound that was written is not as long as the picture."""
        if self._film is None or abs(self._end - seconds) <= _OUT_OF_STEP:
            return []
        if (self._begin or 0) > _OUT_OF_STEP:  # as in captures, whose clock begins at any hour
            lasts = f"from {float(self._begin or 0):.2f} to {float(self._end):.2f} s, the picture from 0"
            return [f"the sound lasts {lasts} to {float(seconds):.2f} s: check when it begins, and the rate"]
        return [f"the sound lasts {float(self._end):.2f} s, the picture {float(seconds):.2f} s: check the rate"]

    def _next(self) -> Packet[AudioStream] | None:
        return self._ahead.pop() if self._ahead else next(self._packets, None)


@contextmanager
def open_sound(path: Path | None) -> Iterator[Soundtrack]:
    """Open the only sound of a file; None for a silent film.

    Raises:
        VideoError: It cannot be read, or holds no sound or several.
    """
    if path is None:
        yield Soundtrack(iter(()), None)
        return
    check_readable(path)
    options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
    try:
        source = av.open(str(path.absolute()), "r", container_options=options, metadata_errors="surrogateescape")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{path} is no sound that can be read", hint="give a .wav, .flac or film file") from error
    with source:
        if len(source.streams.audio) != 1:
            count = len(source.streams.audio)
            raise VideoError(f"{path} holds {count or 'no'} sound streams, not one", hint="give a file with one")
        (stream,) = source.streams.audio
        yield Soundtrack((each for each in source.demux(stream) if each.pts is not None), stream)
