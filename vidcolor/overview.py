"""A film at a glance: one coloured frame of every shot, or a few chosen ones, without colouring the frames between."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vidcolor.color import Chroma
from vidcolor.coloring import Still, shot_references
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.framing import as_stored, show_colored, show_grey, show_own, upright_luma
from vidcolor.grading import Grading, grade
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.entries import PlannedReference
from vidcolor.plan.segment import check_length
from vidcolor.propagation import EFFORTS, PaintedStill, WorkingFrame, propagate
from vidcolor.sheets import SheetRow, cell
from vidcolor.video import Frame, VideoInfo
from vidcolor.video.single_frames import read_frames

Bytes = NDArray[np.uint8]
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
    look: Callable[[Frame], None] | None = None,
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
        look: Called with each frame that is shown.
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
            if look is not None:
                look(frame)
            number = bisect_right(starts, frame.index)
            shot = plan.shots[number - 1]
            caption = f"frame {frame.index}"
            if not at:
                caption = f"shot {number}, frames {shot.start} to {shot.stop - 1}: {caption}"
            if candidates:
                tried = [stills[key] for key in candidates]
                yield _row_of_candidates(caption, shot, frame, info, tried, networks)
            else:
                yield _row_as_planned(caption, shot, frame, info, stills, networks)
            if progress is not None:
                progress(done, len(wanted))


@dataclass(frozen=True, eq=False)
class Glance:
    """One frame in colours.

    Attributes:
        film: RGB uint8 (h, w, 3), see `framing.show_grey`.
        colored: The same in colours as the plan grades them.
        ungraded: The same before grading, as a still of the frame would be painted.
    """

    film: Bytes
    colored: Bytes
    ungraded: Bytes


def look_at(
    frame: Frame, shot: PlannedShot, info: VideoInfo, stills: Mapping[str, Still], networks: ExemplarColorizer
) -> Glance:
    """Colour a frame by itself, with the stills of its shot that count for it; a still of its own is laid on it.

    Args:
        frame: The frame.
        shot: The one that holds it.
        info: The film.
        stills: The shot's, at least, by their keys.
        networks: Colour the frame.
    """
    counting = _counting(shot, frame.index)
    own = [(stills[planned.path], planned.frame is not None) for planned in counting]
    painted = next((stills[planned.path].painted for planned in counting if planned.frame == frame.index), None)
    return _glance(frame, shot, info, own, networks, painted)


def in_colors(frame: Frame, chroma: Chroma, luma: Floats, info: VideoInfo, grading: Grading) -> Glance:
    """Show a frame in colours that are known.

    Args:
        frame: The frame.
        chroma: Its colours, as stored.
        luma: Y' float32 (h, w) in [0, 1] of the same pixels.
        info: The film.
        grading: What is done to the colours.
    """
    ungraded = show_colored(frame, chroma, info)
    graded = grade(chroma, luma, grading)
    colored = ungraded if graded is chroma else show_colored(frame, graded, info)
    return Glance(show_grey(frame, info), colored, ungraded)


def _counting(shot: PlannedShot, frame: int) -> list[PlannedReference]:
    """Return the stills of a shot that count for one of its frames."""
    return [planned for planned in shot.references if planned.span is None or frame in planned.span]


def _row_of_candidates(
    caption: str,
    shot: PlannedShot,
    frame: Frame,
    info: VideoInfo,
    stills: Sequence[Still],
    networks: ExemplarColorizer,
) -> SheetRow:
    """The film, and the result of each still alone."""
    tried = [_glance(frame, shot, info, [(still, False)], networks, None) for still in stills]
    names = (still.reference.name for still in stills)
    return SheetRow(caption, (cell(tried[0].film), *(cell(each.colored) for each in tried)), ("film", *names))


def _row_as_planned(
    caption: str,
    shot: PlannedShot,
    frame: Frame,
    info: VideoInfo,
    stills: Mapping[str, Still],
    networks: ExemplarColorizer,
) -> SheetRow:
    """The film, the stills of its shot that count for the frame, and the result."""
    glance = look_at(frame, shot, info, stills, networks)
    shown = [stills[planned.path].reference for planned in _counting(shot, frame.index)]
    labels = ("film", *(reference.name for reference in shown), "result")
    pictures = (cell(glance.film), *(cell(reference.rgb) for reference in shown), cell(glance.colored))
    return SheetRow(caption, pictures, labels)


def _glance(
    frame: Frame,
    shot: PlannedShot,
    info: VideoInfo,
    stills: Sequence[tuple[Still, bool]],
    networks: ExemplarColorizer,
    painted: PaintedStill | None,
) -> Glance:
    if shot.treatment == "keep":
        shown = show_own(frame, info)
        return Glance(shown, shown, shown)
    luma = upright_luma(frame, info)
    if stills or not shot.neutral:
        own = None if painted is None else painted.laid_on(luma, preset=EFFORTS["balanced"].flow)
        colorizer = networks.shot(shot_references(stills))
        (found,) = propagate(
            [WorkingFrame(frame.index, luma, own)],
            lambda seen, brought: colorizer.colorize(seen.luma, brought).chroma,
            kindred=[(still.painted.by_itself(luma.shape[::-1]), None) for still, _ in stills],
        )
    else:
        found = Chroma.neutral(luma)
    return in_colors(frame, as_stored(found, info), info.as_stored(luma), info, shot.grading)
