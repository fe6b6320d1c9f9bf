"""What is kept of one shot: its colours up to some frame, or all of them; and of one frame alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcolor.jobs.recipe import ShotKey
from vidcolor.jobs.shotfile import SUFFIX, ShotFile, Stretch, opened

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


@dataclass(frozen=True)
class KeptFrame:
    """Where the colours of one frame are kept; as long as it is the same, they are.

    Args:
        path: The file.
        shot: Of the frame.
        first: The file's first frame.
        frame: The frame, numbered as the shot.
        written: When the file was, in nanoseconds.
    """

    path: Path
    shot: ShotKey
    first: int
    frame: int
    written: int

    def read(self) -> Floats | None:
        """Return ab (h, w, 2), or None where the file ends before the frame, is damaged, or gone.

        The whole file is read for its digest: any of 300 frames of 640x272 (8.6 MB) takes 23 ms on one core, 17 of them
        for that, where finding and decoding the film's frame takes 14 to 110.
        """
        with suppress(OSError):
            if (stretch := opened(self.path, self.shot, self.first)) is not None:
                with stretch.file:
                    number = self.frame - self.first
                    return stretch.frame(number) if number < stretch.frames else None
        return None


def stretch_path(shots: Path, shot: ShotKey, first: int) -> Path:
    """Return the file in a folder of shots that begins with a frame of a shot."""
    return shots / f"{shot.name}.{first:07d}{SUFFIX}"


def find_frame(shots: Path, shot: ShotKey, frame: int) -> KeptFrame | None:
    """Return where the colours of one frame are kept, or None where they are not.

    Args:
        shots: The folder of the shots; it need not be there, and is not held.
        shot: The one that the frame is of.
        frame: Its number.
    """
    with suppress(OSError, ValueError):  # it goes meanwhile; a name that nobody but a person gave
        begun = [int(path.name.split(".")[2]) for path in shots.glob(f"{shot.name}.*{SUFFIX}")]
        if (first := max((each for each in begun if each <= frame), default=None)) is not None:
            path = stretch_path(shots, shot, first)
            return KeptFrame(path, shot, first, frame, path.stat().st_mtime_ns)
    return None


class Keeper:
    """Writes a shot's colours frame by frame, once it has begun: a file at each mark, and one at the shot's end.

    Args:
        path_of: The file that begins with a frame.
        shot: The shot.
        first: Number of the first frame that is given.
        width: Of the frames.
        height: Of the frames.

    Raises:
        OSError: A file cannot be written, in every method but `discard`.
    """

    def __init__(self, path_of: Callable[[int], Path], shot: ShotKey, *, first: int, width: int, height: int) -> None:
        self._path_of, self._shot, self._next = path_of, shot, first
        self._size = width, height
        self._file = self._planned()

    def begin(self) -> None:
        """Make the first file."""
        self._file.begin()

    def write(self, ab: Floats, mark: bytes) -> None:
        """Add the next frame's rounded ab (h, w, 2).

        Its mark, where there is one, lets another run go on with it when this one is cut off.
        """
        if mark:
            self._file.publish(mark)
            self._file = self._planned()
            self._file.begin()
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

    def _planned(self) -> ShotFile:
        width, height = self._size
        return ShotFile(self._path_of(self._next), self._shot, first=self._next, width=width, height=height)
