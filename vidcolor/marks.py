"""Where a long shot can go on in another run."""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vidcolor.color import Chroma

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_HEAD = struct.Struct("<IIII")


@dataclass(frozen=True, eq=False)
class Mark:
    """A keyframe that the networks coloured, and all that later frames of its shot take from what was before them.

    Args:
        frame: Its number in the film.
        chroma: Its colours, not rounded.
        memory: float32 (N, 4, 2), its colours as later keyframes are matched against them.
        exposure: float64, the state of the shot's `Exposure` after it.
    """

    frame: int
    chroma: Chroma
    memory: Floats
    exposure: Doubles

    def to_bytes(self) -> bytes:
        """Return all but the frame's number as bytes, without loss."""
        height, width = self.chroma.confidence.shape
        planes = (self.chroma.ab, self.chroma.confidence, self.memory)
        head = _HEAD.pack(height, width, len(self.memory), len(self.exposure)) + self.exposure.astype("<f8").tobytes()
        return head + b"".join(each.astype("<f4").tobytes() for each in planes)

    @classmethod
    def from_bytes(cls, data: bytes, *, frame: int) -> "Mark":
        """Return the mark that `to_bytes` made."""
        height, width, cells, states = _HEAD.unpack_from(data)
        exposure = np.frombuffer(data, "<f8", states, _HEAD.size).astype(np.float64)
        values = np.frombuffer(data, "<f4", offset=_HEAD.size + exposure.nbytes).astype(np.float32)
        ab, confidence, memory = np.split(values, np.cumsum([height * width * 2, height * width]))
        chroma = Chroma(ab.reshape(height, width, 2), confidence.reshape(height, width))
        return cls(frame, chroma, memory.reshape(cells, 4, 2), exposure)
