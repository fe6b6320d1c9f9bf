"""What a run says of itself: time per stage, frames, notes."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock, local
from typing import Any

from vidcolor.errors import VidcolorError


@dataclass(frozen=True)
class Report:
    """What a run did.

    Attributes:
        output: The coloured film.
        frames: Frames written.
        seconds: Wall time from plan to rename.
        rate: Frames per second over that time.
        shots: Shots found or planned.
        shots_reused: Shots whose colours were taken from the job.
        shots_colored: Shots that were coloured.
        job: Folder that keeps the work, or None.
        job_bytes: What all kept work takes there.
        job_bytes_unused: So much of it this run has no use for: other stills, settings or versions.
        network_frames: Frames on which the networks ran.
        stage_seconds: Wall time spent per stage; stages run beside each other, so that they may add up to more than
            `seconds`. `decode`, `encode` and `wait` (for the next keyframe) are time spent waiting.
        notes: What was converted, dropped or decided.
        warnings: What the user should look at.
    """

    output: Path
    frames: int
    seconds: float
    rate: float
    shots: int
    shots_reused: int
    shots_colored: int
    job: Path | None
    job_bytes: int
    job_bytes_unused: int
    network_frames: int
    stage_seconds: dict[str, float]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "output": str(self.output), "job": None if self.job is None else str(self.job)}


@dataclass(frozen=True)
class PreviewReport:
    """What a preview wrote.

    Attributes:
        side_by_side: Clip of the film beside its colours.
        contact_sheet: Picture with a row for each shot.
        frames: Frames in the clip.
        seconds: Wall time.
        notes: What was decided.
        warnings: What the user should look at.
    """

    side_by_side: Path
    contact_sheet: Path
    frames: int
    seconds: float
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "side_by_side": str(self.side_by_side), "contact_sheet": str(self.contact_sheet)}


def refuse_warnings(video: Path, warnings: Sequence[str], *, strict: bool) -> None:
    """Let a strict run fail, for its user wants no warnings.

    Raises:
        VidcolorError: There is one.
    """
    if strict and warnings:
        more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
        raise VidcolorError(
            f"{video}: {warnings[0]}{more}; strict allows no warning", hint="mend the cause, or leave --strict out"
        )


class _Nested(local):
    """Time spent in stages inside the running one, of one thread."""

    def __init__(self) -> None:
        self.seconds = [0.0]


class Clock:
    """Wall time per stage; a stage inside another of the same thread is taken out of the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._nested = _Nested()
        self._lock = Lock()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Charge the time of a `with` block to a stage."""
        nested = self._nested.seconds
        nested.append(0.0)
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - started
            inner = nested.pop()
            nested[-1] += spent
            with self._lock:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + spent - inner
                self.calls[stage] = self.calls.get(stage, 0) + 1
