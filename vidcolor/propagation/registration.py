"""Stills that were painted on a frame, or look like one, laid on what that frame shows.

A still made from the very frame lies on it pixel for pixel, and is taken as it is. One from another scan or print is
cropped otherwise, and one that is merely taken for the frame shows what moves elsewhere: its colours would lie beside
the things they belong to. So flow between the two is looked at, and where enough of the picture moved the still's
colours are moved along, as far as flow is sure; the networks see to the rest.

Programs crop what they paint, set it in a frame, or stretch it to a size of their own: flow finds nothing then, but
features tell where the frame lies in the still, see `placement`. Tones, too, are seldom the film's: the still's greys
are made the frame's before the two are compared.

The twelve validation clips at the working size, from one frame of theirs as the still, come out at 36.6 dB: set in a
square frame at 36.5, cropped to a square at 32.3. Zoomed by 2 % and shifted by 1 % of the width it makes 35.8 dB, and
31.7 painted on as it is; with its moment and two frames on either side cut out of the film 35.1, and 32.7 as it is.
Stills that changed for the most part, by opaque painting, look to flow like those of another moment altogether: both
are taken as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma, rgb_to_ab, rgb_to_luma, working_size
from vidcolor.flow import Preset
from vidcolor.placement import Placement, centred, place
from vidcolor.propagation.fusion import carry
from vidcolor.propagation.inside import Side
from vidcolor.propagation.landmarks import Landmark
from vidcolor.propagation.motion import Sight, link
from vidcolor.propagation.steps import Painting

Floats = npt.NDArray[np.float32]

# A still does not lie on its frame where so much of the picture is surely found so many half-size pixels away, or that
# many pixels of the film where these are larger. Of stills of the very frames of twelve clips, to which grain was
# added, as JPEG of quality 40, with other tones, or with luma repainted in patches, up to 3.6 % of the picture is
# found a pixel away and 22 % half a pixel; of those shifted by a pixel of 384, 35 % or more are found half a pixel
# away. In films of 64 to 320 pixels all exact stills lie on their frames and of those shifted by a pixel of the film
# one, in the smallest.
_AWAY = ((1.0, 0.04), (0.5, 0.3))
_SURE = 0.5

# Where little of the frame is found the still may show a part of it: of the same stills 45 % or more is found, of those
# with patches painted over 21 to 60 %, of squares cut from eleven of the clips, or of these set in a frame, up to 30 %.
_EXPLAINED = 0.5
_THERE = 1.0
"""Pixels at a corner up to which a placement says no more than that the still is there."""

# What lies on a frame in part, or was moved, is never all that is known of it: the networks look at it, too.
_MOST = np.float32(0.999)
_EDGE = np.ones((5, 5), np.uint8)
"""Within two pixels of a still's edge its colours are mixed with what lies beyond."""

# Of what was placed something may have moved. Where luma differs by so much its colours count for little. Without that,
# with 0.15 and with 0.1 the clips whose moment is cut out made 34.88, 35.06 and 35.07 dB, those of another scan 35.90,
# 35.83 and 35.73.
_OTHER = np.float32(0.15)
_WINDOW = 5, 5

_GREYS = np.linspace(0, 1, 33)


