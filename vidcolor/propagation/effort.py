"""How much work propagation may do for a film."""

from dataclasses import dataclass

from vidcolor.flow import Preset

# Shares were measured on eight validation clips of 35 to 60 frames with true colours on keyframes, mean ab error of the
# frames between. A keyframe when 15, 20, 30 % are unexplained: 7.2, 5.6, 4.4 keyframes a clip, errors of 1.52, 1.67,
# 1.83. Then asking the networks when 3, 5, 8, 12 % are holes: 18, 8, 2, 0 further calls, errors of 1.51, 1.56, 1.61,
# 1.63. With trained networks, on all twelve clips, 7, 12, 100 % ask 119, 82, 76 times and give 33.92, 33.89, 33.84 dB.


@dataclass(frozen=True)
class Effort:
    """When the networks are asked, and how finely flow is searched.

    Attributes:
        max_gap: Largest distance between keyframes, in frames.
        key_share: A frame of which more than this share is unexplained becomes a keyframe.
        ask_share: A frame between keyframes with more than this share of holes is shown to the networks; smaller holes
            are mended from their neighbours.
        flow: How flow is estimated, at half of the working size.
    """

    max_gap: int = 24
    key_share: float = 0.2
    ask_share: float = 0.12
    flow: Preset = "half"

    def __post_init__(self) -> None:
        if self.max_gap < 1:
            raise ValueError(f"max_gap is {self.max_gap}; expected at least 1")


EFFORTS = {
    "fast": Effort(max_gap=32, key_share=0.3, ask_share=1.0),
    "balanced": Effort(),
    "best": Effort(flow="half fine"),
}
"""Efforts by name. On the twelve validation clips with their first frame as the still, 681 frames, they ask the
networks 44, 82 and 89 times, take 0.8, 1 and 1.7 times the CPU time, scoring included, and give 33.81, 34.23 and 34.61
dB. The networks on every frame give 31.59 dB at 3.4 times: each time that colours pass through them they fade.
"""
