"""Stills that were read once, and are known for as long as their files stay as they are."""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcolor.errors import ReferenceImageError
from vidcolor.references import Reference, load_reference
from vidcolor.sheets import cell

_KEPT = 512
"""Small pictures of some 0.15 MB each."""


@dataclass(frozen=True, eq=False)
class KnownStill:
    """A still, without its pixels, and what is shown of it in a gallery.

    Attributes:
        reference: The still.
        small: RGB uint8 (180, w, 3).
    """

    reference: Reference
    small: NDArray[np.uint8] = field(repr=False)


class KnownStills:
    """Reads stills, each once while its file has the same size and time of its last change; the latest are kept."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, tuple[tuple[int, int], KnownStill]] = OrderedDict()

    def load(self, path: str | Path) -> Reference:
        """Return a still as `load_reference` does."""
        return self._read(Path(path)).reference

    def find(self, path: str | Path) -> KnownStill | None:
        """Return a still, None where it cannot be read."""
        try:
            return self._read(Path(path))
        except ReferenceImageError:
            return None

    def _read(self, path: Path) -> KnownStill:
        state = _state(path)  # before it is read: what is written meanwhile is read again
        known = self._known.get(path)
        if known is None or known[0] != state:
            reference = load_reference(path)
            known = state or (-1, -1), KnownStill(reference, cell(reference.rgb))
            self._known[path] = known
        self._known.move_to_end(path)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return known[1]


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:  # `load_reference` says why it cannot be read
        return None
    return found.st_size, found.st_mtime_ns
