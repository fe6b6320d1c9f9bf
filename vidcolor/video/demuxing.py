"""Packets of a film, through damage: what can be read of them, whatever lies between."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import av.error
from av import Packet
from av.container import InputContainer
from av.stream import Stream

MOST_REFUSED = 200
"""After so many failures in a row there is nothing more to be read."""


def packets_of(
    container: InputContainer,
    *streams: Stream,
    refused: Callable[[int], object] | None = None,
    missed: Callable[[], object] | None = None,
) -> Iterator[Packet[Stream]]:
    """Yield the packets of some streams, or of all, that can be read, and at the end an empty one of each.

    Args:
        container: The film.
        streams: Those wanted; none for all.
        refused: Called at each failure with how many there were in a row, at most `MOST_REFUSED`.
        missed: Called at the end if a stream begins in mid-film, of which nothing is yielded.
    """
    in_a_row = 0
    while in_a_row < MOST_REFUSED:
        try:
            for packet in container.demux(*streams):
                in_a_row = 0
                yield packet
            return
        except av.error.FFmpegError:  # ends the demuxing, but not what is to be demuxed
            in_a_row += 1
            if refused is not None:
                refused(in_a_row)
        except IndexError:  # PyAV knows the streams of the beginning, and trips over others after all else is done
            if missed is not None:
                missed()
            return
