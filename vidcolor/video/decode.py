"""Decoding one stream exactly, through damage, from any start time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av.error
from av import Packet, VideoFrame
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from vidcolor.errors import VideoError
from vidcolor.video.demuxing import MOST_REFUSED, packets_of
from vidcolor.video.source import choose_stream, open_film

_SEEK_STEPS = (0, 1, 2, 4, 8, 16, 32)


@dataclass
class Damage:
    """What decoding met on its way.

    Args:
        errors: Packets that the demuxer or the decoder refused.
        corrupt_pts: Times of packets that the demuxer marked as damaged, in ticks.
        end: Latest end of any packet of any stream, in seconds.
        misses_streams: A stream begins so late that it is not known.
    """

    errors: int = 0
    corrupt_pts: set[int] = field(default_factory=set)
    end: Fraction = Fraction(0)
    misses_streams: bool = False

    def miss_streams(self) -> None:
        """Note that a stream begins so late that it is not known."""
        self.misses_streams = True


@dataclass(frozen=True)
class Decoded:
    """A picture, the damage known so far, and the sample aspect ratio that the decoder holds at this point."""

    picture: VideoFrame
    damage: Damage
    sar: Fraction


def decode_film(
    path: Path, stream: int, start: Fraction | None, *, threads: int | None = None
) -> Generator[Decoded, None, None]:
    """Yield the decoded frames of `stream` in presentation order, from `start` seconds at the latest.

    The first frames may lie before `start`: the caller drops them. The rest are the pictures that a decode from the
    beginning gives: the decoder starts at a keyframe whose first output is not later than `start`, or at the beginning
    where the container does not keep times. With `threads` None it takes as many as there are cores.

    Raises:
        VideoError: The film cannot be opened, or its damage does not end.
    """
    for step in _SEEK_STEPS if start is not None else ():
        assert start is not None
        with open_film(path) as container:
            video = choose_stream(container, path, stream)
            if not keeps_times(container, video):
                break
            try:
                container.seek(round((start - step) / Fraction(video.time_base or 1)), stream=video)
            except (av.error.FFmpegError, OverflowError):
                break
            frames = _decode(container, video, path, threads)
            first = next(frames, None)
            pts = first.picture.pts if first is not None else None
            if first is not None and pts is not None and pts * Fraction(video.time_base or 1) <= start:
                yield from chain([first], frames)
                return
    with open_film(path) as container:
        yield from _decode(container, choose_stream(container, path, stream), path, threads)


def keeps_times(container: InputContainer, video: VideoStream) -> bool:
    """Tell whether the container says of each picture when it is shown, so that a decode may begin in the middle.

    MPEG program streams time packs, in which several pictures may lie; AVI counts packets, which are not in the order
    of the pictures, unless each stands alone.
    """
    return container.format.name != "mpeg" and (container.format.name != "avi" or video.codec.intra_only)


def _decode(container: InputContainer, video: VideoStream, path: Path, threads: int | None) -> Iterator[Decoded]:
    video.thread_type = "AUTO"
    video.codec_context.thread_count = threads or 0
    damage = Damage()
    in_a_row = 0
    for packet in _packets(container, damage, path):
        # The empty packets that end the demuxing carry their stream, but not its number.
        if packet.stream.index != video.index:
            continue
        if packet.is_corrupt and packet.pts is not None:
            damage.corrupt_pts.add(packet.pts)
        try:
            pictures = video.decode(packet if packet.size else None)
        except av.error.EOFError:
            return
        except (av.error.InvalidDataError, av.error.UndefinedError, av.error.BugError) as error:
            damage.errors += 1
            in_a_row += 1
            if in_a_row == MOST_REFUSED:
                raise _hopeless(path) from error
            continue
        except av.error.FFmpegError as error:
            raise VideoError(f"{path}: {error.strerror}", hint="check that the film plays") from error
        in_a_row = 0
        for picture in pictures:
            yield Decoded(picture, damage, Fraction(video.codec_context.sample_aspect_ratio or 1) or Fraction(1))


def _packets(container: InputContainer, damage: Damage, path: Path) -> Iterator[Packet[Stream]]:
    def refuse(in_a_row: int) -> None:
        damage.errors += 1
        if in_a_row == MOST_REFUSED:
            raise _hopeless(path)

    for packet in packets_of(container, refused=refuse, missed=damage.miss_streams):
        if packet.size and packet.pts is not None:
            end = (packet.pts + (packet.duration or 0)) * Fraction(packet.time_base)
            damage.end = max(damage.end, end)
        yield packet


def _hopeless(path: Path) -> VideoError:
    return VideoError(f"{path}: too much of it is damaged to go on", hint="use another copy of the film")
