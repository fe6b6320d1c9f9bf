"""Everything beside the picture: audio, subtitles, attachments, data, chapters and tags, copied from the source.

The source is read a second time, in step with the encoded picture, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from typing import Any

import av
import av.error
from av import Packet
from av.container import InputContainer, OutputContainer
from av.stream import Discard, Disposition, Stream

from vidcolor.video.chapters import as_pyav, chapters_of, in_turn
from vidcolor.video.demuxing import packets_of
from vidcolor.video.info import VideoInfo
from vidcolor.video.labels import held_language, held_tags, lost_tags, stream_title
from vidcolor.video.source import describe_stream, open_film
from vidcolor.video.stream_plan import StreamPlan, add_copy
from vidcolor.video.texts import TextsInTurn
from vidcolor.video.timeline import rising, time_code_at


class CopiedStreams:
    """The streams beside the picture on their way from the source to an output.

    Args:
        film: The source.
        plan: What to do with each stream.
        container: FFmpeg's name of the output container.
        zero: The moment of the source's clock, in seconds, that becomes time zero.
        start: Seconds from which to copy; None copies all.
        end: Seconds before which a packet must begin to be copied; None for the end.

    Attributes:
        notes: What could not be kept.
        warnings: What was lost to damage; complete when all is written.
        earliest: The lowest time copied, zero or below, in seconds.
    """

    def __init__(
        self,
        film: VideoInfo,
        plan: StreamPlan,
        *,
        container: str,
        zero: Fraction,
        start: Fraction | None,
        end: Fraction | None,
    ) -> None:
        self.notes = list(plan.notes)
        self.warnings: list[str] = []
        self.earliest = Fraction(0)
        self._film = film
        self._plan = plan
        self._container = container
        self._zero = zero
        self._start = start
        self._end = end
        self._open = ExitStack()
        self._source: InputContainer = self._open.enter_context(open_film(film.path))
        self._video = film.stream
        self._outputs: dict[int, Stream] = {}
        self._last: dict[int, int] = {}
        self._undated: dict[int, tuple[int, int]] = {}
        self._left_out = self._retimed = 0
        self._texts = TextsInTurn()
        self._packets: Iterator[Packet[Stream]] = iter(())
        self._pending: Packet[Stream] | None = None

    def add_to(self, output: OutputContainer, video: Stream) -> None:
        """Add the streams, chapters and tags to `output`, before its header is written."""
        source = self._source
        original = source.streams[self._video]
        video.metadata.update(held_tags(original.metadata, self._container))
        keep_title(video, original)
        video.disposition = original.disposition
        for index in sorted((*self._plan.copied, *self._plan.converted, *self._plan.attached)):
            if index in self._plan.attached:
                file = self._plan.attached[index]
                output.add_attachment(file.name, file.mime_type, file.data)
                continue
            template = source.streams[index]
            if index in self._plan.converted:
                added = _add_text(output, template, self._plan.converted[index])
            else:
                added = add_copy(output, template)
            added.metadata.update(held_tags(template.metadata, self._container))
            if language := held_language(template.metadata.get("language"), self._container):
                added.metadata["language"] = language
            self._outputs[index] = added
            keep_title(added, template)
        output.metadata.update(held_tags(source.metadata, self._container))
        self._move_time_code(video.metadata, output.metadata)
        if lost := lost_tags(source.metadata, self._container):
            self.notes.append(f"tags that {self._container} does not hold are dropped: {', '.join(lost)}")
        chapters = chapters_of(source, start=self._start, end=self._end)
        if self._container != "matroska":
            chapters, notes = in_turn(chapters, self._container)
            self.notes += notes
        if chapters:
            output.set_chapters(as_pyav(chapters))
        for stream in source.streams:
            if stream.index not in self._outputs:
                stream.discard = Discard.all
        self._approach_start()
        self._packets = self._read()

    def _move_time_code(self, *tags: dict[str, str]) -> None:
        if self._start is None:
            return
        for each in tags:
            for key in [key for key in each if key.lower() == "timecode"]:
                code = each.pop(key)
                if moved := time_code_at(code, self._film, self._start):
                    each[key] = moved
                else:
                    self.notes.append(f"time code {code} is left out: that of the segment cannot be told from it")

    def advance(self, output: OutputContainer, until: Fraction | None) -> None:
        """Write the packets due by `until` seconds of output time; None writes all that remain."""
        while True:
            packet = self._pending or next(self._packets, None)
            self._pending = packet
            if packet is None:
                if until is None:
                    self._tell()
                return
            stamp = packet.dts if packet.dts is not None else packet.pts
            if until is not None and stamp is not None and stamp * Fraction(packet.time_base) > until:
                return
            self._pending = None
            try:
                output.mux_one(packet)
            except av.error.InvalidDataError:  # such as the sound of a transport stream where a part of it is missing
                self._left_out += 1

    def _tell(self) -> None:
        silent = [] if self._container == "matroska" else sorted(set(self._outputs) - set(self._last))
        empty = [each for each in map(self._source.streams.__getitem__, silent) if each.type != "subtitle"]
        self.notes += [f"{describe_stream(each)} is dropped: {self._container} holds no empty stream" for each in empty]
        if self._left_out:
            self.warnings.append(f"{self._left_out} damaged packets beside the picture were left out")
        if self._retimed:
            self.notes.append(f"{self._retimed} copied packets without a rising time stamp got one")
        if self._texts.cut:
            self.notes.append(
                f"{self._texts.cut} texts end when the next one begins: {self._container} shows one at a time"
            )

    def close(self) -> None:
        """Close the source."""
        self._packets = iter(())
        self._pending = None
        self._open.close()

    def _approach_start(self) -> None:
        if self._start is None or self._start <= 1:
            return
        try:
            self._source.seek(int((self._start - 1) * 1_000_000))
        except (av.error.FFmpegError, OverflowError):
            self._open.close()
            self._source = self._open.enter_context(open_film(self._film.path))

    def _read(self) -> Iterator[Packet[Stream]]:
        if not self._outputs or all(self._source.streams[i].type == "attachment" for i in self._outputs):
            return
        for packet in packets_of(self._source, refused=self._refuse):
            yield from self._fitted(packet)
        yield from self._texts.rest()

    def _refuse(self, _in_a_row: int) -> None:
        self._left_out += 1

    def _fitted(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Yield what is due of the output when the source gives a packet: most often that packet, at its new time."""
        index = packet.stream_index
        output = self._outputs.get(index)
        if output is None or packet.size == 0 or is_pause(packet) or not self._shift(packet):
            return
        fitted = self._converted(packet)
        if fitted is None or not self._make_rising(fitted, index):
            return
        yield from self._texts.over((fitted.pts or 0) * Fraction(fitted.time_base))
        fitted.stream = output
        hides_last = self._container != "matroska" and index in self._plan.copied  # of packets without a duration
        if not fitted.duration and hides_last and packet.stream.type in ("audio", "subtitle", "data"):
            fitted.duration = 1
        if self._container != "matroska" and index in self._plan.converted:
            yield from self._texts.add(fitted, index)
        else:
            yield fitted

    def _shift(self, packet: Packet[Stream]) -> bool:
        """Move a packet from the source's clock to the output's; return False where it lies outside of the segment."""
        if packet.pts is None or packet.stream.disposition & Disposition.attached_pic:
            return True
        base = Fraction(packet.time_base)
        begin = packet.pts * base
        if self._end is not None and begin >= self._end:
            return False
        if self._start is None and not self._zero:
            return True
        # AVI counts sound in whole packets: too coarse to move it by the segment's start.
        finer = max(1, round(base * 90000))
        packet.time_base = base / finer
        duration = (packet.duration or 0) * finer
        shifted = packet.pts * finer - round(self._zero / packet.time_base)
        packet.duration = duration
        if self._start is not None and begin < self._start:
            if packet.stream.type != "subtitle" or shifted + duration <= 0:
                return False
            packet.pts, packet.dts, packet.duration = 0, 0, shifted + duration
            return True
        packet.dts = None if packet.dts is None else shifted - (packet.pts - packet.dts) * finer
        packet.pts = shifted
        return True

    def _converted(self, packet: Packet[Stream]) -> Packet[Stream] | None:
        if packet.stream_index not in self._plan.converted:
            return packet
        try:
            text = packet.stream.codec_context.decode2(packet)  # type: ignore[attr-defined]
            if text is None:
                return None
            encoder: Any = self._outputs[packet.stream_index].codec_context
            encoded: Packet[Stream] = encoder.encode_subtitle(text)
        except av.error.FFmpegError:
            self._left_out += 1
            return None
        encoded.time_base = packet.time_base
        encoded.pts, encoded.dts, encoded.duration = packet.pts, packet.pts, packet.duration
        return encoded

    def _make_rising(self, packet: Packet[Stream], index: int) -> bool:
        """Give a packet times that follow those before it in its stream; return False where it has none to go by."""
        if packet.pts is None and packet.dts is None:
            if not packet.stream.disposition & Disposition.attached_pic:
                self._left_out += 1
                return False
            packet.pts = packet.dts = 0
        if packet.dts is None and packet.stream.type == "video" and packet.pts is not None:
            # Matroska leaves out the first decoding times; they lie before the first picture, at most 16 pictures deep.
            first, count = self._undated.get(index, (packet.pts, 0))
            self._undated[index] = first, count + 1
            packet.dts = first - 16 + count
        stamp = packet.dts if packet.dts is not None else packet.pts
        assert stamp is not None
        late = lateness(packet, stamp, self._last.get(index), self._container)
        if late:
            self._retimed += 1
            packet.dts = stamp = stamp + late
            packet.pts = stamp if packet.pts is None else packet.pts + late
        self._last[index] = stamp
        if packet.pts is not None:
            self.earliest = min(self.earliest, packet.pts * Fraction(packet.time_base))
        return True


