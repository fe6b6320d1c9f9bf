"""Which stills colour which shots: a small file that a person may edit."""

from vidcolor.plan.dissolves import Dissolve
from vidcolor.plan.entries import PlannedReference, PlannedShot
from vidcolor.plan.making import make_plan
from vidcolor.plan.schema import ColorPlan

__all__ = ["ColorPlan", "Dissolve", "PlannedReference", "PlannedShot", "make_plan"]
