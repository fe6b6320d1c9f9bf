"""What becomes of the streams beside the picture in a given container, known before any work."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import av
import av.error
from av.stream import Stream

from vidcolor.video.info import StreamInfo, VideoInfo
from vidcolor.video.source import open_film

_TEXT_CODEC = {"matroska": "subrip", "mp4": "mov_text", "mov": "mov_text"}
_TEXT_SUBTITLES = ("subrip", "srt", "mov_text", "webvtt", "ass", "ssa", "text")


@dataclass(frozen=True)
class StreamPlan:
    """What becomes of the streams beside the picture.

    Args:
        copied: Numbers of the source's streams that are copied packet by packet.
        converted: Numbers of text subtitles and the codec that they are converted to.
        dropped: Streams that the container does not hold.
        notes: One line per stream converted or dropped.
    """

    copied: tuple[int, ...]
    converted: dict[int, str]
    dropped: tuple[StreamInfo, ...]
    notes: tuple[str, ...]

    @property
    def loss(self) -> int:
        """Streams that do not come through as they are."""
        return len(self.dropped) + len(self.converted)


def plan_streams(film: VideoInfo, container: str) -> StreamPlan:
    """Decide for each stream whether `container` holds it, by writing a header of it into memory."""
    copied: list[int] = []
    converted: dict[int, str] = {}
    dropped: list[StreamInfo] = []
    notes: list[str] = []
    with open_film(film.path) as source:
        chapters = bool(source.chapters())
        for each in film.streams:
            text = _TEXT_CODEC[container]
            if each.kind == "data" and chapters and each.codec in ("bin_data", "text", "mov_text"):
                continue  # QuickTime's chapter titles: set_chapters writes them in the container's own way.
            if each.kind == "data" and container != "matroska" and "timecode" in source.streams[each.index].metadata:
                continue  # FFmpeg's mov muxer writes a time code track from the tag, and cannot close two.
            if _holds(container, source.streams[each.index]):
                copied.append(each.index)
            elif each.kind == "subtitle" and each.codec in _TEXT_SUBTITLES:
                converted[each.index] = text
                notes.append(f"{each} is converted to {text}: {container} does not hold it as it is")
            else:
                dropped.append(each)
                notes.append(f"{each} is dropped: {container} does not hold it")
    return StreamPlan(tuple(copied), converted, tuple(dropped), tuple(notes))


def _holds(container: str, stream: Stream) -> bool:
    # add_stream_from_template accepts streams that the header later rejects, so a header is written into memory.
    try:
        with av.open(BytesIO(), "w", format=container) as trial:
            picture = trial.add_stream("mpeg4", rate=25)
            picture.width = picture.height = 64
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True
