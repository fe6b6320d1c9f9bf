"""Colour follows motion: from keyframes to every frame of one shot.

`propagate` reads like the method: gather a span up to the next keyframe, colour that keyframe with what flow carried to
it, then fuse both keyframes' colours in the frames between. `motion` follows pixels, `fusion` weighs and mends colours,
`landmarks` finds what a still shows again where flow lost it, `registration` lays stills on the frames that they show.
Nothing outlives a call, so nothing crosses a cut.
"""

from vidcolor.propagation.effort import EFFORTS, Effort
from vidcolor.propagation.keyframes import flow_only, propagate
from vidcolor.propagation.landmarks import KEPT as LANDMARKS
from vidcolor.propagation.landmarks import Kindred
from vidcolor.propagation.registration import PaintedStill
from vidcolor.propagation.steps import Colorize, Painting, WorkingFrame

REVISION = 9
"""Of the way of colouring, networks, matching, flow, the finding of shots and titles included. Whoever changes what a
run makes of the same film, stills and weights raises it, or jobs go on with work of both ways: the version of vidcolor
stays the same between releases."""

__all__ = [
    "EFFORTS",
    "LANDMARKS",
    "REVISION",
    "Colorize",
    "Effort",
    "Kindred",
    "PaintedStill",
    "Painting",
    "WorkingFrame",
    "flow_only",
    "propagate",
]
