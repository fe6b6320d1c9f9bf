"""The clock of an output film: which moment of the source becomes time zero, and in what ticks it counts."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from vidcolor.video.info import VideoInfo

_MPEG_TICKS = 90000
_MOST_TICKS = (1 << 31) - 1


def time_zero(film: VideoInfo, container: str, start: Fraction | None) -> Fraction:
    """Return the moment that becomes time zero of an output, in seconds on the film's clock.

    Args:
        film: The source.
        container: FFmpeg's name of the output container.
        start: Of the segment; None for the whole film, whose times stay where the container shows them.
    """
    if start is not None:
        return start
    if container == "matroska":  # its muxer moves picture and sound by itself
        return Fraction(0)
    # mp4 and mov leave out pictures before time zero. A capture begins there whose 33 bit clock soon comes round.
    return min(Fraction(0), film.start or Fraction(0))


def muxer_options(film: VideoInfo, container: str) -> dict[str, str]:
    """Return the options with which a container's muxer keeps the film's times.

    The movie header of mp4 and mov counts in milliseconds unless told otherwise, which moves the picture against the
    sound by up to half of one where the film starts late. 90 kHz holds the times of MPEG streams exactly, and those of
    ticks that are longer; shorter ones ask for as many.
    """
    if container == "matroska":
        return {}
    ticks = min(max(_MPEG_TICKS, ceil(1 / film.time_base)), _MOST_TICKS)
    return {"movie_timescale": str(ticks)}


def delay_note(container: str, delay: Fraction) -> str:
    """Return in words by how many seconds, and why, an output begins later than its source."""
    reason = "Matroska has no negative times" if container == "matroska" else f"{container} shows nothing before zero"
    return f"picture and sound alike start {float(delay * 1000):.0f} ms later: {reason}"
