"""The shots of a film, each coloured or taken from a job: what a run colours, and what it need not colour again."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.color import LONG_SIDE, Chroma, working_size
from vidcolor.coloring import ColoredFrame, Still, color_shot, keep_shot, ready_still, shot_references, shrunk
from vidcolor.errors import PlanError, VidcolorError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.framing import stored_size
from vidcolor.grading import MOST_SATURATION
from vidcolor.jobs import Job, KeptShot, Recipe, ShotKey, digest, film_identity, picture_identity, rounded
from vidcolor.jobs.recipe import program
from vidcolor.plan import ColorPlan, PlannedShot, make_plan
from vidcolor.propagation import EFFORTS
from vidcolor.readahead import read_ahead
from vidcolor.references import Reference
from vidcolor.reports import Clock
from vidcolor.scales import similarity
from vidcolor.video import Frame, VideoInfo, VideoReader

Floats = NDArray[np.float32]
Progress = Callable[[str, int, int | None], None]

_COLORED_AHEAD = 5


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
        twice = working_size(*still.reference.rgb.shape[1::-1], long_side=2 * LONG_SIDE)
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
    pictures = {key: picture_identity(still.reference.rgb) for key, still in stills.items()}
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


def color_film(
    reader: VideoReader,
    plan: ColorPlan,
    stills: dict[str, Still],
    networks: ExemplarColorizer,
    *,
    quality: str,
    clock: Clock,
    job: Job | None = None,
) -> Generator[ColoredFrame, None, None]:
    """Colour a film shot by shot, some frames ahead of the one that is asked for; nothing is carried across a cut.

    Colours are rounded as a job keeps them, with a job or without, so that a run that takes them from one is no other.
    The confidence of colours is not kept: of a shot taken from a job it is 1.

    Args:
        reader: The film.
        plan: Its shots.
        stills: By the keys that the plan knows them by.
        networks: Colour keyframes.
        quality: Effort of propagation.
        clock: Charged with `decode`, `shrink`, `flow`, `tracks`, `networks`, `fuse`, `wait` and `keep`.
        job: Of which the run has begun: shots are taken from it and kept in it.

    Raises:
        PlanError: The film goes on after the plan.
    """

    def colored() -> Iterator[ColoredFrame]:
        frames, info = iter(reader), reader.info
        for number, shot in enumerate(plan.shots):
            own = islice(frames, shot.stop - shot.start)
            keeping = None if job is None else (job, job.shots[number])
            yield from shot_colors(own, info, shot, stills, networks, quality=quality, clock=clock, keeping=keeping)
        if next(frames, None) is not None:
            raise PlanError(
                f"the film goes on after the plan's {plan.frames} frames",
                hint="make the plan anew with `vidcolor scenes`",
            )

    return read_ahead(colored(), _COLORED_AHEAD, name="vidcolor-color")


def shot_colors(
    frames: Iterator[Frame],
    info: VideoInfo,
    shot: PlannedShot,
    stills: dict[str, Still],
    networks: ExemplarColorizer,
    *,
    quality: str,
    clock: Clock,
    keeping: tuple[Job, ShotKey] | None,
) -> Generator[ColoredFrame, None, None]:
    """Take one shot from a job, or colour and keep it, as in `color_film`.

    Args:
        frames: The shot's frames, with their numbers in the film.
        info: Their film.
        shot: The shot.
        stills: At least the shot's.
        networks: Colour keyframes.
        quality: Effort of propagation.
        clock: As for `color_film`.
        keeping: The job and the shot's key, or None.
    """
    effort = EFFORTS[quality]
    if shot.treatment == "keep":
        yield from keep_shot(frames, info, long_side=effort.long_side, clock=clock)
        return
    kept = None if keeping is None else keeping[0].find(keeping[1])
    if kept is not None:
        yield from _restored(frames, info, kept, effort.long_side, clock)
        return
    if effort.long_side != LONG_SIDE:
        named = {planned.path: stills[planned.path].reference for planned in shot.references}
        stills = {key: ready_still(each, networks, info, long_side=effort.long_side) for key, each in named.items()}
    colored = color_shot(
        frames,
        info,
        networks.shot(
            shot_references(
                [(stills[planned.path], planned.frame is not None) for planned in shot.references],
                networks,
                info,
                long_side=effort.long_side,
            ),
            [planned.span for planned in shot.references],
        ),
        start=shot.start,
        painted={p.frame: stills[p.path].painted for p in shot.references if p.frame is not None},
        effort=effort,
        clock=clock,
    )
    size = stored_size(info, long_side=effort.long_side)
    # Both: an exception's traceback keeps `colored` alive, and its threads, which Python may not end with.
    with closing(colored), closing(_rounded(colored)) as items:
        yield from items if keeping is None else _keeping(items, *keeping, size, clock)


def _rounded(colored: Iterator[ColoredFrame]) -> Generator[ColoredFrame, None, None]:
    for item in colored:
        assert item.chroma is not None, "only shots that keep their own colours have none"
        yield ColoredFrame(item.frame, item.luma, replace(item.chroma, ab=rounded(item.chroma.ab)))


def _keeping(
    colored: Iterator[ColoredFrame], job: Job, shot: ShotKey, size: tuple[int, int], clock: Clock
) -> Iterator[ColoredFrame]:
    width, height = size
    with job.keep(shot, width=width, height=height) as keep:
        for item in colored:
            assert item.chroma is not None, "only shots that keep their own colours have none"
            with clock("keep"):
                keep(item.chroma.ab)
            yield item


def _restored(
    frames: Iterator[Frame], info: VideoInfo, kept: KeptShot, long_side: int, clock: Clock
) -> Iterator[ColoredFrame]:
    everywhere = np.ones((kept.height, kept.width), np.float32)
    lumas = shrunk(frames, info, clock, long_side=long_side)
    with closing(kept):
        for ab, (frame, luma) in zip(kept, lumas, strict=False):  # a film may end early
            yield ColoredFrame(frame, luma, Chroma(ab, everywhere))


def check_options(quality: str, saturation: float) -> None:
    """Refuse an unknown quality, and a saturation out of range."""
    if quality not in EFFORTS:
        raise VidcolorError(f"unknown quality {quality!r}", hint=f"use one of {', '.join(EFFORTS)}")
    if not 0.0 <= saturation <= MOST_SATURATION:
        raise VidcolorError(f"saturation {saturation} is outside 0 to 4", hint="1 leaves the colours as they are")
