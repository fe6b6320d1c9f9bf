"""A film at a glance: one coloured frame of every shot, or a few chosen ones, without colouring the frames between."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from vidcolor.color import Chroma
from vidcolor.coloring import Still, shot_references
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.framing import as_stored, show, upright_luma
from vidcolor.grading import grade
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.segment import check_length
from vidcolor.sheets import SheetRow, cell
from vidcolor.video import Frame, VideoInfo
from vidcolor.video.single_frames import read_frames

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]


def shots_at_a_glance(
    info: VideoInfo,
    plan: ColorPlan,
    stills: Mapping[str, Still],
    networks: ExemplarColorizer,
    *,
    candidates: Sequence[str] = (),
    at: Collection[int] = (),
    progress: Progress | None = None,
) -> Iterator[SheetRow]:
    """Colour single frames, by default the representative one of every shot, graded as the plan says.

    Args:
        info: The film.
        plan: Its shots and their stills.
        stills: The stills by key, as the plan and `candidates` write it.
        networks: Colour the frames.
        candidates: Keys of stills to try, each alone, instead of those of the plan.
        at: Numbers of the frames to show instead.
        progress: Called with the rows done and in all.

    Yields:
        A row per frame: the film, the shot's stills, the result; with candidates the film, and a result for each.

    Raises:
        VideoError: The film cannot be read.
        PlanError: The plan is of another length.
    """
    check_length(plan, info)
    wanted = sorted(set(at)) or [shot.representative for shot in plan.shots]
    starts = [shot.start for shot in plan.shots]
    with closing(read_frames(info, wanted, of=plan.frames)) as frames:
        for done, frame in enumerate(frames, start=1):
            number, luma = bisect_right(starts, frame.index), upright_luma(frame, info)
            shot = plan.shots[number - 1]
            caption = f"frame {frame.index}"
            if not at:
                caption = f"shot {number}, frames {shot.start} to {shot.stop - 1}: {caption}"
            if candidates:
                tried = [stills[key] for key in candidates]
                yield _row_of_candidates(caption, shot, frame, luma, info, tried, networks)
            else:
                yield _row_as_planned(caption, shot, frame, luma, info, stills, networks)
            if progress is not None:
                progress(done, len(wanted))


def _row_of_candidates(
    caption: str,
    shot: PlannedShot,
    frame: Frame,
    luma: Floats,
    info: VideoInfo,
    stills: Sequence[Still],
    networks: ExemplarColorizer,
) -> SheetRow:
    """The film, and the result of each still alone."""
    tried = [_colored(shot, frame, luma, info, [(still, False)], networks, None) for still in stills]
    names = (still.reference.name for still in stills)
    return SheetRow(caption, (tried[0][0], *(colored for _, colored in tried)), ("film", *names))


def _row_as_planned(
    caption: str,
    shot: PlannedShot,
    frame: Frame,
    luma: Floats,
    info: VideoInfo,
    stills: Mapping[str, Still],
    networks: ExemplarColorizer,
) -> SheetRow:
    """The film, the stills of its shot that count for the frame, and the result."""
    counting = [planned for planned in shot.references if planned.span is None or frame.index in planned.span]
    own = [(stills[planned.path], planned.frame is not None) for planned in counting]
    painted = next((stills[planned.path].painted for planned in counting if planned.frame == frame.index), None)
    film, colored = _colored(shot, frame, luma, info, own, networks, painted)
    labels = ("film", *(still.reference.name for still, _ in own), "result")
    return SheetRow(caption, (film, *(cell(still.reference.rgb) for still, _ in own), colored), labels)


def _colored(
    shot: PlannedShot,
    frame: Frame,
    luma: Floats,
    info: VideoInfo,
    stills: Sequence[tuple[Still, bool]],
    networks: ExemplarColorizer,
    painted: Chroma | None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the film and its colours as cells of a sheet; painted and kept colours are taken as they are."""
    chroma: Chroma | None = None
    if shot.treatment == "color":
        if stills or not shot.neutral:
            found = painted or networks.shot(shot_references(stills)).colorize(luma, None).chroma
        else:
            found = Chroma.neutral(luma)
        chroma = as_stored(grade(found, luma, shot.grading), info)
    film, colored = show(frame, chroma, info)
    return cell(film), cell(colored)
