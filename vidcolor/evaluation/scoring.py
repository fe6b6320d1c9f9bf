"""How good a coloured film is, beside the trivial answers.

They are grey, a global colour transfer, the nearest neighbour in untrained features, and flow alone.

Pictures are scored frame by frame against the truth, both decoded to 8-bit RGB by their own matrix, range and siting.
Frames that served as references are left out of these scores. Steadiness (CDC, warp error, static flicker) compares
neighbours inside shots and looks at every frame. The truth's own value is its floor: less is no gain, since grey is
steadiest of all. It means nothing without colourfulness and CIEDE2000 beside it.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from vidcolor.color import Array, Floats
from vidcolor.errors import VideoError
from vidcolor.evaluation.baselines import BASELINES, Canvas, trivial_colours
from vidcolor.evaluation.pictures import Bytes, luma_of, picture
from vidcolor.evaluation.scores import Row, Scores
from vidcolor.evaluation.steadiness import Step, Steps, quarter_chroma
from vidcolor.evaluation.survey import Survey, pairs, require_cover, survey
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
from vidcolor.shots import Shot
from vidcolor.video import Frame, VideoInfo, VideoReader

Luma = Literal["truth", "film"]
NAMES = ("result", *BASELINES, "truth")


def evaluate(
    result: Path,
    truth: Path,
    *,
    references: Collection[int] = (0,),
    shots: Sequence[Shot] | None = None,
    every: int = 1,
    luma: Luma = "truth",
    progress: Callable[[int, int | None], None] | None = None,
    show: Callable[[int, Mapping[str, Bytes]], None] | None = None,
) -> Scores:
    """Score a coloured film against its truth, shot by shot and as a whole.

    The baselines get what the method got: the film's luma, and the true colours of the reference frames. Inside a shot
    they take them from the nearest reference, before or after; in a shot without one they are grey.

    Args:
        result: The coloured film.
        truth: The same film in its true colours, frame for frame and pixel for pixel.
        references: Frames whose true colours were given as stills, counted from 0.
        shots: Shots that cover every frame once, in order; () takes the film as one shot; None finds them in the
            truth's luma.
        every: Score the pictures of each so-manieth frame of every shot only (0.4 s per row and frame at 480p).
        luma: What the truth is shown with. `truth`: its own luma; the scores as everyone defines them. `film`: the
            result's luma, which the baselines have, too, so that luma is exact in every row and only colours are
            scored. For a film whose luma is not the truth's (grain, fading): there the difference of luma outweighs
            that of colours, in PSNR above all.
        progress: Called with the frames done and their number, where known.
        show: Called with each frame's number and its pictures by row name, 8-bit RGB (h, w, 3).

    Raises:
        VideoError: The films differ in size or length, the shots do not end with them, or every frame served as a
            reference.
    """
    if every < 1:
        raise ValueError(f"every is {every}; expected at least 1")
    if luma not in get_args(Luma):
        raise ValueError(f"luma is {luma!r}; expected one of {', '.join(get_args(Luma))}")
    require_cover(shots or ())
    done: list[_ShotTally] = []
    with VideoReader(result) as coloured, VideoReader(truth) as true, ThreadPoolExecutor() as threads:
        _require_one_size(coloured.info, true.info)
        painter, frames = _Painter(coloured.info, true.info, luma), pairs(coloured, true)
        with closing(survey(result, truth, references=references, shots=shots)) as looks:  # type: ignore[type-var]
            for ahead in looks:
                tally = _ShotTally(ahead, every)
                done.append(tally)
                for index, pictures, step in painter.paint(islice(frames, len(ahead.shot)), ahead):
                    tally.add(index, pictures, step, threads)
                    if progress is not None:
                        progress(index + 1, true.info.frames)
                    if show is not None:
                        show(index, pictures)
    if not any(tally.scored for tally in done):
        count = sum(len(tally.shot) for tally in done)
        raise VideoError(f"none of the {count} frames can be scored: all were references", hint="give fewer of them")
    return Scores(
        rows=tuple(_row([tally.rows[name] for tally in done]) for name in NAMES),
        frames=sum(len(tally.scored) for tally in done),
        excluded=tuple(frame for tally in done for frame in tally.returned),
        returned=tuple(value for tally in done for value in tally.returned.values()),
        shots=tuple(tally.scores() for tally in done),
    )


class _Painter:
    """Turns frames into the pictures of every row, and follows what happens between them.

    Args:
        film: The coloured film.
        truth: Its true colours.
        luma: What the truth is shown with.
    """

    def __init__(self, film: VideoInfo, truth: VideoInfo, luma: Luma) -> None:
        self._film, self._truth, self._luma = film, truth, luma
        self._canvas = Canvas(film)

    def paint(
        self, frames: Iterator[tuple[Frame, Frame]], ahead: Survey
    ) -> Iterator[tuple[int, dict[str, Bytes], Step | None]]:
        """Yield each frame's number, its pictures, and the step from the frame before it (None at the first)."""
        steps = Steps(self._film, self._truth)
        for (ours, theirs), colours in zip(frames, trivial_colours(ahead), strict=True):
            shown = luma_of(ours, self._film) if self._luma == "film" else None
            small = ahead.luma(ours.index)
            pictures = {"result": picture(ours, self._film), "truth": picture(theirs, self._truth, luma=shown)}
            pictures |= {name: self._canvas.show(ours, small, ab) for name, ab in colours.items()}
            yield ours.index, pictures, steps.next(ours, theirs)


