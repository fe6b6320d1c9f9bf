"""Where one shot of a plan dissolves into the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from vidcolor.plan.entries import PlannedShot


@dataclass(frozen=True)
class Dissolve:
    """Frames in which two shots show.

    Args:
        start: The first of them.
        cut: The first that belongs to the later shot.
        stop: The frame after the last.
        length: Frames from the one shot alone to the other alone, whether or not the two have that many.
    """

    start: int
    cut: int
    stop: int
    length: int

    @classmethod
    def at(cls, frame: int, number: int, shots: Sequence[PlannedShot]) -> Self | None:
        """Return the dissolve that a frame of shot `number` is in or None; the one at its start goes first."""
        entry = cls._into(number, shots)
        if entry is not None and frame < entry.stop:
            return entry
        leave = cls._into(number + 1, shots)
        return leave if leave is not None and frame >= leave.start else None

    @classmethod
    def _into(cls, number: int, shots: Sequence[PlannedShot]) -> Self | None:
        if not 0 < number < len(shots):
            return None
        before, after = shots[number - 1 : number + 1]
        length = after.dissolve or 0
        half = (length + 1) // 2
        if not half or before.treatment == "keep" or after.treatment == "keep":
            return None
        return cls(max(after.start - half, before.start), after.start, min(after.start + half, after.stop), length)

    def share(self, frame: int) -> float:
        """Return how much of a frame is the later shot's, 0 to 1: a half at the cut."""
        return min(max(0.5 + (frame - self.cut + 0.5) / self.length, 0.0), 1.0)
