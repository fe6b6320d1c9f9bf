"""The networks at work on the frames of one shot, with its references."""

from vidcolor.exemplar.colorizer import ExemplarColorizer, ShotColorizer
from vidcolor.exemplar.scales import EncodedReference, ScaledReference, similarity

__all__ = [
    "EncodedReference",
    "ExemplarColorizer",
    "ScaledReference",
    "ShotColorizer",
    "similarity",
]
