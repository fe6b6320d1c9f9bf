"""Chapters: those of a film or of a segment, and how mp4 and mov hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import av.container.core
from av.container import InputContainer

_MILLISECOND = Fraction(1, 1000)
_TICKS = 1_000_000_000


@dataclass(frozen=True)
class Chapter:
    """A part of a film, `start` to `end` in seconds, with its title and other tags."""

    start: Fraction
    end: Fraction
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title, empty where there is none."""
        return self.tags.get("title", "")

    @property
    def others(self) -> dict[str, str]:
        """The other tags that say something, keys in lower case."""
        return {key.lower(): value for key, value in self.tags.items() if value and key != "title"}


def chapters_of(film: InputContainer, *, start: Fraction | None = None, end: Fraction | None = None) -> list[Chapter]:
    """Return the chapters of a film, or those of a segment of it, which begins at zero.

    Args:
        film: The film.
        start: Of the segment, in seconds; None for the film's own.
        end: Of the segment, in seconds; None for the film's own.
    """
    found = []
    for each in film.chapters():
        if not each["time_base"]:
            continue
        base = Fraction(each["time_base"])
        found.append(Chapter(each["start"] * base, each["end"] * base, dict(each["metadata"])))
    if start is None and end is None:
        return found
    zero = start or Fraction(0)
    cut = [
        replace(each, start=max(each.start, zero), end=each.end if end is None else min(each.end, end))
        for each in found
    ]
    return [replace(each, start=each.start - zero, end=each.end - zero) for each in cut if each.start < each.end]


def in_turn(chapters: Sequence[Chapter], container: str) -> tuple[list[Chapter], list[str]]:
    """Return chapters as mp4 and mov hold them, and what is other then: one after the other from the film's beginning.

    FFmpeg's muxer would let each last to the next, the first begin at zero, and mix titles up where some have none.
    """
    turn: list[Chapter] = []
    ordered = sorted(chapters, key=lambda each: each.start)
    reached, gaps, cut = Fraction(0), 0, 0
    for number, each in enumerate(ordered):
        if each.start > reached + _MILLISECOND:
            turn.append(Chapter(reached, each.start, {"title": ""}))
            gaps += 1
        reached = max(each.start, each.end)
        following = ordered[number + 1].start if number + 1 < len(ordered) else reached
        cut += reached > following + _MILLISECOND
        if reached + _MILLISECOND >= following:
            reached = following
        turn.append(Chapter(each.start, reached, {**each.tags, "title": each.title}))
    notes = []
    if gaps:
        notes.append(f"{gaps} gaps between chapters become chapters without a title: {container} has no gaps there")
    if cut:
        notes.append(f"{cut} chapters end when the next one begins: {container} has one at a time")
    if others := sorted({key for each in chapters for key in each.others}):
        notes.append(f"tags of chapters that {container} does not hold are dropped: {', '.join(others)}")
    return turn, notes


def as_pyav(chapters: Sequence[Chapter]) -> list[av.container.core.Chapter]:
    """Return chapters as PyAV's containers take them."""
    return [
        {
            "id": number,
            "start": round(each.start * _TICKS),
            "end": round(each.end * _TICKS),
            "time_base": Fraction(1, _TICKS),
            "metadata": each.tags,
        }
        for number, each in enumerate(chapters, start=1)
    ]
