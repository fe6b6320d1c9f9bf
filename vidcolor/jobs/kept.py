"""What is kept of one shot: its colours up to some frame, or all of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcolor.jobs.recipe import ShotKey
from vidcolor.jobs.shotfile import ShotFile, Stretch

Floats = NDArray[np.float32]


class KeptShot:
    """The kept frames of a shot, from its first one on. Iterate once: ab (h, w, 2) of each.

    Attributes:
        width: Of the frames.
        height: Of the frames.
        frames: How many there are.
        mark: Of the frame after them; empty where there is none, the shot being whole.
    """

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self._stretches = stretches
        self.width, self.height = stretches[0].width, stretches[0].height
        self.frames = sum(each.frames for each in stretches)
        self.mark = stretches[-1].mark

    @property
    def whole(self) -> bool:
        """Whether it is the whole shot."""
        return not self.mark

    def __iter__(self) -> Iterator[Floats]:
        with closing(self):
            for stretch in self._stretches:
                yield from stretch

    def close(self) -> None:
        """Close the files of a shot that is not read to its end."""
        for stretch in self._stretches:
            stretch.file.close()


class Keeper:
    """Writes a shot's colours frame by frame: a file at each mark, and one at the shot's end.

    Args:
        path_of: The file that begins with a frame.
        shot: The shot.
        first: Number of the first frame that is given.
        width: Of the frames.
        height: Of the frames.

    Raises:
        OSError: A file cannot be written, here and in `write`.
    """

    def __init__(self, path_of: Callable[[int], Path], shot: ShotKey, *, first: int, width: int, height: int) -> None:
        self._path_of, self._shot, self._next = path_of, shot, first
        self._size = width, height
        self._file = self._begun()

    def write(self, ab: Floats, mark: bytes) -> None:
        """Add the next frame's rounded ab (h, w, 2).

        Its mark, where there is one, lets another run go on with it when this one is cut off.
        """
        if mark:
            self._file.publish(mark)
            self._file = self._begun()
        self._file.write(ab)
        self._next += 1

    def finish(self) -> bool:
        """Keep the shot's end if its last frame was given; return whether it was."""
        if self._next == self._shot.stop:
            self._file.publish()
        return self._next == self._shot.stop

    def discard(self) -> None:
        """Forget what was not published yet."""
        self._file.discard()

    def _begun(self) -> ShotFile:
        width, height = self._size
        return ShotFile(self._path_of(self._next), self._shot, first=self._next, width=width, height=height)
