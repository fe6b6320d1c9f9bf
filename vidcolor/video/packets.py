"""What a film says without decoding its pictures: fingerprints of copied streams, encoder settings."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import Any

from av import Packet
from av.stream import Disposition, Stream

from vidcolor.video.chapters import Chapter, chapters_of
from vidcolor.video.demuxing import packets_of
from vidcolor.video.encoders import EncoderSettings
from vidcolor.video.labels import held_stream_tags, held_tags, stream_title
from vidcolor.video.source import choose_stream, describe_stream, open_film
from vidcolor.video.stream_plan import TEXT_SUBTITLES, may_title_chapters
from vidcolor.video.streams import is_pause, lateness

_NO_TIME = -(1 << 63)
_PCM_BLOCK = 4096
_PGS_END = 0x80
# The options that tell an encoder's presets apart, as its bitstream notes them.
_PRESET_OPTIONS = {"x264": ("subme",), "x265": ("rc-lookahead", "subme", "ref", "limit-refs")}
_PRESETS = {
    "x264": {
        "0": "ultrafast", "1": "superfast", "2": "veryfast", "4": "faster", "6": "fast", "7": "medium", "8": "slow",
        "9": "slower", "10": "veryslow", "11": "placebo",
    },
    "x265": {
        "5 0 1 0": "ultrafast", "10 1 1 0": "superfast", "15 1 2 3": "veryfast", "15 2 2 3": "faster",
        "15 2 3 3": "fast", "20 2 3 1": "medium", "25 3 4 3": "slow", "40 4 5 1": "slower", "40 4 5 0": "veryslow",
        "60 5 5 0": "placebo",
    },
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class StreamPackets:
    """The packets of one stream that is not the picture, or what containers do not cut anew.

    That is blocks of 4096 bytes of PCM, and display sets of Blu-ray subtitles (PGS).

    Args:
        name: The stream as the user sees it.
        kind: audio, video (cover art), subtitle, attachment or data.
        time_base: Seconds per tick.
        language: Language tag, or None.
        title: Title tag, or None.
        dispositions: FFmpeg's names: default, forced, hearing_impaired and so on.
        tags: Others, of those that the container keeps, keys in lower case; name and kind of an attached file, too.
        times: Presentation time of each packet in ticks.
        digests: 64 bit of each packet's BLAKE2b.
        durations: Of each packet in ticks; 0 where unknown, and for all but text subtitles.
    """

    name: str
    kind: str
    time_base: Fraction
    language: str | None
    title: str | None = None
    dispositions: frozenset[str] = frozenset()
    tags: dict[str, str] = field(default_factory=dict)
    times: array[int] = field(default_factory=lambda: array("q"))
    digests: array[int] = field(default_factory=lambda: array("Q"))
    durations: array[int] = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.digests)

    def __repr__(self) -> str:
        return f"StreamPackets({self.name}, {len(self)} packets)"

    def time(self, number: int) -> Fraction | None:
        """Return the time of a packet in seconds, None where it has none."""
        ticks = self.times[number]
        return None if ticks == _NO_TIME else ticks * self.time_base


@dataclass(frozen=True, eq=False)
class FilmPackets:
    """Everything of a film beside its picture.

    Args:
        streams: By number in the container, without the tracks of a time code and of the titles of chapters.
        chapters: In the order of the container.
        tags: The container's tags, keys in lower case, without those that every muxer writes anew.
        settings: How the picture was encoded, None when the bitstream does not say.
        time_code: Of the first picture, wherever the container keeps it, or None.
        picture: The picture's own stream, with its labels but without its packets.
    """

    streams: dict[int, StreamPackets]
    chapters: tuple[Chapter, ...]
    tags: dict[str, str]
    settings: EncoderSettings | None
    time_code: str | None
    picture: StreamPackets


def read_packets(path: str | Path, *, container: str, stream: int | None = None) -> FilmPackets:
    """Demux a film once; 16 bytes per packet are kept.

    Args:
        path: The film.
        container: FFmpeg's name of the container whose tags are of interest.
        stream: Number of the video stream; None takes the default one.

    Raises:
        VideoError: The film cannot be read.
    """
    path = Path(path)
    with open_film(path) as film:
        video = choose_stream(film, path, stream)
        # mov and mp4 keep a time code in a track of its own, other containers in a tag.
        others = [each for each in film.streams if each.index != video.index]
        parts = film.chapters()
        kept = (each for each in others if each.type != "data" or _time_code(each) is None)
        kept = (each for each in kept if not (parts and may_title_chapters(describe_stream(each))))
        streams = {each.index: _begin(each, container) for each in kept}
        recut = {each.index: cut(streams[each.index]) for each in others if (cut := _cut_anew(each)) is not None}
        first, last = b"", dict[int, int]()
        for packet in packets_of(film):
            if packet.stream.type == "audio" and packet.pts is not None:
                packet.pts += lateness(packet, packet.pts, last.get(packet.stream_index), container)
                last[packet.stream_index] = packet.pts
            if packet.stream_index == video.index:
                first = first or bytes(packet)[:65536]
            elif packet.size and packet.stream_index in recut:
                recut[packet.stream_index].append(packet)
            elif packet.size and packet.stream_index in streams:
                _append(streams[packet.stream_index], packet)
        for each in recut.values():
            each.finish()
        chapters = tuple(chapters_of(film))
        tags = {key.lower(): value for key, value in held_tags(film.metadata, container).items()}
        time_code = tags.pop("timecode", None) or next(filter(None, map(_time_code, (video, *others))), None)
        extra = bytes(video.codec_context.extradata or b"")
        settings = _settings(video.codec_context.name, extra + first)
        return FilmPackets(streams, chapters, tags, settings, time_code, _begin(video, container))


def _begin(stream: Stream, container: str) -> StreamPackets:
    about = describe_stream(stream)
    begun = StreamPackets(
        f"{about.kind} #{about.index} ({about.codec})",
        about.kind,
        Fraction(stream.time_base or Fraction(1, 1000)),
        about.language,
        stream_title(stream),
        frozenset(str(each.name) for each in Disposition if each & stream.disposition),
        held_stream_tags(stream, container),
    )
    if about.kind == "attachment":
        begun.tags.update({key: value for key, value in stream.metadata.items() if key in ("filename", "mimetype")})
        begun.times.append(_NO_TIME)
        begun.digests.append(_digest(bytes(getattr(stream, "data", b""))))
        begun.durations.append(0)
    return begun


def _time_code(stream: Stream) -> str | None:
    return next((value for key, value in stream.metadata.items() if key.lower() == "timecode"), None)


def _cut_anew(stream: Stream) -> type[_Samples | _DisplaySets] | None:
    codec = "" if stream.codec_context is None else stream.codec_context.name
    return _Samples if codec.startswith("pcm_") else _DisplaySets if codec == "pgssub" else None


class _Samples:
    """The samples of a PCM stream, cut into blocks wherever its packets end."""

    def __init__(self, stream: StreamPackets) -> None:
        self._stream = stream
        self._rest = bytearray()

    def append(self, packet: Packet[Any]) -> None:
        data = bytes(packet)
        place = -len(self._rest) % _PCM_BLOCK
        for start in range(place, len(data), _PCM_BLOCK):
            later = round(Fraction((packet.duration or 0) * start, len(data)))
            self._stream.times.append(_NO_TIME if packet.pts is None else packet.pts + later)
        self._rest += data
        whole = len(self._rest) // _PCM_BLOCK * _PCM_BLOCK
        for start in range(0, whole, _PCM_BLOCK):
            self._add(self._rest[start : start + _PCM_BLOCK])
        del self._rest[:whole]

    def finish(self) -> None:
        if self._rest:
            self._add(self._rest)

    def _add(self, block: bytearray) -> None:
        self._stream.digests.append(_digest(bytes(block)))
        self._stream.durations.append(0)


class _DisplaySets:
    """The display sets of a stream of PGS: Blu-ray has a packet for each segment, Matroska one for all of a set."""

    def __init__(self, stream: StreamPackets) -> None:
        self._stream = stream
        self._set = bytearray()

    def append(self, packet: Packet[Any]) -> None:
        data = bytes(packet)
        if not self._set:
            self._stream.times.append(_NO_TIME if packet.pts is None else packet.pts)
        self._set += data
        if _last_segment(data) == _PGS_END:
            self.finish()

    def finish(self) -> None:
        if self._set:
            self._stream.digests.append(_digest(bytes(self._set)))
            self._stream.durations.append(0)
            self._set.clear()


def _last_segment(data: bytes) -> int:
    """Return the kind of the last PGS segment of a packet: each begins with its kind and, in two bytes, its length."""
    kind = place = 0
    while place < len(data):
        kind = data[place]
        place += 3 + int.from_bytes(data[place + 1 : place + 3], "big")
    return kind


def _append(stream: StreamPackets, packet: Packet[Any]) -> None:
    data = bytes(packet)
    context = packet.stream.codec_context
    codec = context.name if context is not None else ""
    if is_pause(packet):
        return
    if codec == "aac":
        data = _without_adts(data)
    is_cover = packet.stream.disposition & Disposition.attached_pic
    stream.times.append(_NO_TIME if packet.pts is None or is_cover else packet.pts)
    stream.digests.append(_digest(data))
    # Text lasts as long as its packet; subtitles that are pictures say in their bytes how long they are shown.
    stream.durations.append((packet.duration or 0) if codec in TEXT_SUBTITLES else 0)


def _without_adts(data: bytes) -> bytes:
    # MPEG-TS carries AAC with a header per packet (ISO/IEC 13818-7); mkv and mp4 store it once, outside.
    if len(data) > 9 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return data[7 if data[1] & 1 else 9 :]
    return data


def _digest(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def _settings(codec: str, head: bytes) -> EncoderSettings | None:
    if codec == "ffv1":
        return EncoderSettings("ffv1", lossless=True)
    found = re.search(rb"x26([45]) [^\0]*?options: ([^\0\x80]*)", head)
    if found is None:
        return None
    encoder = f"x26{found.group(1).decode()}"
    words = found.group(2).decode("ascii", "replace").split()
    options = dict(word.partition("=")[::2] for word in words)
    return EncoderSettings(
        encoder,
        lossless="lossless" in options or options.get("qp") == "0",
        crf=float(rate) if re.fullmatch(r"\d+(\.\d+)?", rate := options.get("crf", ""), re.ASCII) else None,
        preset=_PRESETS[encoder].get(" ".join(options.get(name, "") for name in _PRESET_OPTIONS[encoder])),
    )
