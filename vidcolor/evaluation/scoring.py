"""How good a coloured film is, beside the trivial answers: grey, a global colour transfer, flow alone.

Pictures are scored frame by frame against the truth, both decoded to 8-bit RGB by their own matrix, range and siting.
Frames that served as references are left out of these scores. Steadiness (CDC, warp error) compares neighbours and
looks at every frame; it means nothing without colourfulness and CIEDE2000 beside it, since grey is steadiest of all.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vidcolor.color import Array, Floats, rgb_to_chroma, working_size
from vidcolor.errors import VideoError
from vidcolor.evaluation.baselines import Baselines
from vidcolor.evaluation.pictures import Bytes, picture, shrink, working_luma
from vidcolor.flow import Flow, estimate_flow
from vidcolor.metrics import (
    ab_psnr,
    bootstrap_interval,
    cdc,
    ciede2000,
    colourfulness,
    histograms,
    lab_of,
    psnr,
    ssim,
    warp_error,
)
from vidcolor.video import Frame, VideoInfo, VideoReader


@dataclass(frozen=True)
class Row:
    """One line of the table; picture scores are means over the scored frames.

    Args:
        name: result, grey, transfer, flow, or truth (the floor of the steadiness scores).
        psnr: dB over RGB, frames capped at 100.
        ab_psnr: dB over Lab ab, peak 255.
        ciede2000: Mean over pixels.
        ciede2000_p95: 95th percentile over pixels.
        ssim: Structural similarity.
        colourfulness: Hasler and Suesstrunk's M3.
        cdc: Colour distribution consistency.
        warp_error: Mean square change of Cb, Cr along the true motion; nan where nothing could be followed.
    """

    name: str
    psnr: float
    ab_psnr: float
    ciede2000: float
    ciede2000_p95: float
    ssim: float
    colourfulness: float
    cdc: float
    warp_error: float


@dataclass(frozen=True)
class Scores:
    """The table of one film.

    Args:
        rows: The result first, then the baselines, then the truth.
        frames: How many frames the picture scores are means over.
        excluded: The frames that served as references.
    """

    rows: tuple[Row, ...]
    frames: int
    excluded: tuple[int, ...]

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return the table as JSON can hold it; a score that is not a number becomes None."""
        rows = [{key: None if value != value else value for key, value in asdict(row).items()} for row in self.rows]
        return {"rows": rows, "frames": self.frames, "excluded": list(self.excluded)}


def evaluate(
    result: Path,
    truth: Path,
    *,
    references: Collection[int] = (0,),
    every: int = 1,
    progress: Callable[[int, int | None], None] | None = None,
) -> Scores:
    """Score a coloured film against its truth.

    The baselines get what the method got: the true colours of the reference frames. Both take them from the latest
    reference; before the first one they are grey.

    Args:
        result: The coloured film.
        truth: The same film in its true colours, frame for frame and pixel for pixel.
        references: Frames whose true colours were given as stills, counted from 0.
        every: Score the pictures of each so-manieth frame only (0.4 s per row and frame at 480p).
        progress: Called with the frames done and their number, where known.

    Raises:
        VideoError: The films differ in size or length, or every frame served as a reference.
    """
    if every < 1:
        raise ValueError(f"every is {every}; expected at least 1")
    with VideoReader(result) as coloured, VideoReader(truth) as true, ThreadPoolExecutor() as threads:
        _require_one_size(coloured.info, true.info)
        tallies = {name: _Tally(name) for name in ("result", "grey", "transfer", "flow", "truth")}
        baselines, motion = Baselines(true.info), _Motion(true.info)
        count = 0
        for count, (ours, theirs) in enumerate(_pairs(coloured, true), start=1):
            index = count - 1
            target = picture(theirs, true.info)
            pictures = {"result": picture(ours, coloured.info), "truth": target}
            pictures |= baselines.step(theirs, target, is_reference=index in references)
            flows = motion.step(theirs)
            scored = index not in references and index % every == 0
            lab = lab_of(target) if scored else None
            jobs = [threads.submit(tallies[name].add, rgb, target, lab, flows) for name, rgb in pictures.items()]
            for job in jobs:
                job.result()
            if progress is not None:
                progress(count, true.info.frames)
    if not tallies["result"].scores:
        raise VideoError(
            f"none of the {count} frames can be scored: all were references or skipped",
            hint="give fewer reference frames, or a smaller step",
        )
    used = tuple(sorted(index for index in set(references) if index < count))
    return Scores(tuple(tally.row() for tally in tallies.values()), len(tallies["result"].scores), used)


