"""Colour for black-and-white film, steered by colour stills.

from vidcolor import Colorizer
Colorizer.load().colorize("film.mkv", references=["kitchen.jpg"], output="film.color.mkv")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidcolor.errors import VidcolorError
    from vidcolor.pipeline import Colorizer
    from vidcolor.plan import ColorPlan, make_plan
    from vidcolor.references import Reference
    from vidcolor.shots import detect_shots
    from vidcolor.video import VideoReader, VideoWriter, wrap_scans

__version__ = "0.1.0"
__all__ = [
    "ColorPlan",
    "Colorizer",
    "Reference",
    "VidcolorError",
    "VideoReader",
    "VideoWriter",
    "detect_shots",
    "make_plan",
    "wrap_scans",
]

_HOMES = {
    "ColorPlan": "vidcolor.plan",
    "Colorizer": "vidcolor.pipeline",
    "Reference": "vidcolor.references",
    "VidcolorError": "vidcolor.errors",
    "VideoReader": "vidcolor.video",
    "VideoWriter": "vidcolor.video",
    "detect_shots": "vidcolor.shots",
    "make_plan": "vidcolor.plan",
    "wrap_scans": "vidcolor.video",
}


def __getattr__(name: str) -> Any:
    # Public names load on first use: torch alone takes 1.3 s to import, and `vidcolor --help` needs none of it.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'vidcolor' has no attribute {name!r}")
