"""The tables that an evaluation fills: a row per method, for each shot and for the whole film."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from vidcolor.metrics import bootstrap_interval
from vidcolor.shots import Shot


@dataclass(frozen=True)
class Row:
    """One line of the table; picture scores are means over the scored frames, nan where there are none.

    Args:
        name: result, grey, transfer, nearest, flow, or truth (the floor of the steadiness scores).
        psnr: dB over RGB, frames capped at 100.
        ab_psnr: dB over Lab ab, peak 255.
        ciede2000: Mean over pixels.
        ciede2000_p95: 95th percentile over pixels.
        ssim: Structural similarity.
        colourfulness: Hasler and Suesstrunk's M3.
        colourfulness_end: The same over the last fifth of each shot's scored frames: less than above where colours
            fade on their way.
        cdc: Colour distribution consistency inside shots.
        warp_error: Mean square change of Cb, Cr (unit range) along the true motion at a quarter of the film's size; nan
            where nothing could be followed.
        static_flicker: Mean absolute change of Cb, Cr (unit range) from frame to frame where the film's luma stays the
            same, at the same size; nan where it nowhere does.
        lpips: Perceptual distance; nan without its weights.
    """

    name: str
    psnr: float
    ab_psnr: float
    ciede2000: float
    ciede2000_p95: float
    ssim: float
    colourfulness: float
    colourfulness_end: float
    cdc: float
    warp_error: float
    static_flicker: float
    lpips: float = math.nan


@dataclass(frozen=True)
class Scores:
    """The table of a film or of one of its shots.

    Args:
        rows: The result first, then the baselines, then the truth.
        frames: How many frames the picture scores are means over.
        excluded: The frames that served as references.
        returned: For each of them the mean CIEDE2000 of the result in it: whether the given colours came back.
        shot: The shot's frames [start, stop); None for a film.
        shots: A film's shots, in order.
        warnings: What reading the two films met, such as damage, and what may make a film's scores mean nothing.
    """

    rows: tuple[Row, ...]
    frames: int
    excluded: tuple[int, ...]
    returned: tuple[float, ...] = ()
    shot: Shot | None = None
    shots: tuple["Scores", ...] = ()
    warnings: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as JSON can hold them; a score that is not a number becomes None."""
        rows = [{key: None if value != value else value for key, value in asdict(row).items()} for row in self.rows]
        table = {"frames": self.frames, "excluded": list(self.excluded), "returned": list(self.returned), "rows": rows}
        if self.shot is not None:
            return {"start": self.shot.start, "stop": self.shot.stop, **table}
        return {**table, "shots": [shot.to_dict() for shot in self.shots], "warnings": list(self.warnings)}


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
