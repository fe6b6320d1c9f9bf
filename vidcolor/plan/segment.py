"""Does a plan fit its film? One for a whole film, cut to the segment of it that is coloured."""

from fractions import Fraction
from pathlib import Path

from vidcolor.errors import PlanError
from vidcolor.plan.entries import PlannedReference, PlannedShot
from vidcolor.plan.schema import ColorPlan
from vidcolor.video import VideoReader, count_frames
from vidcolor.video.packets import count_frames_before


def check_length(plan: ColorPlan, reader: VideoReader) -> None:
    """Refuse a plan of another length than the whole film, where its frames were counted, before any work."""
    if reader.info.frames in (None, plan.frames):
        return
    # The count by packets does not see damage: only a decode tells whether it is the plan that is wrong.
    if (frames := sum(1 for _ in reader)) != plan.frames:
        raise PlanError(
            f"the plan has {plan.frames} frames, the film {frames}", hint="make the plan anew with `vidcolor scenes`"
        )


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
    """
    if start is None and end is None:
        return plan
    video = Path(video)
    first = 0 if start is None else count_frames_before(video, start, stream=stream)
    stop = count_frames(video, stream=stream) if end is None else count_frames_before(video, end, stream=stream)
    # Packets of a damaged film count more frames than can be decoded, so a film's own plan may end before `stop`.
    if stop - first == plan.frames or not first < plan.frames:
        return plan
    return cut_out(plan, first, min(stop, plan.frames))


def cut_out(plan: ColorPlan, first: int, stop: int) -> ColorPlan:
    """Return the plan for frames [first, stop) of a plan's own, counted from 0.

    Stills that were painted on frames outside of it keep their shots, as colours without a frame. What shots borrow
    must have been settled before.
    """
    inside = [shot for shot in plan.shots if shot.start < stop and shot.stop > first]
    shots = [_cut(shot, first, stop) for shot in inside]
    return plan.model_copy(update={"frames": stop - first, "shots": shots, "detected": None})


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
            "keyframe": keyframe,
            "borrow": [],
            "references": references,
        }
    )
