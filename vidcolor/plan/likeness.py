"""Is a still a frame of the film? How alike are two pictures' greys?

A thumbnail is band-passed and divided by its local contrast, so that exposure, gamma, fading and grain hardly count and
places of edges do. Measured on 12 clips at 60 % contrast with grain and 6 % flicker, 36 stills resized and in JPEG
quality 40 to 90: the still's own frame correlates at 0.992 or more, with another gain, offset and gamma as well; with
luma repainted by up to 20 % in patches at 0.64 to 0.95 (31 of 36 at 0.8 or more). Frames of other clips reach 0.40, and
324 photographs against 343 frames 0.52.

Programs that paint stills crop them, or set them in a frame, to sizes of their own. A still of another aspect than the
film is therefore compared with the middle of the frames, too, and its own middle with the whole of them: cropped to a
square, bent by 0.6 % of the width and with other tones it correlates so at 0.85 or more with its frame, as it is at
0.15 to 0.56; stills of other clips reach 0.58. Nearer by 1.15 or 1.3 it correlates at 0.47 to 0.79 or 0.12 to 0.61:
what is likely, but not surely the frame has to be looked at more closely, see `placement`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import NamedTuple, Self, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Luma = TypeVar("Luma", bound=np.generic)

SAME_FRAME = 0.8
"""Correlation from which a still is taken for a frame of the film."""
PLAUSIBLE = 0.3
"""Correlation under which a still is not the frame that its name says."""

_LIT = 0.5
"""Share of a still's mean luma under which a frame is too dark to be the one that it shows."""
_SAME_ASPECT = 1.03
"""Times by which a still may be wider or narrower than the film and count as of its aspect."""
_STEP = 1.05
"""Stills whose aspects differ by less share what is made of each frame for them."""
_WHOLE = (1.0, 1.0)
_SIZE = (48, 36)
_NOISE = 1.5
"""Local contrast (8-bit units) under which a thumbnail holds grain rather than edges."""


def thumbnail(luma: NDArray[np.generic], *, full_scale: float) -> Floats:
    """Reduce a luma plane (h, w), upright, to a vector of length 1 to correlate, or of zeros where nothing is to see.

    Args:
        luma: The plane.
        full_scale: Its value for white: 255 for uint8, 1 for luma in [0, 1].
    """
    small = cv2.resize(np.asarray(luma, np.float32) * (255.0 / full_scale), _SIZE, interpolation=cv2.INTER_AREA)
    band = cv2.GaussianBlur(small, (0, 0), 0.7) - cv2.GaussianBlur(small, (0, 0), 6)
    even = band / (np.sqrt(cv2.GaussianBlur(band * band, (0, 0), 6)) + _NOISE)
    even = even - even.mean()
    norm = float(np.linalg.norm(even))
    # Edges everywhere give a norm near the square root of the size; below a quarter of that there is only grain.
    return (even / norm if norm > 0.25 * np.sqrt(even.size) else np.zeros_like(even)).ravel().astype(np.float32)


@dataclass(frozen=True, eq=False)
class Appearance:
    """What of a picture's greys is compared with other pictures'.

    Attributes:
        layout: Its thumbnail.
        greys: (16,) shares of greys.
    """

    layout: Floats
    greys: Floats

    @classmethod
    def of(cls, luma: Floats) -> Self:
        """Describe luma (h, w) in [0, 1], upright."""
        return cls(thumbnail(luma, full_scale=1), _greys(luma))

    def likeness(self, other: "Appearance") -> float:
        """Score in [0, 1] how alike two pictures are: half layout, half distribution of greys."""
        alike = max(0.0, float(self.layout @ other.layout))
        return 0.5 * alike + 0.5 * float(np.minimum(self.greys, other.greys).sum())


def _greys(luma: Floats) -> Floats:
    """Shares of 16 greys, after mean and contrast are evened out, for films fade."""
    even = (luma - luma.mean()) / max(float(luma.std()), 0.01)
    return (np.histogram(np.clip(even, -2.5, 2.5), bins=16, range=(-2.5, 2.5))[0] / luma.size).astype(np.float32)


class Match(NamedTuple):
    """How a still correlates with a frame.

    Attributes:
        score: Correlation, -1 to 1.
        frame: Number of the frame.
        part: The still shows but a part of it.
    """

    score: float
    frame: int
    part: bool = False


class Doubtful(NamedTuple):
    """Stills that a thumbnail is too coarse for.

    Attributes:
        named: They name a frame, and do not look like it.
        likelier: They look more like a frame than like any before, and not enough.
    """

    named: list[int]
    likelier: list[int]


