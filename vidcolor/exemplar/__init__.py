"""The networks at work on the frames of one shot, with its references."""

from vidcolor.exemplar.colorizer import ExemplarColorizer
from vidcolor.exemplar.scales import EncodedReference, ScaledReference, similarity
from vidcolor.exemplar.shot import Remembered, ShotColorizer
from vidcolor.exemplar.views import Views

__all__ = [
    "EncodedReference",
    "ExemplarColorizer",
    "Remembered",
    "ScaledReference",
    "ShotColorizer",
    "Views",
    "similarity",
]
