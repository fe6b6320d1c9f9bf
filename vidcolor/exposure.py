"""Fades: how much darker a frame of a shot is exposed than those that its colours come from.

Colours travel as Lab ab, whatever the exposure. But light that fades takes its colours with it: a face at a fifth of
its luma that keeps its ab glows orange. So what a frame gets is scaled when it is delivered. A linear gain g of light
scales X, Y and Z, and with them ab by its cube root (CIE 15, where no channel is near black); on a display of gamma
2.2 that is the power 2.2 / 3 of the gain in luma.

The twelve validation clips, made to fade to 15 % after their first third and coloured from their first frames at the
working size, come out at 37.4 instead of 33.7 dB, with a CIEDE2000 of 1.84 instead of 2.92 and 1.1 instead of 2.2 times
the truth's colour at the end; with their light stepped down to 60 % at 36.7 instead of 33.8 dB, with flicker of up to
20 % at 34.4 instead of 33.9 dB, and as they are the same as before.

In a frame that is still dark nothing of a still can be found, so a shot that fades in is best begun where it is lit.
The same clips, made to fade in over 24 frames and coloured from a still of no frame, come out at 35.3 instead of
29.6 dB, CIEDE2000 2.39 instead of 4.46; opened with an iris at 33.7 instead of 31.1 dB.

A still that was painted on a frame in the dark has colours as pale as that light. They travel as the full light makes
them, like all others, and are made as pale again when they are delivered.
"""

from collections import deque
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_POWER = 2.2 / 3

# Means over so many cells of the picture: motion from one frame to the next is small beside them.
_CELLS = (24, 14)
_DARKEST = 0.02

# An exposure that changes does so for nearly all that is in the picture; where less of it agrees something moved.
_AGREE = 0.6
_ALIKE, _ALIKE_RELATIVE = 0.05, 0.15

# A frame in which cells disagree is looked across, up to so many in a row: the light of a flash falls unevenly.
_LONGEST_FLASH = 2

# The exposure that colours are taken to belong to follows that of the frames, in log luma a frame: upwards so that a
# flash of two frames leaves little behind, downwards so that a fade of some seconds is one and dusk is none.
_UP, _DOWN = 0.01, 0.002

# Behind black no cell tells how light came back. But a picture brighter than such a dip makes it has not got one.
_BRIGHTER = 0.1

# A dip in log luma that is left alone: film that is not said to fade keeps its colours as they are.
_STEADY = 0.03

# A shot whose first frame lies so far below fades in, and begins where that is this little. Its light comes up as long
# as the picture gets brighter by more than this over so many frames, or is black.
_FADED, _LIT = 0.4, 0.1
_COMES_UP, _OVER = 0.06, 6

# Colours that a still has in the dark are made at most 5 times as vivid, for there is little but noise in darker ones,
# and no more so than a twentieth of a lively picture is (an ab of 60): some paint in the dark as if there were light.
# Clips that fade in from a tenth of their light, coloured from a still of their first frame, err by 26.1 and 6.9 where
# 3 times is the most, by 22.4 and 6.1 with 5.
_DIMMEST = -2.3
_LIVELY, _LIVELIEST = 0.95, 60.0

# Light that so many frames have is no flash.
_LASTING = 4

# Black as worn film has it, and how much its cells differ: grain, spread over so many pixels, makes less.
_BLACK, _PLAIN = 0.12, 0.006

_PAINTED_KNOWN = 3
"""Dips of painted frames that are known: of the two landmarks before a marked frame, and its own."""

# Of the contrast, and of the lit part of the picture, that a shot comes to have: so little in the dark, and nearly all.
_DARK_SHARE, _LIT_SHARE = 0.5, 0.95


class Exposure:
    """Follows how exposed the frames of one shot are, in the order in which colours travel.

    Args:
        state: What another one's `state` was after the same frames; None at the start of a shot.
    """

    def __init__(self, state: Doubles | None = None) -> None:
        known = np.zeros(3 + _PAINTED_KNOWN) if state is None else state[: 3 + _PAINTED_KNOWN]
        self._dip, self._usual, self._passed = float(known[0]), float(known[1]), int(known[2])
        self._painted = deque((float(dip) for dip in known[3:]), maxlen=_PAINTED_KNOWN)
        self._cells = None if state is None else state[3 + _PAINTED_KNOWN :].astype(np.float32)

    @property
    def state(self) -> Doubles:
        """What it knows, after at least one frame.

        Dip, usual brightness, frames looked across, dips of painted frames, luma of the cells.
        """
        assert self._cells is not None, "nothing is known before the first frame"
        known = [self._dip, self._usual, self._passed, *self._painted]
        return np.concatenate([known, self._cells.astype(np.float64)])

    @property
    def painted(self) -> list[float]:
        """Dips of the latest painted frames, the latest one last, after that of the frame where colours begin."""
        return list(self._painted)

    @property
    def dip(self) -> float:
        """How far log luma of the latest frame lies beneath (below 0) that of those its colours belong to.

        Above 0 while light that rose is being got used to.
        """
        return self._dip

    def begin(self, luma: Floats, dip: float = 0.0) -> None:
        """Look at the frame that colours begin with, and take its dip, at most 0, as known."""
        self._cells, self._passed = _cells_of(luma).ravel(), 0
        self._dip = dip
        self._usual = _brightness(self._cells) - dip
        self._painted.append(dip)

    def follow(self, luma: Floats, *, dimmest: float | None = None) -> float:
        """Look at the next frame, and return its dip.

        Args:
            luma: (h, w) in [0, 1].
            dimmest: Of the still that was painted on it, see `dimmest`; None where none was.
        """
        # In this order: the change is to the exposure that was known, only then is that got used to; what brightness
        # alone tells corrects both, and a still overrules all.
        cells = _cells_of(luma).ravel()
        change = 0.0 if self._cells is None else _change(self._cells, cells)
        if change is not None or self._passed == _LONGEST_FLASH:
            self._dip += change or 0.0
            self._cells, self._passed = cells, 0
        else:
            self._passed += 1
        above = self._dip - self._rest()
        self._dip -= min(max(above, -_DOWN), _UP)
        brightness = _brightness(cells)
        self._dip = max(self._dip, min(0.0, brightness - self._usual - _BRIGHTER))
        if dimmest is not None:
            self._dip, self._cells, self._passed = min(max(self._dip, dimmest), 0.0), cells, 0
            self._painted.append(self._dip)
        if self._dip >= -_STEADY:
            self._usual = brightness
        return self._dip

    def _rest(self) -> float:
        """Return the dip that the latest one goes back to: none, or that of a still, whose colours stay what they are.

        A lamp that is switched off for good leaves the colours of a still that was painted in the dark.
        """
        still = self._painted[-1]
        return still if self._dip < 0.5 * still else 0.0


