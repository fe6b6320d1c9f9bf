"""What a run is to do: its settings checked, its plan found in the film, taken from its job, or given."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.color import LONG_SIDE, working_size
from vidcolor.coloring import Still
from vidcolor.errors import VidcolorError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.grading import MOST_SATURATION
from vidcolor.jobs import Job, Recipe, digest, film_identity
from vidcolor.jobs.recipe import program
from vidcolor.plan import ColorPlan, make_plan
from vidcolor.propagation import EFFORTS
from vidcolor.references import Reference
from vidcolor.scales import similarity
from vidcolor.video import VideoReader

Floats = NDArray[np.float32]
Progress = Callable[[str, int, int | None], None]


def plan_film(
    video: Path,
    stills: dict[str, Still],
    networks: ExemplarColorizer,
    *,
    start: Fraction | None = None,
    end: Fraction | None = None,
    stream: int | None = None,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda warning: None,
) -> ColorPlan:
    """Find the shots of a film and give each its stills, by what the networks find similar.

    Args:
        video: The film.
        stills: By their keys.
        networks: Compare frames and stills.
        start: Of the segment, in seconds.
        end: Of the segment, in seconds.
        stream: Number of the video stream; None takes the default one.
        progress: Called with stage, frames done and frames in all.
        warn: Called with each line that the user should look at, as by `make_plan`.
    """

    @cache
    def seen_in(key: str) -> tuple[Tensor, Tensor]:
        """A still's keys at the working size and at twice that: a close-up finds itself in a wide still."""
        still = stills[key]
        twice = working_size(*still.reference.size, long_side=2 * LONG_SIDE)
        return still.encoded.bank.coarse[0], networks.coarse_keys(still.reference.luma(size=twice))

    def look(luma: Floats) -> Callable[[Reference], float]:
        size = working_size(*luma.shape[::-1])
        frame = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
        keys = networks.coarse_keys(frame, every=2)
        return lambda reference: max(similarity(keys, each) for each in seen_in(reference.key))

    return make_plan(
        video,
        [still.reference for still in stills.values()],
        start=start,
        end=end,
        stream=stream,
        similarity=look,
        progress=None if progress is None else lambda done, total: progress("plan", done, total),
        warn=warn,
    )


def begin(
    job: Job | None,
    networks: ExemplarColorizer,
    reader: VideoReader,
    stills: dict[str, Still],
    *,
    quality: str,
    plan: ColorPlan | None,
    progress: Progress | None,
    heed: Callable[[Sequence[str]], None] = lambda lines: None,
) -> ColorPlan:
    """Begin a run, and return its plan: the one given, the one that the job holds, or a new one.

    Args:
        job: The job, or None.
        networks: Their weights and device count.
        reader: The film, or its segment.
        stills: By their keys.
        quality: Effort of propagation.
        plan: A plan that was given, or None.
        progress: Called with stage, frames done and frames in all while a plan is made.
        heed: Called with the lines that were warned of while the plan was made, in this run or an earlier one, before
            anything is written to the job.
    """
    film, warnings = reader.info, list[str]()

    def made() -> ColorPlan:
        return plan_film(
            film.path,
            stills,
            networks,
            start=reader.start,
            end=reader.end,
            stream=film.stream,
            progress=progress,
            warn=warnings.append,
        )

    if job is None:
        plan = plan or made()
        heed(warnings)
        return plan
    recipe = Recipe(
        film=film_identity(film.path),
        stream=str(film.stream),
        start=str(reader.start),
        quality=quality,
        weights=networks.weights,
        temperature=str(networks.temperature),
        device=networks.device.type,
        program=program(),
    )
    pictures = {key: still.reference.identity for key, still in stills.items()}
    planned_from = None
    if plan is None:
        named = [[key, pictures[key], still.reference.frame] for key, still in stills.items()]
        planned_from = digest([{**recipe.to_dict(), "quality": None, "temperature": None}, str(reader.end), named])
        plan = _remembered(job.plan(planned_from), warnings) or made()
    heed(warnings)
    shots = [
        recipe.shot(shot.start, shot.stop, [(pictures[each.path], each.frame, each.frames) for each in shot.references])
        for shot in plan.shots
    ]
    job.begin(
        recipe, shots, plan={"plan": plan.model_dump(mode="json"), "warnings": warnings}, planned_from=planned_from
    )
    return plan


def _remembered(values: Any, warnings: list[str]) -> ColorPlan | None:
    """Return the plan that a job holds, and add what was warned of while it was made."""
    try:
        plan = ColorPlan.model_validate(values["plan"])
        warnings += map(str, values["warnings"])
    except (ValueError, TypeError, KeyError):  # there is none, or somebody edited the manifest
        return None
    return plan


def check_options(quality: str, saturation: float) -> None:
    """Refuse an unknown quality, and a saturation out of range."""
    if quality not in EFFORTS:
        raise VidcolorError(f"unknown quality {quality!r}", hint=f"use one of {', '.join(EFFORTS)}")
    if not 0.0 <= saturation <= MOST_SATURATION:
        raise VidcolorError(f"saturation {saturation} is outside 0 to 4", hint="1 leaves the colours as they are")
