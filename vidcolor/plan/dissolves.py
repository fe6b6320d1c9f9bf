"""Where one shot of a plan dissolves into the next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from vidcolor.plan.entries import PlannedShot


@dataclass(frozen=True)
class Dissolve:
    """Frames in which two shots show.

    Args:
        cut: The first frame that belongs to the later shot.
        before: Frames of the earlier shot.
        after: Frames of the later shot.
    """

    cut: int
    before: int
    after: int

    @classmethod
    def at(cls, frame: int, number: int, shots: Sequence[PlannedShot]) -> Self | None:
        """Return the dissolve that a frame of shot `number` is in, or None."""
        shot = shots[number]
        into, out_of = _reach(shots, number), _reach(shots, number + 1)
        if frame < shot.start + into[1]:
            return cls(shot.start, *into)
        return cls(shot.stop, *out_of) if frame >= shot.stop - out_of[0] else None

    def within(self, most: int) -> Self:
        """Return it with so many frames before the cut at most."""
        return replace(self, before=min(self.before, most))

    def beside(self, frame: int) -> int:
        """Return the frame of the other shot whose colours are mixed with a frame's own: that at the cut."""
        return self.cut if frame < self.cut else self.cut - 1

    def share(self, frame: int) -> float:
        """Return how much of a frame is the later shot's: from 0 to a half before the cut, from there to 1 after it."""
        side = self.before if frame < self.cut else self.after
        return 0.5 + 0.5 * (frame - self.cut + 0.5) / side


def _reach(shots: Sequence[PlannedShot], number: int) -> tuple[int, int]:
    """Return how many frames the dissolve into a shot has before its cut and after it."""
    before, after = (_shared(shots, each) for each in (number - 1, number))
    return before[1], after[0]


def _shared(shots: Sequence[PlannedShot], number: int) -> tuple[int, int]:
    """Return the frames of a shot that are in the dissolves into it and out of it; a short one is shared by both."""
    into, out_of = _half(shots, number), _half(shots, number + 1)
    if not 0 <= number < len(shots):
        return 0, 0
    length = shots[number].stop - shots[number].start
    if into + out_of > length:
        first = round(length * into / (into + out_of))
        return first, length - first
    return into, out_of


def _half(shots: Sequence[PlannedShot], number: int) -> int:
    """Return half of the frames in which a shot and the one before it are to show, 0 where they do not dissolve."""
    if not 0 < number < len(shots) or "keep" in {shot.treatment for shot in shots[number - 1 : number + 1]}:
        return 0
    return (shots[number].dissolve or 0) // 2
