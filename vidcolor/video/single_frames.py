"""Single frames of a film by their numbers, each reached by an exact seek."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from fractions import Fraction

from vidcolor.errors import VideoError
from vidcolor.video.decode import decode_film
from vidcolor.video.formats import pixel_layout, read_planes
from vidcolor.video.info import Frame, VideoInfo
from vidcolor.video.numbering import packet_times
from vidcolor.video.reader import VideoReader


def read_frames(
    info: VideoInfo, frames: Collection[int], *, of: int, times: Sequence[Fraction] | None = None
) -> Generator[Frame, None, None]:
    """Decode a few frames of a film; the film between them is skipped where its packets have times.

    Args:
        info: The film.
        frames: Frame numbers, in any order.
        of: How many frames it has, as a decode counts them.
        times: When each frame is shown, see `frame_times`; None has the packets of the whole film asked for it.

    Yields:
        The frames in the order of the film, as `VideoReader` gives them.

    Raises:
        VideoError: The film cannot be read, or ends before a frame.
    """
    wanted = sorted(set(frames))
    times = packet_times(info.path, stream=info.stream) if times is None else times
    done = 0
    if times is not None and len(times) == of:
        for number in wanted:
            frame = _seek(info, number, times[number]) if number < of else None
            if frame is None:
                break
            yield frame
            done += 1
    if done < len(wanted):  # times that are missing, or that the decoder does not keep
        yield from _read_through(info, wanted[done:])


def _seek(info: VideoInfo, number: int, time: Fraction) -> Frame | None:
    """Return the frame shown at a time, None if none is shown at exactly that time."""
    for decoded in decode_film(info.path, info.stream, time):
        picture = decoded.picture
        if picture.pts is None or (reached := picture.pts * info.time_base) > time:
            return None
        if reached == time:
            luma, chroma, _ = read_planes(picture, pixel_layout(info.pixel_format))
            return Frame(number, picture.pts, luma, chroma, picture.is_corrupt, picture)
    return None


def _read_through(info: VideoInfo, wanted: list[int]) -> Iterator[Frame]:
    found = 0
    with VideoReader(info.path, stream=info.stream) as reader:
        for frame in reader:
            if frame.index == wanted[found]:
                yield frame
                found += 1
                if found == len(wanted):
                    return
    raise VideoError(f"{info.path} has no frame {wanted[found]}", hint="frames are counted from 0")
