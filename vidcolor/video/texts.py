"""Texts one at a time, as mp4 and mov show them: one that overlaps the next ends where that begins.

FFmpeg's muxer would push the next one, and all after it, back to where the first one ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from av import Packet

_APART = 1
"""Seconds by which streams of a film may be read out of step."""


class TextsInTurn:
    """Texts of any number of streams, each held back until it is known when the next of its stream begins.

    Attributes:
        cut: Texts that were cut short.
    """

    def __init__(self) -> None:
        self.cut = 0
        self._held: dict[int, Packet[Any]] = {}

    def add(self, text: Packet[Any], stream: int) -> Iterator[Packet[Any]]:
        """Hold a text of stream number `stream`, and yield the one before it."""
        before = self._held.pop(stream, None)
        if before is not None:
            yield self._ended(before, text)
        self._held[stream] = text

    def over(self, time: Fraction) -> Iterator[Packet[Any]]:
        """Yield the texts that ended before `time`, in seconds, up to which the film was read."""
        for stream, text in list(self._held.items()):
            if _end(text) + _APART < time:
                yield self._held.pop(stream)

    def rest(self) -> Iterator[Packet[Any]]:
        """Yield the texts that are left at the film's end."""
        while self._held:
            yield self._held.pop(next(iter(self._held)))

    def _ended(self, text: Packet[Any], following: Packet[Any]) -> Packet[Any]:
        begin, end = text.pts or 0, (following.pts or 0) * Fraction(following.time_base) / Fraction(text.time_base)
        if text.duration and begin + text.duration > end:
            text.duration = max(0, int(end) - begin)
            self.cut += 1
        return text


def _end(text: Packet[Any]) -> Fraction:
    return ((text.pts or 0) + (text.duration or 0)) * Fraction(text.time_base)
