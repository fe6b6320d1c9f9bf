"""What a run is to do, before it colours anything: its stills, and its plan, given, remembered by a job or made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from vidcolor.coloring import Still, load_stills
from vidcolor.errors import VidcolorError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.grading import MOST_SATURATION
from vidcolor.jobs import Job, Recipe, ShotKey, digest, film_identity
from vidcolor.jobs.recipe import program
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.boundstills import BoundStills
from vidcolor.plan.looks import keeping_color, remarks_on
from vidcolor.plan.painted import settle
from vidcolor.plan.segment import check_length, fit_to_segment
from vidcolor.planning import Progress, plan_film
from vidcolor.propagation import EFFORTS, REVISION
from vidcolor.references import Reference
from vidcolor.reports import Clock, refuse_warnings
from vidcolor.video import VideoInfo, VideoReader
from vidcolor.video.checksums import check_film
from vidcolor.video.color_tags import unlike_bt709


@dataclass(frozen=True, eq=False)
class Run:
    """What a run is to do.

    Attributes:
        plan: The shots that it colours, and the painted ones of their stills.
        stills: By their keys.
        whole: The plan of the whole film that `plan` was cut from; None where it was made, or given as it is.
        notes: What was observed, one line each.
        warnings: What the user should look at, one line each.
    """

    plan: ColorPlan
    stills: dict[str, Still]
    whole: ColorPlan | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def bound_stills(self, info: VideoInfo, *, first: int | None, strict: bool = False) -> BoundStills:
        """Return what compares stills with the frames that they are bound to, and fails at a doubt where `strict`."""
        references = (still.reference for still in self.stills.values())
        refuse = partial(refuse_warnings, info.path, strict=strict)
        return BoundStills(info, self.plan.shots, references, first=first, doubt=refuse)


def prepare_run(
    reader: VideoReader,
    networks: ExemplarColorizer,
    *,
    quality: str,
    plan: ColorPlan | None = None,
    given: Sequence[str | Path | Reference] = (),
    keep_color: bool = False,
    job: Job | None = None,
    verify_input: bool = False,
    strict: bool = False,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Run:
    """Read the stills, take the plan or make it, and begin the run in its job.

    Args:
        reader: The film, or its segment.
        networks: Encode the stills; their weights and device count for the job.
        quality: Effort of propagation.
        plan: Shots and their stills of the film, or of the segment; None has them found.
        given: Stills beside those of the plan, or their paths.
        keep_color: Leave shots that are in colour already as they are.
        job: Where a plan is remembered, and the run begun; None for none.
        verify_input: Decode the film once more beforehand, to find damage that a decoder passes over in silence.
        strict: Fail at the first warning.
        clock: Charged with `check` and `plan`.
        progress: Called with stage, frames done and frames in all.

    Raises:
        VideoError: The film cannot be read, or the job cannot be written.
        VidcolorError: `strict` met a warning.
        ReferenceImageError: A still cannot be used.
        PlanError: The plan does not fit the film, or the segment has no frames.
    """
    info, clock = reader.info, clock or Clock()
    if plan is not None and reader.start is None and reader.end is None:
        check_length(plan, info)
    settled = settle(plan, given)
    stills = load_stills(settled.references, networks, info)
    warnings = [*settled.warnings]
    if verify_input:
        with clock("check"):
            warnings += check_film(info, progress=progress and partial(progress, "check"))
    refuse_warnings(info.path, [*warnings, *reader.warnings], strict=strict)

    with clock("plan"):
        fitted = settled.plan and fit_to_segment(
            settled.plan, info.path, start=reader.start, end=reader.end, stream=info.stream
        )
        found = _find_plan(job, networks, reader, stills, quality=quality, plan=fitted, progress=progress)
        refuse_warnings(info.path, found.warnings, strict=strict)
        if job is not None:
            _begin(job, found, stills)
    colored = keeping_color(found.plan) if keep_color else found.plan
    looks, replaced = remarks_on(colored.shots)
    unlike = unlike_bt709(info.primaries, info.transfer)
    refuse_warnings(info.path, replaced, strict=strict)
    warnings += [*found.warned_notes(), *replaced]
    return Run(
        plan=colored,
        stills=stills,
        whole=settled.plan if fitted is not settled.plan else None,
        notes=(
            *dict.fromkeys([*settled.notes, *(note for note in colored.notes if note not in warnings)]),
            *looks,
            *([unlike] if unlike else []),
        ),
        warnings=tuple(warnings),
    )


def check_options(quality: str, saturation: float) -> None:
    """Refuse an unknown quality, and a saturation out of range."""
    if quality not in EFFORTS:
        raise VidcolorError(f"unknown quality {quality!r}", hint=f"use one of {', '.join(EFFORTS)}")
    if not 0.0 <= saturation <= MOST_SATURATION:
        raise VidcolorError(f"saturation {saturation} is outside 0 to 4", hint="1 leaves the colours as they are")


def recipe_of(info: VideoInfo, networks: ExemplarColorizer, *, quality: str, start: Fraction | None = None) -> Recipe:
    """Return what the colours of a run depend on, apart from the stills of each shot.

    Args:
        info: The film, which is read to be known again.
        networks: Their weights and device count.
        quality: Effort of propagation.
        start: Seconds at which the run starts, or None.

    Raises:
        OSError: The film cannot be read.
    """
    return Recipe(
        film=film_identity(info.path),
        stream=str(info.stream),
        start=str(start),
        quality=quality,
        weights=networks.weights,
        temperature=str(networks.temperature),
        device=networks.device.type,
        program=program(revision=REVISION),
    )


class KnownRecipes:
    """What shots of films would be coloured by now; a film is read only where its file is another than before.

    Args:
        networks: Their weights and device count.
    """

    def __init__(self, networks: ExemplarColorizer) -> None:
        self._networks = networks
        self._known: dict[tuple[Path, int], tuple[tuple[int, int], Recipe]] = {}

    def of(self, info: VideoInfo, *, quality: str) -> Recipe:
        """Return what a run of a whole film would colour its shots by.

        Raises:
            OSError: The film cannot be read.
        """
        status = info.path.stat()
        state, place = (status.st_size, status.st_mtime_ns), (info.path, info.stream)
        known = self._known.get(place)
        if known is None or known[0] != state:
            known = self._known[place] = state, recipe_of(info, self._networks, quality=quality)
        return replace(known[1], quality=quality)


def shot_key(recipe: Recipe, shot: PlannedShot, references: Mapping[str, Reference]) -> ShotKey:
    """Return the key under which a run keeps a shot.

    Args:
        recipe: Of the run.
        shot: With painted stills alone, see `settle`.
        references: At least its stills, by their keys.
    """
    return recipe.shot(
        shot.start,
        shot.stop,
        [(references[each.path].identity, each.frame, each.frames) for each in shot.references],
        dissolve=shot.dissolve or 0,
    )


@dataclass(frozen=True, eq=False)
class _FoundPlan:
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


def _find_plan(
    job: Job | None,
    networks: ExemplarColorizer,
    reader: VideoReader,
    stills: dict[str, Still],
    *,
    quality: str,
    plan: ColorPlan | None,
    progress: Progress | None = None,
) -> _FoundPlan:
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
    recipe = None if job is None else recipe_of(reader.info, networks, quality=quality, start=reader.start)
    if plan is not None:
        return _FoundPlan(plan, (), recipe, None)
    made_from = None
    if job is not None and recipe is not None:
        named = [[key, still.reference.identity, still.reference.frame] for key, still in stills.items()]
        made_from = digest([{**recipe.to_dict(), "quality": None, "temperature": None}, str(reader.end), named])
        if (remembered := _remembered(job.plan(made_from))) is not None:
            return _FoundPlan(*remembered, recipe, made_from)
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
    return _FoundPlan(plan, tuple(warnings), recipe, made_from)


def _begin(job: Job, found: _FoundPlan, stills: dict[str, Still]) -> None:
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
    references = {key: still.reference for key, still in stills.items()}
    job.begin(
        recipe,
        [shot_key(recipe, shot, references) for shot in plan.shots],
        plan={"plan": plan.model_dump(mode="json"), "warnings": list(found.warnings)},
        planned_from=found.made_from,
    )


def _remembered(values: Any) -> tuple[ColorPlan, tuple[str, ...]] | None:
    """Return the plan that a job holds, and what was warned of while it was made."""
    try:
        return ColorPlan.model_validate(values["plan"]), tuple(map(str, values["warnings"]))
    except (ValueError, TypeError, KeyError):  # there is none, or somebody edited the manifest
        return None
