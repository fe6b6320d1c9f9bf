"""When is which frame shown? Frames as a decode from the film's beginning counts them.

Packets say it without a decode, but not always: a film cut from a broadcast begins with pictures that refer to some
before the cut and are never shown, damaged packets give no picture, and some containers keep no times.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path

from vidcolor.errors import VideoError
from vidcolor.video.decode import decode_film, keeps_times
from vidcolor.video.demuxing import packets_of
from vidcolor.video.info import VideoInfo
from vidcolor.video.reader import VideoReader
from vidcolor.video.source import choose_stream, open_film

_HEAD = 24
"""Pictures at a film's beginning that must be shown when the packets say: AVI gives reordered ones others' times."""


def frame_times(path: str | Path, *, stream: int | None = None, frames: int | None = None) -> list[Fraction]:
    """Return when each frame is shown, in seconds and rising; the film is decoded where its packets do not say.

    Args:
        path: The film.
        stream: Number of the video stream; None takes the default one.
        frames: How many a decode counted; None where it is not known. Then damage in the middle is not seen.

    Raises:
        VideoError: The film cannot be read.
    """
    times = packet_times(path, stream=stream)
    if times is None or frames not in (None, len(times)):
        return decoded_times(path, stream=stream)
    return times


def packet_times(path: str | Path, *, stream: int | None = None) -> list[Fraction] | None:
    """Return when each frame is shown as the film's packets say it, None where they do not say; see `frame_times`.

    Raises:
        VideoError: The film cannot be read.
    """
    path = Path(path)
    with open_film(path) as film:
        video = choose_stream(film, path, stream)
        if not keeps_times(film, video):
            return None
        number, base = video.index, Fraction(video.time_base or 1)
        shown = (packet for packet in packets_of(film, video) if packet.size and not packet.is_discard)
        stamps = [packet.pts for packet in shown]
    known = sorted(stamp for stamp in stamps if stamp is not None)
    if len(set(known)) < len(stamps):
        return None
    with closing(decode_film(path, number, None)) as pictures:
        head = [decoded.picture.pts for decoded in islice(pictures, _HEAD)]
    begin = head[0] if head else None
    if begin is None:
        return None
    known = known[bisect_left(known, begin) :]
    return [stamp * base for stamp in known] if known[: len(head)] == head else None


def decoded_times(path: str | Path, *, stream: int | None = None) -> list[Fraction]:
    """Return when each frame is shown, in seconds, by decoding them all.

    Raises:
        VideoError: The film cannot be read.
    """
    with VideoReader(path, stream=stream) as reader:
        return [frame.pts * reader.info.time_base for frame in reader]


def frame_at(time: Fraction, times: Sequence[Fraction], info: VideoInfo) -> int:
    """Return the number of the frame that is on screen at a time.

    Args:
        time: In seconds, on the film's own clock.
        times: When each frame is shown, see `frame_times`.
        info: The film.

    Raises:
        VideoError: The film has not begun by then, or is over.
    """
    last = 1 / info.average_rate if info.average_rate else Fraction(0)
    if not times[0] <= time < times[-1] + last and time != times[-1]:
        raise VideoError(
            f"{info.path}: no frame at {float(time):.3f} s",
            hint=f"the film lasts from {float(times[0]):.3f} to {float(times[-1] + last):.3f} s",
        )
    return bisect_right(times, time) - 1
