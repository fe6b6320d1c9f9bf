"""The files of one kept shot, each with some of its frames: one for most, several for a long one.

    head    8 bytes "vidcolor", key (20), width, height and number of its first frame (32 bit each)
    frame   its length (32 bit), then as `samples.pack` made it
    mark    where it is not the shot's last: what another run needs to go on with the frame after it
    tail    number of frames and length of the mark (32 bit each), BLAKE2b (16 bytes) of everything before it

Numbers are little-endian. A file gets its name when it is whole and on the disk; two runs may write the same one.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from vidcolor.jobs.recipe import ShotKey
from vidcolor.jobs.samples import pack, unpack
from vidcolor.partfile import part_name, remove

Floats = NDArray[np.float32]

SUFFIX = ".chroma"
_HEAD = struct.Struct("<8s20sIII")
_LENGTH = struct.Struct("<I")
_ENDS = struct.Struct("<II")
_MAGIC = b"vidcolor"
_DIGEST = 16
_BLOCK = 1 << 20


class ShotFile:
    """A file being written, under a temporary name until `publish`; `begin` makes it.

    Made and begun in two steps, so that what a signal interrupts in the second is known to `discard`.

    Args:
        path: The file.
        shot: What it keeps some frames of.
        first: Number of its first frame.
        width: Of its frames.
        height: Of its frames.

    Raises:
        OSError: It cannot be written, here and in every method but `discard`.
    """

    def __init__(self, path: Path, shot: ShotKey, *, first: int, width: int, height: int) -> None:
        self._path = path
        self._size = width, height
        self._digest = blake2b(digest_size=_DIGEST)
        self._frames = 0
        self._part = part_name(path)
        self._head = _HEAD.pack(_MAGIC, shot.key.encode(), width, height, first)
        self._file: BinaryIO | None = None

    def begin(self) -> None:
        """Make the file, with nothing in it yet."""
        self._file = self._part.open("xb")
        self._put(self._head)

    def write(self, ab: Floats) -> None:
        """Add the next frame's rounded ab (h, w, 2)."""
        if ab.shape[1::-1] != self._size:
            raise ValueError(f"ab of {ab.shape} in a file of {self._size}")
        data = pack(ab)
        self._put(_LENGTH.pack(len(data)) + data)
        self._frames += 1

    def publish(self, mark: bytes = b"") -> None:
        """End the file with the mark of the frame after it, and give it its name once it is on the disk."""
        assert self._file is not None, "it was begun"
        self._put(mark + _ENDS.pack(self._frames, len(mark)))
        self._file.write(self._digest.digest())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)

    def discard(self) -> None:
        """Close the file, and remove it where it was not published."""
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        remove(self._part)

    def _put(self, data: bytes) -> None:
        assert self._file is not None, "it was begun"
        self._digest.update(data)
        self._file.write(data)


@dataclass(frozen=True)
class Stretch:
    """A file that was found to be whole and undamaged, open. Iterate once, or take one frame: ab (h, w, 2) of each.

    Attributes:
        file: It.
        width: Of the frames.
        height: Of the frames.
        frames: How many there are.
        mark: Of the frame after them; empty at the end of the shot.
    """

    file: BinaryIO
    width: int
    height: int
    frames: int
    mark: bytes

    def __iter__(self) -> Iterator[Floats]:
        with self.file as file:
            file.seek(_HEAD.size)
            for _ in range(self.frames):
                (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
                yield unpack(file.read(length), width=self.width, height=self.height)

    def frame(self, number: int) -> Floats:
        """Return one frame alone, counted from 0 within the file, which is closed."""
        with self.file as file:
            place = _HEAD.size
            length = 0
            for _ in range(number + 1):
                file.seek(place)
                (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
                place += _LENGTH.size + length
            return unpack(file.read(length), width=self.width, height=self.height)


def opened(path: Path, shot: ShotKey, first: int) -> Stretch | None:
    """Open a file, or return None where it is not the shot's from that frame on, not whole or damaged.

    Raises:
        OSError: There is no such file, or it cannot be read.
    """
    file = path.open("rb")
    found: Stretch | None = None
    try:
        found = _checked(file, shot, first)
    finally:
        if found is None:
            file.close()
    return found


def _checked(file: BinaryIO, shot: ShotKey, first: int) -> Stretch | None:
    size = os.fstat(file.fileno()).st_size
    head = file.read(_HEAD.size)
    if size < _HEAD.size + _ENDS.size + _DIGEST:
        return None
    magic, key, width, height, begins = _HEAD.unpack(head)
    if (magic, key, begins) != (_MAGIC, shot.key.encode(), first):
        return None
    found, left = blake2b(head, digest_size=_DIGEST), size - _HEAD.size - _DIGEST
    while left:
        if not (block := file.read(min(left, _BLOCK))):
            return None
        found.update(block)
        left -= len(block)
    if file.read() != found.digest():
        return None
    file.seek(size - _DIGEST - _ENDS.size)
    frames, length = _ENDS.unpack(file.read(_ENDS.size))
    file.seek(size - _DIGEST - _ENDS.size - length)
    return Stretch(file, width, height, frames, file.read(length))
