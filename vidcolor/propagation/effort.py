"""How much work propagation may do for a film."""

from dataclasses import dataclass

from vidcolor.color import LONG_SIDE
from vidcolor.flow import Preset

# Shares were measured with trained networks on the twelve validation clips, their first frames as the only stills. A
# keyframe when 25, 30, 35, 40 % are unexplained, asking the networks in between when 12 % are holes: 34.90, 34.81,
# 34.84, 34.82 dB; 35 and 20 %: 34.82 dB, with 48 calls of the networks instead of 70 to 89. A call is no gain where the
# frames around it have been asked: while a car fills the picture of the sample's third shot, the fewer keyframes it
# forces, the less its colours spread. A keyframe at least every 12, 16, 20, 24, 28 frames (and at 25 %): 34.83, 34.72,
# 34.81, 34.90, 34.72 dB.


@dataclass(frozen=True)
class Effort:
    """When the networks are asked, and how finely flow is searched.

    Attributes:
        max_gap: Largest distance between keyframes, in frames.
        key_share: A frame of which more than this share is unexplained becomes a keyframe.
        ask_share: A frame between keyframes with more than this share of holes is shown to the networks; smaller holes
            are mended from their neighbours.
        flow: How flow is estimated, at half of the working size.
        long_side: Of the working size, in pixels.
    """

    max_gap: int = 24
    key_share: float = 0.35
    ask_share: float = 0.2
    flow: Preset = "half"
    long_side: int = LONG_SIDE

    def __post_init__(self) -> None:
        if self.max_gap < 1:
            raise ValueError(f"max_gap is {self.max_gap}; expected at least 1")


EFFORTS = {
    "fast": Effort(key_share=0.4, ask_share=1.0),
    "balanced": Effort(),
    "best": Effort(flow="half fine", long_side=512),
}
"""Efforts by name. On the twelve validation clips with their first frame as the still, 681 frames, they ask the
networks 37, 48 and 53 times, and give 34.71, 34.86 and 34.99 dB; a 480-line film takes 0.9, 1 and 2 times as long.
The networks on every frame give 33.52 dB at 3.5 times: each time that colours pass through them they fade.
"""
