"""What the film itself shows in each shot: grey, one tint, or colours.

A tint (sepia, blue for night) may grow with brightness, but its colours lie on a line in the Cb-Cr plane; colours
spread to both sides of any line. Measured (8-bit units of chroma): spread across that line 0 for grey, 0.7 for sepia
and 21 for a colour film. Colours painted by hand spread as others do.
"""

from collections.abc import Sequence
from statistics import median

import numpy as np

from vidcolor.plan.entries import Looks, PlannedShot, name_shots
from vidcolor.plan.schema import ColorPlan
from vidcolor.shots import Shot
from vidcolor.video import ChromaPlanes, Frame

_EVERY = 4
"""Frames from one look to the next: one less than the shortest shot has."""
_SAMPLES = 20_000
_TINT_SPREAD = 2.0
_TINT_MEAN = 3.0


class ColorWatch:
    """Watches the chroma that a film carries already; two numbers are kept of every fourth frame."""

    def __init__(self, *, bit_depth: int) -> None:
        self._bit_depth = bit_depth
        self._seen: list[tuple[int, float, float]] = []
        self._last: Frame | None = None

    def push(self, frame: Frame) -> None:
        """Look at the next frame; only every fourth is measured."""
        self._last = frame
        if frame.index % _EVERY == 0:
            self._measure(frame)

    def finish(self) -> None:
        """Look at the last frame, too: a film may end with a shot of a frame or two."""
        if self._last is not None and self._last.index % _EVERY:
            self._measure(self._last)

    def looks(self, shot: Shot) -> Looks:
        """Return what a shot shows; a film without chroma is grey."""
        inside = [each for each in self._seen if each[0] in shot]
        if not inside:
            return "grey"
        if median(spread for _, spread, _ in inside) > _TINT_SPREAD:
            return "color"
        return "tinted" if median(mean for _, _, mean in inside) > _TINT_MEAN else "grey"

    def _measure(self, frame: Frame) -> None:
        if frame.source_chroma is not None:
            self._seen.append((frame.index, *_spread_and_mean(frame.source_chroma, bit_depth=self._bit_depth)))


def keeping_color(plan: ColorPlan) -> ColorPlan:
    """Return a plan that leaves the shots that are in colour already as they are."""
    return plan.with_shots(
        shot.model_copy(update={"treatment": "keep"}) if shot.looks == "color" else shot for shot in plan.shots
    )


def remarks_on(shots: Sequence[PlannedShot]) -> tuple[list[str], list[str]]:
    """Return what a person should know of footage that is not grey: notes, and warnings where colours are replaced."""
    notes, warnings = [], []
    replaced = [shot for shot in shots if shot.treatment == "color"]
    if tinted := [shot for shot in replaced if shot.looks == "tinted"]:
        notes.append(f"tinted, and read as black and white: {name_shots(tinted, shots)}")
    if colored := [shot for shot in replaced if shot.looks == "color"]:
        warnings.append(
            f"already in colour, and coloured anew: {name_shots(colored, shots)}; --keep-color, or "
            '"treatment": "keep" in a plan, leaves them as they are'
        )
    return notes, warnings


def _spread_and_mean(chroma: ChromaPlanes, *, bit_depth: int) -> tuple[float, float]:
    scale = 1 << (bit_depth - 8)
    step = max(1, round((chroma.cb.size / _SAMPLES) ** 0.5))
    planes = [plane[::step, ::step].ravel() for plane in (chroma.cb, chroma.cr)]
    values = np.stack(planes).astype(np.float64) / scale - 128
    # The spread along the minor axis.
    spread = np.linalg.eigvalsh(np.cov(values))[0] if values.shape[1] > 1 else 0.0
    return float(np.sqrt(max(spread, 0.0))), float(np.linalg.norm(values.mean(axis=1)))
