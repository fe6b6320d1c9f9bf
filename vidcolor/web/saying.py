"""What went wrong, in the page's own words: hints of the library speak to those who type a command."""

import re

from vidcolor.errors import VidcolorError
from vidcolor.jobs.folder import FREE_SPACE, NO_FOLDER
from vidcolor.plan.looks import LEAVE_COLOR
from vidcolor.plan.segment import PLAN_ANEW
from vidcolor.references import READ_ANEW
from vidcolor.video.output import MAY_REPLACE

REPLACE = "Replace the output if it exists"
KEEP_COLOR = "keep the film's own"
"""Labels that hints name."""
_HERE = {
    MAY_REPLACE: f"choose another name, or tick '{REPLACE}'",
    FREE_SPACE: "free space and colour the film again: finished shots are kept",
    NO_FOLDER: "choose an output in another folder",
    LEAVE_COLOR: f"the treatment '{KEEP_COLOR}' leaves them as they are",
    PLAN_ANEW: "end the page and begin a new plan with `vidcolor web`",
    READ_ANEW: "try again for its new colours",
}
_OPTION = re.compile(r"(?<![\w-])--?[a-z]")


def in_one_line(error: VidcolorError | OSError) -> str:
    """Return in one line why something was not done, and what to try if there is anything to try on the page."""
    if not isinstance(error, VidcolorError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    hint = worded(error.hint or "")
    # Whoever is to serve the page anew needs options; other hints that name them would only mislead here.
    if _OPTION.search(hint) and "`vidcolor web " not in hint:
        hint = ""
    return "; ".join(filter(None, [error.message, hint]))


def say_source(source: str, *, quality: str, missing: int | None) -> str:
    """Return what the colours on the page are, in one line.

    Args:
        source: See `sights.Source`.
        quality: Of the film that is meant.
        missing: Number of the shot that the frame dissolves into or out of, where that one is not coloured; or None.
    """
    if source == "film" and missing is not None:
        return f"The result is **as the film will have it** but for the dissolve: shot {missing} is not coloured yet."
    return {
        "film": f"The result is **as the film will have it** ({quality}).",
        "alone": "The result is of **this frame by itself**; in the film its colours follow from the whole shot.",
        "own": "The shot keeps **the film's own** colours.",
        "neutral": "A title: it stays **neutral** until its still is painted.",
    }[source]


def worded(text: str) -> str:
    """Return a hint or a remark of the library with the page's words for what to do."""
    for theirs, ours in _HERE.items():
        text = text.replace(theirs, ours)
    return text
