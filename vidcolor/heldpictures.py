"""Pictures held in memory for as long as there is room."""

from collections import OrderedDict
from threading import Lock

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


class HeldPictures:
    """The pictures that were read or asked for last, by what stands for their pixels.

    Args:
        most_bytes: That they may take; the last one is held whatever it takes.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: OrderedDict[str, Bytes] = OrderedDict()
        self._lock = Lock()

    def hold(self, identity: str, rgb: Bytes) -> Bytes:
        """Hold a picture and return it; those not asked for the longest are let go."""
        with self._lock:
            self._held[identity] = rgb
            self._held.move_to_end(identity)
            while len(self._held) > 1 and sum(each.nbytes for each in self._held.values()) > self._most_bytes:
                self._held.popitem(last=False)
        return rgb

    def get(self, identity: str) -> Bytes | None:
        """Return a picture that is held: it is asked for last now."""
        with self._lock:
            if identity in self._held:
                self._held.move_to_end(identity)
            return self._held.get(identity)
