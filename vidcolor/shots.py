"""Where one shot ends and the next begins, from small grey frames pushed one at a time.

PySceneDetect's `ContentDetector` on contrast-normalised luma proposes frames that changed a lot. Every proposal is
then checked by block matching, which follows a pan or a shake but finds nothing across a cut. Frame ranges are
half-open, [start, stop).

Blank frames (black between fades, white flashes) carry no pattern: they are skipped, and the cut falls into the middle
of the blank frames when the patterns before and after do not match.

A dissolve is cut in its middle: frames are regressed on those half a second and more before and after them.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect import FrameTimecode  # type: ignore[import-untyped]
from scenedetect.detectors import ContentDetector  # type: ignore[import-untyped]

from vidcolor.color import halve_towards
from vidcolor.video import VideoReader

_PATTERN = (64, 36)
"""Size (w, h) of the frames that are compared."""
_BLOCK, _STEP, _REACH = 12, 8, 8
"""Block side, spacing, search radius in pixels of `_PATTERN`: motion up to 12 % of the width per frame is followed."""
_BLANK_STD = 1.2
"""Standard deviation (8-bit units at `_PATTERN` size) under which a frame carries no pattern."""
_PROPOSE = 16.0
"""ContentDetector threshold on frames normalised to standard deviation 50."""
_SAME = 0.82
"""Matched correlation from which two frames show one scene. Measured on real clips: neighbours in a shot at least
0.943, across a cut at most 0.753."""
_PATIENCE = 3
"""A proposal stands when none of the next frames, this many, returns to the scene before it (flashes, splices)."""
_SHORTEST = 5
"""Frames from one cut to the next; a change sooner belongs to the same transition."""
_UNRELATED = 0.72
"""Matched correlation under which the two ends of a dissolve are different scenes."""
_DISSOLVES = (24, 32, 48)
"""Frames over which a dissolve is looked for. Over 16, a boy who gets up before a wall looks like one."""
_DISSOLVE_STRIDE = 2
_ZOOMS = (0.6, 0.75, 0.87, 1.0, 1.15, 1.33, 1.6)
"""Sizes at which the middle of a frame, three fifths of it, is looked for in another."""
_MOVED = 0.88
"""Share of the variance of a frame's middle that a movement explains at least: 0.93 to 1 wherever a pan, tilt or zoom
over a validation clip looked like a dissolve, less than 0.85 in 95 of 100 looks at dissolves between those clips."""
MOST_DISSOLVE = 96
"""Frames that a dissolve takes at most."""


@dataclass(frozen=True)
class Shot:
    """Frames [start, stop) between two cuts.

    Args:
        start: Its first frame.
        stop: The frame after its last.
        dissolve: Frames over which the shot before it dissolves into it, half of them its own; 0 for a cut.
    """

    start: int
    stop: int
    dissolve: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"a shot needs 0 <= start < stop, not [{self.start}, {self.stop})")

    def __len__(self) -> int:
        return self.stop - self.start

    def __contains__(self, frame: int) -> bool:
        return self.start <= frame < self.stop


@dataclass(frozen=True, eq=False)
class _Pattern:
    """A frame reduced to what is compared.

    Args:
        index: Its number.
        values: (36, 64) float32 of mean 0 and standard deviation 1.
        smooth: (2304,) as bright as the frame is, smoothed, of mean 0.
    """

    index: int
    values: NDArray[np.float32]
    smooth: NDArray[np.float32]


class _Mixture(NamedTuple):
    """A dissolve as one look at it finds it; the least is the surest.

    Attributes:
        shorter: The frames looked at, less than 0.
        uneven: How far its middle lies off theirs.
        middle: The frame that shows half of each shot.
        length: Frames in which the one becomes the other.
    """

    shorter: int
    uneven: float
    middle: int
    length: int


class ShotDetector:
    """Finds shots while frames are pushed; holds about fifty tiny frames, however long the film."""

    def __init__(self) -> None:
        # min_scene_len=0 turns PySceneDetect's own flash filter off: it would drop cuts, ours looks at the pictures.
        self._proposer = ContentDetector(threshold=_PROPOSE, min_scene_len=0, luma_only=True)
        self._frames = 0
        self._start = 0
        self._last: _Pattern | None = None
        self._before: _Pattern | None = None
        self._proposed = 0
        self._proposed_at = 0
        self._gap = False
        self._dissolved = 0
        self._mixtures: list[_Mixture] = []
        self._history: deque[_Pattern] = deque(maxlen=max(_DISSOLVES) + 1)

    def push(self, luma8: NDArray[np.uint8]) -> list[Shot]:
        """Take the next frame, a small grey picture (h, w), and return the shots that are now complete.

        Raises:
            ValueError: The frame is not grey uint8.
        """
        if luma8.ndim != 2 or luma8.dtype != np.uint8:
            raise ValueError(f"a grey uint8 frame (h, w) is needed, not {luma8.dtype} {luma8.shape}")
        index = self._frames
        self._frames += 1
        resized = cv2.resize(luma8.astype(np.float32), _PATTERN, interpolation=cv2.INTER_AREA)
        small: NDArray[np.float32] = cv2.GaussianBlur(resized, (0, 0), 0.8).astype(np.float32)
        spread = float(small.std())
        changed = self._propose(index, small, spread)
        if spread < _BLANK_STD:
            self._gap = True
            return []
        smooth = cv2.GaussianBlur(small, (0, 0), 1).ravel()
        pattern = _Pattern(index, (small - small.mean()) / spread, (smooth - smooth.mean()).astype(np.float32))
        changed = changed or self._gap
        self._gap = False
        shots = self._step(pattern, changed=changed)
        self._last = pattern
        return shots

    def finish(self) -> list[Shot]:
        """Return what is left after the last frame: nothing for an empty film."""
        proposed = None if self._before is None else self._proposed
        shots = self._dissolved_already(before=proposed) + ([] if proposed is None else self._cut(proposed))
        if self._frames > self._start:
            shots.append(Shot(self._start, self._frames, self._dissolved))
        return shots

    def _propose(self, index: int, small: NDArray[np.float32], spread: float) -> bool:
        even = (small - small.mean()) * (50.0 / max(spread, _BLANK_STD)) + 128.0
        grey = np.clip(even, 0, 255).astype(np.uint8)
        return bool(self._proposer.process_frame(FrameTimecode(index, fps=25.0), cv2.merge([grey, grey, grey])))

    def _step(self, pattern: _Pattern, *, changed: bool) -> list[Shot]:
        shots: list[Shot] = []
        if self._before is not None:
            if _match(self._before, pattern) >= _SAME:
                self._before = None
            elif pattern.index - self._proposed_at > _PATIENCE:
                shots = self._dissolved_already(before=self._proposed) + self._cut(self._proposed)
        elif changed and self._last is not None and _match(self._last, pattern) < _SAME:
            gap = pattern.index - self._last.index - 1
            cut = pattern.index - (gap + 1) // 2
            if cut - self._start >= _SHORTEST or self._start == 0:
                self._before, self._proposed, self._proposed_at = self._last, cut, pattern.index
        self._history.append(pattern)
        return shots or (self._dissolve() if pattern.index % _DISSOLVE_STRIDE == 0 else [])

    def _cut(self, index: int, *, dissolve: int = 0) -> list[Shot]:
        shot = Shot(self._start, index, self._dissolved)
        self._start, self._dissolved = index, dissolve
        self._before = None
        self._mixtures.clear()
        # What is left of a dissolve looks like another one.
        while self._history and self._history[0].index < index + dissolve // 2:
            self._history.popleft()
        return [shot]

    def _dissolve(self) -> list[Shot]:
        """Look for a dissolve; where there is one, go on until its two ends are seen as purely as they can be."""
        if self._before is not None:
            return []
        for frames in _DISSOLVES:
            if len(self._history) > frames:
                first, *middles, last = islice(self._history, len(self._history) - 1 - frames, None)
                found = _mixture(first, last, middles)
                if found is not None and _match(first, last) < _UNRELATED:
                    uneven = abs(found[0] - (first.index + last.index) / 2)
                    self._mixtures.append(_Mixture(-frames, uneven, *found))
        seen_whole = self._mixtures and self._history[-1].index >= min(self._mixtures).middle + max(_DISSOLVES) // 2
        return self._dissolved_already() if seen_whole else []

    def _dissolved_already(self, *, before: int | None = None) -> list[Shot]:
        """End the shot in a dissolve that was found, if one was, and if no cut is so near that it is the same."""
        if not self._mixtures:
            return []
        best = min(self._mixtures)
        same = before is not None and before - best.middle < _SHORTEST
        return [] if same else self._cut(best.middle, dissolve=best.length)


def detect_shots(video: str | Path | Iterable[NDArray[np.uint8]]) -> list[Shot]:
    """Split a film into shots.

    Args:
        video: A film, or its small grey frames (h, w).

    Returns:
        Shots that cover every frame once, in order; [] for a film without frames.

    Raises:
        VideoError: The film cannot be read.
    """
    detector = ShotDetector()
    frames = _small_frames(video) if isinstance(video, str | Path) else video
    shots = [shot for frame in frames for shot in detector.push(frame)]
    return shots + detector.finish()


def small_luma(luma: NDArray[np.uint8] | NDArray[np.uint16], *, bit_depth: int) -> NDArray[np.uint8]:
    """Reduce a luma plane (h, w) to the small 8-bit frame that `ShotDetector.push` takes, long side at most 128."""
    height, width = (max(1, round(side * min(1.0, 128 / max(luma.shape)))) for side in luma.shape)
    small = cv2.resize(halve_towards(luma, (width, height)), (width, height), interpolation=cv2.INTER_AREA)
    return (small.astype(np.uint16) >> max(bit_depth - 8, 0)).astype(np.uint8)


def _small_frames(video: str | Path) -> Iterator[NDArray[np.uint8]]:
    with VideoReader(video) as reader:
        for frame in reader:
            yield small_luma(frame.luma, bit_depth=reader.info.bit_depth)


def _match(a: _Pattern, b: _Pattern) -> float:
    """Mean correlation in [-1, 1] of blocks of `a` with the best block nearby in `b`, busy blocks counting more."""
    padded = cv2.copyMakeBorder(b.values, _REACH, _REACH, _REACH, _REACH, cv2.BORDER_REPLICATE)
    width, height = _PATTERN
    window = _BLOCK + 2 * _REACH
    total = weights = 0.0
    for y in range(0, height - _BLOCK + 1, _STEP):
        for x in range(0, width - _BLOCK + 1, _STEP):
            block = a.values[y : y + _BLOCK, x : x + _BLOCK]
            weight = min(float(block.std()), 0.5)
            if weight > 0.1:
                scores = cv2.matchTemplate(padded[y : y + window, x : x + window], block, cv2.TM_CCOEFF_NORMED)
                total += weight * float(scores.max())
                weights += weight
    return total / weights if weights else 1.0


def _moved(middle: _Pattern, a: _Pattern, b: _Pattern) -> bool:
    """Tell whether one of two frames, moved or enlarged, shows what the middle of a third one between them does.

    Of what is smooth, two views a little apart mix into one between them: a slow pan looks like a dissolve.
    """
    width, height = _PATTERN
    across, down = width // 5, height // 5
    part = middle.smooth.reshape(height, width)[down : height - down, across : width - across]
    best = 0.0
    for scale in _ZOOMS:
        side = round(part.shape[1] * scale), round(part.shape[0] * scale)
        resized = cv2.resize(part, side, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        for end in (a.smooth, b.smooth):
            found = cv2.matchTemplate(end.reshape(height, width), resized, cv2.TM_CCOEFF_NORMED)
            best = max(best, float(found.max()))
    return best * best > _MOVED


def _mixture(a: _Pattern, b: _Pattern, middles: list[_Pattern]) -> tuple[int, int] | None:
    """Return the number of the frame that is half `a` and half `b`, and the frames in which one becomes the other.

    Each frame is regressed on both ends. In a dissolve the ends together explain what neither explains alone, their
    weights add up to one, and the later end's share rises evenly; what moves through a shot does one of that at most.
    The bounds, and `_moved`, find 49 of 60 dissolves of 12 to 48 frames between validation clips, none within them at
    their own, double and triple speed, and none in 528 pans, tilts and zooms over their pictures.
    """
    ends = np.stack([a.smooth, b.smooth], axis=1)
    sizes = np.linalg.norm(ends, axis=0)
    if abs(float(ends[:, 0] @ ends[:, 1])) > 0.6 * float(sizes.prod()):
        return None
    targets = np.stack([middle.smooth for middle in middles], axis=1)
    energy = np.maximum(np.square(targets).sum(axis=0), 1e-6)
    # The normal equations: of two columns so unlike they lose nothing, and take a hundredth of the time of lstsq.
    weights = np.linalg.solve(ends.T @ ends, ends.T @ targets)
    together = 1 - np.square(targets - ends @ weights).sum(axis=0) / energy
    alone = np.square(targets.T @ (ends / sizes)).max(axis=1) / energy
    sums = weights.sum(axis=0)
    shares = weights[1] / np.clip(sums, 0.2, None)
    best = int(np.argmin(np.abs(shares - 0.5)))
    mixed = (shares > 0.12) & (shares < 0.88)
    if abs(shares[best] - 0.5) > 0.15 or mixed.sum() < 4:  # its middle lies elsewhere
        return None
    explained = together[mixed].mean() > 0.78 and together[best] - alone[best] > 0.05
    if not explained or abs(sums[mixed].mean() - 1) > 0.3:
        return None
    if _moved(middles[best], a, b):
        return None
    numbers = np.array([middle.index for middle in middles])
    slope, at = np.polyfit(numbers[mixed], shares[mixed], 1)
    uneven = np.clip(slope * numbers + at, 0, 1) - np.clip(shares, -0.2, 1.2)
    if slope <= 0 or np.sqrt(np.square(uneven).mean()) > 0.06:
        return None
    return middles[best].index, round(float(np.clip(1 / slope, 2, MOST_DISSOLVE)))