@dataclass(frozen=True, eq=False)
class PaintedStill:
    """The colours of a frame as a still has them.

    Attributes:
        size: Its width and height.
        picture: Returns it, stretched to a (width, height): RGB float32 in [0, 1].
        matrix: Of the film's luma.
        film: Width and height of the film's picture, seen upright.
    """

    size: tuple[int, int]
    picture: Callable[[tuple[int, int]], Floats]
    matrix: str
    film: tuple[int, int]

    def by_itself(self, size: tuple[int, int]) -> Painting:
        """Return the still, stretched to a working (width, height), as a painted picture."""
        rgb = self.picture(size)
        luma = rgb_to_luma(rgb, self.matrix)
        return Painting(luma, Chroma(rgb_to_ab(rgb), np.ones_like(luma)))

    def laid_on(self, luma: Floats, *, preset: Preset) -> Chroma:
        """Return the colours of a frame, given its luma (h, w) at the working size.

        Their confidence is 1 everywhere where the still as a whole lies on the frame. Where a part of it does it is
        nearly 1 there, less where the two differ in luma, and 0 elsewhere; otherwise it is how surely flow found the
        still's things in the frame.
        """
        size = luma.shape[1], luma.shape[0]
        stretched = self._attempt(self.picture(size), np.ones_like(luma), luma, preset)
        if not (stretched.lies and stretched.explained > _EXPLAINED):
            placed = self._placed(luma, preset)
            if placed is not None and placed.explained > stretched.explained:
                return placed.doubted() if placed.lies else placed.moved()
        return stretched.as_it_is if stretched.lies else stretched.moved()

    def _placed(self, luma: Floats, preset: Preset) -> "_Attempt | None":
        """Look for a frame in a part of the still, or for the still in a part of the frame.

        Where features tell nothing, as in a blurred film or in flat painting, most often the middles were kept.
        """
        size = luma.shape[1], luma.shape[0]
        own = self.picture(working_size(*self.size, long_side=max(size)))
        placement = place(luma, rgb_to_luma(own, self.matrix))
        likely = centred(self.film[0] / self.film[1], self.size[0] / self.size[1]) if placement is None else [placement]
        attempts = [self._seen(each, luma, preset) for each in likely if each.distance(size) >= _THERE]
        return max(attempts, key=lambda attempt: attempt.explained, default=None)

    def _seen(self, placement: Placement, luma: Floats, preset: Preset) -> "_Attempt":
        """Look for a frame where it may lie in the still."""
        size = luma.shape[1], luma.shape[0]
        rgb = placement.seen(self.picture(placement.still_size(size, self.size)), size)
        shown = np.asarray(cv2.erode(placement.covered(size), _EDGE, borderValue=1), np.float32)
        return self._attempt(rgb, shown, luma, preset)

    def _attempt(self, rgb: Floats, shown: Floats, frame: Floats, preset: Preset) -> "_Attempt":
        """Look for a frame, given its luma, in a picture of the still (h, w, 3) where that is `shown`, all (h, w)."""
        chroma = Chroma(rgb_to_ab(rgb), shown)
        luma = _as_bright(rgb_to_luma(rgb, self.matrix), frame, shown > 0)
        still = Landmark.of(Painting(luma, chroma), Sight.of(luma, preset))
        sight = Sight.of(frame, preset)
        track, _ = link(sight, still.sight)
        grain = max(1.0, max(luma.shape) / max(self.film) / 2)
        return _Attempt(chroma, np.abs(luma - frame), still.along(track, sight, frame), grain)


@dataclass(frozen=True, eq=False)
class _Attempt:
    """A still brought to its frame in one way, and what flow says of it.

    Attributes:
        as_it_is: Its colours there; confidence is 0 where it shows nothing of the frame, 1 elsewhere.
        difference: float32 (h, w), of its luma, in the frame's greys, from the frame's.
        side: The way from the frame to it.
        grain: Half-size pixels, at least 1, in a pixel of the film: flow wanders in what is enlarged.
    """

    as_it_is: Chroma
    difference: Floats
    side: Side
    grain: float

    @property
    def explained(self) -> float:
        """How much of the frame the still is surely found to show, in [0, 1]."""
        return float(self.side.validity.mean())

    @property
    def lies(self) -> bool:
        """Whether it lies on the frame, as far as it shows it."""
        distance = cv2.magnitude(*cv2.split(self.side.track.flow.field))
        sure, shown = self.side.validity > _SURE, float(self.as_it_is.confidence.mean())
        return all(float((sure & (distance > away * self.grain)).mean()) < share * shown for away, share in _AWAY)

    def moved(self) -> Chroma:
        """The still's colours moved along with the things they belong to, as far as flow is sure."""
        side = self.side
        found = carry(side.planes, side.track, side.validity, side.provenance).evidence()
        return Chroma(found.ab, np.minimum(found.confidence, _MOST), found.provenance)

    def doubted(self) -> Chroma:
        """The still's colours where they are, less sure where the frame's luma is another: there something moved."""
        difference = cv2.blur(self.difference, _WINDOW) / _OTHER
        alike = cv2.erode(np.exp(-difference * difference), np.ones(_WINDOW, np.uint8))
        own = self.as_it_is
        return Chroma(own.ab, np.asarray(own.confidence * alike * _MOST, np.float32))


def _as_bright(still: Floats, frame: Floats, shown: npt.NDArray[np.bool_]) -> Floats:
    """Return a still's luma with the greys that the frame has where it is shown: what paints stills changes tones."""
    theirs, ours = (np.quantile(luma[shown], _GREYS) for luma in (still, frame))
    return np.asarray(np.interp(still, theirs, ours), np.float32)
