"""The file of one kept shot: a head, the packed frames, and at the end a digest of all of it, which makes it valid.

    head    8 bytes "vidcolor", key (20), width, height and frames (32 bit each)
    frame   its length (32 bit), then as `samples.pack` made it
    tail    BLAKE2b (16 bytes) of everything before

Numbers are little-endian. The file gets its name when it is whole and on the disk; two runs may write the same one.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
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
_MAGIC = b"vidcolor"
_DIGEST = 16
_BLOCK = 1 << 20


class ShotFile:
    """A shot's file being written, under a temporary name until `publish`.

    Args:
        path: The file.
        shot: What it keeps.
        width: Of its frames.
        height: Of its frames.

    Raises:
        OSError: It cannot be written, here and in every method but `discard`.
    """

    def __init__(self, path: Path, shot: ShotKey, *, width: int, height: int) -> None:
        self._path = path
        self._size = width, height
        self._digest = blake2b(digest_size=_DIGEST)
        self._missing = shot.stop - shot.start
        self._part = part_name(path)
        self._file = self._part.open("xb")
        self._put(_HEAD.pack(_MAGIC, shot.key.encode(), width, height, self._missing))

    def write(self, ab: Floats) -> None:
        """Add the next frame's rounded ab (h, w, 2)."""
        if ab.shape[1::-1] != self._size:
            raise ValueError(f"ab of {ab.shape} in a file of {self._size}")
        data = pack(ab)
        self._put(_LENGTH.pack(len(data)) + data)
        self._missing -= 1

    def publish(self) -> bool:
        """Give the file its name if all frames of the shot are there and on the disk; return whether it has it."""
        if self._missing == 0:
            self._file.write(self._digest.digest())
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self._path)
        return self._missing == 0

    def discard(self) -> None:
        """Close the file, and remove it where it was not published."""
        with suppress(OSError):
            self._file.close()
        remove(self._part)

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


class KeptShot:
    """A shot's file that was found to be whole and undamaged. Iterate once: ab (h, w, 2) of each frame.

    Attributes:
        width: Of the frames.
        height: Of the frames.
    """

    def __init__(self, file: BinaryIO, width: int, height: int, frames: int) -> None:
        self._file = file
        self.width = width
        self.height = height
        self._frames = frames

    def __iter__(self) -> Iterator[Floats]:
        with self._file as file:
            file.seek(_HEAD.size)
            for _ in range(self._frames):
                (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
                yield unpack(file.read(length), width=self.width, height=self.height)

    def close(self) -> None:
        """Close the file of a shot that is not read to its end."""
        self._file.close()


def opened(path: Path, shot: ShotKey) -> KeptShot | None:
    """Open a kept shot, or return None where its file is not the shot's, not whole or damaged.

    Raises:
        OSError: There is no such file, or it cannot be read.
    """
    file = path.open("rb")
    kept: KeptShot | None = None
    try:
        kept = _checked(file, shot)
    finally:
        if kept is None:
            file.close()
    return kept


def _checked(file: BinaryIO, shot: ShotKey) -> KeptShot | None:
    size = os.fstat(file.fileno()).st_size
    head = file.read(_HEAD.size)
    if size < _HEAD.size + _DIGEST:
        return None
    magic, key, width, height, frames = _HEAD.unpack(head)
    if (magic, key, frames) != (_MAGIC, shot.key.encode(), shot.stop - shot.start):
        return None
    found, left = blake2b(head, digest_size=_DIGEST), size - _HEAD.size - _DIGEST
    while left:
        if not (block := file.read(min(left, _BLOCK))):
            return None
        found.update(block)
        left -= len(block)
    return KeptShot(file, width, height, frames) if file.read() == found.digest() else None
