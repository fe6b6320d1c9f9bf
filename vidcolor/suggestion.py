"""Which further frame of each shot, if painted, would help most.

How wrong a frame's colours will be is foretold from its luma alone, by how well the stills that its shot has cover what
it shows: the networks' own confidence says how sure a match is once colours are carried, not how far they have drifted.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, zip_longest
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.color import rgb_to_luma, working_size
from vidcolor.coloring import Still
from vidcolor.errors import PlanError
from vidcolor.exemplar import ExemplarColorizer
from vidcolor.framing import shrink, upright_luma
from vidcolor.plan import ColorPlan, PlannedShot
from vidcolor.plan.segment import PLAN_ANEW, check_length
from vidcolor.video import Frame, VideoInfo, VideoReader

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]

_LONG_SIDE = 192
_SAMPLES = 17
"""Frames of a shot that are looked at: each is a candidate, and stands for those around it."""

# A frame with less of the contrast of its shot's liveliest one is black, or of a fade.
_FAINT = 0.5

# Mean distance in Lab ab from the true colours, per unit of strangeness (1 less the mean best cosine of keys) and per
# root of 60 frames between a frame and the painted one. Fitted to six validation clips with weights 0.2.0, each
# coloured from its first frame and from that and every sixth other: what it foretells for a frame correlates at 0.88
# with the truth, and the gains that it foretells for a clip that was left out of the fit at 0.78, without bias (0.02).
_PER_STRANGENESS = np.float32(20.0)
_PER_ROOT_TIME = np.float32(2.2)
_TIME_UNIT = 60
# The same for a still that was painted on no frame of the film, and for automatic colours: mirrored, cropped and re-lit
# stills left 32.0 per unit on the twelve clips, those of another clip 31.2, and automatic colours 13.6 in all.
_PER_STRANGENESS_UNBOUND = np.float32(32.0)
_AUTOMATIC = np.float32(13.5)


@dataclass(frozen=True)
class Suggestion:
    """The frames of a shot that are worth painting.

    Attributes:
        start: First frame of the shot.
        stop: Frame after its last.
        error: Expected mean distance of the shot's colours from the true ones with the stills that it has, in Lab ab;
            nan where it keeps its own or has none.
        frames: Frames to paint, the one that helps most first.
        gains: By how much each lowers the expected error, once those before it are painted.
    """

    start: int
    stop: int
    error: float
    frames: tuple[int, ...]
    gains: tuple[float, ...]

    @property
    def benefit(self) -> float:
        """What the first frame saves in the whole film: its gain times the frames of the shot."""
        return self.gains[0] * (self.stop - self.start) if self.gains else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, which has None for nan."""
        return {**asdict(self), "error": None if math.isnan(self.error) else self.error, "benefit": self.benefit}


def suggest(
    plan: ColorPlan,
    stills: Mapping[str, Still],
    networks: ExemplarColorizer,
    *,
    waiting: Collection[int] = (),
    count: int = 1,
    stream: int | None = None,
    look: Callable[[Frame], None] | None = None,
    progress: Progress | None = None,
) -> list[Suggestion]:
    """Find for each shot of a whole film the frames that are worth painting.

    None are of a shot that keeps its colours, or of a title without a still, which has none; and none are faint, as in
    a fade, or lie in a dissolve, unless their stills wait already.

    Args:
        plan: Its shots and the stills that they have.
        stills: The stills by key, as the plan writes it.
        networks: Compare what frames show.
        waiting: Frames of which there are stills that nobody has painted yet: they are suggested before others.
        count: Frames per shot at most.
        stream: Number of the film's video stream; None takes the default one.
        look: Called with each frame that is read.
        progress: Called with the frames read and in all.

    Raises:
        VideoError: The film cannot be read.
        PlanError: The plan is of another length.
    """

    def read(frame: Frame) -> None:
        if look is not None:
            look(frame)
        if progress is not None:
            progress(frame.index + 1, plan.frames)

    suggestions: list[Suggestion] = []
    with VideoReader(plan.video, stream=stream) as reader:
        check_length(plan, reader.info)
        frames = iter(reader)
        for shot in plan.shots:
            offered = [frame for frame in waiting if frame in shot]
            wanted = sampled(shot, offered) if shot.colored else []
            seen = _look(frames, shot, wanted, reader.info, networks, read)
            if not wanted:
                suggestions.append(Suggestion(shot.start, shot.stop, math.nan, (), ()))
                continue
            mixed = {each for each in wanted if plan.dissolve_at(each) is not None}
            own = [each for each in shot.references if each.frame is not None]
            lent = [each for each in shot.references if each.frame is None]
            suggestions.append(
                choose(
                    shot.start,
                    shot.stop,
                    seen.frames,
                    seen.keys,
                    painted=[each.frame for each in own if each.frame is not None],
                    unbound=[keys_of(networks, _still_luma(stills[each.path])) for each in lent],
                    spans=[each.span for each in (*own, *lent)],
                    waiting=offered,
                    unfit=(seen.faint | mixed).difference(offered),
                    count=count,
                )
            )
    return suggestions


