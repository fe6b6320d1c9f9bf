"""How much work propagation may do for a film."""

from dataclasses import dataclass

from vidcolor.color import LONG_SIDE
from vidcolor.flow import Preset

# Shares were measured with trained networks on the twelve validation clips, their first frames as the only stills. A
# keyframe when 25, 30, 35, 40 % are unexplained: 34.90, 34.81, 34.84, 34.82 dB; when 6 or 10 %: 0.1 dB less than at
# 35 %. A call is no gain where the frames around it have been asked: while a car fills the picture of the sample's
# third shot, the fewer keyframes it forces, the less its colours spread. A keyframe at least every 12, 16, 20, 24, 28
# frames (and at 25 %): 34.83, 34.72, 34.81, 34.90, 34.72 dB.
#
# Waypoints where 20 % are holes are as good as none: 34.90 dB with 48 calls. With every frame asked that has 3 % of
# holes 35.07 dB with 328; with waypoints for those, at most 2, 3, 4 frames away, 35.10, 35.03, 35.05 dB with 129,
# 115, 109; for frames with 5 %, at most 3, 4 frames away, 35.00, 35.02 dB with 99, 95. Counting large holes alone
# gives no more for as many calls. All of it was measured before landmarks.
#
# With landmarks, through the whole program (every 4th frame scored): a keyframe when 35, 40, 45 % are unexplained makes
# 34.26, 34.28, 34.24 dB with 90, 79, 73 calls; at 35 % waypoints where 10 % are holes 34.22 with 74, none 34.09 with
# 45. The sample film: CIEDE2000 1.73 at 35, 1.69 at 40 %, in its third shot 3.00 and 2.86.


@dataclass(frozen=True)
class Effort:
    """When the networks are asked, and how finely flow is searched.

    Attributes:
        max_gap: Largest distance between keyframes, in frames.
        key_share: A frame of which more than this share is unexplained becomes a keyframe.
        ask_share: A frame between keyframes with more than this share of holes is a waypoint, which the networks see,
            or lies near one; smaller holes are mended from their neighbours. A shot's last frame becomes a keyframe
            when more than this share of it is unexplained.
        reach: Largest distance to a waypoint, in frames; 0 makes each such frame one.
        flow: How flow is estimated, at half of the working size.
        long_side: Of the working size, in pixels.
        views: Long sides, in pixels, at which the networks see a frame, the smallest first; the mean counts.
    """

    max_gap: int = 24
    key_share: float = 0.4
    ask_share: float = 0.05
    reach: int = 4
    flow: Preset = "half"
    long_side: int = LONG_SIDE
    views: tuple[int, ...] = (LONG_SIDE,)

    def __post_init__(self) -> None:
        if self.max_gap < 1:
            raise ValueError(f"max_gap is {self.max_gap}; expected at least 1")
        if self.reach < 0:
            raise ValueError(f"reach is {self.reach}; expected 0 or more")
        if not self.views or list(self.views) != sorted(self.views):
            raise ValueError(f"views are {self.views}; expected at least one, the smallest first")


EFFORTS = {
    "fast": Effort(ask_share=1.0),
    "balanced": Effort(),
    "best": Effort(key_share=0.35, ask_share=0.03, reach=2, flow="half fine", long_side=512, views=(384, 640)),
}
"""Efforts by name. On the twelve validation clips with their first frame as the still they give 34.40, 34.47 and
34.80 dB; the first two ask the networks 39 and 79 times in 681 frames. The networks on every frame give 33.52 dB at the
working size, without landmarks: each time that colours pass through them they fade.
"""