def summarize(films: Sequence[Scores]) -> list[dict[str, Any]]:
    """Return one line per row name: each score's mean over films, its bootstrap interval, and the mean over frames.

    Args:
        films: Tables with the same rows.
    """
    lines: list[dict[str, Any]] = []
    for name in [row.name for row in films[0].rows]:
        line: dict[str, Any] = {"name": name, "films": len(films), "frames": sum(film.frames for film in films)}
        for score in [field.name for field in fields(Row) if field.name != "name"]:
            kept = [(getattr(film[name], score), film.frames) for film in films]
            kept = [(value, weight) for value, weight in kept if value == value]
            if kept:
                values, weights = zip(*kept, strict=True)
                low, high = bootstrap_interval(values)
                line[score] = {
                    "mean": float(np.mean(values)),
                    "interval": [low, high],
                    "frame_mean": float(np.average(values, weights=weights)),
                }
        lines.append(line)
    return lines


class _Tally:
    """The scores of one row, frame by frame."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.scores: list[tuple[float, ...]] = []
        self._histograms: list[npt.NDArray[np.float64]] = []
        self._warp_errors: list[float] = []
        self._before: Floats | None = None

    def add(self, rgb: Bytes, truth: Bytes, truth_lab: Array | None, flows: tuple[Flow, Flow] | None) -> None:
        self._histograms.append(histograms(rgb))
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
        size = working_size(rgb.shape[1], rgb.shape[0])
        chroma = np.stack(rgb_to_chroma(shrink(rgb, size), matrix="bt709"), axis=-1)
        if flows is not None and self._before is not None:
            self._warp_errors.append(warp_error(self._before, chroma, *flows))
        self._before = chroma

    def row(self) -> Row:
        followed = [value for value in self._warp_errors if value == value]
        decibels, ab_decibels, mean, high, similarity, colour = np.mean(self.scores, axis=0).tolist()
        steady = float(np.mean(followed)) if followed else float("nan")
        return Row(self._name, decibels, ab_decibels, mean, high, similarity, colour, cdc(self._histograms), steady)


class _Motion:
    """The flow between each frame of the truth and the one before it, both ways."""

    def __init__(self, info: VideoInfo) -> None:
        self._info = info
        self._before: Floats | None = None

    def step(self, frame: Frame) -> tuple[Flow, Flow] | None:
        luma, before = working_luma(frame, self._info), self._before
        self._before = luma
        return None if before is None else (estimate_flow(before, luma), estimate_flow(luma, before))


def _pairs(result: VideoReader, truth: VideoReader) -> Iterator[tuple[Frame, Frame]]:
    for count, (ours, theirs) in enumerate(zip_longest(result, truth)):
        if ours is None or theirs is None:
            shorter, longer = ("result", "truth") if ours is None else ("truth", "result")
            raise VideoError(
                f"the {shorter} ends after {count} frames, the {longer} goes on",
                hint="score the whole film, or cut both to the same frames",
            )
        yield ours, theirs


def _require_one_size(result: VideoInfo, truth: VideoInfo) -> None:
    if (result.width, result.height) != (truth.width, truth.height):
        raise VideoError(
            f"the result is {result.width}x{result.height}, the truth {truth.width}x{truth.height}",
            hint="scores compare pixel with pixel: give the truth at the film's own size",
        )
