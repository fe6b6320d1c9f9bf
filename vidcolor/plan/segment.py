"""Does a plan fit its film? One for a whole film, cut to the segment of it that is coloured."""

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from vidcolor.errors import PlanError
from vidcolor.plan.entries import PlannedReference, PlannedShot
from vidcolor.plan.schema import ColorPlan
from vidcolor.video import VideoInfo
from vidcolor.video.numbering import decoded_times, frame_times, packet_times

PLAN_ANEW = "make the plan anew with `vidcolor scenes`"
"""Hint where a plan is of another length than its film."""


def check_length(plan: ColorPlan, info: VideoInfo) -> None:
    """Refuse a plan of another length than the whole film, where its frames were counted, before any work.

    Raises:
        PlanError: It is of another length.
        VideoError: The film cannot be read.
    """
    if info.frames in (None, plan.frames):
        return
    # The count by packets does not see damage: only a decode tells whether it is the plan that is wrong.
    if (frames := len(frame_times(info.path, stream=info.stream, frames=plan.frames))) != plan.frames:
        raise PlanError(f"the plan has {plan.frames} frames, the film {frames}", hint=PLAN_ANEW)


def fit_to_segment(
    plan: ColorPlan, video: str | Path, *, start: Fraction | None, end: Fraction | None, stream: int | None = None
) -> ColorPlan:
    """Return the plan for a segment of a film; one that was made for that very segment stays as it is.

    Args:
        plan: For the film or for the segment.
        video: The film.
        start: Seconds at which the segment starts, or None.
        end: Seconds before which its last frame begins, or None.
        stream: Number of the video stream; None takes the default one.

    Raises:
        VideoError: The film cannot be read.
        PlanError: The plan is of another length than the film and than the segment.
    """
    if start is None and end is None:
        return plan
    times = packet_times(video, stream=stream)
    if times is None or plan.frames not in (len(times), len(_inside(times, start, end))):
        times = decoded_times(video, stream=stream)
    inside = _inside(times, start, end)
    if plan.frames == len(inside):
        return plan
    if plan.frames != len(times):
        lengths = f"the film {len(times)}, its segment {len(inside)}"
        raise PlanError(f"the plan has {plan.frames} frames, {lengths}", hint=PLAN_ANEW)
    return cut_out(plan, inside.start, inside.stop)


def _inside(times: Sequence[Fraction], start: Fraction | None, end: Fraction | None) -> range:
    """Return the numbers of the frames that a segment shows."""
    return range(
        0 if start is None else bisect_left(times, start), len(times) if end is None else bisect_left(times, end)
    )


def cut_out(plan: ColorPlan, first: int, stop: int) -> ColorPlan:
    """Return the plan for frames [first, stop) of a plan's own, counted from 0.

    Stills that were painted on frames outside of it keep their shots, as colours without a frame. What shots borrow
    must have been settled before.
    """
    inside = [shot for shot in plan.shots if shot.start < stop and shot.stop > first]
    shots = [_cut(shot, first, stop) for shot in inside]
    return plan.model_copy(update={"frames": stop - first, "shots": shots, "detected": None, "titles": None})


def _cut(shot: PlannedShot, first: int, stop: int) -> PlannedShot:
    start, end = max(shot.start, first), min(shot.stop, stop)

    def moved(still: PlannedReference) -> PlannedReference | None:
        frame = still.frame - first if still.frame is not None and start <= still.frame < end else None
        if still.frames is None:
            return still.model_copy(update={"frame": frame})
        low, high = max(still.frames[0], start), min(still.frames[1], end)
        frames = (low - first, high - first)
        return still.model_copy(update={"frame": frame, "frames": frames}) if low < high else None

    keyframe = shot.keyframe - first if shot.keyframe is not None and start <= shot.keyframe < end else None
    references = [each for still in shot.references if (each := moved(still)) is not None]
    return shot.model_copy(
        update={
            "start": start - first,
            "stop": end - first,
            "dissolve": shot.dissolve if start == shot.start else None,
            "keyframe": keyframe,
            "borrow": [],
            "references": references,
        }
    )