def lateness(packet: Packet[Stream], stamp: int, last: int | None, container: str) -> int:
    """Return by how many ticks a packet comes later than its `stamp`, for it must follow the one before, at `last`.

    So the sound of captures that were put end to end, each with a clock of its own, goes on as their pictures do. Texts
    need not follow at once.
    """
    if last is None or stamp > last or (stamp == last and container == "matroska"):
        return 0
    stream: Stream | None = packet.stream  # texts that were cut anew have none
    lasting = packet.duration if stream is not None and stream.type in ("audio", "video") else 0
    return rising(stamp, last, max(lasting or 0, container != "matroska")) - stamp


def keep_title(added: Stream, template: Stream) -> None:
    """Give a stream the title of the one that it is a copy of."""
    if title := stream_title(template):
        added.metadata.pop("name", None)
        added.metadata["title"] = title


def is_pause(packet: Packet[Stream]) -> bool:
    """Tell whether a packet is the empty text with which mp4 fills the time between two texts.

    The muxer writes them anew; copied, they would be there twice, and push later texts back.
    """
    context = packet.stream.codec_context
    return context is not None and context.name == "mov_text" and bytes(packet)[:2] == b"\0\0"


def _add_text(output: OutputContainer, template: Stream, codec: str) -> Stream:
    added = output.add_stream(codec)
    added.time_base = template.time_base
    template.codec_context.open(strict=False)
    header = template.codec_context.subtitle_header  # type: ignore[attr-defined]
    added.codec_context.subtitle_header = header  # type: ignore[union-attr]
    added.codec_context.time_base = template.time_base  # type: ignore[assignment]
    added.disposition = template.disposition
    return added
