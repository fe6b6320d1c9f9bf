"""Stills that were painted on a frame, or look like one, laid on what that frame shows.

A still made from the very frame lies on it pixel for pixel, and is taken as it is. One from another scan or print is
cropped otherwise, and one that is merely taken for the frame shows what moves elsewhere: its colours would lie beside
the things they belong to. So flow between the two is looked at, and where enough of the picture moved the still's
colours are moved along, as far as flow is sure; the networks see to the rest.

The twelve validation clips at the working size, from one frame of theirs as the still, come out at 36.6 dB. Where the
still is zoomed by 2 % and shifted by 1 % of the width they make 31.7 dB painted on as it is, 33.8 from it as a still of
no frame, and 35.7 laid on; where it and two frames on either side are cut out of the film, 32.7, 33.8 and 35.2 dB.
Stills that changed for the most part, by opaque painting, look to flow like those of another moment altogether: both
are taken as they are.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma
from vidcolor.flow import Preset
from vidcolor.propagation.fusion import carry
from vidcolor.propagation.landmarks import Landmark
from vidcolor.propagation.motion import Sight
from vidcolor.propagation.steps import Step, WorkingFrame

Floats = npt.NDArray[np.float32]

# A still does not lie on its frame where so much of the picture is surely found so many half-size pixels away. Of
# stills of the very frames of twelve clips, to which grain was added, as JPEG of quality 40, with other tones, or with
# luma repainted in patches, up to 1.3 % of the picture is found a pixel away and 18 % half a pixel, 26 % in a film of
# 96x64; of stills that are shifted by a pixel of 384, 40 % or more are found half a pixel away in eleven of the clips.
_AWAY = ((1.0, 0.02), (0.5, 0.35))
_SURE = 0.5

# Colours that were moved are never all that is known of a keyframe: the networks look at it, too.
_MOST = np.float32(0.999)


@dataclass(frozen=True, eq=False)
class PaintedStill:
    """The colours of a frame as a still has them.

    Attributes:
        chroma: At the working size, upright.
        luma: float32 (h, w) in [0, 1] of the still, the same size.
    """

    chroma: Chroma
    luma: Floats

    def laid_on(self, luma: Floats, *, preset: Preset) -> Chroma:
        """Return the colours of a frame, given its luma (h, w): the very same object where the still lies on it.

        Elsewhere confidence is how surely flow found the still's things in the frame.
        """
        frame, still = WorkingFrame(0, luma), WorkingFrame(0, self.luma, self.chroma)
        here = Sight.of(luma, preset)
        side = Landmark.of(still, Sight.of(self.luma, preset)).seen_from(Step(frame, here))
        distance = cv2.magnitude(*cv2.split(side.track.flow.field))
        sure = side.validity > _SURE
        if all(float((sure & (distance > away)).mean()) < share for away, share in _AWAY):
            return self.chroma
        found = carry(side.planes, side.track, side.validity, side.provenance).evidence()
        return Chroma(found.ab, np.minimum(found.confidence, _MOST), found.provenance)
