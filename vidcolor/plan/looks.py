"""What the film itself shows in each shot: grey, one tint, or colours. Titles are found in `titles`.

A tint (sepia, blue for night, a toned print) is a function of brightness: what a smooth curve over luma does not
explain of the chroma is colour. Both are averaged to 48 samples along the long side first, in which noise and
compression drown. What is left, as the standard deviation along its longest axis in 8-bit units of chroma, was

- up to 0.4 in grey film, and 0.3 to 1.3 in tinted and toned film: frames of two films from 1903 and 1906, tinted in
  three ways, x264 at crf 17 and 32, with and without noise;
- 1.4 to 4.1 in five dull shots of a colour film (grey cobbles, grey cars), 5.3 to 17 in 12 clips and its other shot.

So a shot of next to nothing but one material may pass for tinted. Colours painted by hand are colours.
"""

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from statistics import median

import cv2
import numpy as np

from vidcolor.color import halve_towards
from vidcolor.errors import PlanError
from vidcolor.plan.entries import Looks, PlannedShot, name_shots
from vidcolor.plan.schema import ColorPlan
from vidcolor.shots import Shot
from vidcolor.video import ChromaPlanes, Frame
from vidcolor.video.info import Plane

LEAVE_COLOR = '--keep-color, or "treatment": "keep" in a plan, leaves them as they are'
"""What to do with shots that are in colour."""
_EVERY = 4
"""Frames from one look to the next: one less than the shortest shot has."""
_LONG_SIDE = 48
_COLOR = 1.5
"""What is left of the chroma from which a shot is in colour."""
_TINT = 3.0
"""Distance of the mean chroma from neutral from which a shot is tinted."""


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
        first, stop = (bisect_left(self._seen, frame, key=itemgetter(0)) for frame in (shot.start, shot.stop))
        # A person's cuts may leave no measured frame between them: then those before and after tell.
        inside = self._seen[first:stop] or self._seen[max(first - 1, 0) : stop + 1]
        if not inside:
            return "grey"
        if median(left for _, left, _ in inside) > _COLOR:
            return "color"
        return "tinted" if median(mean for _, _, mean in inside) > _TINT else "grey"

    def _measure(self, frame: Frame) -> None:
        if frame.source_chroma is not None:
            self._seen.append((frame.index, *_left_and_mean(frame.luma, frame.source_chroma, self._bit_depth)))


def keeping_color(plan: ColorPlan) -> ColorPlan:
    """Return a plan that leaves the shots that are in colour already as they are.

    Raises:
        PlanError: The plan says of no shot what it shows.
    """
    if all(shot.looks is None for shot in plan.shots):
        raise PlanError(
            "the plan does not say which shots are in colour",
            hint="run `vidcolor scenes VIDEO -o PLAN` again: what you edited in the plan stays",
        )
    return plan.with_shots(
        shot.model_copy(update={"treatment": "keep"}) if shot.looks == "color" else shot for shot in plan.shots
    )


def remarks_on(shots: Sequence[PlannedShot]) -> tuple[list[str], list[str]]:
    """Return what a person should know of footage that is not grey: notes, and warnings where colours are replaced."""
    notes, warnings = [], []
    replaced = [shot for shot in shots if shot.treatment == "color"]
    if tinted := [shot for shot in replaced if shot.looks == "tinted"]:
        notes.append(f"tinted, and read as black and white: {name_shots(tinted, shots)}")
    if titles := [shot for shot in replaced if shot.looks == "title"]:
        notes.append(f"titles, neutral unless their stills are painted: {name_shots(titles, shots)}")
    if colored := [shot for shot in replaced if shot.looks == "color"]:
        warnings.append(f"already in colour, and coloured anew: {name_shots(colored, shots)}; {LEAVE_COLOR}")
    return notes, warnings


def _left_and_mean(luma: Plane, chroma: ChromaPlanes, bit_depth: int) -> tuple[float, float]:
    """Return what luma does not explain of the chroma, and the mean chroma's distance from neutral, in 8-bit units."""
    height, width = chroma.cb.shape
    scale = min(1.0, _LONG_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    planes = [
        cv2.resize(halve_towards(plane, size), size, interpolation=cv2.INTER_AREA)
        for plane in (luma, chroma.cb, chroma.cr)
    ]
    level, cb, cr = (plane.ravel().astype(np.float64) / (1 << bit_depth) for plane in planes)
    values = np.stack([cb, cr], axis=1) * 256 - 128
    curves = np.stack([level**power for power in range(4)], axis=1)
    left = values - curves @ np.linalg.lstsq(curves, values, rcond=None)[0]
    axes = np.linalg.eigvalsh(left.T @ left / len(left))
    return float(np.sqrt(max(axes[-1], 0.0))), float(np.hypot(*values.mean(axis=0)))
