"""References as the networks match against them: a still at one scale, or at the scale that fits what a frame shows.

The networks know a thing again at about one size. A still of a whole room says little of a close-up in it until it is
enlarged: with the first frames of the twelve validation clips as stills, single frames shown twice, and three times, as
near as in the still are coloured at 29.5 and 25.2 dB from one scale, at 32.2 and 30.9 dB from the one that fits, which
the mean best cosine finds nearly as surely as the truth would. Frames as near as in the still lose nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from math import inf
from typing import NamedTuple

from torch import Tensor

from vidcolor.networks import Bank

# Copies are half octaves apart, from as large as the frame to 2.8 times as large.
_LAST_STEP = 3

# Besides the one that fits a frame best its half serves where it fits nearly as well, for things that are nearer in the
# still: a still of the middle of the film's frame, twice as near, gains 0.2 dB by it.
_HALF = 2
_NEARLY = 0.1

# Matching costs as much as a copy is large: at 1088 pixels three times a keyframe of one scale. The square root shares
# that among the stills of a shot.
_LARGEST = 1100

# The first larger copy must fit better by this much cosine. With none asked for, every 16th frame, as near as in the
# still, came out at 32.98 instead of 33.15 dB.
_USUAL = 0.02

# In more places the best of them is better, also by chance: to its 2.8 times larger copy a frame seems 0.08 more alike
# than to the usual one whatever they show, and such matches stain. With photographs of other things frames err by 8.86
# from the usual copy; by 8.89, 9.00, 9.11 and 9.32 from larger ones that fit by more than 0.77, 0.75, 0.73 and 0.71, by
# 10.01 from all that fit better. Frames that do show what the still shows fit by more than 0.76 with 97 % of them, and
# by more than 0.74 with 95 % of those with grain and flicker.
_FOUND = 0.76

# Of the frame's rows and columns every second one tells how well a copy fits.
_EVERY = 2


def similarity(keys: Tensor, others: Tensor) -> float:
    """How well one picture is found in another: the mean best cosine of its unit keys (N, C8) with others (M, C8)."""
    return float((keys @ others.T).amax(1).mean())


class Fitting(NamedTuple):
    """What to match a frame against.

    Attributes:
        banks: Of one reference.
        nearer: How many times as near as in the reference things are in the frame, 1 where that is not known.
    """

    banks: tuple[Bank, ...]
    nearer: float = 1.0


@dataclass(frozen=True, eq=False)
class EncodedReference:
    """A reference at one scale, as the networks see it.

    Attributes:
        bank: Its cells to match against.
    """

    bank: Bank = field(repr=False)

    @property
    def nearest(self) -> float:
        """How near things may be in a frame: it serves for all frames alike."""
        return inf

    def likeness(self, keys: Tensor) -> float:
        """How well a frame of these keys (C8, h, w) is found in it: the mean best cosine."""
        return similarity(keys[:, ::_EVERY, ::_EVERY].flatten(1).T, self.bank.coarse[0])

    def fitting(self, keys: Tensor) -> Fitting:
        """What to match a frame of these keys against: the one bank that there is."""
        return Fitting((self.bank,))


class ScaledReference:
    """A reference at several scales, each but the usual one encoded when a frame first asks for it.

    Args:
        usual: It at the scale of the shot's frames.
        encode: Encodes it with a long side of about so many pixels.
        long_side: Of the shot's frames.
        among: How many such references share the cost of the large copies.
    """

    def __init__(
        self, usual: EncodedReference, encode: Callable[[int], EncodedReference], *, long_side: int, among: int = 1
    ) -> None:
        self._usual = usual
        self._encode = cache(encode)  # whatever other shots ask for meanwhile
        self._long_side = long_side
        self._largest = _LARGEST / among**0.5

    @property
    def nearest(self) -> float:
        """How many times as near as in the reference things may be in a frame: as its largest copy has them."""
        return max(_enlarged(step) for step in range(_LAST_STEP + 1) if step == 0 or self._side(step) <= self._largest)

    def likeness(self, keys: Tensor) -> float:
        """How well a frame of these keys is found in it, as large as it is usually."""
        return self._usual.likeness(keys)

    def fitting(self, keys: Tensor) -> Fitting:
        """What to match a frame of these keys (C8, h, w) against: the copy that fits it best, perhaps with its half."""

        def fit(step: int) -> float:
            return self._copy(step).likeness(keys)

        fits = [fit(0)]
        while len(fits) <= _LAST_STEP and self._side(len(fits)) <= self._largest:
            larger = fit(len(fits))
            if larger <= fits[-1] + (_USUAL if len(fits) == 1 else 0.0):
                break
            fits.append(larger)
        best = len(fits) - 1 if fits[-1] >= _FOUND else 0
        near = fits[best] - fit(best - _HALF) < _NEARLY
        copies = (best - _HALF, best) if near else (best,)
        return Fitting(tuple(self._copy(step).bank for step in copies), _enlarged(best))

    def _copy(self, step: int) -> EncodedReference:
        return self._usual if step == 0 else self._encode(self._side(step))

    def _side(self, step: int) -> int:
        return round(self._long_side * _enlarged(step))


def _enlarged(step: int) -> float:
    return float(2.0 ** (step / 2))
