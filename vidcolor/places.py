"""Where files lie, whichever links lead to them."""

import os
from pathlib import Path


def real_place(path: Path) -> Path:
    """Return the absolute path without links; of links that go round in a circle, as far as they can be followed.

    Before Python 3.13 `Path.resolve` raises a RuntimeError for those.
    """
    return Path(os.path.realpath(path))
