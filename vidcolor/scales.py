"""References as the networks match against them: a still at one scale, or at the scale that fits what a frame shows.

The networks know a thing again at about one size. A still of a whole room says little of a close-up in it until it is
enlarged: with the first frames of the twelve validation clips as stills, single frames shown twice, and three times, as
near as in the still are coloured at 28.8 and 24.9 dB from one scale, at 32.3 and 31.1 dB from the one that fits, which
the mean best cosine finds as surely as the truth would (32.5 and 31.1). Frames as near as in the still lose nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from torch import Tensor

from vidcolor.networks import Bank

# Copies are half octaves apart, from as large as the frame to 2.8 times as large. Besides the one that fits a frame its
# half serves, for things that are nearer in the still: where it shows a part of the film's frame, twice as near, that
# is worth 0.6 dB, elsewhere nothing.
_LAST_STEP = 3
_HALF = 2

# Matching costs as much as a copy is large: at 1088 pixels three times a keyframe of one scale. The square root shares
# that among the stills of a shot.
_LARGEST = 1100

# A larger copy must fit better by this much cosine: stills of the frame's own scale are found by less.
_USUAL = 0.02

# In more places the best of them is better, also by chance: to its 2.8 times larger copy a still of another film seems
# 0.08 more alike than to the usual one. Larger ones count only where they fit as no other film does: of the frames that
# show what the still shows, grain and flicker or not, 97 % fit better than this, of all others 15 %.
_FOUND = 0.71

# Of the frame's rows and columns every second one tells how well a copy fits.
_EVERY = 2


def similarity(keys: Tensor, others: Tensor) -> float:
    """How well one picture is found in another: the mean best cosine of its unit keys (N, C8) with others (M, C8)."""
    return float((keys @ others.T).amax(1).mean())


@dataclass(frozen=True, eq=False)
class EncodedReference:
    """A reference at one scale, as the networks see it.

    Attributes:
        bank: Its cells to match against.
    """

    bank: Bank = field(repr=False)

    def fitting(self, keys: Tensor) -> tuple[Bank, ...]:
        """What to match a frame of these keys against: the one bank that there is."""
        return (self.bank,)


class ScaledReference:
    """A reference at several scales, each encoded when a frame first asks for it; belongs to one shot.

    Args:
        encode: Encodes it with a long side of about so many pixels.
        long_side: Of the shot's frames.
        among: How many such references share the cost of the large copies.
    """

    def __init__(self, encode: Callable[[int], EncodedReference], *, long_side: int, among: int = 1) -> None:
        self._encode = cache(encode)
        self._long_side = long_side
        self._largest = _LARGEST / among**0.5
        self._step = 0

    @property
    def scale(self) -> float:
        """Of the copy that fitted the latest frame, by the size of the frame."""
        return 2.0 ** (self._step / 2)

    def fitting(self, keys: Tensor) -> tuple[Bank, ...]:
        """What to match a frame against: the copy that fits it best, and its half.

        Args:
            keys: (C8, h, w) unit keys of the frame at stride 8.
        """
        some = keys[:, ::_EVERY, ::_EVERY].flatten(1).T

        @cache
        def fit(step: int) -> float:
            return similarity(some, self._copy(step).bank.coarse[0]) + (_USUAL if step == 0 else 0.0)

        for way in (1, -1):
            while self._has(self._step + way) and fit(self._step + way) > fit(self._step):
                self._step += way
        if fit(self._step) < _FOUND:
            self._step = 0
        return self._copy(self._step - _HALF).bank, self._copy(self._step).bank

    def _has(self, step: int) -> bool:
        return 0 <= step <= _LAST_STEP and (step == 0 or self._side(step) <= self._largest)

    def _copy(self, step: int) -> EncodedReference:
        return self._encode(self._side(step))

    def _side(self, step: int) -> int:
        return round(self._long_side * 2.0 ** (step / 2))
