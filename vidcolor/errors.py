"""The errors that vidcolor raises on purpose.

Each says in its message what was given and what is allowed, and in `hint` what to try. Each is also the built-in
error that a caller would expect, so `except OSError` and `except ValueError` work without knowing this module.
"""

import errno
from pathlib import Path

_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full, as far as your quota goes",
    errno.EFBIG: "the file grows larger than this disk, or the limit set for you, allows",
}


def no_room(number: int | None) -> str | None:
    """Return in words how there was no room to write, None where an error number does not say so."""
    return _NO_ROOM.get(number or 0)


def unwritten(path: Path, error: OSError) -> tuple[str, str]:
    """Return in one line each why a file was not written, and what to try."""
    if reason := no_room(error.errno):
        return f"{path}: {reason}", "free space, or choose a folder on another disk"
    return f"{path}: {error.strerror or error}", "choose a folder that can be written"


class VidcolorError(Exception):
    """A failure that the user can act on.

    Args:
        message: One line: what was given and what is allowed.
        hint: One line: what to try next, or None when there is nothing to try.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class VideoError(VidcolorError, OSError):
    """A film that cannot be read, or an output that cannot be written."""


class ReferenceImageError(VidcolorError, ValueError):
    """A still that cannot be used."""


class PlanError(VidcolorError, ValueError):
    """A colour plan that does not fit its schema or its film."""


class WeightsError(VidcolorError, RuntimeError):
    """Weights that are missing, damaged or made for another network."""
