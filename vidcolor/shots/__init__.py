"""Where one shot ends and the next begins. Frame ranges are half-open, [start, stop)."""

from vidcolor.shots.detection import Shot, ShotDetector, detect_shots, small_luma
from vidcolor.shots.mixtures import MOST_DISSOLVE

__all__ = ["MOST_DISSOLVE", "Shot", "ShotDetector", "detect_shots", "small_luma"]
