"""What a run is to do: its settings checked, its plan found in the film, taken from its job, or given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.color import LONG_SIDE, working_size
from vidcolor.coloring import Still, load_stills
from vidcolor.errors import VidcolorError
from vidcolor.exemplar import ExemplarColorizer, similarity
from vidcolor.grading import MOST_SATURATION
from vidcolor.jobs import Job, Recipe, digest, film_identity
from vidcolor.jobs.recipe import program
from vidcolor.plan import ColorPlan, make_plan
from vidcolor.plan.painted import settle
from vidcolor.propagation import EFFORTS, REVISION
from vidcolor.references import Reference
from vidcolor.video import VideoInfo, VideoReader, probe

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


@dataclass(frozen=True, eq=False)
class PreparedFilm:
    """A film whose shots are known and whose stills are loaded, so that single frames of it can be coloured.

    Attributes:
        info: The film.
        plan: Its shots and the painted ones of their stills.
        stills: By their keys.
        notes: What was observed, one line each.
        warnings: What the user should look at, one line each.
    """

    info: VideoInfo
    plan: ColorPlan
    stills: dict[str, Still]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def prepare_film(
    video: Path,
    networks: ExemplarColorizer,
    *,
    plan: ColorPlan | None = None,
    given: Sequence[str | Path | Reference] = (),
    assigned: bool = True,
    stream: int | None = None,
    progress: Progress | None = None,
) -> PreparedFilm:
    """Read the stills of a film, and find its shots unless a plan has them.

    Args:
        video: The film.
        networks: Encode the stills, and compare frames with them.
        plan: Shots and their stills, or None.
        given: Stills beside those of the plan, or their paths.
        assigned: Give the stills to the shots that are found.
        stream: Number of the video stream; None takes the default one.
        progress: Called with stage, frames done and frames in all while shots are looked for.

    Raises:
        VideoError: The film cannot be read.
        ReferenceImageError: A still cannot be used.
    """
    settled = settle(plan, given)
    warnings = [*settled.warnings]
    info = probe(video, stream=stream)
    stills = load_stills(settled.references, networks, info)
    shots = settled.plan or plan_film(
        video, stills if assigned else {}, networks, stream=stream, progress=progress, warn=warnings.append
    )
    notes = (*settled.notes, *(note for note in shots.notes if note not in warnings))
    return PreparedFilm(info, shots, stills, notes, tuple(warnings))


@dataclass(frozen=True, eq=False)
class FoundPlan:
    """A run's plan, before the run begins.

    Attributes:
        plan: The one given, the one that the job holds, or a new one.
        warnings: What was warned of while it was made, in this run or an earlier one.
        recipe: What colours depend on, apart from the stills of each shot; None without a job.
        made_from: What stands for all that the plan was made from; None for one that was given, and without a job.
    """

    plan: ColorPlan
    warnings: tuple[str, ...]
    recipe: Recipe | None
    made_from: str | None

    def warned_notes(self) -> list[str]:
        """Return the plan's notes that are warned of. All else is damage, of which colouring warns again."""
        return [line for line in self.warnings if line in self.plan.notes]


def find_plan(
    job: Job | None,
    networks: ExemplarColorizer,
    reader: VideoReader,
    stills: dict[str, Still],
    *,
    quality: str,
    plan: ColorPlan | None,
    progress: Progress | None = None,
) -> FoundPlan:
    """Return the plan of a run; nothing is written to the job yet.

    Args:
        job: The job, or None.
        networks: Their weights and device count.
        reader: The film, or its segment.
        stills: By their keys.
        quality: Effort of propagation.
        plan: A plan that was given, or None.
        progress: Called with stage, frames done and frames in all while a plan is made.

    Raises:
        VideoError: The film cannot be read.
        PlanError: The segment has no frames.
    """
    recipe = None if job is None else _recipe(networks, reader, quality)
    if plan is not None:
        return FoundPlan(plan, (), recipe, None)
    made_from = None
    if job is not None and recipe is not None:
        named = [[key, still.reference.identity, still.reference.frame] for key, still in stills.items()]
        made_from = digest([{**recipe.to_dict(), "quality": None, "temperature": None}, str(reader.end), named])
        if (remembered := _remembered(job.plan(made_from))) is not None:
            return FoundPlan(*remembered, recipe, made_from)
    warnings: list[str] = []
    plan = plan_film(
        reader.info.path,
        stills,
        networks,
        start=reader.start,
        end=reader.end,
        stream=reader.info.stream,
        progress=progress,
        warn=warnings.append,
    )
    return FoundPlan(plan, tuple(warnings), recipe, made_from)


def begin(job: Job, found: FoundPlan, stills: dict[str, Still]) -> None:
    """Begin a run in its job.

    Args:
        job: The one that the plan was looked for in.
        found: The plan.
        stills: By their keys.

    Raises:
        VideoError: The job cannot be written.
    """
    plan, recipe = found.plan, found.recipe
    assert recipe is not None, "the plan was looked for in the job"
    shots = [
        recipe.shot(
            shot.start,
            shot.stop,
            [(stills[each.path].reference.identity, each.frame, each.frames) for each in shot.references],
            dissolve=shot.dissolve or 0,
        )
        for shot in plan.shots
    ]
    job.begin(
        recipe,
        shots,
        plan={"plan": plan.model_dump(mode="json"), "warnings": list(found.warnings)},
        planned_from=found.made_from,
    )


def _recipe(networks: ExemplarColorizer, reader: VideoReader, quality: str) -> Recipe:
    film = reader.info
    return Recipe(
        film=film_identity(film.path),
        stream=str(film.stream),
        start=str(reader.start),
        quality=quality,
        weights=networks.weights,
        temperature=str(networks.temperature),
        device=networks.device.type,
        program=program(revision=REVISION),
    )


def _remembered(values: Any) -> tuple[ColorPlan, tuple[str, ...]] | None:
    """Return the plan that a job holds, and what was warned of while it was made."""
    try:
        return ColorPlan.model_validate(values["plan"]), tuple(map(str, values["warnings"]))
    except (ValueError, TypeError, KeyError):  # there is none, or somebody edited the manifest
        return None


def check_options(quality: str, saturation: float) -> None:
    """Refuse an unknown quality, and a saturation out of range."""
    if quality not in EFFORTS:
        raise VidcolorError(f"unknown quality {quality!r}", hint=f"use one of {', '.join(EFFORTS)}")
    if not 0.0 <= saturation <= MOST_SATURATION:
        raise VidcolorError(f"saturation {saturation} is outside 0 to 4", hint="1 leaves the colours as they are")
