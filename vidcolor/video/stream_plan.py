"""What becomes of the streams beside the picture in a given container, known before any work."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from itertools import islice

import av
import av.error
from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream

from vidcolor.video.demuxing import packets_of
from vidcolor.video.info import StreamInfo, VideoInfo
from vidcolor.video.labels import held_language, held_stream_tags
from vidcolor.video.source import describe_stream, open_film

HELD_DISPOSITIONS = {
    "matroska": {"default", "original", "comment", "dub", "forced", "hearing_impaired", "visual_impaired"},
    "mp4": {"comment", "dub", "forced", "hearing_impaired", "visual_impaired"},  # its muxer sets defaults of its own
    "mov": set[str](),
}
"""Dispositions that come back from a container (measured)."""
IMPLIED_DISPOSITIONS = {"captions": "hearing_impaired", "descriptions": "visual_impaired"}
"""mp4 knows only both together."""

_SEARCHED_PACKETS = 500
_PICTURES = {"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png")}
_SET_BY_MUXERS = {"default", "attached_pic"}
_TEXT_CODEC = {"matroska": "subrip", "mp4": "mov_text", "mov": "mov_text"}
TEXT_SUBTITLES = ("subrip", "srt", "mov_text", "webvtt", "ass", "ssa", "text")
"""FFmpeg's names of subtitles that are text."""


@dataclass(frozen=True, eq=False)
class Attachment:
    """A file inside a Matroska film."""

    name: str
    mime_type: str
    data: bytes

    def __repr__(self) -> str:
        return f"Attachment({self.name!r}, {self.mime_type}, {len(self.data)} bytes)"


@dataclass(frozen=True)
class StreamPlan:
    """What becomes of the streams beside the picture.

    Args:
        copied: Numbers of the source's streams that are copied packet by packet.
        converted: Numbers of text subtitles and the codec that they are converted to.
        attached: Numbers of cover art that is kept as an attachment, as Matroska wants it; as a stream it would be a
            second film.
        dropped: Streams that the container does not hold.
        notes: One line per stream converted or dropped, or whose role or language the container does not hold.
    """

    copied: tuple[int, ...]
    converted: dict[int, str]
    attached: dict[int, Attachment]
    dropped: tuple[StreamInfo, ...]
    notes: tuple[str, ...]

    @property
    def loss(self) -> int:
        """Streams that do not come through as they are."""
        return len(self.dropped) + len(self.converted)


def plan_streams(film: VideoInfo, container: str) -> StreamPlan:
    """Decide for each stream whether `container` holds it, by writing its beginning into memory."""
    copied: list[int] = []
    converted: dict[int, str] = {}
    attached: dict[int, Attachment] = {}
    dropped: list[StreamInfo] = []
    notes: list[str] = []
    with open_film(film.path) as source:
        chapters = bool(source.chapters())
        firsts = _first_packets(source)
        picture = source.streams[film.stream]
        notes += _lost_labels(describe_stream(picture), picture, container)
        for each in film.streams:
            text = _TEXT_CODEC[container]
            if chapters and may_title_chapters(each):
                continue  # set_chapters writes them in the container's own way
            if each.kind == "data" and container != "matroska" and "timecode" in source.streams[each.index].metadata:
                continue  # FFmpeg's mov muxer writes a time code track from the tag, and cannot close two.
            stream, first = source.streams[each.index], firsts.get(each.index)
            if container == "matroska" and each.cover and each.codec in _PICTURES and first is not None:
                suffix, mime_type = _PICTURES[each.codec]
                name = stream.metadata.get("filename") or f"cover.{suffix}"
                attached[each.index] = Attachment(name, mime_type, bytes(first))
            elif _holds(container, stream, first):
                copied.append(each.index)
                notes += _lost_labels(each, stream, container)
            elif each.kind == "subtitle" and each.codec in TEXT_SUBTITLES:
                converted[each.index] = text
                notes.append(f"{each} is converted to {text}: {container} does not hold it as it is")
                notes += _lost_labels(each, stream, container)
            else:
                dropped.append(each)
                notes.append(f"{each} is dropped: {container} does not hold it")
    return StreamPlan(tuple(copied), converted, attached, tuple(dropped), tuple(notes))


def may_title_chapters(stream: StreamInfo) -> bool:
    """Tell whether a stream of a film that has chapters is the one in which QuickTime and mp4 keep their titles."""
    return stream.kind == "data" and stream.codec in ("bin_data", "text", "mov_text")


def _lost_labels(about: StreamInfo, stream: Stream, container: str) -> list[str]:
    language = stream.metadata.get("language") or "und"
    unheld = language != "und" and held_language(language, container) is None
    held = HELD_DISPOSITIONS[container]
    roles = {str(each.name) for each in Disposition if each & stream.disposition} - _SET_BY_MUXERS - held
    tags = sorted(set(held_stream_tags(stream, "matroska")) - set(held_stream_tags(stream, container)))
    lost = sorted(role for role in roles if IMPLIED_DISPOSITIONS.get(role) not in held)
    return [
        *([f"{about}: {container} does not hold that it is {', '.join(lost)}"] if lost else []),
        *([f"{about}: {container} does not hold its language"] if unheld else []),
        *([f"{about}: {container} does not hold its tags: {', '.join(tags)}"] if tags else []),
    ]


def add_copy(output: OutputContainer, template: Stream) -> Stream:
    """Add a stream to `output` that takes the packets of `template` as they are."""
    added = output.add_stream_from_template(template, opaque=True)
    added.disposition = template.disposition
    if isinstance(added, AudioStream) and added.layout.name == f"{added.layout.nb_channels} channels":
        # PCM in Matroska and AVI does not say which channels it has; mp4 wants to know, at its very end.
        usual = {1: "mono", 2: "stereo"}.get(added.layout.nb_channels)
        if usual is not None:
            added.codec_context.layout = usual
    return added


def _first_packets(source: InputContainer) -> dict[int, Packet[Stream]]:
    found: dict[int, Packet[Stream]] = {}
    wanted = sum(stream.type != "attachment" for stream in source.streams)
    for packet in islice(packets_of(source), _SEARCHED_PACKETS):
        if packet.size:
            found.setdefault(packet.stream.index, packet)
        if len(found) == wanted:
            break
    return found


def _holds(container: str, stream: Stream, packet: Packet[Stream] | None) -> bool:
    if container != "mp4" and stream.disposition & Disposition.attached_pic:
        return False  # FFmpeg's mov muxer leaves cover art out without a word; Matroska's makes a film of it.
    # add_stream_from_template accepts streams that the header, the first packet or the trailer later rejects.
    try:
        with av.open(BytesIO(), "w", format=container) as trial:
            picture = trial.add_stream("mpeg4", rate=25)
            picture.width = picture.height = 64
            added = add_copy(trial, stream)
            trial.start_encoding()
            if packet is not None:
                packet.stream = added
                packet.dts = packet.pts = max(packet.pts or 0, 0)
                trial.mux_one(packet)
    except (av.error.FFmpegError, ValueError):
        return False
    return True