class _ShotTally:
    """The scores of one shot.

    Args:
        ahead: The shot.
        every: The step from one frame whose pictures are scored to the next.
    """

    def __init__(self, ahead: Survey, every: int) -> None:
        self.shot = ahead.shot
        free = [frame for frame in range(self.shot.start, self.shot.stop) if frame not in ahead.given]
        self.scored = frozenset(free[min(every, len(free)) // 2 :: every])
        self.returned = dict.fromkeys(ahead.given, 0.0)
        self.rows = {name: _Tally(name) for name in NAMES}

    def add(self, index: int, pictures: Mapping[str, Bytes], step: Step | None, threads: ThreadPoolExecutor) -> None:
        truth = pictures["truth"]
        if index in self.returned:
            self.returned[index] = float(ciede2000(lab_of(pictures["result"]), lab_of(truth)).mean())
        lab = lab_of(truth) if index in self.scored else None
        jobs = [threads.submit(self.rows[name].add, rgb, truth, lab, step) for name, rgb in pictures.items()]
        for job in jobs:
            job.result()

    def scores(self) -> Scores:
        return Scores(
            rows=tuple(_row([self.rows[name]]) for name in NAMES),
            frames=len(self.scored),
            excluded=tuple(self.returned),
            returned=tuple(self.returned.values()),
            shot=self.shot,
        )


class _Tally:
    """The scores of one row in one shot, frame by frame."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scores: list[tuple[float, ...]] = []
        self.histograms: list[npt.NDArray[np.float64]] = []
        self.warp_errors: list[float] = []
        self.flickers: list[tuple[float, int]] = []  # and in how many places
        self._before: Floats | None = None

    def add(self, rgb: Bytes, truth: Bytes, truth_lab: Array | None, step: Step | None) -> None:
        self.histograms.append(histograms(rgb))
        if truth_lab is not None:
            lab = lab_of(rgb)
            difference = ciede2000(lab, truth_lab)
            self.scores.append(
                (
                    psnr(rgb, truth),
                    ab_psnr(lab[..., 1:], truth_lab[..., 1:]),
                    float(difference.mean()),
                    float(np.percentile(difference, 95)),
                    ssim(rgb, truth),
                    colourfulness(rgb),
                )
            )
        chroma = quarter_chroma(rgb)
        if step is not None and self._before is not None:
            self.warp_errors.append(warp_error(self._before, chroma, step.to_after, step.to_before))
            if places := int(step.still.sum()):
                self.flickers.append((static_flicker(self._before, chroma, step.still), places))
        self._before = chroma

    def end(self) -> list[float]:
        """Return the colourfulness of the last fifth of the scored frames, of one at least."""
        return [scores[-1] for scores in self.scores[-max(1, len(self.scores) // 5) :]]


def _row(shots: Sequence[_Tally]) -> Row:
    """Return the row of some shots taken together: means over frames, steadiness over pairs inside shots."""
    scores = [frame for tally in shots for frame in tally.scores] or [(math.nan,) * 6]
    followed = [value for tally in shots for value in tally.warp_errors if value == value]
    flickers = [pair for tally in shots for pair in tally.flickers]
    ends = [value for tally in shots for value in tally.end()]
    steps = [len(tally.histograms) - 1 for tally in shots]
    steady = [cdc(tally.histograms) for tally in shots]
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
    )


def _weighted(pairs: Sequence[tuple[float, int]]) -> float:
    """Return the mean of values with weights; nan of none."""
    if not pairs:
        return math.nan
    values, weights = zip(*pairs, strict=True)
    return float(np.average(values, weights=weights))


def _require_one_size(result: VideoInfo, truth: VideoInfo) -> None:
    if (result.width, result.height) != (truth.width, truth.height):
        raise VideoError(
            f"the result is {result.width}x{result.height}, the truth {truth.width}x{truth.height}",
            hint="scores compare pixel with pixel: give the truth at the film's own size",
        )