def dips_before(lumas: Sequence[Floats], dip: float = 0.0) -> list[float]:
    """Return the dips of frames that are coloured backwards.

    Args:
        lumas: Theirs and, last, that of the frame where colours begin.
        dip: Of that one.
    """
    *before, last = lumas
    exposure = Exposure()
    exposure.begin(last, dip)
    return [*[exposure.follow(luma) for luma in reversed(before)][::-1], dip]


def dip_beneath(lumas: Sequence[Floats]) -> float:
    """Return the dip of a frame, the last one, beneath the brightest of those before it that are no flash.

    0 where it is not as dark as in a fade.
    """
    higher = sorted(dips_before(lumas))[-min(_LASTING, len(lumas))]
    return -higher if higher > _FADED else 0.0


def dimmest(still: Chroma) -> float:
    """Return the lowest dip that the frame of a still may have for its colours to be made as vivid as in full light."""
    painted = still.ab[still.confidence > 0]
    lively = float(np.quantile(np.linalg.norm(painted, axis=1), _LIVELY)) if len(painted) else 0.0
    return min(0.0, max(_DIMMEST, -np.log(_LIVELIEST / max(lively, 1.0)) / _POWER))


def is_black(luma: Floats) -> bool:
    """Return whether a frame shows nothing but black, that of worn film included."""
    cells = _cells_of(luma)
    return bool(cells.max() < _BLACK and cells.std() < _PLAIN)


def first_lit(lumas: Iterable[Floats]) -> int:
    """Return which frame of a shot that fades in is the first to be lit, 0 where it does not.

    Args:
        lumas: Of the shot's frames from the first one on; no more of them are read than the light needs to come up.
    """
    seen: list[Floats] = []
    for luma in lumas:
        seen.append(_cells_of(luma))
        if len(seen) > _OVER and not _comes_up(seen[-1 - _OVER], seen[-1]):
            break
    if not seen:
        return 0
    dips, begins = dips_before(seen), [0]
    if dips[0] < -_FADED:
        begins.append(next(index for index, dip in enumerate(dips) if dip >= -_LIT))
    # What moves fast hides a fade from the dips, and an iris is none; but both show ever more.
    for shown in (np.std, _lit_share):
        amounts = [float(shown(cells)) for cells in seen]
        if amounts[0] < _DARK_SHARE * amounts[-1]:
            begins.append(next(index for index, amount in enumerate(amounts) if amount >= _LIT_SHARE * amounts[-1]))
    return max(begins)


def _comes_up(before: Floats, after: Floats) -> bool:
    """Return whether light comes up: the later picture is black, or brighter or livelier than the earlier one."""
    if _brightness(after) < np.log(_DARKEST) + _COMES_UP or _brightness(after) > _brightness(before) + _COMES_UP:
        return True
    return float(after.std()) > float(before.std()) * np.exp(_COMES_UP)


def _lit_share(cells: Floats) -> float:
    return float((cells > _DARKEST).mean())


def exposed(chroma: Chroma, dip: float) -> Chroma:
    """Return colours as pale as light so much fainter makes them, `dip` being the frame's, see `Exposure`."""
    if dip >= -_STEADY:
        return chroma
    return Chroma(chroma.ab * _paleness(dip), chroma.confidence, chroma.provenance)


def fully_exposed(chroma: Chroma, dip: float) -> Chroma:
    """Return a still's colours as vivid as full light makes them, `dip` being its frame's: `exposed` takes it back."""
    if dip >= -_STEADY:
        return chroma
    return Chroma(chroma.ab / _paleness(dip), chroma.confidence, chroma.provenance)


def _paleness(dip: float) -> np.float32:
    return np.float32(np.exp(_POWER * (dip + _STEADY)))


def _cells_of(luma: Floats) -> Floats:
    return np.asarray(cv2.resize(luma, _CELLS, interpolation=cv2.INTER_AREA), np.float32)


def _brightness(cells: Floats) -> float:
    """Log of the mean luma, black taken for the darkest that counts."""
    return float(np.log(max(float(cells.mean()), _DARKEST)))


def _change(before: Floats, after: Floats) -> float | None:
    """Return the change of log luma that most cells agree on, None where they do not."""
    lit = (before > _DARKEST) & (after > _DARKEST)
    if lit.mean() < 1 - _AGREE:
        return None
    changes = np.log(after[lit] / before[lit])
    change = float(np.median(changes))
    alike = np.abs(changes - change) < _ALIKE + _ALIKE_RELATIVE * abs(change)
    return change if alike.mean() > _AGREE else None
