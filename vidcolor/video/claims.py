"""What a container says of a film's time, where it says it otherwise than others do: rate, duration and end."""

from __future__ import annotations

from fractions import Fraction

from av.container import InputContainer
from av.video.stream import VideoStream

_COUNTED_FROM_ZERO = ("matroska,webm", "nut", "asf")
"""Containers whose durations begin at the clock's zero, however late the picture does (measured)."""


def claimed_rate(video: VideoStream, *, timed: bool) -> Fraction | None:
    """Return the average frames per second, None where nobody knows.

    FFmpeg's demuxers of DV and GXF count a frame a tick, of which a frame lasts many. Those of elementary streams count
    25 frames a second, whatever the stream says of itself.

    Args:
        video: The stream, of which a picture was decoded.
        timed: The picture has a time, as in all but elementary streams.
    """
    average = video.average_rate
    if not timed:
        average = video.guessed_rate or average
    elif average and video.time_base and average * video.time_base == 1 and video.base_rate:
        average = min(average, video.base_rate)
    return Fraction(average) if average else None


def claimed_duration(container: InputContainer, video: VideoStream) -> Fraction | None:
    """Return the seconds that the container claims for the video stream, or for the whole film, or None."""
    if container.format.name == "avi" and video.frames and video.average_rate:
        # The demuxer counts what is there; the header, in a file that breaks off, what there was.
        return video.frames / Fraction(video.average_rate)
    if video.duration and video.time_base:
        return video.duration * Fraction(video.time_base)
    tag = next((value for key, value in video.metadata.items() if key.upper().startswith("DURATION")), "")
    parts = tag.split(":")
    try:
        seconds = sum(Fraction(part) * 60**power for power, part in enumerate(reversed(parts)))
    except ValueError:
        seconds = Fraction(0)
    if seconds:
        return Fraction(seconds)
    return Fraction(container.duration, 1_000_000) if container.duration else None


def claimed_end(container: InputContainer, video: VideoStream) -> Fraction | None:
    """Return the seconds on the film's clock at which the container claims that the picture ends, or None."""
    duration = claimed_duration(container, video)
    if duration is None or container.format.name in _COUNTED_FROM_ZERO:
        return duration
    if video.duration and video.time_base and video.start_time is not None:
        return duration + video.start_time * Fraction(video.time_base)
    return duration + Fraction(container.start_time or 0, 1_000_000)
