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
from vidcolor.shots.mixtures import Mixture, mixture
from vidcolor.shots.patterns import BLANK_STD, PATTERN_SIZE, Pattern, match
from vidcolor.video import VideoReader

_PROPOSE = 16.0
"""ContentDetector threshold on frames normalised to standard deviation 50."""
_SAME = 0.6
"""Likeness from which two frames show one scene. Of 4,454 neighbours in training clips, a tenth of a second apart, 17
are less alike; across 2,997 cuts between those clips 6 are more."""
_PATIENCE = 3
"""A proposal stands when none of the next frames, this many, returns to the scene before it (flashes, splices)."""
_SHORTEST = 5
"""Frames from one cut to the next; a change sooner belongs to the same transition."""
_UNRELATED = 0.46
"""Likeness under which the two ends of a dissolve are different scenes."""
_DISSOLVES = (24, 32, 48)
"""Frames over which a dissolve is looked for. Over 16, a boy who gets up before a wall looks like one."""
_DISSOLVE_STRIDE = 2


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


class _Sighting(NamedTuple):
    """A dissolve as one look at it found it.

    Attributes:
        frames: How many were looked at.
        uneven: How far its middle lies off theirs.
        found: What was seen.
    """

    frames: int
    uneven: float
    found: Mixture

    @property
    def doubt(self) -> tuple[int, float, Mixture]:
        """By this the surest is the least: of looks over most frames the one with the dissolve in its middle."""
        return -self.frames, self.uneven, self.found


class ShotDetector:
    """Finds shots while frames are pushed; holds about fifty tiny frames, however long the film."""

    def __init__(self) -> None:
        # min_scene_len=0 turns PySceneDetect's own flash filter off: it would drop cuts, ours looks at the pictures.
        self._proposer = ContentDetector(threshold=_PROPOSE, min_scene_len=0, luma_only=True)
        self._frames = 0
        self._start = 0
        self._last: Pattern | None = None
        self._before: Pattern | None = None
        self._proposed = 0
        self._proposed_at = 0
        self._gap = False
        self._dissolved = 0
        self._sightings: list[_Sighting] = []
        self._history: deque[Pattern] = deque(maxlen=max(_DISSOLVES) + 1)

    def push(self, luma8: NDArray[np.uint8]) -> list[Shot]:
        """Take the next frame, a small grey picture (h, w), and return the shots that are now complete.

        Raises:
            ValueError: The frame is not grey uint8.
        """
        if luma8.ndim != 2 or luma8.dtype != np.uint8:
            raise ValueError(f"a grey uint8 frame (h, w) is needed, not {luma8.dtype} {luma8.shape}")
        index = self._frames
        self._frames += 1
        resized = cv2.resize(luma8.astype(np.float32), PATTERN_SIZE, interpolation=cv2.INTER_AREA)
        small: NDArray[np.float32] = cv2.GaussianBlur(resized, (0, 0), 0.8).astype(np.float32)
        spread = float(small.std())
        changed = self._propose(index, small, spread)
        if spread < BLANK_STD:
            self._gap = True
            return []
        smooth = cv2.GaussianBlur(small, (0, 0), 1).ravel()
        pattern = Pattern(index, (small - small.mean()) / spread, (smooth - smooth.mean()).astype(np.float32))
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
        even = (small - small.mean()) * (50.0 / max(spread, BLANK_STD)) + 128.0
        grey = np.clip(even, 0, 255).astype(np.uint8)
        return bool(self._proposer.process_frame(FrameTimecode(index, fps=25.0), cv2.merge([grey, grey, grey])))

    def _step(self, pattern: Pattern, *, changed: bool) -> list[Shot]:
        shots: list[Shot] = []
        if self._before is not None:
            if match(self._before, pattern) >= _SAME:
                self._before = None
            elif pattern.index - self._proposed_at > _PATIENCE:
                shots = self._dissolved_already(before=self._proposed) + self._cut(self._proposed)
        elif changed and self._last is not None and match(self._last, pattern) < _SAME:
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
        self._sightings.clear()
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
                found = mixture(first, last, middles)
                if found is not None and match(first, last) < _UNRELATED:
                    uneven = abs(found.middle - (first.index + last.index) / 2)
                    self._sightings.append(_Sighting(frames, uneven, found))
        best = self._surest()
        seen_whole = best is not None and self._history[-1].index >= best.middle + max(_DISSOLVES) // 2
        return self._dissolved_already() if seen_whole else []

    def _surest(self) -> Mixture | None:
        """Return the dissolve that was seen best, if one was seen."""
        return min(self._sightings, key=lambda each: each.doubt).found if self._sightings else None

    def _dissolved_already(self, *, before: int | None = None) -> list[Shot]:
        """End the shot in a dissolve that was found, if one was, and if no cut is so near that it is the same."""
        best = self._surest()
        if best is None:
            return []
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
