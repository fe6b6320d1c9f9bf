"""The scores that gather while a shot is walked through, and the rows that they become."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vidcolor.color import Floats
from vidcolor.evaluation.baselines import BASELINES
from vidcolor.evaluation.pictures import Bytes
from vidcolor.evaluation.scores import Row, Scores
from vidcolor.evaluation.steadiness import Motion, quarter_chroma
from vidcolor.evaluation.survey import Survey
from vidcolor.metrics import (
    ab_psnr,
    cdc,
    ciede2000,
    colourfulness,
    histograms,
    lab_of,
    psnr,
    ssim,
    static_flicker,
    warp_error,
)

if TYPE_CHECKING:
    from vidcolor.evaluation.lpips import Lpips

NAMES = ("result", *BASELINES, "truth")


class ShotTally:
    """The scores of one shot.

    Args:
        ahead: The shot.
        every: The step from one frame whose pictures are scored to the next.
        judge: Measures LPIPS; None to leave it out.
    """

    def __init__(self, ahead: Survey, every: int, judge: "Lpips | None") -> None:
        self.shot, self._judge = ahead.shot, judge
        free = [frame for frame in range(self.shot.start, self.shot.stop) if frame not in ahead.given]
        self.scored = frozenset(free[min(every, len(free)) // 2 :: every])
        self.returned = dict.fromkeys(ahead.given, 0.0)
        self.rows = {name: RowTally(name) for name in NAMES}

    def add(
        self, index: int, pictures: Mapping[str, Bytes], motion: Motion | None, threads: ThreadPoolExecutor
    ) -> None:
        """Take in a frame: its number, its picture by row name, and the motion from the frame before.

        Its rows are scored side by side on `threads`.
        """
        truth = pictures["truth"]
        if index in self.returned:
            self.returned[index] = float(ciede2000(lab_of(pictures["result"]), lab_of(truth)).mean())
        goal = Goal(truth, self._judge) if index in self.scored else None
        jobs = [threads.submit(self.rows[name].add, rgb, goal, motion) for name, rgb in pictures.items()]
        for job in jobs:
            job.result()

    def close(self) -> None:
        """Take the frames so far for the whole shot."""
        for row in self.rows.values():
            row.close()

    def scores(self) -> Scores:
        """Return the table of a shot that is closed."""
        return Scores(
            rows=tuple(row_of([self.rows[name]]) for name in NAMES),
            frames=len(self.scored),
            excluded=tuple(self.returned),
            returned=tuple(self.returned.values()),
            shot=self.shot,
        )


class Goal:
    """The truth of a scored frame, described once for all rows.

    Args:
        rgb: Its picture.
        judge: Measures LPIPS; None to leave it out.
    """

    def __init__(self, rgb: Bytes, judge: "Lpips | None") -> None:
        self.rgb, self.lab = rgb, lab_of(rgb)
        self._judge = judge
        self._looks = None if judge is None else judge.describe(rgb)

    def lpips(self, rgb: Bytes) -> float:
        """Return the perceptual distance of a picture; nan where it is not asked for."""
        if self._judge is None or self._looks is None:
            return math.nan
        return self._judge.distance(self._judge.describe(rgb), self._looks)


class RowTally:
    """The scores of one row in one shot, frame by frame."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scores: list[tuple[float, ...]] = []
        self.distances: list[float] = []
        self.steps = 0  # from one frame to the next
        self.cdc = 0.0
        self.warp_errors: list[float] = []
        self.flickers: list[tuple[float, int]] = []  # and in how many places
        self._histograms: list[npt.NDArray[np.float64]] = []
        self._before: Floats | None = None

    def add(self, rgb: Bytes, goal: Goal | None, motion: Motion | None) -> None:
        """Take in a frame; `goal` is None where its picture is not scored, `motion` at the first."""
        self._histograms.append(histograms(rgb))
        if goal is not None:
            lab = lab_of(rgb)
            difference = ciede2000(lab, goal.lab)
            self.scores.append(
                (
                    psnr(rgb, goal.rgb),
                    ab_psnr(lab[..., 1:], goal.lab[..., 1:]),
                    float(difference.mean()),
                    float(np.percentile(difference, 95)),
                    ssim(rgb, goal.rgb),
                    colourfulness(rgb),
                )
            )
            self.distances.append(goal.lpips(rgb))
        chroma = quarter_chroma(rgb)
        if motion is not None and self._before is not None:
            self.warp_errors.append(warp_error(self._before, chroma, motion.to_after, motion.to_before))
            if places := int(motion.still.sum()):
                self.flickers.append((static_flicker(self._before, chroma, motion.still), places))
        self._before = chroma

    def close(self) -> None:
        """Take the frames so far for the whole shot: 6 kB for each of them, and a picture, are let go."""
        self.cdc, self.steps = cdc(self._histograms), len(self._histograms) - 1
        self._histograms, self._before = [], None

    def end(self) -> list[float]:
        """Return the colourfulness of the last fifth of the scored frames, of one at least."""
        return [scores[-1] for scores in self.scores[-max(1, len(self.scores) // 5) :]]


def row_of(shots: Sequence[RowTally]) -> Row:
    """Return the row of some shots taken together: means over frames, steadiness over pairs inside shots."""
    scores = [frame for tally in shots for frame in tally.scores] or [(math.nan,) * 6]
    followed = [value for tally in shots for value in tally.warp_errors if value == value]
    distances = [value for tally in shots for value in tally.distances if value == value]
    flickers = [pair for tally in shots for pair in tally.flickers]
    ends = [value for tally in shots for value in tally.end()]
    steps = [tally.steps for tally in shots]
    steady = [tally.cdc for tally in shots]
    decibels, ab_decibels, mean, high, similarity, colour = np.mean(scores, axis=0).tolist()
    return Row(
        name=shots[0].name,
        psnr=decibels,
        ab_psnr=ab_decibels,
        ciede2000=mean,
        ciede2000_p95=high,
        ssim=similarity,
        colourfulness=colour,
        colourfulness_end=float(np.mean(ends)) if ends else math.nan,
        cdc=float(np.average(steady, weights=steps)) if sum(steps) else 0.0,
        warp_error=float(np.mean(followed)) if followed else math.nan,
        static_flicker=_weighted(flickers),
        lpips=float(np.mean(distances)) if distances else math.nan,
    )


def _weighted(pairs: Sequence[tuple[float, int]]) -> float:
    """Return the mean of values with weights; nan of none."""
    if not pairs:
        return math.nan
    values, weights = zip(*pairs, strict=True)
    return float(np.average(values, weights=weights))
