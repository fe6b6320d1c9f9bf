"""Making a plan: one streaming decode finds shots, the frames that stills were painted on, and how well each fits."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color import normalize_luma
from vidcolor.errors import PlanError
from vidcolor.plan.likeness import PLAUSIBLE, SAME_FRAME, ColorWatch, FrameFinder, likeness, thumbnail
from vidcolor.plan.schema import ColorPlan, PlannedReference, PlannedShot
from vidcolor.references import GREY_NOTE, Reference
from vidcolor.shots import Shot, ShotDetector, small_luma
from vidcolor.video import Frame, VideoInfo, VideoReader
from vidcolor.video.packets import count_frames_before

Floats = NDArray[np.float32]
Similarity = Callable[[Floats, Reference], float]
Progress = Callable[[int, int | None], None]

_LONG_SIDE = 384
_SAMPLED = 4
"""Every so many frames are kept as candidates to represent their shot."""
_KEPT = 24
"""Candidates kept at most: a shot is reported up to 30 frames late."""
_LOOKED_AT = 16
"""Frames from one look at the film's own chroma to the next."""


def make_plan(
    video: str | Path,
    references: Sequence[Reference],
    *,
    start: Fraction | None = None,
    end: Fraction | None = None,
    similarity: Similarity | None = None,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda warning: None,
    stream: int | None = None,
) -> ColorPlan:
    """Find the shots of a film and give each its stills.

    A still that is a frame of the film, by its looks or by its name, is bound to that frame. A shot without such a
    still takes the one most similar to it, and in a whole film every still is used at least where it fits best.

    Args:
        video: The film.
        references: The stills, in the order of preference among equals.
        start: Seconds at which the segment starts; a number in a still's name counts from the film's first frame.
        end: Seconds before which its last frame begins.
        similarity: Scores how well a still fits the luma (h, w) in [0, 1], upright, of a shot's representative frame;
            None compares layout and distribution of greys.
        progress: Called with the frames done and in all, or None where that is unknown.
        warn: Called with what the user should look at, one line each, once the film is read: damage, and those notes
            that say that the film or a still is not what was taken for granted.
        stream: Number of the video stream; None takes the default one.

    Raises:
        VideoError: The film cannot be read.
        PlanError: The segment has no frames.
    """
    score = similarity or (lambda luma, still: likeness(luma, still.luma()))
    offset = (
        0
        if start is None or all(still.frame is None for still in references)
        else count_frames_before(video, start, stream=stream)
    )
    named = {i: still.frame - offset for i, still in enumerate(references) if still.frame is not None}
    finder = FrameFinder([thumbnail(still.luma(), full_scale=1) for still in references])
    detector, samples, watch = ShotDetector(), _Samples(), ColorWatch()
    shots: list[Shot] = []
    scores: list[list[float]] = []

    def close(finished: list[Shot]) -> None:
        for shot in finished:
            shots.append(shot)
            luma = samples.take(shot) if references else None
            scores.append([score(luma, still) for still in references] if luma is not None else [])

    with VideoReader(video, start=start, end=end, stream=stream) as reader:
        info, done = reader.info, 0
        total = info.frames if start is None and end is None else None
        for frame in reader:
            small = small_luma(frame.luma, bit_depth=info.bit_depth)
            if references:
                upright = np.rot90(small, info.rotation // 90)
                finder.push(frame.index, thumbnail(upright, full_scale=255), wanted=named)
                samples.push(frame, info)
            if frame.source_chroma is not None and frame.index % _LOOKED_AT == 0:
                watch.push(frame.source_chroma, bit_depth=info.bit_depth)
            close(detector.push(small))
            done = frame.index + 1
            if progress is not None:
                progress(done, total)
    close(detector.finish())
    if not shots:
        raise PlanError(f"{video}: the segment has no frames", hint="choose another start or end")
    notes = [f"{still.name}: {note}" for still in references for note in still.notes]
    bound = _bind(references, finder, named, offset=offset, frames=done, notes=notes)
    twice = _unbind_twins(references, bound, named)
    if remark := watch.remark():
        notes.append(remark)
    for warning in (*reader.warnings, *_grey(references), *twice, *([remark] if remark and watch.in_color else [])):
        warn(warning)
    return ColorPlan(
        video=str(video),
        frames=done,
        shots=_assign(shots, references, bound, scores, whole=start is None and end is None),
        notes=list(dict.fromkeys([*notes, *twice])),
    )


class _Samples:
    """A few small frames from which a shot's representative is taken, however long the shot."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, Floats]] = []
        self._last: tuple[int, Frame, VideoInfo] | None = None
        self._stride = _SAMPLED

    def push(self, frame: Frame, info: VideoInfo) -> None:
        self._last = (frame.index, frame, info)
        if frame.index % _SAMPLED:
            return
        self._kept.append((frame.index, _upright_luma(frame, info)))
        if len(self._kept) <= _KEPT:
            return
        # The newest stay, for a shot of a few frames among them has not been reported yet; the others thin out evenly.
        while True:
            old, recent = self._kept[: -_KEPT // 2], self._kept[-_KEPT // 2 :]
            self._kept = [each for each in old if each[0] % self._stride == 0] + recent
            if len(self._kept) <= _KEPT:
                return
            self._stride *= 2

    def take(self, shot: Shot) -> Floats:
        """Return the frame nearest to the shot's middle that is not nearly blank; forget all before the shot's end."""
        middle = (shot.start + shot.stop - 1) / 2
        inside = [each for each in self._kept if each[0] in shot]
        if not inside:
            assert self._last is not None
            index, frame, info = self._last
            inside = [(index, _upright_luma(frame, info))]
        busy = 0.5 * max(float(luma.std()) for _, luma in inside)
        chosen = min((each for each in inside if each[1].std() >= busy), key=lambda each: abs(each[0] - middle))
        self._kept = [each for each in self._kept if each[0] >= shot.stop]
        self._stride = _SAMPLED
        return chosen[1]


def _upright_luma(frame: Frame, info: VideoInfo) -> Floats:
    """Return luma as a viewer sees it: pixels square, upright, long side at most 384."""
    width, height = info.width * float(info.sar), float(info.height)
    scale = min(1.0, _LONG_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(frame.luma, size, interpolation=cv2.INTER_AREA)
    luma = normalize_luma(small, bit_depth=info.bit_depth, full_range=info.full_range)
    return np.ascontiguousarray(np.rot90(luma, info.rotation // 90))


def _bind(
    references: Sequence[Reference],
    finder: FrameFinder,
    named: dict[int, int],
    *,
    offset: int,
    frames: int,
    notes: list[str],
) -> dict[int, int]:
    """Return the frame of each still that was painted on one."""
    bound: dict[int, int] = {}
    for i, still in enumerate(references):
        score, frame = finder.best[i]
        wanted = named.get(i)
        if wanted is not None and 0 <= wanted < frames:
            # The name rules unless the pictures have nothing in common: camera files, too, end in _0042.
            # A score of exactly 0 means that one of them is blank: nothing speaks against the name.
            own = finder.named.get((i, wanted), 0.0)
            if own >= PLAUSIBLE or own == 0.0:
                bound[i] = wanted
                continue
            notes.append(f"{still.name} does not look like frame {still.frame}: it is used for its colours only")
        elif wanted is not None and offset == 0:
            notes.append(f"{still.name} names frame {still.frame}; the film has {frames}: its name is ignored")
        if score >= SAME_FRAME:
            bound[i] = frame
    return bound


def _grey(references: Sequence[Reference]) -> list[str]:
    return [f"{still.name}: {GREY_NOTE}" for still in references if GREY_NOTE in still.notes]


def _unbind_twins(references: Sequence[Reference], bound: dict[int, int], named: dict[int, int]) -> list[str]:
    """Leave each frame the one still that its name binds to it, else the first given; say what became of the others."""
    remarks = []
    for frame in sorted(set(bound.values())):
        own, *others = sorted((i for i in bound if bound[i] == frame), key=lambda i: (named.get(i) != frame, i))
        for i in others:
            del bound[i]
            remarks.append(
                f"{references[own].name} and {references[i].name} are both of frame {frame}: {references[own].name} "
                "is obeyed there, the other is used for its colours only"
            )
    return remarks


def _assign(
    shots: Sequence[Shot],
    references: Sequence[Reference],
    bound: dict[int, int],
    scores: Sequence[Sequence[float]],
    *,
    whole: bool,
) -> list[PlannedShot]:
    chosen: list[dict[int, int | None]] = [{} for _ in shots]
    for i, frame in sorted(bound.items(), key=lambda item: item[1]):
        chosen[next(n for n, shot in enumerate(shots) if frame in shot)][i] = frame
    open_shots = [n for n in range(len(shots)) if not chosen[n]]
    for n in open_shots:
        if references:
            chosen[n][max(range(len(references)), key=lambda i: scores[n][i])] = None
    # In a whole film every still has its place. A segment's stills may belong to shots outside of it.
    for i in set(range(len(references))) - {each for stills in chosen for each in stills} if whole else ():
        best = max(open_shots or range(len(shots)), key=lambda n: scores[n][i])
        chosen[best][i] = None
    return [
        PlannedShot(
            start=shot.start,
            stop=shot.stop,
            references=[PlannedReference(path=references[i].key, frame=frame) for i, frame in stills.items()],
        )
        for shot, stills in zip(shots, chosen, strict=True)
    ]
