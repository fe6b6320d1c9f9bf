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

The more views of a still are compared the more often one is alike by chance: what a still's name says is believed for
the looks of a middle from 0.6 only. Of 67,000 pairs of frames and photographs of aspects from 9:16 to 4:1 no middle
reaches that, and 0.9 to 1.9 % reach 0.3; with luma repainted in patches the right ones reach 0.64 to 0.92.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

_SAME_PART = 0.6
"""Correlation from which the middle of a still, or of a frame, speaks for the frame that the still's name says."""

_LIT = 0.5
"""Share of a still's mean luma under which a frame is too dark to be the one that it shows."""
_SAME_ASPECT = 1.03
"""Times by which a still may be wider or narrower than the film and count as of its aspect."""
_STEP = 1.1
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
        self._views: list[_View] = []
        self._rows: list[range] = []
        for luma in lumas:
            views = _views(luma, aspect)
            self._rows.append(range(len(self._views), len(self._views) + len(views)))
            self._views += views
        self._by_share: dict[tuple[float, float], tuple[list[int], Floats]] = {}
        for share in dict.fromkeys(view.share for view in self._views):
            rows = [row for row, view in enumerate(self._views) if view.share == share]
            self._by_share[share] = rows, np.stack([self._views[row].thumbnail for row in rows])
        self._least = np.array([_LIT * view.light for view in self._views])
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
        scores, lit = self._compared(luma)
        wanted, likelier = self._wanted.get(index, []), []
        for still in wanted:
            self.named[still] = self._speaking(still, index, scores)
        for still, rows in enumerate(self._rows):
            row = max(rows, key=lambda row: scores[row] if lit[row] else -1.0)
            if lit[row] and scores[row] > self.best[still].score:
                self.best[still] = self._match(row, index, scores)
                likelier += [still] if PLAUSIBLE <= scores[row] < SAME_FRAME else []
        return Doubtful([still for still in wanted if self.named[still].score < PLAUSIBLE], likelier)

    def _speaking(self, still: int, index: int, scores: list[float]) -> Match:
        """Return how a still correlates with the frame that it names; a part of it has to do so clearly."""
        rows = self._rows[still]
        row = max(rows, key=scores.__getitem__)
        return self._match(row if scores[row] >= _SAME_PART else rows[0], index, scores)

    def _match(self, row: int, index: int, scores: list[float]) -> Match:
        return Match(scores[row], index, self._views[row].share != _WHOLE)

    def _compared(self, luma: NDArray[np.uint8]) -> tuple[list[float], list[bool]]:
        """Return how well each view correlates with a frame, and whether that is bright enough for it."""
        scores, lit = np.zeros(self._least.shape, np.float32), np.zeros(self._least.shape, np.bool_)
        for share, (rows, thumbnails) in self._by_share.items():
            shown = _middle(luma, share)
            scores[rows] = thumbnails @ thumbnail(shown, full_scale=255)
            lit[rows] = shown.mean() / 255 >= self._least[rows]
        return [float(score) for score in scores], [bool(bright) for bright in lit]


@dataclass(frozen=True, eq=False)
class _View:
    """A way to compare a still with frames.

    Attributes:
        thumbnail: Of it, or of its middle.
        light: Mean luma of what that shows.
        share: Of the frames' width and height, the middle that it is compared with.
    """

    thumbnail: Floats
    light: float
    share: tuple[float, float] = _WHOLE

    @classmethod
    def of(cls, luma: Floats) -> Self:
        """Return the whole of a picture, to be compared with the whole of the frames."""
        return cls(thumbnail(luma, full_scale=1), float(luma.mean()))


def _views(luma: Floats, aspect: float) -> list[_View]:
    """Return a still stretched to the frames, and where its aspect is another one cropped and framed."""
    stretched = _View.of(luma)
    wider = luma.shape[1] / luma.shape[0] / aspect
    if 1 / _SAME_ASPECT < wider < _SAME_ASPECT:
        return [stretched]
    wider = _STEP ** round(log(wider, _STEP))
    narrow, flat = min(1.0, wider), min(1.0, 1 / wider)
    return [stretched, replace(stretched, share=(narrow, flat)), _View.of(_middle(luma, (flat, narrow)))]


def _middle(luma: NDArray[Luma], share: tuple[float, float]) -> NDArray[Luma]:
    """Return the middle of a picture (h, w): shares of its width and height."""
    height, width = luma.shape
    w, h = (max(1, round(side * part)) for side, part in zip((width, height), share, strict=True))
    y, x = (height - h) // 2, (width - w) // 2
    return np.ascontiguousarray(luma[y : y + h, x : x + w])