class FrameFinder:
    """Finds for each still the frame of a film that it looks most like, while the film goes by once.

    Args:
        lumas: Luma (h, w) of each still, in [0, 1].
        aspect: Width to height of the film's picture as it is seen, upright.
        named: By number of the still, the frame that its name names.

    Attributes:
        best: Per still, the frame that it correlates with most.
        named: By still, how it correlates with the frame that its name names, once that went by.
    """

    def __init__(self, lumas: Sequence[Floats], *, aspect: float, named: Mapping[int, int]) -> None:
        views = [view for still, luma in enumerate(lumas) for view in _views(still, luma, aspect)]
        self._owners = np.array([view.still for view in views], np.intp)
        self._by_share: dict[tuple[float, float], tuple[list[int], Floats]] = {}
        for share in {view.share for view in views}:
            rows = [row for row, view in enumerate(views) if view.share == share]
            self._by_share[share] = rows, np.stack([views[row].thumbnail for row in rows])
        self._least = np.array([_LIT * luma.mean() for luma in lumas])
        self._most = np.full(len(lumas), -1, np.float32)
        self._wanted = dict[int, list[int]]()
        for still, frame in named.items():
            self._wanted.setdefault(frame, []).append(still)
        self.best = [Match(-1.0, 0)] * len(lumas)
        self.named: dict[int, Match] = {}

    def push(self, index: int, luma: NDArray[np.uint8]) -> Doubtful:
        """Compare frame `index`, given its luma (h, w), with every still.

        No still is found in a frame that is much darker: one that fades shows less than later ones do, and what is
        painted on it would be in full light.

        Returns:
            The stills that ought to be looked for in the frame more closely.
        """
        scores, parts = self._compared(luma)

        def match(still: int) -> Match:
            return Match(float(scores[still]), index, bool(parts[still]))

        likelier = np.flatnonzero((scores > self._most) & (luma.mean() / 255 >= self._least)).tolist()
        for still in likelier:
            self._most[still], self.best[still] = scores[still], match(still)
        wanted = self._wanted.get(index, [])
        self.named.update((still, match(still)) for still in wanted)
        return Doubtful(
            [still for still in wanted if scores[still] < PLAUSIBLE],
            [still for still in likelier if PLAUSIBLE <= scores[still] < SAME_FRAME],
        )

    def _compared(self, luma: NDArray[np.uint8]) -> tuple[Floats, NDArray[np.bool_]]:
        """Return how well each still correlates with a frame by the best of its views, and whether with a part."""
        scores, parts = np.full(len(self.best), -1, np.float32), np.zeros(len(self.best), np.bool_)
        for share, (rows, thumbnails) in self._by_share.items():
            before = scores.copy()
            np.maximum.at(scores, self._owners[rows], thumbnails @ thumbnail(_middle(luma, share), full_scale=255))
            parts[scores > before] = share != _WHOLE
        return scores, parts


@dataclass(frozen=True, eq=False)
class _View:
    """A way to compare a still with frames.

    Attributes:
        still: Its number.
        thumbnail: Of it, or of its middle.
        share: Of the frames' width and height, the middle that it is compared with.
    """

    still: int
    thumbnail: Floats
    share: tuple[float, float] = _WHOLE


def _views(still: int, luma: Floats, aspect: float) -> list[_View]:
    """Return the still stretched to the frames, and where its aspect is another one cropped and framed."""
    stretched = _View(still, thumbnail(luma, full_scale=1))
    wider = luma.shape[1] / luma.shape[0] / aspect
    if 1 / _SAME_ASPECT < wider < _SAME_ASPECT:
        return [stretched]
    wider = _STEP ** round(log(wider, _STEP))
    narrow, flat = min(1.0, wider), min(1.0, 1 / wider)
    framed = thumbnail(_middle(luma, (flat, narrow)), full_scale=1)
    return [stretched, _View(still, stretched.thumbnail, (narrow, flat)), _View(still, framed)]


def _middle(luma: NDArray[Luma], share: tuple[float, float]) -> NDArray[Luma]:
    """Return the middle of a picture (h, w): shares of its width and height."""
    height, width = luma.shape
    w, h = (max(1, round(side * part)) for side, part in zip((width, height), share, strict=True))
    y, x = (height - h) // 2, (width - w) // 2
    return np.ascontiguousarray(luma[y : y + h, x : x + w])
