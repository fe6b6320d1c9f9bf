"""The clock of an output film: which moment of the source becomes time zero, in what ticks it counts, how it rises."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil

from vidcolor.video.info import VideoInfo

_MPEG_TICKS = 90000
_MOST_TICKS = (1 << 31) - 1
_TIME_CODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)", re.ASCII)


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


def rising(known: int | None, last: int | None, step: int) -> int:
    """Return the time of a picture or a packet in ticks: its own where it follows the one before.

    Args:
        known: Its own, or None.
        last: Of the one before, None for the first.
        step: How long one usually lasts.
    """
    if last is None:
        return known or 0
    if known is None:
        return last + step
    if known > last:
        return known
    # Where two have one time the second lies halfway to where the next is due, which then keeps its own: a whole step
    # would push it, and all that follow, away from the rest of the film.
    room = known + step - last
    return last + (room // 2 if room > 1 else step)


def delay_note(container: str, delay: Fraction) -> str:
    """Return in words by how much, `delay` seconds, and why an output begins later than its source."""
    reason = "Matroska has no negative times" if container == "matroska" else f"{container} shows nothing before zero"
    return f"picture and sound alike start {float(delay * 1000):.0f} ms later: {reason}"


def time_code_at(code: str, film: VideoInfo, start: Fraction) -> str | None:
    """Return the time code of a segment's first picture, None where it cannot be told.

    Args:
        code: Of the film's first picture: HH:MM:SS:FF, with `;` before the frames where numbers are dropped to keep
            pace with 29.97 or 59.94 frames a second (SMPTE ST 12-1).
        film: The film.
        start: Of the segment, in seconds on the film's clock.
    """
    found = _TIME_CODE.fullmatch(code)
    if found is None or film.average_rate is None:
        return None
    second = round(film.average_rate)
    hours, minutes, seconds, frames = (int(found[place]) for place in (1, 2, 3, 5))
    dropped = second // 15 if found[4] != ":" and second % 30 == 0 else 0
    minutes += 60 * hours
    number = (60 * minutes + seconds) * second + frames - dropped * (minutes - minutes // 10)
    number += max(0, ceil((start - (film.start or 0)) * film.average_rate))
    tens, number = divmod(number, 600 * second - 9 * dropped)
    # The first minute of ten keeps all its numbers.
    minute = 0 if number < 60 * second else (number - dropped) // (60 * second - dropped)
    number += dropped * minute
    minutes = (10 * tens + minute) % (24 * 60)
    seconds, frames = divmod(number - 60 * second * minute, second)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{found[4]}{frames:02d}"