@dataclass(frozen=True, eq=False)
class _Seen:
    """Frames of a shot that were looked at, in order.

    Attributes:
        frames: Their numbers.
        keys: (N, C) unit keys of each.
        contrasts: Standard deviation of the luma of each.
    """

    frames: list[int]
    keys: list[Floats]
    contrasts: list[float]

    @property
    def faint(self) -> set[int]:
        """Those that are black, or of a fade."""
        least = _FAINT * max(self.contrasts, default=0.0)
        return {frame for frame, contrast in zip(self.frames, self.contrasts, strict=True) if contrast < least}


def _look(
    frames: Iterator[Frame],
    shot: PlannedShot,
    wanted: Collection[int],
    info: VideoInfo,
    networks: ExemplarColorizer,
    read: Callable[[Frame], None],
) -> _Seen:
    """Read a film on to the end of a shot, and look at the wanted frames of it; `read` is told which were read.

    Raises:
        PlanError: The film ends before one of them.
    """
    seen = _Seen([], [], [])
    for frame in frames:
        if frame.index in wanted:
            luma = upright_luma(frame, info)
            seen.frames.append(frame.index)
            seen.keys.append(keys_of(networks, luma))
            seen.contrasts.append(float(luma.std()))
        read(frame)
        if frame.index + 1 >= shot.stop:
            break
    if missing := sorted(set(wanted).difference(seen.frames)):
        raise PlanError(f"the film ends before frame {missing[0]} of its plan", hint=PLAN_ANEW)
    return seen


def keys_of(networks: ExemplarColorizer, luma: Floats) -> Floats:
    """Return the (N, C) unit keys by which frames and stills are compared, of luma (h, w) in [0, 1], upright."""
    size = working_size(*luma.shape[::-1], long_side=_LONG_SIDE)
    small = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(networks.coarse_keys(small).float().cpu().numpy())


def sampled(shot: PlannedShot, waiting: Iterable[int] = ()) -> list[int]:
    """Return the frames that are looked at: a shot's first and last, some between, the painted and the waiting ones."""
    spaced = np.linspace(shot.start, shot.stop - 1, min(_SAMPLES, shot.stop - shot.start))
    painted = [planned.frame for planned in shot.references if planned.frame is not None]
    return sorted({*np.rint(spaced).astype(int).tolist(), *painted, *waiting})


def choose(
    start: int,
    stop: int,
    frames: Sequence[int],
    keys: Sequence[Floats],
    *,
    painted: Sequence[int] = (),
    unbound: Sequence[Floats] = (),
    spans: Sequence[range | None] = (),
    waiting: Collection[int] = (),
    unfit: Collection[int] = (),
    count: int,
) -> Suggestion:
    """Choose the frames of a shot [start, stop) to paint, one after the other.

    Args:
        start: First frame of the shot.
        stop: Frame after its last.
        frames: Frames of the shot that were looked at, in order.
        keys: (N, C) unit keys of each.
        painted: Those among `frames` that are painted already.
        unbound: (M, C) unit keys of each still that was painted on none of them.
        spans: Frames for which each of `painted`, and then of `unbound`, counts, None for all; none where all do.
        waiting: Those among `frames` that are to be chosen before others: their stills wait to be painted.
        unfit: Those among `frames` that nobody could paint well.
        count: Frames to choose at most.
    """
    strangeness = np.array([[_strangeness(ours, theirs) for theirs in keys] for ours in keys], np.float32)
    apart = np.abs(np.subtract.outer(frames, frames)) / np.float32(_TIME_UNIT)
    # What one frame would leave wrong in another; both ways are one relation seen twice, and their mean is steadier.
    left = _PER_STRANGENESS * (strangeness + strangeness.T) / 2 + _PER_ROOT_TIME * np.sqrt(apart)
    error = np.full(len(frames), _AUTOMATIC, np.float32)
    found = [left[:, frames.index(frame)] for frame in painted]
    for still in unbound:
        found.append(np.array([_PER_STRANGENESS_UNBOUND * _strangeness(ours, still) for ours in keys], np.float32))
    for each, span in zip_longest(found, spans):
        counts = np.array([span is None or frame in span for frame in frames])
        error = np.where(counts, np.minimum(error, each), error)
    weights, paintable = _shares(start, stop, frames), ~np.isin(frames, [*unfit, *painted])
    expected, chosen, gains = float(error @ weights), [], []
    for _ in range(count):
        saved = (np.maximum(error[:, None] - left, 0) * weights[:, None]).sum(0) * paintable
        ready = np.isin(frames, list(waiting)) & (saved > 0)
        best = int(np.where(ready, saved, 0).argmax() if ready.any() else saved.argmax())
        if saved[best] <= 0:
            break
        chosen.append(frames[best])
        gains.append(float(saved[best]))
        error = np.minimum(error, left[:, best])
    return Suggestion(start, stop, expected, tuple(chosen), tuple(gains))


def _shares(start: int, stop: int, frames: Sequence[int]) -> Floats:
    """Return the share of a shot's frames for which each sampled one stands: those nearest to it."""
    edges = [start, *((a + b + 1) / 2 for a, b in pairwise(frames)), stop]
    return np.asarray(np.diff(edges) / (stop - start), np.float32)


def _strangeness(ours: Floats, theirs: Floats) -> float:
    """Return how little of what a frame shows is in another picture: 1 less the mean best cosine of its keys."""
    return float(1 - (ours @ theirs.T).max(1).mean())


def _still_luma(still: Still) -> Floats:
    rgb = still.reference.rgb
    return rgb_to_luma(shrink(rgb, working_size(*rgb.shape[1::-1])), still.info.matrix)
